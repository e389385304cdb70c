"""A tablet in a patient's hands: which questions it shows, to which browser, and what was ticked so far."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models.patient import Patient
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField


class ConsentSitting(Timestamped):
    """One hand-over of a tablet. Its token opens one page, in the browser session it was handed over in, once."""

    class Status(models.TextChoices):
        OPEN = "open", "With the patient"
        ANSWERED = "answered", "Answered"
        TAKEN_BACK = "taken_back", "Taken back"
        EXPIRED = "expired", "Over"

    TRANSITIONS = {
        Status.OPEN: {Status.ANSWERED, Status.TAKEN_BACK, Status.EXPIRED},
        Status.ANSWERED: set(),
        Status.TAKEN_BACK: set(),
        Status.EXPIRED: set(),
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consent_sittings")
    kinds = models.JSONField(default=list)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    token_hash = models.CharField(max_length=64, unique=True)
    session_hash = models.CharField(max_length=64, help_text="SHA-256 of the key of the browser session it is in.")
    language = models.CharField(max_length=5, blank=True, default="")
    draft = EncryptedJSONField(default=dict, help_text="What was ticked, written and drawn so far; empty once sent.")
    handed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient"], condition=Q(status="open"), name="sitting_one_open"),
            models.CheckConstraint(condition=Q(status="open") | Q(ended_at__isnull=False), name="sitting_ended_when"),
        ]

    def __str__(self) -> str:
        return f"sitting {self.pk}"

    def is_open_at(self, at: datetime) -> bool:
        return self.status == self.Status.OPEN and self.expires_at > at
