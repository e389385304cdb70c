"""Doors of reports: the list, asking for one, watching it being written, reading it, what follows from it."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from patients.models import Patient
from reports import permissions, queries, services, takeover
from reports.forms import AmendForm, ConvertForm, RequestForm, SectionEditForm, SignForm, TakeoverForm
from reports.models import Report
from reports.pages import afterwards, beside, engine_words, presenting
from reports.pages.risk import risk_panel
from reports.printing import rendering
from reports.sealing import signing
from reports.sealing.forms import AskCoSignatureForm
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 25
SHOWN = (("", "All"), ("open", "To sign"), ("signed", "Signed"))


@require_GET
@requires(Permission.VIEW_REPORTS)
def report_list(request: ClinicRequest) -> HttpResponse:
    """List the reports this person may see, unsigned ones first."""
    show = request.GET.get("show", "")
    page = Paginator(queries.list_reports(request.user, show=show), PAGE_SIZE).get_page(request.GET.get("page"))
    record_read(request, subjects=[report.session.patient_id for report in page], detail={"part": "reports"})
    context = {
        "page": page,
        "show": show,
        "choices": SHOWN if request.user.may(Permission.WRITE_REPORTS) else SHOWN[:1],
        "to_sign": queries.count_reports_to_sign(request.user),
        "to_co_sign": queries.count_to_co_sign(request.user),
        "may_write": request.user.may(Permission.WRITE_REPORTS),
    }
    return render_page(request, "reports/list.html", context)


@require_GET
@requires(Permission.VIEW_REPORTS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show a report as it stands: being written, failed, to review, or signed."""
    report = get_report(request, pk)
    if report.is_draft and permissions.can_edit(request.user, report):
        report = services.rebind_evidence(report, at=timezone.now())
    if signing.verify(report) is signing.Seal.BROKEN:
        return _broken(request, report)
    record_read(request, target=report, patient_id=report.session.patient_id)
    if report.is_running or report.has_failed:
        return _unwritten(request, report)
    return _written(request, report)


