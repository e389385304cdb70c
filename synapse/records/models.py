"""A file of patients or appointments on its way in: looked at first, taken in afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField, EncryptedTextField
from synapse.records.amendment_models import AmendmentRequest
from synapse.records.exports.models import AccessRequest, ArchiveImport, ExportLink, ExportPart, RecordExport

if TYPE_CHECKING:
    from synapse.accounts.models import User

__all__ = [
    "AccessRequest",
    "AmendmentRequest",
    "ArchiveImport",
    "DataImport",
    "ExportLink",
    "ExportPart",
    "RecordExport",
]


class DataImportQuerySet(models.QuerySet["DataImport"]):
    def visible_to(self, user: User) -> DataImportQuerySet:
        """Return every import to those who import, else none."""
        return self if user.may(Permission.IMPORT_RECORDS) else self.none()


DataImportManager = models.Manager.from_queryset(DataImportQuerySet)


class DataImport(Timestamped):
    """One CSV file. Its text is dropped when it was taken in or given up; what happened to each row stays."""

    class Kind(models.TextChoices):
        PATIENTS = "patients", "Patients"
        APPOINTMENTS = "appointments", "Appointments"

    class Status(models.TextChoices):
        PREVIEWED = "previewed", "Waiting for your answer"
        RUNNING = "running", "Being taken in"
        COMPLETED = "completed", "Taken in"
        FAILED = "failed", "Stopped"
        DISCARDED = "discarded", "Given up"

    TRANSITIONS = {
        Status.PREVIEWED: {Status.RUNNING, Status.DISCARDED},
        Status.RUNNING: {Status.COMPLETED, Status.FAILED},
        Status.FAILED: {Status.RUNNING, Status.DISCARDED},
        Status.COMPLETED: set(),
        Status.DISCARDED: set(),
    }

    kind = models.CharField(max_length=12, choices=Kind.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PREVIEWED)
    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose patients rows without a doctor are.",
    )
    content = EncryptedTextField(blank=True, default="", help_text="The file's text.")
    columns = EncryptedJSONField(default=dict, help_text="Field to the heading it is read from.")
    rows = EncryptedJSONField(
        default=list, help_text="[{number, outcome: new|duplicate|error|done|skipped, problems, target}]"
    )
    row_count = models.PositiveIntegerField(default=0)
    imported_count = models.PositiveIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DataImportManager()

    def __str__(self) -> str:
        return f"import {self.pk}"
