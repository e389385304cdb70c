"""Sessions, their words and their sound."""

from sessions_app.models.session import ConsultationSession, SessionEvent, SessionMove, SessionType
from sessions_app.models.sound import AudioUpload, RecordingKey, VoiceProfile
from sessions_app.models.transcription import TranscriptEdit, Transcription

__all__ = [
    "AudioUpload",
    "ConsultationSession",
    "RecordingKey",
    "SessionEvent",
    "SessionMove",
    "SessionType",
    "TranscriptEdit",
    "Transcription",
    "VoiceProfile",
]
