"""Patients: who they are, who may open their record, what they agreed to, and how they are found."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from synapse.accounts.choices import AudioRetention
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import (
    EncryptedCharField,
    EncryptedDateField,
    EncryptedEmailField,
    EncryptedJSONField,
    EncryptedTextField,
)

if TYPE_CHECKING:
    from synapse.accounts.models import User


class PatientQuerySet(models.QuerySet["Patient"]):
    def visible_to(self, user: User) -> PatientQuerySet:
        """Return the patients this person may open: all, those with an open access, or none."""
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return self
        if user.may(Permission.VIEW_PATIENTS):
            open_access = PatientAccess.objects.filter(doctor=user, ended_at=None)
            return self.filter(pk__in=open_access.values("patient_id"))
        return self.none()

    def active(self) -> PatientQuerySet:
        return self.filter(archived_at=None)

    def latest_first(self) -> PatientQuerySet:
        """Order by when the patient was last seen; a patient nobody has seen yet counts from registration."""
        return self.order_by(Coalesce("last_seen_at", "created_at").desc(), "-patient_id")


PatientManager = models.Manager.from_queryset(PatientQuerySet)


class Patient(Timestamped):
    """A person in care. Identity and clinical fields are encrypted; the hash columns are keyed."""

    patient_id = models.CharField(max_length=20, unique=True)

    first_name = EncryptedCharField(max_length=80)
    last_name = EncryptedCharField(max_length=80)
    date_of_birth = EncryptedDateField()
    gender = EncryptedCharField(max_length=30, blank=True, default="")
    phone_primary = EncryptedCharField(max_length=32, blank=True, default="")
    phone_secondary = EncryptedCharField(max_length=32, blank=True, default="")
    email = EncryptedEmailField(blank=True, default="")
    address = EncryptedTextField(max_length=600, blank=True, default="")

    blood_group = EncryptedCharField(max_length=5, blank=True, default="")
    allergies = EncryptedTextField(max_length=2000, blank=True, default="", help_text="Separated by commas.")
    medical_history = EncryptedTextField(blank=True, default="")
    current_medications = EncryptedTextField(blank=True, default="")
    occupation = EncryptedCharField(max_length=80, blank=True, default="")
    marital_status = EncryptedCharField(max_length=30, blank=True, default="")
    preferred_language = EncryptedCharField(max_length=30, blank=True, default="")

    emergency_contact_name = EncryptedCharField(max_length=160, blank=True, default="")
    emergency_contact_phone = EncryptedCharField(max_length=32, blank=True, default="")
    emergency_contact_relationship = EncryptedCharField(max_length=60, blank=True, default="")

    insurance_provider = EncryptedCharField(max_length=120, blank=True, default="")
    insurance_policy_number = EncryptedCharField(max_length=60, blank=True, default="")
    insurance_group_number = EncryptedCharField(max_length=60, blank=True, default="")

    notes = EncryptedTextField(blank=True, default="")
    tags = EncryptedJSONField(default=list, blank=True)

    audio_retention = models.CharField(
        max_length=14, choices=AudioRetention.choices, blank=True, default="", help_text="Empty: the clinic's rule."
    )
    audio_retention_days = models.PositiveSmallIntegerField(null=True, blank=True)

    name_hash = models.CharField(max_length=64, db_index=True)
    phone_hash = models.CharField(max_length=64, blank=True, default="", db_index=True)
    email_hash = models.CharField(max_length=64, blank=True, default="", db_index=True)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_patients")
    last_seen_at = models.DateTimeField(null=True, blank=True, help_text="Start of the latest session.")
    archived_at = models.DateTimeField(null=True, blank=True)
    archived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = PatientManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(archived_at=None, archived_by=None)
                | Q(archived_at__isnull=False, archived_by__isnull=False),
                name="patient_archived_by_somebody",
            )
        ]
        indexes = [
            models.Index(
                Coalesce("last_seen_at", "created_at").desc(), F("patient_id").desc(), name="patient_latest_first"
            ),
            # A search sorts its candidates here without reading their rows, which are kilobytes of ciphertext.
            models.Index(
                fields=["id", "archived_at", "last_seen_at", "created_at", "patient_id"], name="patient_order_of_hits"
            ),
        ]

    def __str__(self) -> str:
        return self.patient_id

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def initials(self) -> str:
        return (self.first_name[:1] + self.last_name[:1]).upper()

    @property
    def has_allergies(self) -> bool:
        return bool(self.allergy_list)

    @property
    def allergy_list(self) -> list[str]:
        return [part.strip() for part in self.allergies.split(",") if part.strip()]

    def age_on(self, day: date) -> int:
        """Return the age in whole years on a day."""
        born = self.date_of_birth
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class PatientToken(models.Model):
    """One keyed search token of one patient (64 bits of an HMAC; see `synapse.encryption.blind_index`)."""

    pk = models.CompositePrimaryKey("token", "patient_id")
    token = models.BigIntegerField()
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="tokens")

    def __str__(self) -> str:
        return f"token of {self.patient_id}"


class PatientAccess(Timestamped):
    """Why and since when a doctor may open a patient's record."""

    class Source(models.TextChoices):
        REGISTERED = "registered", "Registered"
        SHARED = "shared", "Shared"
        HANDED_OVER = "handed_over", "Handed over"
        BOOKED = "booked", "Booked"
        SEEN = "seen", "Seen"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="accesses")
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="patient_accesses")
    source = models.CharField(max_length=20, choices=Source.choices)
    granted_at = models.DateTimeField()
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "doctor", "source"], condition=Q(ended_at=None), name="access_one_open_per_source"
            )
        ]
        indexes = [models.Index(fields=["doctor", "ended_at", "patient"], name="access_doctor_open")]

    def __str__(self) -> str:
        return f"access {self.pk}"


