"""The transcript page: hear, read, correct, name the speakers, have it written again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from sessions_app import corrections, forms, permissions, queries, transcript_page, transcripts
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def transcript(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the words of a session, or how far they are."""
    session = _session(request, pk)
    record_read(request, target=session, patient_id=session.patient_id)
    return render_page(request, "sessions_app/transcript.html", _context(session))


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def progress(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say how far the words are; a page that waits asks every two seconds and loads anew when they are there."""
    session = _session(request, pk)
    record_read(request, target=session, patient_id=session.patient_id, poll=True)
    transcription = queries.current_transcription(session)
    if transcription is not None and transcription.status not in transcript_page.WAITING:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render_page(request, "sessions_app/_progress.html", _context(session))


@require_http_methods(["GET", "POST"])
@requires(Permission.CONDUCT_SESSIONS)
def segment(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Give one line to edit, or store what was typed."""
    session = _session(request, pk)
    transcription = _transcription(session)
    line = next((one for one in transcription.segments if one["id"] == segment), None)
    if line is None:
        raise Http404
    if request.method == "GET":
        form = forms.SegmentForm(initial={"text": line["text"]}, auto_id=f"id_%s_{segment}")
        record_read(request, target=session, patient_id=session.patient_id, poll=True)
        if "cancel" in request.GET:
            return _turns(request, session, transcription)
    else:
        form = forms.SegmentForm(request.POST, auto_id=f"id_%s_{segment}")
        if form.is_valid():
            change = {"id": segment, "text": form.cleaned_data["text"]}
            stored = corrections.correct_segments(transcription, [change], by=request.user, at=timezone.now())
            return _turns(request, session, stored)
    context = {"session": session, "line": line, "form": form}
    return render_page(request, "sessions_app/_segment_form.html", context, form=form)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def speaker(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Say who spoke a line, perhaps every later line of the same voice too."""
    session = _session(request, pk)
    transcription = _transcription(session)
    form = forms.SpeakerForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    name, now = form.cleaned_data["speaker"], timezone.now()
    if form.cleaned_data["and_below"]:
        stored = corrections.relabel_from(transcription, segment, name, by=request.user, at=now)
    else:
        change = {"id": segment, "speaker": name}
        stored = corrections.correct_segments(transcription, [change], by=request.user, at=now)
    return _turns(request, session, stored)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def undo(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Put a corrected line back to what was first heard."""
    session = _session(request, pk)
    stored = corrections.restore_segment(_transcription(session), segment, by=request.user, at=timezone.now())
    return _turns(request, session, stored)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def swap(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Exchange doctor and patient everywhere."""
    session = _session(request, pk)
    stored = corrections.swap_speakers(_transcription(session), by=request.user, at=timezone.now())
    return _turns(request, session, stored)


@require_POST
@requires(Permission.VIEW_SESSIONS)
def retry(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Have the words written again from the recording."""
    session = get_object_or_404(ConsultationSession.objects.visible_to(request.user), pk=pk)
    transcription = queries.latest_try(session)
    if transcription is None:
        raise Http404
    transcripts.retry(transcription, by=request.user, at=timezone.now())
    messages.success(request, "The words are being written again.")
    return redirect("sessions:detail", pk=pk)


def _session(request: ClinicRequest, pk: UUID) -> ConsultationSession:
    visible = ConsultationSession.objects.visible_to(request.user).select_related("patient", "doctor")
    session = get_object_or_404(visible, pk=pk)
    permissions.check_can_read_words(request.user, session)
    return session


def _transcription(session: ConsultationSession) -> Transcription:
    transcription = queries.current_transcription(session)
    if transcription is None or transcription.status != Transcription.Status.COMPLETED:
        raise Http404
    return transcription


def _context(session: ConsultationSession, transcription: Transcription | None = None) -> dict[str, Any]:
    return {
        **transcript_page.source_of(session),
        **transcript_page.context_of(session, transcription or queries.current_transcription(session)),
        **transcript_page.newer_try(session, at=timezone.now()),
    }


def _turns(request: ClinicRequest, session: ConsultationSession, transcription: Transcription) -> HttpResponse:
    # A form sits in its own line, but a correction changes what is beside the lines too.
    response = render_page(request, "sessions_app/_words.html", _context(session, transcription))
    return reswap(retarget(response, "#words"), "outerHTML")
