"""Emergency access: one doctor, one patient, one hour, reviewed afterwards."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models.patient import Patient
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField


class EmergencyAccessQuerySet(models.QuerySet["EmergencyAccess"]):
    def visible_to(self, user: User) -> EmergencyAccessQuerySet:
        """Return all to whoever reviews them, a doctor's own and those on patients in their care, else none."""
        if user.may(Permission.REVIEW_EMERGENCIES):
            return self
        if user.may(Permission.OPEN_IN_EMERGENCY):
            return self.filter(Q(doctor=user) | Q(patient__in=Patient.objects.in_care_of(user)))
        return self.none()

    def live(self, at: datetime) -> EmergencyAccessQuerySet:
        """Return what opens a record at a moment."""
        return self.filter(ended_at=None, expires_at__gt=at)

    def to_review(self) -> EmergencyAccessQuerySet:
        """Return what nobody has judged yet, the oldest first."""
        return self.filter(reviewed_at=None).order_by("started_at")


EmergencyAccessManager = models.Manager.from_queryset(EmergencyAccessQuerySet)


class EmergencyAccess(Timestamped):
    """A record that a doctor opened who does not treat the patient. Its `PatientAccess` rows end by their time."""

    class Kind(models.TextChoices):
        DANGER = "danger", "Danger to the patient or someone else"
        UNREACHABLE = "unreachable", "Urgent medical question, colleague can’t be reached"
        OTHER = "other", "Something else"

    class Verdict(models.TextChoices):
        JUSTIFIED = "justified", "Justified"
        NOT_JUSTIFIED = "not_justified", "Not justified"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="emergencies")
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="emergencies")
    kind = models.CharField(max_length=11, choices=Kind.choices)
    reason = EncryptedTextField(max_length=1000, help_text="In the doctor's words.")
    earlier_count = models.PositiveSmallIntegerField(default=0, help_text="The doctor's others in the 30 days before.")
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Given back before its time.")
    verdict = models.CharField(max_length=13, choices=Verdict.choices, blank=True, default="")
    review_note = EncryptedTextField(max_length=1000, blank=True, default="")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = EmergencyAccessManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(reviewed_at=None, reviewed_by=None, verdict="")
                | (Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~Q(verdict="")),
                name="emergency_reviewed_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["patient", "doctor", "started_at"], name="emergency_once_per_doctor_and_moment"
            ),
        ]
        indexes = [
            models.Index(fields=["doctor", "started_at"], name="emergency_doctor_at"),
            models.Index(fields=["reviewed_at", "started_at"], name="emergency_to_review"),
        ]

    def __str__(self) -> str:
        return f"emergency access {self.pk}"

    @property
    def over_at(self) -> datetime:
        """Return from when on it opens nothing."""
        return self.ended_at or self.expires_at

    def minutes_left(self, at: datetime) -> int:
        """Return the minutes it still opens the record, begun ones counted."""
        return max(0, -(-int((self.over_at - at).total_seconds()) // 60))
