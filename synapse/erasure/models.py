"""Erasures: who asked for one, and the certificate of what was destroyed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.common.triggers import Trigger, not_replaced
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class ErasureQuerySet(models.QuerySet["Erasure"]):
    def visible_to(self, user: User) -> ErasureQuerySet:
        """Return every erasure to those who erase, else none."""
        return self if user.may(Permission.ERASE_PATIENTS) else self.none()

    def open(self) -> ErasureQuerySet:
        """Return those that were asked for and not carried out yet."""
        return self.filter(status=Erasure.Status.REQUESTED)


ErasureManager = models.Manager.from_queryset(ErasureQuerySet)


class Erasure(Timestamped):
    """One person's records to be destroyed: asked for, waited for, carried out, and then freed of their files."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Asked for"
        WITHDRAWN = "withdrawn", "Taken back"
        CARRIED_OUT = "carried_out", "Erased, files being removed"
        COMPLETED = "completed", "Erased"

    class AskedBy(models.TextChoices):
        PATIENT = "patient", "The patient"
        GUARDIAN = "guardian", "A parent or guardian"
        AUTHORITY = "authority", "A court or an authority"
        CLINIC = "clinic", "The clinic, the time of keeping being over"

    TRANSITIONS = {
        Status.REQUESTED: {Status.WITHDRAWN, Status.CARRIED_OUT},
        Status.CARRIED_OUT: {Status.COMPLETED},
        Status.WITHDRAWN: set(),
        Status.COMPLETED: set(),
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="erasures")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.REQUESTED)
    asked_by = models.CharField(max_length=10, choices=AskedBy.choices)
    reason = EncryptedTextField(max_length=500, help_text="Goes with the record.")
    order = EncryptedTextField(
        max_length=500, blank=True, default="", help_text="The order that is obeyed although the time is not over."
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: at the machine's console.",
    )
    requested_at = models.DateTimeField()
    not_before = models.DateTimeField(help_text="When the one who asked may carry it out; somebody else may earlier.")
    carried_out_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    carried_out_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True, help_text="When the last file was gone.")
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ErasureManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(status="requested"), name="erasure_one_open_per_patient"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["carried_out", "completed"]) | Q(carried_out_at__isnull=False),
                name="erasure_carried_out_when",
            ),
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.REQUESTED

    @property
    def has_files_left(self) -> bool:
        return self.status == self.Status.CARRIED_OUT

    def is_cool(self, at: datetime) -> bool:
        """Tell whether the time to think it over has passed."""
        return at >= self.not_before


class ErasureCertificate(Timestamped):
    """What was destroyed, when, by whom, at whose wish: numbers and words of ours, nothing of the patient."""

    erasure = models.OneToOneField(Erasure, on_delete=models.PROTECT, related_name="certificate")
    number = models.CharField(max_length=20, unique=True)
    facts = models.JSONField(help_text="What the hash is over: see `synapse.erasure.certificates`.")
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the facts.")
    signature = models.CharField(max_length=120, help_text="HMAC of the hash under SIGNING_KEY.")

    def __str__(self) -> str:
        return self.number


TRIGGERS = [
    *(
        Trigger(
            name=f"erasure_certificate_no_{event.lower()}",
            model="erasure.ErasureCertificate",
            event=event,
            message=f"A certificate stays as it was written: {event} refused.",
        )
        for event in ("UPDATE", "DELETE")
    ),
    *not_replaced(
        "erasure_certificate",
        "erasure.ErasureCertificate",
        "A certificate stays as it was written: REPLACE refused.",
        keys=(
            "kept_row.id = NEW.id",
            "kept_row.number = NEW.number",
            "kept_row.erasure_id = NEW.erasure_id",
        ),
    ),
]
