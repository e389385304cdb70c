"""Every try at a session's words: the list of them, an older one to read, and how a new one is coming along."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from sessions_app import queries
from sessions_app.scope import session_to_read
from sessions_app.transcripts import lines as transcript_lines
from sessions_app.transcripts import page as transcript_page
from sessions_app.transcripts import services as transcripts
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def attempts(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """List the tries at the words of a session, the latest first."""
    session = session_to_read(request, pk)
    record_read(request, target=session, patient_id=session.patient_id)
    counting = queries.current_transcription(session)
    latest = queries.latest_try(session)
    context = {
        "session": session,
        "patient": session.patient,
        "attempts": queries.attempts_of(session),
        "counting": counting,
        "can_retry": latest is not None and transcripts.can_retry(latest, by=request.user),
        "has_audio": queries.has_audio(session),
    }
    return render_page(request, "sessions_app/attempts.html", context)


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def attempt(request: ClinicRequest, pk: UUID, number: int) -> HttpResponse:
    """Show the words of one try, to read only; tries are counted from 1."""
    session = session_to_read(request, pk)
    row = get_object_or_404(session.transcriptions, retry_count=number - 1)
    record_read(request, target=session, patient_id=session.patient_id)
    context = {
        "session": session,
        "patient": session.patient,
        "attempt": row,
        "number": number,
        "is_counting": row == queries.current_transcription(session),
        "turns": transcript_lines.turns_of(session, row),
    }
    return render_page(request, "sessions_app/attempt.html", context)


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def newer(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say beside a transcript how a newer try is coming along; the page asks while one is being written."""
    session = session_to_read(request, pk)
    record_read(request, target=session, patient_id=session.patient_id, poll=True)
    context = {
        "session": session,
        "shown": request.GET.get("shown", ""),
        **transcript_page.newer_try(session, at=timezone.now()),
    }
    return render_page(request, "sessions_app/_newer_try.html", context)
