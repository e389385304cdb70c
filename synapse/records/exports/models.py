"""Asking for a record: the request with its clock, the file made for it, and the links the file is fetched by."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User

DAYS_TO_ANSWER = 30  # 45 CFR 164.524(b)(2); once longer by as much, with a reason in writing


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def visible_to(self, user: User) -> AccessRequestQuerySet:
        """Return the requests for the records this person may give away: none that only an emergency opens."""
        if not user.may(Permission.EXPORT_RECORDS):
            return self.none()
        return self.filter(patient__in=Patient.objects.in_care_of(user).filter(erased_at=None))


AccessRequestManager = models.Manager.from_queryset(AccessRequestQuerySet)


class AccessRequest(Timestamped):
    """A person who asked for everything there is about them (45 CFR 164.524), and what was answered."""

    class AskedBy(models.TextChoices):
        PATIENT = "patient", "The patient"
        REPRESENTATIVE = "representative", "A representative"

    class Way(models.TextChoices):
        IN_PERSON = "in_person", "In person"
        LETTER = "letter", "By letter"
        ELECTRONIC = "electronic", "By e-mail or message"

    class Status(models.TextChoices):
        OPEN = "open", "To answer"
        FULFILLED = "fulfilled", "Given"
        DENIED = "denied", "Denied"

    class DenialReason(models.TextChoices):
        """The grounds of 45 CFR 164.524(a)(2) and (3); the last three can be reviewed."""

        NOT_ENTITLED = "not_entitled", "Whoever asks is not the patient's representative"
        NOT_IN_SET = "not_in_set", "What is asked for is not part of the record"
        IN_CONFIDENCE = "in_confidence", "It was told by somebody else in confidence"
        ENDANGERS = "endangers", "It is likely to endanger life or safety"
        HARMS_OTHERS = "harms_others", "It is likely to harm somebody it names"

    TRANSITIONS = {
        Status.OPEN: {Status.FULFILLED, Status.DENIED},
        Status.FULFILLED: set(),
        Status.DENIED: set(),
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="access_requests")
    asked_by = models.CharField(max_length=16, choices=AskedBy.choices)
    representative = EncryptedCharField(max_length=160, blank=True, default="", help_text="Who, and by what right.")
    way = models.CharField(max_length=12, choices=Way.choices)
    received_on = models.DateField()
    due_on = models.DateField()
    extension_reason = EncryptedTextField(blank=True, default="", help_text="Told to the patient in writing.")
    extended_on = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    denial_reason = models.CharField(max_length=14, choices=DenialReason.choices, blank=True, default="")
    decision_note = EncryptedTextField(blank=True, default="")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = AccessRequestManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", decided_at=None, decided_by=None)
                | (~Q(status="open") & Q(decided_at__isnull=False, decided_by__isnull=False)),
                name="access_request_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status="denied") | ~Q(denial_reason=""), name="access_request_denied_why"
            ),
        ]
        indexes = [models.Index(fields=["status", "due_on"], name="access_request_due")]

    def __str__(self) -> str:
        return f"access request {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    @property
    def was_denied(self) -> bool:
        return self.status == self.Status.DENIED


def due_after(received_on: date, days: int = DAYS_TO_ANSWER) -> date:
    return received_on + timedelta(days=days)


class RecordExport(Timestamped):
    """One file with everything about a patient, made for a request and deleted after a week."""

    class Status(models.TextChoices):
        MAKING = "making", "Being put together"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        DELETED = "deleted", "Deleted"

    TRANSITIONS = {
        Status.MAKING: {Status.READY, Status.FAILED},
        Status.READY: {Status.DELETED},
        Status.FAILED: set(),
        Status.DELETED: set(),
    }

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="exports")
    with_drafts = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.MAKING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=120, blank=True, default="", help_text="Opaque name in the storage.")
    key = EncryptedCharField(max_length=64, blank=True, default="", help_text="Data key of the file; gone with it.")
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    file_count = models.PositiveIntegerField(default=0)
    manifest_sha256 = models.CharField(max_length=64, blank=True, default="")
    made_at = models.DateTimeField(null=True, blank=True)
    delete_after = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request"], condition=Q(status="making"), name="record_export_one_in_the_making"
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(made_at__isnull=False, delete_after__isnull=False),
                name="record_export_ready_until",
            ),
        ]
        indexes = [models.Index(fields=["status", "delete_after"], name="record_export_to_delete")]

    def __str__(self) -> str:
        return f"record export {self.pk}"

    @property
    def is_ready(self) -> bool:
        return self.status == self.Status.READY

    @property
    def is_in_the_making(self) -> bool:
        return self.status == self.Status.MAKING

    @property
    def has_failed(self) -> bool:
        return self.status == self.Status.FAILED


class ExportPart(models.Model):
    """A document laid out for a file that is not whole yet."""

    export = models.ForeignKey(RecordExport, on_delete=models.PROTECT, related_name="parts")
    name = models.CharField(max_length=80, help_text="Kind and id of what it is about.")
    path = models.CharField(max_length=120, help_text="Its name in the file; no patient's name.")
    file_name = models.CharField(max_length=120, help_text="Opaque name in the storage.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "name"], name="export_part_once")]

    def __str__(self) -> str:
        return f"part of {self.export_id}"


class ExportLink(Timestamped):
    """What the patient fetches the file by: expiring, counted, revocable, with or without a PIN."""

    export = models.ForeignKey(RecordExport, on_delete=models.PROTECT, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the token itself is shown once.")
    pin_hash = models.CharField(max_length=128, blank=True, default="")
    wrong_pins = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    uses_left = models.PositiveSmallIntegerField(default=1)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"export link {self.pk}"


class ArchiveImport(Timestamped):
    """An archive that was taken in. Its manifest's hash says that it is never taken in twice."""

    manifest_sha256 = models.CharField(max_length=64, unique=True)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(help_text="When the archive was made.")
    key_id = models.CharField(max_length=8, help_text="Which signing key signed it.")
    counts = models.JSONField(default=dict, help_text="Rows taken in, by entity.")
    seals = models.JSONField(default=dict, help_text="How many seals hold here and how many do not.")
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"archive {self.pk}"
