"""Doors of the patient's summary: begin it, change its lines, tick it, take it as a PDF."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reports import permissions, services
from reports.models import PatientSummary, Report
from reports.pages.sharing import summary_view
from reports.sharing.forms import RevisionForm, SummaryLineForm
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.WRITE_REPORTS)
def show(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the summary of a signed report, or offer to begin it."""
    report = get_report(request, pk)
    permissions.check_can_share(request.user, report)
    services.require_whole(report, by=request.user)
    record_read(request, target=report, patient_id=report.session.patient_id, detail={"part": "summary"})
    return _page(request, report, PatientSummary.objects.filter(report=report).first())


@require_POST
@requires(Permission.WRITE_REPORTS)
def begin(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Make the summary from what the report says."""
    services.begin_summary(get_report(request, pk), by=request.user, at=timezone.now())
    return redirect("reports:summary", pk=pk)


@require_POST
@requires(Permission.WRITE_REPORTS)
def change_line(request: ClinicRequest, pk: UUID, line_id: str) -> HttpResponse:
    """Reword a line, or leave it out."""
    if "leave_out" in request.POST:
        return _act(request, pk, services.leave_out, line_id)
    return _write(request, pk, services.change_line, line_id)


@require_POST
@requires(Permission.WRITE_REPORTS)
def add_line(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Add a line the clinician typed."""
    return _write(request, pk, services.add_line)


@require_POST
@requires(Permission.WRITE_REPORTS)
def take_in(request: ClinicRequest, pk: UUID, sentence_id: str) -> HttpResponse:
    """Take a sentence of the report in."""
    return _act(request, pk, services.take_in, sentence_id)


@require_POST
@requires(Permission.WRITE_REPORTS)
def tick(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say that the summary was read and may be shared."""
    return _act(request, pk, services.tick_summary)


@require_POST
@requires(Permission.WRITE_REPORTS)
def pdf(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Hand the summary over as a PDF."""
    document = services.export_summary(_summary(request, pk), by=request.user, at=timezone.now())
    response = HttpResponse(document.content, content_type=document.content_type)
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    response["Cache-Control"] = "no-store"
    return response


def _write(request: ClinicRequest, pk: UUID, verb: Callable[..., PatientSummary], *parts: str) -> HttpResponse:
    stored = _summary(request, pk)
    form = SummaryLineForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors.get("text", ["Load the page again."]))))
        return _done(request, stored)
    data = form.cleaned_data
    changed = verb(stored, *parts, data["text"], by=request.user, at=timezone.now(), revision=data["revision"])
    return _done(request, changed)


def _act(request: ClinicRequest, pk: UUID, verb: Callable[..., PatientSummary], *parts: str) -> HttpResponse:
    stored = _summary(request, pk)
    form = RevisionForm(request.POST)
    revision = form.cleaned_data["revision"] if form.is_valid() else None
    return _done(request, verb(stored, *parts, by=request.user, at=timezone.now(), revision=revision))


def _done(request: ClinicRequest, stored: PatientSummary) -> HttpResponse:
    if request.htmx:
        return _page(request, stored.report, stored)
    return redirect("reports:summary", pk=stored.report_id)


def _summary(request: ClinicRequest, pk: UUID) -> PatientSummary:
    report = get_report(request, pk)
    rows = PatientSummary.objects.select_related("report__session__patient", "report__session__doctor", "ticked_by")
    return get_object_or_404(rows, report=report)


def _page(request: ClinicRequest, report: Report, stored: PatientSummary | None) -> HttpResponse:
    context: dict[str, Any] = {"report": report, "crisis_line": ClinicSettings.load().crisis_line}
    if stored is not None:
        context["page"] = summary_view(stored)
        context["new_line"] = SummaryLineForm(initial={"revision": stored.revision}, auto_id="new_%s")
    return render_page(request, "reports/summary.html", context, fragment="reports/_summary.html")
