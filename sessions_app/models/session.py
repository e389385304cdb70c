"""Consultation sessions, what happened on their recording clock, and their moves between records."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient, PatientAccess
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedDecimalField, EncryptedJSONField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class SessionType(models.TextChoices):
    NEW_PATIENT = "new_patient", "New patient"
    FOLLOWUP = "followup", "Follow-up"
    CONSULTATION = "consultation", "Consultation"
    EMERGENCY = "emergency", "Emergency"


class ConsultationSessionQuerySet(models.QuerySet["ConsultationSession"]):
    def visible_to(self, user: User) -> ConsultationSessionQuerySet:
        """Return the sessions this person may open: a doctor's own and their patients'; an admin's are all."""
        return self.known_to(user) if user.may(Permission.VIEW_SESSIONS) else self.none()

    def known_to(self, user: User) -> ConsultationSessionQuerySet:
        """Return the sessions of which this person may know that, and when, they took place; reception knows of all.

        An emergency opens none: sound, words and notes of a session are for those who treat the patient.
        """
        if not user.may(Permission.VIEW_SESSION_TIMES):
            return self.none()
        kept = self.filter(erased_at=None)
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return kept
        open_access = PatientAccess.objects.treating().filter(doctor=user)
        return kept.filter(Q(doctor=user) | Q(patient_id__in=open_access.values("patient_id")))

    def live(self) -> ConsultationSessionQuerySet:
        return self.filter(status__in=ConsultationSession.LIVE)


ConsultationSessionManager = models.Manager.from_queryset(ConsultationSessionQuerySet)


class ConsultationSession(Timestamped):
    """One meeting of a doctor and a patient, with or without a recording.

    All `*_ms` values are on the recording clock: it stands still in a pause and runs on through a loss.
    """

    class Status(models.TextChoices):
        IN_PROGRESS = "in_progress", "In progress"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        ERROR = "error", "Needs attention"

    TRANSITIONS = {
        Status.IN_PROGRESS: {Status.PAUSED, Status.COMPLETED, Status.CANCELLED, Status.ERROR},
        Status.PAUSED: {Status.IN_PROGRESS, Status.COMPLETED, Status.CANCELLED, Status.ERROR},
        Status.ERROR: {Status.IN_PROGRESS, Status.COMPLETED, Status.CANCELLED},
        Status.COMPLETED: set(),
        Status.CANCELLED: set(),
    }
    LIVE = (Status.IN_PROGRESS, Status.PAUSED, Status.ERROR)

    class AudioSource(models.TextChoices):
        """Where a session's sound comes from; a session has one recording."""

        LIVE = "live", "Recorded in the session"
        UPLOAD = "upload", "Uploaded"
        DICTATION = "dictation", "Dictated afterwards"

    session_id = models.CharField(max_length=20, unique=True)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consultation_sessions")
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consultation_sessions")
    session_type = models.CharField(max_length=20, choices=SessionType.choices, default=SessionType.FOLLOWUP)
    telehealth = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.IN_PROGRESS)
    status_reason = models.CharField(
        max_length=40, blank=True, default="", help_text="A code such as consent_withdrawn."
    )
    with_recording = models.BooleanField(default=True)

    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    resumed_at = models.DateTimeField(null=True, blank=True)
    paused_seconds = models.PositiveIntegerField(default=0)
    duration_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="End less start less pauses, floored."
    )

    chief_complaint = EncryptedTextField(blank=True, default="")
    session_notes = EncryptedTextField(blank=True, default="")
    notes_saved_at = models.DateTimeField(null=True, blank=True)
    private_context = EncryptedTextField(
        blank=True, default="", help_text="What the doctor knows besides; never in the transcript."
    )
    context_saved_at = models.DateTimeField(null=True, blank=True)
    context_for_report = models.BooleanField(
        default=False, help_text="Whether the private context may be given to the engine that writes the report."
    )

    audio_source = models.CharField(max_length=10, choices=AudioSource.choices, default=AudioSource.LIVE)
    audio_name = models.CharField(max_length=120, blank=True, default="", help_text="Opaque name in the audio storage.")
    audio_duration_seconds = models.FloatField(null=True, blank=True)
    audio_size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    audio_format = models.CharField(max_length=20, blank=True, default="")
    audio_quality_score = models.FloatField(null=True, blank=True)
    audio_quality = models.JSONField(
        default=dict,
        blank=True,
        help_text="The parts of the score: level, clipping, noise, speech share, lost seconds.",
    )
    audio_sha256 = models.CharField(
        max_length=64, blank=True, default="", help_text="Of all captured PCM bytes in order."
    )
    audio_sum_mismatch = models.BooleanField(default=False)
    audio_peaks = EncryptedJSONField(
        default=list, blank=True, help_text="About 1,000 levels from 0 to 1 for drawing the wave."
    )
    audio_map = models.JSONField(
        default=list, blank=True, help_text="[clock_ms, file_ms] pairs: playback place of the clock."
    )
    audio_deleted_at = models.DateTimeField(null=True, blank=True)
    recording_settings = models.JSONField(default=dict, blank=True)
    stt_settings = models.JSONField(default=dict, blank=True)

    stream_token_hash = models.CharField(max_length=64, blank=True, default="")
    stream_opened_at = models.DateTimeField(null=True, blank=True)
    stream_closed_at = models.DateTimeField(
        null=True, blank=True, help_text="After finish or completion no frame is taken."
    )
    last_audio_at = models.DateTimeField(null=True, blank=True)

    erased_at = models.DateTimeField(null=True, blank=True, help_text="With its patient; nobody opens it since.")

    billing_code = models.CharField(max_length=10, blank=True, default="", help_text="CPT code.")
    billing_amount = EncryptedDecimalField(max_digits=12, decimal_places=2, null=True, blank=True)

    objects = ConsultationSessionManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["doctor"],
                condition=Q(status__in=["in_progress", "paused", "error"]),
                name="session_one_live_per_doctor",
            ),
            models.CheckConstraint(
                condition=~Q(status="paused") | Q(paused_at__isnull=False), name="session_paused_when"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["completed", "cancelled"]) | Q(ended_at__isnull=False),
                name="session_ended_when",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "started_at"], name="session_patient_started"),
            models.Index(fields=["doctor", "status"], name="session_doctor_status"),
            models.Index(fields=["started_at"], name="session_by_start"),
        ]

    def __str__(self) -> str:
        return self.session_id

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE


