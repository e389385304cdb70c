"""What the shell shows of sessions on every page."""

from django.utils import timezone

from sessions_app import queries
from sessions_app.models import ConsultationSession
from sessions_app.recordings import services as recordings
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.web.nav import LiveSession


def live_session_for_chip(user: User) -> LiveSession | None:
    """Return the doctor’s open session for the red pill, on the recording clock or else since its start."""
    if not user.may(Permission.CONDUCT_SESSIONS):
        return None
    session = queries.live_session_of(user)
    if session is None:
        return None
    if session.stream_opened_at:
        seconds = recordings.clock_ms(session.pk) // 1000
    else:
        seconds = int((timezone.now() - session.started_at).total_seconds()) - session.paused_seconds
    is_paused = session.status != ConsultationSession.Status.IN_PROGRESS
    return LiveSession(
        session.pk,
        session.patient.full_name,
        max(0, seconds),
        is_paused=is_paused,
        is_recorded=session.with_recording and bool(session.stream_opened_at) and session.stream_closed_at is None,
    )
