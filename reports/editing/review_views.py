"""Doors of the review page: change lines, settle them, mark sections, put in what was left out."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reports import permissions, services
from reports.content import Section, find_section
from reports.forms import CheckForm, InsertForm, SectionEditForm, SettleForm, SignForm
from reports.models import Report
from reports.pages import presenting
from reports.services import NotInReport
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.WRITE_REPORTS)
def section(request: ClinicRequest, pk: UUID, section_id: str) -> HttpResponse:
    """Show one section again, for leaving its text boxes."""
    report = get_report(request, pk)
    record_read(request, target=report, patient_id=report.session.patient_id, poll=True)
    if not request.htmx:
        return redirect("reports:detail", pk=pk)
    context = section_context(request, report, top_section(report, section_id))
    return render_page(request, "reports/_section.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.WRITE_REPORTS)
def edit_section(request: ClinicRequest, pk: UUID, section_id: str) -> HttpResponse:
    """Offer the lines of a section, or the one named by `line`, as text boxes; check and store what comes back."""
    report = get_report(request, pk)
    permissions.check_can_edit(request.user, report)
    chosen = top_section(report, section_id)
    line = request.GET.get("line", "")
    form = SectionEditForm(
        request.POST or None, section=chosen, report=report, line=line, initial={"revision": report.revision}
    )
    if request.method == "POST" and form.is_valid():
        report = services.apply_changes(
            report, form.changes(), by=request.user, at=timezone.now(), revision=form.cleaned_data["revision"]
        )
        return changed_section(request, report, section_id)
    if not request.htmx and not form.is_bound:
        return redirect(f"{detail_address(report)}?edit={section_id}&line={line}#section-{section_id}")
    context = {**section_context(request, report, chosen), "editing": section_id, "edit_form": form}
    template = "reports/_section.html" if request.htmx else "reports/edit_section.html"
    return render_page(request, template, context, form=form)


@require_POST
@requires(Permission.WRITE_REPORTS)
def settle(request: ClinicRequest, pk: UUID, sentence_id: str) -> HttpResponse:
    """Confirm, remove or restore a line."""
    report = get_report(request, pk)
    form = SettleForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    report = services.settle_sentence(
        report,
        sentence_id,
        form.cleaned_data["verdict"],
        by=request.user,
        at=timezone.now(),
        revision=form.cleaned_data["revision"],
        base=form.cleaned_data["base"],
    )
    return changed_section(request, report, _section_of_line(report, sentence_id))


@require_POST
@requires(Permission.WRITE_REPORTS)
def check_section(request: ClinicRequest, pk: UUID, section_id: str) -> HttpResponse:
    """Mark a section as read, or take it back."""
    form = CheckForm(request.POST)
    form.is_valid()
    report = services.mark_section_checked(
        get_report(request, pk),
        section_id,
        is_checked=form.cleaned_data["checked"],
        by=request.user,
        at=timezone.now(),
    )
    return changed_section(request, report, section_id)


@require_POST
@requires(Permission.WRITE_REPORTS)
def insert_finding(request: ClinicRequest, pk: UUID, key: str) -> HttpResponse:
    """Put something that was said but left out into a section."""
    report = get_report(request, pk)
    form = InsertForm(request.POST, report=report)
    if not form.is_valid():
        return HttpResponse(status=422)
    place = form.cleaned_data["section"]
    report = services.insert_finding(
        report, key, place, by=request.user, at=timezone.now(), revision=form.cleaned_data["revision"]
    )
    return changed_section(request, report, top_id(report, place))


def changed_section(request: ClinicRequest, report: Report, section_id: str, **more: object) -> HttpResponse:
    """Answer a change: the section, and with it whatever else of the page follows from it; `more` is for its markup."""
    if not request.htmx:
        return redirect(f"{detail_address(report)}#section-{section_id}")
    report = get_report(request, report.pk)
    context = section_context(request, report, top_section(report, section_id))
    context["sign_form"] = SignForm(signer=request.user, report=report)
    return render_page(request, "reports/_changed.html", {**context, **more})


def section_context(request: ClinicRequest, report: Report, chosen: Section) -> dict[str, Any]:
    """Return what the markup of one section needs."""
    return {
        "report": report,
        "page": presenting.review_page(report, request.user),
        "section": presenting.section_view(report, chosen),
    }


def top_section(report: Report, section_id: str) -> Section:
    """Return a section of the first level; raise NotInReport."""
    sections: list[Section] = report.structured_data
    found = next((section for section in sections if section["id"] == section_id), None)
    if found is None:
        raise NotInReport("section")
    return found


def top_id(report: Report, section_id: str) -> str:
    """Return the id of the first-level section that a section is, or stands in."""
    sections: list[Section] = report.structured_data
    return next(section["id"] for section in sections if find_section([section], section_id) is not None)


def _section_of_line(report: Report, sentence_id: str) -> str:
    """Return the top-level section of a line, also of one that was just removed."""
    entry = next(entry for entry in reversed(report.manual_corrections) if entry["sentence"] == sentence_id)
    return top_id(report, entry["section"])


def detail_address(report: Report) -> str:
    """Return the address of a report's page."""
    return reverse("reports:detail", args=[report.pk])
