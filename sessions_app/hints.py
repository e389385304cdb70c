"""What is known of a session before its sound is read: words likely to be said, and how the doctor sounds."""

from sessions_app import voice_profiles
from sessions_app.models import ConsultationSession
from sessions_app.stt.base import Hints
from synapse.accounts.models import ClinicSettings


def hints_for(session: ConsultationSession) -> Hints:
    """Return what the engines may use to hear a session better; nothing of it is stored with the transcript."""
    return Hints(
        vocabulary=_terms(ClinicSettings.load().vocabulary),
        doctor_voice=voice_profiles.voice_of(session.doctor),
    )


def _terms(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
