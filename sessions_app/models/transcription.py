"""The words of a session, and every correction of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.models.session import ConsultationSession
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class TranscriptionQuerySet(models.QuerySet["Transcription"]):
    def visible_to(self, user: User) -> TranscriptionQuerySet:
        """Return the transcriptions whose words this person may read: a doctor's patients' only."""
        if not user.may(Permission.CONDUCT_SESSIONS):
            return self.none()
        return self.known_to(user)

    def known_to(self, user: User) -> TranscriptionQuerySet:
        """Return the transcriptions of which this person may know how they stand: those of the sessions they open."""
        return self.filter(session__in=ConsultationSession.objects.visible_to(user))


TranscriptionManager = models.Manager.from_queryset(TranscriptionQuerySet)


class Transcription(Timestamped):
    """The words of one session by one engine. A retry is a new row; a correction keeps the original."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        PROCESSING = "processing", "Being written"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        NO_SPEECH = "no_speech", "No speech"

    TRANSITIONS = {
        Status.PENDING: {Status.PROCESSING, Status.FAILED},
        Status.PROCESSING: {Status.COMPLETED, Status.FAILED, Status.NO_SPEECH},
        Status.COMPLETED: set(),
        Status.FAILED: set(),
        Status.NO_SPEECH: set(),
    }
    WAITING = (Status.PENDING, Status.PROCESSING)

    session = models.ForeignKey(ConsultationSession, on_delete=models.PROTECT, related_name="transcriptions")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PENDING)
    transcript_text = EncryptedTextField(blank=True, default="")
    original_transcript = EncryptedTextField(blank=True, default="")
    segments = EncryptedJSONField(
        default=list, blank=True, help_text="Contract section 4: id, start_ms, end_ms, speaker, text, …"
    )
    live_segments = EncryptedJSONField(
        default=list, blank=True, help_text="Finals of the live pass; kept beside the batch pass as its second witness."
    )
    original_segments = EncryptedJSONField(
        default=list, blank=True, help_text="The segments as the engine first gave them; never changed."
    )
    readings = EncryptedJSONField(
        default=list, blank=True, help_text="Places where live and batch pass differ, and which reading was chosen."
    )
    revision = models.PositiveIntegerField(default=0, help_text="Counts the corrections; an edit names the one it saw.")
    live_offset_ms = models.PositiveBigIntegerField(
        default=0, help_text="Clock place up to which the live pass has committed."
    )
    next_segment_id = models.PositiveIntegerField(default=1, help_text="Ids are never reused.")
    speakers = EncryptedJSONField(default=dict, blank=True)
    stt_service = models.CharField(max_length=20, blank=True, default="")
    stt_model = models.CharField(max_length=80, blank=True, default="")
    language = models.CharField(max_length=12, blank=True, default="")
    confidence_score = models.FloatField(null=True, blank=True)
    word_count = models.PositiveIntegerField(default=0)
    character_count = models.PositiveIntegerField(default=0)
    processing_seconds = models.FloatField(null=True, blank=True)
    manually_corrected = models.BooleanField(default=False)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="corrected_transcriptions",
    )
    corrected_at = models.DateTimeField(null=True, blank=True)
    correction_notes = EncryptedTextField(blank=True, default="")
    error_message = models.CharField(
        max_length=200, blank=True, default="", help_text="A sentence for the user; no content."
    )
    retry_count = models.PositiveSmallIntegerField(default=0)

    objects = TranscriptionManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(manually_corrected=False) | Q(corrected_by__isnull=False, corrected_at__isnull=False),
                name="transcription_corrected_by_whom",
            ),
            models.UniqueConstraint(fields=["session", "retry_count"], name="transcription_one_per_try"),
        ]

    def __str__(self) -> str:
        return f"transcription of {self.session}"

    @property
    def words_so_far(self) -> list[dict[str, Any]]:
        """Return the segments that count: of the finished transcript, or those of the live pass until there is one."""
        segments: list[dict[str, Any]] = self.segments if self.is_completed else self.live_segments
        return segments

    @property
    def is_waiting(self) -> bool:
        return self.status in self.WAITING

    @property
    def is_completed(self) -> bool:
        return self.status == self.Status.COMPLETED

    @property
    def is_failed(self) -> bool:
        return self.status == self.Status.FAILED

    @property
    def is_without_speech(self) -> bool:
        return self.status == self.Status.NO_SPEECH


class TranscriptEdit(Timestamped):
    """One correction of a transcript: which segments it replaced by which. Undoing writes another one."""

    transcription = models.ForeignKey(Transcription, on_delete=models.PROTECT, related_name="edits")
    revision = models.PositiveIntegerField(help_text="The transcription's revision after this edit.")
    verb = models.CharField(max_length=20, help_text="A code such as correct, merge, split, replace, swap, undo.")
    before = EncryptedJSONField(default=list, blank=True, help_text="The segments it replaced.")
    after = EncryptedJSONField(default=list, blank=True, help_text="The segments that stand there since.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undone_by = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="undoes", help_text="The edit that did."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["transcription", "revision"], name="transcript_edit_one_per_revision")
        ]

    def __str__(self) -> str:
        return f"edit {self.pk}"
