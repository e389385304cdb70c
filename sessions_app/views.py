"""Pages of a session: the list, starting one, the recording page and its verbs."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import formats, timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.consents import wording as consent_wording
from patients.models import Consent, Patient
from patients.queries import live_consent
from sessions_app import forms, permissions, queries, services
from sessions_app.capture.microphone import microphone_of
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.recordings import facts as audio_facts
from sessions_app.recordings import services as recordings
from sessions_app.scope import session_in_scope
from sessions_app.speech import engines
from sessions_app.spool import store as spool
from sessions_app.transcripts import lines as transcript_lines
from sessions_app.transcripts import services as transcripts
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 25


@require_GET
@requires(Permission.VIEW_SESSIONS)
def session_list(request: ClinicRequest) -> HttpResponse:
    """List the sessions this person may see, the latest first."""
    sessions = queries.sessions_for_list(request.user, state=request.GET.get("show", ""))
    page = Paginator(sessions, PAGE_SIZE).get_page(request.GET.get("page"))
    record_read(request, subjects=[session.patient_id for session in page])
    context = {
        "page": page,
        "words": dict(Transcription.Status.choices),
        "states": queries.LIST_STATES,
        "state": request.GET.get("show", ""),
        "may_start": request.user.may(Permission.CONDUCT_SESSIONS),
        "live": queries.live_session_of(request.user),
    }
    return render_page(request, "sessions_app/list.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.CONDUCT_SESSIONS)
def start(request: ClinicRequest) -> HttpResponse:
    """Choose a patient and begin; a session that is still open comes first."""
    if request.method == "GET":
        return _start_page(request)
    form = forms.StartForm(request.POST)
    if not form.is_valid():
        return _start_page(request, form)
    wanted = form.cleaned_data
    get_object_or_404(Patient.objects.visible_to(request.user), pk=wanted["patient"])
    try:
        session = workflows.start_consultation(
            wanted["patient"],
            wanted["appointment"],
            by=request.user,
            at=timezone.now(),
            session_type=wanted["session_type"] or None,
            chief_complaint=wanted["chief_complaint"] if "chief_complaint" in request.POST else None,
            with_recording=not (wanted["without_recording"] or wanted["then"]),
        )
    except services.SessionLive as error:
        messages.error(request, error.message)
        return redirect("sessions:detail", pk=error.session_id)
    return redirect("sessions:upload" if wanted["then"] else "sessions:detail", pk=session.pk)


@require_GET
@requires(Permission.VIEW_SESSIONS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the recording page of a live session; a past one leads to its words."""
    session = session_in_scope(request, pk)
    if session.status == ConsultationSession.Status.COMPLETED and permissions.can_read_words(request.user, session):
        return redirect("sessions:transcript", pk=pk)
    record_read(request, target=session, patient_id=session.patient_id)
    if session.is_live and permissions.can_conduct(request.user, session):
        return render_page(request, "sessions_app/session.html", _live_context(session))
    words, counting, now = queries.latest_try(session), queries.current_transcription(session), timezone.now()
    context = {
        "session": session,
        "words": words,
        "audio": audio_facts.facts_of(session, counting, user=request.user, at=now),
        "delete_form": forms.DeleteAudioForm(),
        "can_move": permissions.can_give_away(request.user, session),
        "attempts": queries.attempts_of(session),
        "counting": counting,
        "can_retry": words is not None
        and words.status == words.Status.FAILED
        and transcripts.can_retry(words, by=request.user),
    }
    return render_page(request, "sessions_app/facts.html", context)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def record(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Begin to record a session that runs without, or go on after consent was given again."""
    recordings.start_recording(session_in_scope(request, pk), by=request.user, at=timezone.now())
    return redirect("sessions:detail", pk=pk)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def pause(request: ClinicRequest, pk: UUID) -> JsonResponse:
    """Pause a session that runs without a socket."""
    session = services.pause_session(
        session_in_scope(request, pk), by=request.user, at=timezone.now(), cid=request.POST.get("cid", "")[:60]
    )
    return JsonResponse({"status": session.status})


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def resume(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Go on after a pause or a failure; a form comes back to the page, a script gets the state."""
    session = services.resume_session(
        session_in_scope(request, pk), by=request.user, at=timezone.now(), cid=request.POST.get("cid", "")[:60]
    )
    if request.accepts("text/html"):
        return redirect("sessions:detail", pk=pk)
    return JsonResponse({"status": session.status})


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def complete(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """End the session: its words are queued, its bill is drafted, and its report when words were heard meanwhile."""
    session = session_in_scope(request, pk)
    workflows.complete_consultation(session, by=request.user, at=timezone.now())
    if queries.live_transcription(session) is not None:
        return redirect("reports:for_session", session_pk=pk)
    return redirect("sessions:transcript", pk=pk)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def cancel(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """End a session that should not count and erase its recording."""
    session = services.cancel_session(session_in_scope(request, pk), by=request.user, at=timezone.now())
    messages.success(request, f"{session.session_id} is cancelled and its recording is erased.")
    return redirect("sessions:list")


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def notes(request: ClinicRequest, pk: UUID) -> JsonResponse:
    """Store the note pad."""
    return _save_pad(request, pk, "session_notes")


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def context(request: ClinicRequest, pk: UUID) -> JsonResponse:
    """Store the private context."""
    return _save_pad(request, pk, "private_context")


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def allow_context(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say whether the writer of the report may have the private context."""
    is_allowed = request.POST.get("allowed") == "on"
    services.allow_context(session_in_scope(request, pk), is_allowed=is_allowed, by=request.user, at=timezone.now())
    return HttpResponse(status=204)


def _save_pad(request: ClinicRequest, pk: UUID, pad: str) -> JsonResponse:
    """Store a pad; one saved elsewhere since is answered with 409 and both can be compared."""
    session = session_in_scope(request, pk)
    form = forms.NotesForm(request.POST)
    if not form.is_valid():
        message = f"Notes hold at most {forms.LONGEST_NOTES} characters. Shorten them."
        return JsonResponse({"message": message}, status=422)
    try:
        saved_at = services.save_pad(session, pad, **form.cleaned_data, by=request.user, at=timezone.now())
    except services.NotesConflict as error:
        answer = {"message": error.message, "text": error.text, "saved_at": _iso(error.saved_at)}
        return JsonResponse(answer, status=409)
    clock = formats.time_format(timezone.localtime(saved_at), "G:i")  # the clinic's, as the page writes it
    return JsonResponse({"saved_at": _iso(saved_at), "clock": clock})


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def mark(request: ClinicRequest, pk: UUID) -> JsonResponse:
    """Note a moment of a session that runs without a socket."""
    session = session_in_scope(request, pk)
    form = forms.MarkForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"message": "This mark cannot be read."}, status=422)
    wanted = form.cleaned_data
    services.add_mark(
        session, kind=wanted["kind"], cid=wanted["cid"], clock_ms=wanted["t_ms"], by=request.user, at=timezone.now()
    )
    return JsonResponse({}, status=201)


def _start_page(request: ClinicRequest, form: forms.StartForm | None = None) -> HttpResponse:
    now = timezone.now()
    live = queries.live_session_of(request.user)
    patients = Patient.objects.visible_to(request.user).active()
    wanted = (form.data if form else request.GET).get("patient", "")
    patient = patients.filter(pk=wanted).first() if _is_uuid(wanted) else None
    if wanted and patient is None:
        patient = get_object_or_404(patients, pk=wanted) if _is_uuid(wanted) else None
    recent = [] if patient else list(queries.recent_patients(request.user))
    shown = [patient] if patient else recent
    record_read(request, subjects=[one.pk for one in shown])
    visits = workflows.visits_to_begin(patient, by=request.user, at=now) if patient else []
    form = form or forms.StartForm(initial=_likely_start(patient, visits, now) if patient else {})
    form.offer_visits((visit.pk, f"{timezone.localtime(visit.scheduled_at):%H:%M} · {visit.kind}") for visit in visits)
    context: dict[str, Any] = {
        "form": form,
        "patient": patient,
        "recent": recent,
        "live": live,
        "consent": live_consent(patient.pk, Consent.Kind.RECORDING, at=now) if patient else None,
        "language_note": engines.language_note(queries.language_of(request.user), patient.pk, at=now)
        if patient
        else "",
    }
    return render_page(request, "sessions_app/start.html", context, form=form)


def _likely_start(patient: Patient, visits: list[workflows.VisitToBegin], now: datetime) -> dict[str, Any]:
    """Return what the form of a start says at first: the visit nearest to now, its type and its reason."""
    if not visits:
        return {"patient": patient.pk, "session_type": queries.likely_type(patient)}
    visit = min(visits, key=lambda visit: abs(visit.scheduled_at - now))
    return {
        "patient": patient.pk,
        "appointment": visit.pk,
        "session_type": visit.session_type,
        "chief_complaint": visit.chief_complaint,
    }


def _live_context(session: ConsultationSession) -> dict[str, Any]:
    now = timezone.now()
    consent = live_consent(session.patient_id, Consent.Kind.RECORDING, at=now)
    marks = list(queries.marks_of(session))
    return {
        "session": session,
        "patient": session.patient,
        "consent": consent,
        "consent_text": consent_wording.text_for(session.patient, Consent.Kind.RECORDING, at=now),
        "mode": _mode_of(session, is_consented=consent is not None),
        "has_audio": spool.default_store().exists(session.pk),
        "clock_ms": recordings.clock_ms(session.pk),
        "idle_ms": _milliseconds(now - session.last_audio_at) if session.last_audio_at else 0,
        "elapsed_ms": max(0, _milliseconds(now - session.started_at) - session.paused_seconds * 1000),
        "turns": transcript_lines.turns_of(session, queries.current_transcription(session)),
        "names": transcript_lines.live_names(session),
        "marks": marks,
        "mark_places": [mark.at_ms for mark in marks],
        "gap_places": queries.gap_places(session),
        "is_stale": session.started_at < queries.abandoned_before(now),
        "notes_saved_at": _iso(session.notes_saved_at),
        "context_saved_at": _iso(session.context_saved_at),
        "socket_path": f"/ws/sessions/{session.pk}/audio/",
        "language_name": queries.language_name(session.doctor),
        "language_note": engines.language_note(queries.language_of(session.doctor), session.patient_id, at=now),
        "microphone": microphone_of(session),
        "complete_url": reverse("sessions:complete", args=[session.pk]),
    }


def _mode_of(session: ConsultationSession, *, is_consented: bool) -> str:
    """Return what the page may do: ready, recorded (finished before), no-consent or unrecorded."""
    if session.audio_sha256:
        return "recorded"
    if session.with_recording:
        return "ready" if is_consented else "no-consent"
    return "no-consent" if session.status_reason == recordings.CONSENT_WITHDRAWN else "unrecorded"


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def _iso(at: Any) -> str:
    return at.isoformat() if at else ""


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
