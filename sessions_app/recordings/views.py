"""The sound of a session, in parts as a player asks for them; deleting it, and what certifies that."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from sessions_app.forms import DeleteAudioForm
from sessions_app.models import ConsultationSession
from sessions_app.recordings import deletion, playing
from sessions_app.recordings import facts as audio_facts
from sessions_app.scope import session_in_scope, session_to_read
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_safe
@requires(Permission.VIEW_SESSIONS)
def audio(request: ClinicRequest, pk: UUID) -> HttpResponseBase:
    """Stream the recording, Opus once it is kept and WAV before, with HTTP ranges; listening is audited."""
    session = session_to_read(request, pk)
    try:
        return playing.play(request, session)
    except (playing.NoRecording, playing.RecordingUnreadable) as error:
        return HttpResponse(error.message, status=error.status, content_type="text/plain")


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def delete_audio(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Delete the recording before its time."""
    session = session_in_scope(request, pk)
    form = DeleteAudioForm(request.POST)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        deletion.delete_by_hand(session, reason=reason, by=request.user, at=timezone.now())
        messages.success(request, "The recording is deleted. Its words stay.")
    else:
        messages.error(request, "Choose why the recording is deleted. Nothing was deleted.")
    return redirect("sessions:detail", pk=pk)


@require_GET
@requires(Permission.VIEW_SESSIONS)
def certificate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what the trail says of a deleted recording."""
    session = session_in_scope(request, pk)
    found = deletion.certificate_of(session)
    if found is None:
        raise Http404
    record_read(request, target=session, patient_id=session.patient_id)
    context = {
        "session": session,
        "certificate": found,
        "why": audio_facts.why_deleted(found),
        "source": dict(ConsultationSession.AudioSource.choices).get(found.facts.get("source", ""), ""),
        "kind": "PCM, as it was recorded" if found.facts.get("kind") == "pcm" else found.facts.get("kind", ""),
        "length": f"{found.facts.get('seconds', 0):g} s",
    }
    return render_page(request, "sessions_app/certificate.html", context)
