"""Bringing a recording into a session afterwards: its page, and the doors its script sends the parts through."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from patients.models import Consent
from patients.queries import live_consent
from sessions_app import forms, permissions, queries
from sessions_app.capture.microphone import microphone_of
from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.scope import session_in_scope
from sessions_app.spool.timeline import BYTES_PER_MS
from sessions_app.uploads import services as uploads
from synapse.accounts.decorators import open_while_locked, requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_denial, record_read
from synapse.common import jobs
from synapse.common.errors import DomainError, NotAllowed
from synapse.common.models import Job
from synapse.web.http import ClinicRequest, render_page

P = ParamSpec("P")
View = Callable[Concatenate[ClinicRequest, P], HttpResponse]


def answers_script(view: View[P]) -> View[P]:
    """Answer a broken rule as the script reads it: `{"error": {"code", "message", "offset"?}}`."""

    @functools.wraps(view)
    def wrapped(request: ClinicRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            if isinstance(error, NotAllowed):
                record_denial(request, reason=error.code)
            told = {"code": error.code, "message": error.message}
            if isinstance(error, uploads.WrongOffset):
                return JsonResponse({"error": {**told, "offset": error.offset}}, status=error.status)
            return JsonResponse({"error": told}, status=error.status)

    return wrapped


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def upload_page(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Offer to upload a recording or to dictate, or say how far one is."""
    session = _session(request, pk)
    record_read(request, target=session, patient_id=session.patient_id)
    consent = live_consent(session.patient_id, Consent.Kind.RECORDING, at=timezone.now())
    context = {
        **_state(session),
        "patient": session.patient,
        "consent": consent,
        "part_bytes": uploads.PART_BYTES,
        "microphone": microphone_of(session),
    }
    return render_page(request, "sessions_app/upload.html", context)


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def upload_state(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say how far an upload is read; a page that waits asks every two seconds and goes on when it is the recording."""
    session = _session(request, pk)
    record_read(request, target=session, patient_id=session.patient_id, poll=True)
    state = _state(session)
    if not state["is_reading"]:
        response = HttpResponse(status=204)
        response["HX-Redirect"] = _next_page(session)
        return response
    return render_page(request, "sessions_app/_upload_state.html", state)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
@answers_script
def open_upload(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Begin an upload, or go on with one of the same file."""
    session = _session(request, pk)
    form = forms.UploadForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": {"code": "invalid", "message": "This upload cannot be begun."}}, status=400)
    upload = uploads.open_upload(session, **form.cleaned_data, by=request.user, at=timezone.now())
    arguments = [session.pk, upload.pk]
    return JsonResponse(
        {
            "id": str(upload.pk),
            "offset": upload.received_bytes,
            "part_url": reverse("sessions:upload_part", args=arguments),
            "finish_url": reverse("sessions:finish_upload", args=arguments),
            "stop_url": reverse("sessions:stop_upload", args=arguments),
        },
        status=201,
    )


@open_while_locked
@require_POST
@requires(Permission.CONDUCT_SESSIONS)
@answers_script
def upload_part(request: ClinicRequest, pk: UUID, upload: UUID) -> HttpResponse:
    """Take one part, the request's body, that begins at `?offset=` bytes of the file."""
    row = _upload(request, pk, upload)
    offset = request.GET.get("offset", "")
    if not offset.isdecimal() or len(offset) > 12:
        return JsonResponse({"error": {"code": "invalid", "message": "This part names no place."}}, status=400)
    part = request.read(uploads.PART_BYTES + 1)
    stored = uploads.store_part(row, offset=int(offset), part=part, by=request.user, at=timezone.now())
    return JsonResponse({"offset": stored.received_bytes})


@open_while_locked
@require_POST
@requires(Permission.CONDUCT_SESSIONS)
@answers_script
def finish_upload(request: ClinicRequest, pk: UUID, upload: UUID) -> HttpResponse:
    """End an upload whose parts are all here; its sound is read next."""
    row = _upload(request, pk, upload)
    form = forms.FinishForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": {"code": "invalid", "message": "This is no SHA-256."}}, status=400)
    uploads.finish_upload(row, sha256=form.cleaned_data["sha256"], by=request.user, at=timezone.now())
    return JsonResponse({"next": reverse("sessions:upload", args=[pk])})


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def keep_upload(request: ClinicRequest, pk: UUID, upload: UUID) -> HttpResponse:
    """End a dictation with what has arrived, when the browser that holds the rest is gone."""
    uploads.finish_upload(_upload(request, pk, upload), by=request.user, at=timezone.now())
    return redirect("sessions:upload", pk=pk)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def stop_upload(request: ClinicRequest, pk: UUID, upload: UUID) -> HttpResponse:
    """Stop an upload and erase what has arrived."""
    uploads.give_up(_upload(request, pk, upload), by=request.user, at=timezone.now())
    messages.success(request, "The upload is stopped. What had arrived is erased.")
    return redirect("sessions:upload", pk=pk)


def _session(request: ClinicRequest, pk: UUID) -> ConsultationSession:
    session = session_in_scope(request, pk)
    permissions.check_can_conduct(request.user, session)
    return session


def _upload(request: ClinicRequest, pk: UUID, upload: UUID) -> AudioUpload:
    visible = ConsultationSession.objects.visible_to(request.user)
    return get_object_or_404(AudioUpload.objects.select_related("session"), pk=upload, session__in=visible, session=pk)


def _state(session: ConsultationSession) -> dict[str, object]:
    upload = queries.latest_upload_of(session)
    job = Job.objects.filter(kind=uploads.READ, object_id=upload.pk).first() if upload else None
    has_recording = queries.has_recording(session)
    is_reading = upload is not None and upload.status == upload.Status.RECEIVED
    is_cancelled = session.status == session.Status.CANCELLED
    is_ended = upload is not None and upload.status in {upload.Status.FAILED, upload.Status.ABANDONED}
    return {
        "session": session,
        "upload": upload,
        "job": job,
        "seconds_left": jobs.seconds_left(job, timezone.now()) if job else None,
        "is_reading": is_reading,
        "is_arriving": upload is not None and upload.status == upload.Status.RECEIVING and upload.received_bytes > 0,
        "has_recording": has_recording,
        "is_cancelled": is_cancelled,
        "takes_recording": not (is_reading or has_recording or is_cancelled),
        "arrived_ms": upload.received_bytes // BYTES_PER_MS if upload else 0,
        "reason": uploads.reason_of(upload.error_code) if upload and is_ended and upload.error_code else "",
    }


def _next_page(session: ConsultationSession) -> str:
    """Return where a page that waited for the reading goes: on when there is a recording, else to what went wrong."""
    return reverse("sessions:detail" if queries.has_recording(session) else "sessions:upload", args=[session.pk])
