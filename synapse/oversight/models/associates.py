"""Companies that handle patient data for the clinic, and the agreements with them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped

if TYPE_CHECKING:
    from synapse.accounts.models import User

WARN_BEFORE = timedelta(days=60)


class Service(models.TextChoices):
    """What the installation may use of a company; which of them it uses is read from its settings."""

    GOOGLE_SPEECH = "google_speech", "Google Speech-to-Text"
    GEMINI = "gemini", "Google Gemini"
    LANGUAGE_MODEL = "language_model", "Language model server"
    BUCKET = "bucket", "Google Cloud Storage"
    KMS = "kms", "Google Cloud KMS"
    SMS = "sms", "SMS"
    EMAIL = "email", "E-mail"
    DATABASE = "database", "Database server"
    OTHER = "other", "Something else"


class AssociateQuerySet(models.QuerySet["Associate"]):
    def visible_to(self, user: User) -> AssociateQuerySet:
        """Return every agreement to who looks after the clinic's settings, else none."""
        return self if user.may(Permission.MANAGE_CLINIC) else self.none()

    def listed(self) -> AssociateQuerySet:
        """Return those that nobody took off the list."""
        return self.filter(ended_at=None)


AssociateManager = models.Manager.from_queryset(AssociateQuerySet)


class Associate(Timestamped):
    """One agreement with one company (45 CFR 164.504(e)); a renewed one is a new row."""

    name = models.CharField(max_length=120)
    service = models.CharField(max_length=14, choices=Service.choices)
    sees = models.TextField(max_length=400, help_text="What of patients it gets to see.")
    contact = models.CharField(max_length=200, blank=True)
    signed_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True, help_text="Empty: until it is ended.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Taken off the list.")

    objects = AssociateManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(signed_on=None) | Q(ends_on__gte=models.F("signed_on")),
                name="associate_ends_after_signing",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def holds_on(self, day: date) -> bool:
        """Whether the agreement is signed and has not ended."""
        return self.signed_on is not None and self.signed_on <= day and (self.ends_on is None or self.ends_on >= day)

    def ends_soon(self, day: date) -> bool:
        return self.ends_on is not None and self.ends_on - WARN_BEFORE <= day