class Consent(Timestamped):
    """What a patient agreed to, how, to which words, and until when."""

    class Kind(models.TextChoices):
        RECORDING = "recording", "Recording the session"
        AI_NOTE = "ai_note", "Writing the note with a cloud service"
        KEEP_AUDIO = "keep_audio", "Keeping the audio"
        TELEHEALTH = "telehealth", "Telehealth"
        DATA_SHARING = "data_sharing", "Sharing data"
        TREATMENT = "treatment", "Treatment"
        HIPAA_NOTICE = "hipaa_notice", "Privacy notice"

    class Method(models.TextChoices):
        VERBAL = "verbal", "Said in the room"
        WRITTEN = "written", "Signed on paper"
        LINK = "link", "By the patient's own link"

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        LIVE = "live", "Agreed"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        DECLINED = "declined", "Declined"

    TRANSITIONS = {
        Status.PENDING: {Status.LIVE, Status.DECLINED, Status.EXPIRED},
        Status.LIVE: {Status.WITHDRAWN, Status.EXPIRED},
        Status.WITHDRAWN: set(),
        Status.EXPIRED: set(),
        Status.DECLINED: set(),
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    method = models.CharField(max_length=10, choices=Method.choices)
    status = models.CharField(max_length=10, choices=Status.choices)
    text_version = models.CharField(max_length=20)
    text_hash = models.CharField(max_length=64)
    given_at = models.DateTimeField(null=True, blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "kind"], condition=Q(status="live"), name="consent_one_live_per_kind"
            ),
            models.CheckConstraint(
                condition=~Q(status="live") | Q(given_at__isnull=False), name="consent_live_was_given"
            ),
            models.CheckConstraint(
                condition=~Q(status="withdrawn") | Q(withdrawn_at__isnull=False), name="consent_withdrawn_when"
            ),
        ]
        indexes = [models.Index(fields=["status", "expires_at"], name="consent_status_expiry")]

    def __str__(self) -> str:
        return f"consent {self.pk}"

    @property
    def is_agreement(self) -> bool:
        """Whether the patient said yes, even if that is over."""
        return self.given_at is not None
