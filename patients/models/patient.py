"""Patients: who they are, how they are found, and who may open their record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Subquery
from django.db.models.functions import Coalesce, Now

from patients.choices import MessageChannel
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
        """Return the patients this person may open: all, those with an open access, or none. Nobody opens an erased one."""
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return self.filter(erased_at=None)
        if user.may(Permission.VIEW_PATIENTS):
            open_access = PatientAccess.objects.open().filter(doctor=user)
            return self.filter(pk__in=open_access.values("patient_id"), erased_at=None)
        return self.none()

    def in_care_of(self, user: User) -> PatientQuerySet:
        """Return the patients this person may open for more than an emergency: for what is no part of treating one."""
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return self
        if user.may(Permission.VIEW_PATIENTS):
            return self.filter(pk__in=PatientAccess.objects.treating().filter(doctor=user).values("patient_id"))
        return self.none()

    def active(self) -> PatientQuerySet:
        return self.filter(archived_at=None)

    def records_of(self, patient_id: UUID) -> PatientQuerySet:
        """Return every record of the person a record is of: the kept one and those merged into it."""
        kept = Patient.objects.filter(pk=patient_id).values(kept=Coalesce("merged_into_id", "pk"))
        return self.filter(Q(pk__in=Subquery(kept)) | Q(merged_into__in=Subquery(kept)))

    def records_of_all(self, patient_ids: Iterable[UUID]) -> PatientQuerySet:
        """Return the records of several people, as `records_of` does for one."""
        kept = Patient.objects.filter(pk__in=list(patient_ids)).values(kept=Coalesce("merged_into_id", "pk"))
        return self.filter(Q(pk__in=Subquery(kept)) | Q(merged_into__in=Subquery(kept)))

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
    erased_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on the row is a shell that audit trail and books refer to."
    )
    due_for_erasure_since = models.DateTimeField(
        null=True, blank=True, help_text="When the law's time of keeping was found to be over; nothing goes by itself."
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="merged_records",
        help_text="The record of the same person that is kept; this one is archived and shows there.",
    )

    message_channel = models.CharField(
        max_length=5,
        choices=MessageChannel.choices,
        blank=True,
        default=MessageChannel.CLINIC,
        help_text="How the patient wants to hear about visits.",
    )
    messages_stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="When the patient asked for no more messages."
    )

    objects = PatientManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(archived_at=None, archived_by=None)
                | Q(archived_at__isnull=False, archived_by__isnull=False)
                | Q(archived_at__isnull=False, erased_at__isnull=False),
                name="patient_archived_by_somebody",
            )
        ]
        indexes = [
            models.Index(
                Coalesce("last_seen_at", "created_at").desc(), F("patient_id").desc(), name="patient_latest_first"
            ),
            # A search sorts its candidates here without reading their rows, which are kilobytes of ciphertext.
            models.Index(
                fields=["id", "archived_at", "erased_at", "last_seen_at", "created_at", "patient_id"],
                name="patient_order_of_hits",
            ),
            models.Index(
                fields=["due_for_erasure_since"],
                condition=Q(due_for_erasure_since__isnull=False),
                name="patient_due_for_erasure",
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

    @property
    def kept_id(self) -> UUID:
        """Return the id of the record the person is known by: this one, or the one it was merged into."""
        return self.merged_into_id or self.pk

    @property
    def kept_record(self) -> Patient:
        return self.merged_into or self

    def records(self) -> PatientQuerySet:
        """Return every record of this person, to ask for the rows of all: `filter(patient__in=patient.records())`."""
        return Patient.objects.filter(Q(pk=self.kept_id) | Q(merged_into=self.kept_id))

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


class PatientAccessQuerySet(models.QuerySet["PatientAccess"]):
    def open(self) -> PatientAccessQuerySet:
        """Return what opens a record now: neither ended nor past its end date."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), ended_at=None)

    def treating(self) -> PatientAccessQuerySet:
        """Return what opens a record now to a doctor who has to do with the patient: all but emergencies."""
        return self.open().exclude(source=PatientAccess.Source.EMERGENCY)


PatientAccessManager = models.Manager.from_queryset(PatientAccessQuerySet)


class PatientAccess(Timestamped):
    """Why and since when a doctor may open a patient's record."""

    class Source(models.TextChoices):
        REGISTERED = "registered", "Registered"
        SHARED = "shared", "Shared"
        HANDED_OVER = "handed_over", "Handed over"
        BOOKED = "booked", "Booked"
        SEEN = "seen", "Seen"
        EMERGENCY = "emergency", "Opened in an emergency"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="accesses")
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="patient_accesses")
    source = models.CharField(max_length=20, choices=Source.choices)
    granted_at = models.DateTimeField()
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="The end of a leave cover or an emergency; from then on it opens nothing."
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    handover = models.ForeignKey(
        "patients.Handover", on_delete=models.PROTECT, null=True, blank=True, related_name="accesses"
    )
    emergency = models.ForeignKey(
        "patients.EmergencyAccess", on_delete=models.PROTECT, null=True, blank=True, related_name="accesses"
    )

    objects = PatientAccessManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "doctor", "source"], condition=Q(ended_at=None), name="access_one_open_per_source"
            )
        ]
        indexes = [models.Index(fields=["doctor", "ended_at", "patient"], name="access_doctor_open")]

    def __str__(self) -> str:
        return f"access {self.pk}"

    @property
    def can_be_ended(self) -> bool:
        """Whether it is a share or a cover: what opens the record to a treating doctor is not ended by hand."""
        is_cover = self.source == self.Source.HANDED_OVER and self.expires_at is not None
        return self.source == self.Source.SHARED or is_cover
