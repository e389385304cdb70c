"""Notes of a therapist for themselves, in tables of their own.

Patient, session and author are plain ids, not foreign keys: no relation leads from any record to a note, so no lookup,
collector or serializer of another app can walk to one. The text is bytes that only `sealing` can open.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from patients.models import Patient
from sessions_app.models import ConsultationSession
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped

if TYPE_CHECKING:
    from synapse.accounts.models import User

# How long one version takes what is typed: after it the next begins, and the former stays readable.
SITTING = timedelta(minutes=15)


class AuthorKey(models.Model):
    """The data key of one author's notes, wrapped by a key that AUDIO_KEY is the root of."""

    author_id = models.UUIDField(primary_key=True)
    wrapped = models.BinaryField(help_text="AES key wrap.")
    key_id = models.CharField(max_length=16, help_text="Which key of the settings wraps it.")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"key of {self.author_id}"


class ProcessNoteQuerySet(models.QuerySet["ProcessNote"]):
    def visible_to(self, user: User) -> ProcessNoteQuerySet:
        """Return the notes a therapist at work here wrote; no role and no access to a patient shows any other."""
        if user.is_active and user.may(Permission.CONDUCT_SESSIONS):
            return self.filter(author_id=user.pk)
        return self.none()

    def about(self, patient: Patient) -> ProcessNoteQuerySet:
        """Return those about a person: written on any record of theirs, or in a session that is theirs by now."""
        records = patient.records().values("pk")
        sessions = ConsultationSession.objects.filter(patient__in=records).values("pk")
        return self.filter(Q(session_id=None, patient_id__in=records) | Q(session_id__in=sessions))


ProcessNoteManager = models.Manager.from_queryset(ProcessNoteQuerySet)


class ProcessNote(Timestamped):
    """One note as it was last saved. `revision` counts the saves; the sealed bytes belong to it and to this row."""

    author_id = models.UUIDField()
    patient_id = models.UUIDField()
    session_id = models.UUIDField(null=True, blank=True)
    sealed = models.BinaryField()
    revision = models.PositiveIntegerField(default=1)
    saved_at = models.DateTimeField()
    sitting_began_at = models.DateTimeField()

    objects = ProcessNoteManager()

    class Meta:
        indexes = [
            models.Index(fields=["author_id", "patient_id"], name="process_note_of_author"),
            models.Index(fields=["session_id"], name="process_note_of_session"),
        ]

    def __str__(self) -> str:
        return f"private note {self.pk}"

    def is_new_sitting(self, at: datetime) -> bool:
        """Tell whether what is saved now begins a version of its own."""
        return at - self.sitting_began_at > SITTING


class EarlierVersion(models.Model):
    """A note as it stood at the end of an earlier sitting."""

    note = models.ForeignKey(ProcessNote, on_delete=models.CASCADE, related_name="earlier")
    revision = models.PositiveIntegerField()
    sealed = models.BinaryField()
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note", "revision"], name="earlier_version_once")]

    def __str__(self) -> str:
        return f"version {self.revision} of {self.note_id}"
