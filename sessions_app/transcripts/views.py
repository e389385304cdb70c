"""The transcript page: hear, read, have it written again. Corrections have doors of their own."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from sessions_app import permissions, queries
from sessions_app.forms import DeleteAudioForm
from sessions_app.models import ConsultationSession
from sessions_app.recordings import facts as audio_facts
from sessions_app.scope import session_in_scope, session_to_read
from sessions_app.transcripts import page as transcript_page
from sessions_app.transcripts import services as transcripts
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def transcript(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the words of a session, or how far they are."""
    session = session_to_read(request, pk)
    record_read(request, target=session, patient_id=session.patient_id)
    context = _context(session)
    now = timezone.now()
    context |= {
        "audio": audio_facts.facts_of(session, context["transcription"], user=request.user, at=now),
        "delete_form": DeleteAudioForm(),
        "is_own": permissions.can_conduct(request.user, session),
        "can_move": permissions.can_give_away(request.user, session),
        "context_saved_at": session.context_saved_at.isoformat() if session.context_saved_at else "",
    }
    return render_page(request, "sessions_app/transcript.html", context)


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def progress(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say how far the words are; a page that waits asks every two seconds and loads anew when they are there."""
    session = session_to_read(request, pk)
    record_read(request, target=session, patient_id=session.patient_id, poll=True)
    transcription = queries.current_transcription(session)
    if transcription is not None and not transcription.is_waiting:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render_page(request, "sessions_app/_progress.html", _context(session))


@require_POST
@requires(Permission.VIEW_SESSIONS)
def retry(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Have the words written again from the recording."""
    session = session_in_scope(request, pk)
    transcription = queries.latest_try(session)
    if transcription is None:
        raise Http404
    transcripts.retry(transcription, by=request.user, at=timezone.now())
    messages.success(request, "The words are being written again.")
    return redirect("sessions:detail", pk=pk)


def _context(session: ConsultationSession) -> dict[str, Any]:
    return {
        **transcript_page.source_of(session),
        **transcript_page.context_of(session, queries.current_transcription(session)),
        **transcript_page.newer_try(session, at=timezone.now()),
    }
