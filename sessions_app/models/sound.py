"""What is kept of sound beside a session: uploads on their way, data keys, voices."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.models.session import ConsultationSession
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField


class AudioUpload(Timestamped):
    """A sound file on its way into a session, in parts; its bytes lie encrypted in the data folder until it is read."""

    class Status(models.TextChoices):
        RECEIVING = "receiving", "Arriving"
        RECEIVED = "received", "Waiting to be read"
        STORED = "stored", "Taken as the session's recording"
        FAILED = "failed", "Cannot be used"
        ABANDONED = "abandoned", "Given up"

    TRANSITIONS = {
        Status.RECEIVING: {Status.RECEIVED, Status.FAILED, Status.ABANDONED},
        Status.RECEIVED: {Status.STORED, Status.FAILED, Status.ABANDONED},
        Status.STORED: set(),
        Status.FAILED: set(),
        Status.ABANDONED: set(),
    }
    OPEN = (Status.RECEIVING, Status.RECEIVED)

    session = models.ForeignKey(ConsultationSession, on_delete=models.PROTECT, related_name="uploads")
    source = models.CharField(max_length=10, choices=ConsultationSession.AudioSource.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RECEIVING)
    received_bytes = models.PositiveBigIntegerField(default=0)
    total_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="Unknown while a dictation runs.")
    kind = models.CharField(max_length=20, blank=True, default="", help_text="Found in the content: wav, flac, mp3, …")
    error_code = models.CharField(max_length=40, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    last_part_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(status__in=["receiving", "received"]),
                name="upload_one_open_per_session",
            )
        ]

    def __str__(self) -> str:
        return f"upload {self.pk}"

    @property
    def is_dictation(self) -> bool:
        return self.source == ConsultationSession.AudioSource.DICTATION


class RecordingKey(models.Model):
    """The data key of one session's sound, wrapped by a master key. Destroying it makes every copy unreadable."""

    session = models.OneToOneField(
        ConsultationSession, on_delete=models.PROTECT, primary_key=True, related_name="recording_key"
    )
    wrapped = models.BinaryField(null=True, blank=True, help_text="AES key wrap; gone once destroyed.")
    key_id = models.CharField(max_length=16, blank=True, default="", help_text="Which AUDIO_KEY wraps it.")
    created_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(wrapped__isnull=False, destroyed_at=None) | Q(wrapped=None, destroyed_at__isnull=False),
                name="recording_key_wrapped_or_destroyed",
            )
        ]

    def __str__(self) -> str:
        return f"key of {self.session_id}"


class VoiceProfile(Timestamped):
    """How a practitioner's voice sounds, kept because they asked for it; deleting the row withdraws it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="voice_profile")
    voice = EncryptedJSONField(help_text="One unit vector of 256 numbers.")
    seconds = models.FloatField(help_text="How much speech it was made of, in seconds.")
    encoder = models.CharField(max_length=40, help_text="Which encoder made it; another one cannot compare it.")
    text_version = models.CharField(max_length=20, help_text="Version of the text that was agreed to.")
    text_hash = models.CharField(max_length=64)
    consented_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"voice of {self.user_id}"