@require_GET
@requires(Permission.VIEW_REPORTS)
def progress(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say how far the writing is; the page loads again when it has ended."""
    report = get_report(request, pk)
    record_read(request, target=report, patient_id=report.session.patient_id, poll=True)
    if not report.is_running:
        return HttpResponseClientRefresh() if request.htmx else redirect("reports:detail", pk=report.pk)
    context = {"report": report, "job": queries.writing_job(report)}
    return render_page(request, "reports/writing.html", context, fragment="reports/_progress.html")


@require_POST
@requires(Permission.WRITE_REPORTS)
def request_report(request: ClinicRequest, session_pk: UUID) -> HttpResponse:
    """Have a report of a session written."""
    sessions = ConsultationSession.objects.visible_to(request.user).select_related("doctor", "patient")
    session = get_object_or_404(sessions, pk=session_pk)
    form = RequestForm(request.POST, user=request.user, session=session)
    if not form.is_valid():
        return render_page(request, "reports/for_session.html", _session_panel(request, session), form=form)
    report = services.request_report(
        session,
        by=request.user,
        at=timezone.now(),
        template=form.cleaned_data["template"],
        report_type=form.cleaned_data["report_type"] or None,
    )
    return redirect("reports:detail", pk=report.pk)


@require_POST
@requires(Permission.WRITE_REPORTS)
def regenerate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Have a report written again, as a new version."""
    report = get_report(request, pk)
    form = RequestForm(request.POST, user=request.user, session=report.session)
    values = form.cleaned_data if form.is_valid() else {}
    again = services.regenerate(
        report,
        by=request.user,
        at=timezone.now(),
        template=values.get("template"),
        report_type=values.get("report_type") or None,
    )
    return redirect("reports:detail", pk=again.pk)


@require_POST
@requires(Permission.WRITE_REPORTS)
def retry(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Try a failed report again, with the built-in writer when asked."""
    report = get_report(request, pk)
    services.retry_report(report, by=request.user, at=timezone.now(), built_in="built_in" in request.POST)
    return redirect("reports:detail", pk=report.pk)


@require_POST
@requires(Permission.WRITE_REPORTS)
def review(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Mark the whole report as read."""
    report = services.mark_reviewed(get_report(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Every section is marked checked.")
    return redirect("reports:detail", pk=report.pk)


@require_GET
@requires(Permission.VIEW_REPORTS)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show a patient's reports: a panel of the patient's page."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    reports = list(queries.reports_of_patient(request.user, patient))
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "reports"}, poll=True)
    context = {"patient": patient, "reports": reports}
    return render_page(request, "reports/for_patient.html", context, fragment="reports/_for_patient.html")


@require_GET
@requires(Permission.VIEW_REPORTS)
def for_session(request: ClinicRequest, session_pk: UUID) -> HttpResponse:
    """Lead to a session's report; without one, offer to have it written. As a fragment: a panel of other pages.

    `wait` asks whether the first report is there yet.
    """
    sessions = ConsultationSession.objects.visible_to(request.user).select_related("doctor", "patient")
    session = get_object_or_404(sessions, pk=session_pk)
    is_waiting = "wait" in request.GET
    if is_waiting or not request.htmx:
        newest = queries.reports_of_session(request.user, session).first()
        if newest is not None:
            return redirect("reports:detail", pk=newest.pk)
        if is_waiting:
            return HttpResponse(status=204)
    record_read(request, target=session, patient_id=session.patient_id, detail={"part": "reports"}, poll=True)
    context = _session_panel(request, session)
    return render_page(request, "reports/for_session.html", context, fragment="reports/_for_session.html")


@require_POST
@requires(Permission.WRITE_REPORTS)
def take_over(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Write the ticked proposals of a signed report into the patient's record."""
    report = get_report(request, pk)
    services.require_whole(report, by=request.user)
    proposals = takeover.propose(report)
    form = TakeoverForm(request.POST, keys=[proposal.key for proposal in proposals])
    if not form.is_valid() or not form.cleaned_data["line"]:
        messages.error(request, "Tick what goes into the record. Nothing was changed.")
        return redirect("reports:detail", pk=pk)
    facts = takeover.facts_of(proposals, form.cleaned_data["line"])
    added = workflows.apply_takeover(
        report,
        medications=facts.medications,
        allergies=facts.allergies,
        diagnoses=facts.diagnoses,
        by=request.user,
        at=timezone.now(),
    )
    count = sum(map(len, added.values()))
    messages.success(request, f"{count} {'line' if count == 1 else 'lines'} added to the patient's record.")
    return redirect("reports:detail", pk=pk)


def get_report(request: ClinicRequest, pk: UUID) -> Report:
    """Return a report in the person's scope, or answer 404."""
    reports = Report.objects.visible_to(request.user).select_related(
        "session__patient", "session__doctor", "transcription", "template", "signed_by", "amends"
    )
    return get_object_or_404(reports, pk=pk)


def _written(request: ClinicRequest, report: Report) -> HttpResponse:
    page = presenting.review_page(report, request.user)
    context = {
        "page": page,
        "report": report,
        "header": rendering.header_of(report.session.doctor),
        "player": beside.player_view(report.session) if page.may_hear else None,
        "turns": beside.turn_views(report) if page.may_hear else [],
        "risk": risk_panel(report),
        "versions": queries.versions_of(request.user, report),
        "other_forms": queries.other_forms_of(request.user, report),
        "exports": presenting.EXPORT_CHOICES,
        "page_keys": presenting.PAGE_KEYS if page.can_edit else presenting.PAGE_KEYS[:3],
        "sign_form": SignForm(signer=request.user, report=report),
        "amend_form": AmendForm(),
        "after": afterwards.after_view(report, request.user),
        "ask_form": AskCoSignatureForm(signer=request.user) if report.is_signed else None,
        "convert_form": ConvertForm(user=request.user, report=report)
        if permissions.can_convert(request.user, report)
        else None,
        "regenerate_form": _regenerate_form(request, report) if page.can_edit else None,
    }
    if report.is_signed and page.can_export:
        context["proposals"] = beside.proposal_views(report)
        context["follow_up"] = beside.follow_up_view(report)
    section_id = request.GET.get("edit", "")
    section = next((section for section in report.structured_data if section["id"] == section_id), None)
    if page.can_edit and section is not None:
        context["editing"] = section_id
        context["edit_form"] = SectionEditForm(section=section, report=report, line=request.GET.get("line", ""))
    return render_page(request, "reports/detail.html", context)


def _regenerate_form(request: ClinicRequest, report: Report) -> RequestForm:
    initial = {"template": report.template_id, "report_type": report.report_type}
    return RequestForm(user=request.user, session=report.session, initial=initial)


def _unwritten(request: ClinicRequest, report: Report) -> HttpResponse:
    if report.has_failed:
        context = {
            "report": report,
            "words": engine_words.of_failure(report.error_code),
            "can_retry": permissions.can_retry(request.user, report),
        }
        return render_page(request, "reports/failed.html", context)
    return render_page(request, "reports/writing.html", {"report": report, "job": queries.writing_job(report)})


def _broken(request: ClinicRequest, report: Report) -> HttpResponse:
    """Show that the seal does not hold, and nothing of the content."""
    try:
        services.require_whole(report, by=request.user)
    except permissions.SealBroken as error:
        context = {"report": report, "message": str(error)}
        return render_page(request, "reports/broken.html", context, status=error.status)
    raise AssertionError("a broken seal was not refused")


def _session_panel(request: ClinicRequest, session: ConsultationSession) -> dict[str, object]:
    transcription = session_queries.current_transcription(session)
    can_request = permissions.can_request(request.user, session, transcription)
    return {
        "session": session,
        "reports": queries.reports_of_session(request.user, session),
        "can_request": can_request,
        "form": RequestForm(user=request.user, session=session) if can_request else None,
    }
