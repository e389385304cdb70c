"""Giving a whole record: the requests of a patient, the files made for them, and the links they are fetched by."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.services import record_read
from synapse.common.models import Job
from synapse.records.exports import services
from synapse.records.exports.forms import DenyForm, ExportForm, LinkForm, ReasonForm, RequestForm
from synapse.records.exports.models import AccessRequest, ExportLink, RecordExport
from synapse.web.http import ClinicRequest, render_page


@require_http_methods(["GET", "POST"])
@requires(Permission.EXPORT_RECORDS)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show who asked for the record and what was given, and note a new request."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk).kept_record
    services.check_can_export(request.user, patient)
    form = RequestForm(request.POST or None, initial={"received_on": timezone.localdate(), "asked_by": "patient"})
    if form.is_valid():
        asked = services.note_request(patient, **form.cleaned_data, by=request.user, at=timezone.now())
        return redirect("record_requests:detail", pk=asked.pk)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "record_requests"})
    requests = AccessRequest.objects.visible_to(request.user).filter(patient=patient).select_related("decided_by")
    context = {"patient": patient, "requests": requests.order_by("-received_on", "-created_at")}
    return render_page(request, "records/requests.html", context, form=form)


@require_GET
@requires(Permission.EXPORT_RECORDS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one request: its clock, its files, its links, its answer."""
    return _detail(request, _request(request, pk))


@require_POST
@requires(Permission.EXPORT_RECORDS)
@fresh_proof_required
def make(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Have the file made."""
    form = ExportForm(request.POST)
    form.is_valid()  # one tick: nothing can be wrong with it
    asked, drafts = _request(request, pk), bool(form.cleaned_data.get("with_drafts"))
    services.start_export(asked, with_drafts=drafts, by=request.user, at=timezone.now())
    return redirect("record_requests:detail", pk=pk)


@require_POST
@requires(Permission.EXPORT_RECORDS)
def extend(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take thirty days more."""
    asked, form = _request(request, pk), ReasonForm(request.POST)
    if not form.is_valid():
        return _detail(request, asked, extend_form=form)
    services.extend_request(asked, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
    messages.success(request, "Noted. Tell the patient in writing why it takes longer, and until when.")
    return redirect("record_requests:detail", pk=pk)


@require_POST
@requires(Permission.EXPORT_RECORDS)
def deny(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Answer that the record is not given."""
    asked, form = _request(request, pk), DenyForm(request.POST)
    if not form.is_valid():
        return _detail(request, asked, deny_form=form)
    services.deny_request(asked, **form.cleaned_data, by=request.user, at=timezone.now())
    return redirect("record_requests:detail", pk=pk)


@require_GET
@requires(Permission.EXPORT_RECORDS)
@fresh_proof_required
def download(request: ClinicRequest, export_pk: UUID) -> HttpResponseBase:
    """Hand the file to who may read it."""
    export = _export(request, export_pk)
    return as_download(export, services.download(export, by=request.user, at=timezone.now()))


@require_POST
@requires(Permission.EXPORT_RECORDS)
@fresh_proof_required
def link(request: ClinicRequest, export_pk: UUID) -> HttpResponse:
    """Make a link for the patient and show it, once."""
    export, form = _export(request, export_pk), LinkForm(request.POST)
    if not form.is_valid():
        return _detail(request, export.request, link_form=form)
    made = services.make_link(export, **form.cleaned_data, by=request.user, at=timezone.now())
    context = {"asked": export.request, "made": made, "address": f"{settings.BASE_URL}{made.path}"}
    response = render_page(request, "records/link_made.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@requires(Permission.EXPORT_RECORDS)
def end_link(request: ClinicRequest, link_pk: UUID) -> HttpResponse:
    """End a link at once."""
    mine = AccessRequest.objects.visible_to(request.user)
    rows = ExportLink.objects.filter(export__request__in=mine).select_related("export__request")
    found = get_object_or_404(rows, pk=link_pk)
    services.revoke_link(found, by=request.user, at=timezone.now())
    messages.success(request, "The link has ended.")
    return redirect("record_requests:detail", pk=found.export.request_id)


def as_download(export: RecordExport, parts: Any) -> StreamingHttpResponse:
    """Answer with the file as it is read; its name holds the record's number alone."""
    response = StreamingHttpResponse(parts, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{export.request.patient.patient_id}.zip"'
    response["Content-Length"] = str(export.size_bytes)
    response["Cache-Control"] = "no-store"
    return response


def _detail(request: ClinicRequest, asked: AccessRequest, **forms: Any) -> HttpResponse:
    record_read(request, target=asked, patient_id=asked.patient_id, poll=True)
    exports = list(asked.exports.select_related("requested_by").prefetch_related("links").order_by("-created_at"))
    jobs = Job.objects.filter(kind=services.MAKE, object_id__in=[export.pk for export in exports])
    now = timezone.now()
    context: dict[str, Any] = {
        "asked": asked,
        "patient": asked.patient,
        "exports": exports,
        "ready": next((export for export in exports if export.is_ready), None),
        "is_running": any(export.is_in_the_making for export in exports),
        "job": jobs.order_by("-created_at").first(),
        "can_open": services.can_open_file(request.user),
        "is_late": asked.is_open and asked.due_on < timezone.localdate(),
        "now": now,
        "export_form": ExportForm(),
        "link_form": LinkForm(),
        "extend_form": ReasonForm(),
        "deny_form": DenyForm(),
        **forms,
    }
    status = 422 if forms else 200
    return render_page(request, "records/request.html", context, fragment="records/_request.html", status=status)


def _request(request: ClinicRequest, pk: UUID) -> AccessRequest:
    rows = AccessRequest.objects.visible_to(request.user).select_related("patient", "noted_by", "decided_by")
    return get_object_or_404(rows, pk=pk)


def _export(request: ClinicRequest, pk: UUID) -> RecordExport:
    mine = AccessRequest.objects.visible_to(request.user)
    rows = RecordExport.objects.filter(request__in=mine)
    return get_object_or_404(rows.select_related("request__patient", "request__noted_by", "request__decided_by"), pk=pk)