class SessionEvent(models.Model):
    """A pause, a resume, a mark or a gap on the recording clock; a repeated client id is dropped."""

    class Kind(models.TextChoices):
        PAUSE = "pause"
        RESUME = "resume"
        MOMENT = "moment"
        RISK = "risk"
        MEDICATION = "medication"
        ACTION = "action"
        GAP = "gap"
        MICROPHONE = "microphone"

    class Reason(models.TextChoices):
        """Why a stretch of the clock has no sound."""

        UNKNOWN = "", "not captured"
        NOT_SENT = "not_sent", "recorded, but never sent"
        AWAY = "away", "the page was closed or reloaded"
        ASLEEP = "asleep", "the device was asleep"
        MICROPHONE = "microphone", "the microphone was away"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(ConsultationSession, on_delete=models.PROTECT, related_name="events")
    cid = models.CharField(max_length=64, help_text="The client's id of this event; the server's own begin with 's:'.")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at_ms = models.PositiveBigIntegerField()
    until_ms = models.PositiveBigIntegerField(null=True, blank=True, help_text="End of a gap.")
    reason = models.CharField(max_length=12, choices=Reason.choices, blank=True, default=Reason.UNKNOWN)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "cid"], name="session_event_once")]
        indexes = [models.Index(fields=["session", "at_ms"], name="session_event_clock")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class SessionMove(models.Model):
    """A session that was recorded under the wrong patient and moved to the right one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(ConsultationSession, on_delete=models.PROTECT, related_name="moves")
    from_patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    to_patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    reason = EncryptedTextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"move {self.pk}"
