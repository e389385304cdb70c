"""How the browser is to treat the microphone's sound, as `getUserMedia` names it."""

from sessions_app.models import ConsultationSession

# A consultation has two people in a room: noise suppression would take the quieter one for noise.
DEFAULT = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": True}


def microphone_of(session: ConsultationSession) -> dict[str, bool]:
    """Return the treatment of a session's sound."""
    return {**DEFAULT, **session.recording_settings.get("microphone", {})}
