"""Doors of sharing: links to a signed report, who opened them, and what reception hands over."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.models import Consent, Patient
from patients.queries import has_live_consent
from reports import permissions, services
from reports.models import PatientSummary, Report, ReportShare
from reports.pages.sharing import handed_over, report_states, share_views, shares_of_patient
from reports.printing import rendering
from reports.sharing.forms import ShareReportForm
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.services import record_read
from synapse.notifications.services import NotDelivered, deliver
from synapse.web.http import ClinicRequest, render_page


@sensitive_post_parameters("pin")
@require_http_methods(["GET", "POST"])
@requires(Permission.WRITE_REPORTS)
@fresh_proof_required
def sharing(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the links of a report and make a new one."""
    report = get_report(request, pk)
    permissions.check_can_share(request.user, report)
    form = _form(request, report)
    if form.is_valid():
        terms = form.terms
        try:
            made = services.share_report(report, **terms, by=request.user, at=timezone.now())
        except services.UnusableShare as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            return _made(request, made, pin=terms["pin"], wants_mail=form.cleaned_data["mail"])
    record_read(request, target=report, patient_id=report.session.patient_id, detail={"part": "sharing"})
    context = {
        "report": report,
        "shares": share_views(ReportShare.objects.visible_to(request.user).filter(report=report), at=timezone.now()),
        "summary": PatientSummary.objects.filter(report=report).first(),
        "has_newer": permissions.has_newer_version(report),
        "has_consent": _has_consent(report),
    }
    return render_page(request, "reports/sharing.html", context, form=form)


@require_POST
@requires(Permission.WRITE_REPORTS)
def end_share(request: ClinicRequest, pk: UUID, share_pk: UUID) -> HttpResponse:
    """End a link at once."""
    shares = ReportShare.objects.visible_to(request.user).select_related("report__session")
    share = get_object_or_404(shares, pk=share_pk, report_id=pk)
    services.revoke_share(share, by=request.user, at=timezone.now())
    messages.success(request, "The link has ended. Nobody can open it any more.")
    return redirect("reports:sharing", pk=pk)


@require_GET
@requires(Permission.VIEW_REPORTS)
def shares_for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show what was shared by link: a part of the patient's sharing page."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    shares = shares_of_patient(request.user, patient, at=timezone.now())
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "shares"}, poll=True)
    context = {"patient": patient, "shares": shares, "may_end": request.user.may(Permission.WRITE_REPORTS)}
    return render_page(request, "reports/shares_for_patient.html", context, fragment="reports/_shares_for_patient.html")


@require_GET
@requires(Permission.HAND_OVER_REPORTS)
def for_reception(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show reception whether reports are signed, and offer what was shared for printing; no content."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "report_states"}, poll=True)
    context = {
        "patient": patient,
        "reports": report_states(patient),
        "shares": handed_over(patient),
    }
    return render_page(request, "reports/for_reception.html", context, fragment="reports/_for_reception.html")


@require_POST
@requires(Permission.HAND_OVER_REPORTS)
def hand_over(request: ClinicRequest, share_pk: UUID) -> HttpResponse:
    """Give reception the PDF of what was shared with the patient."""
    shares = ReportShare.objects.select_related(
        "report__session__patient", "report__session__doctor", "report__signed_by"
    )
    share = get_object_or_404(
        shares, pk=share_pk, report__session__patient__in=Patient.objects.visible_to(request.user)
    )
    document = services.hand_over(share, by=request.user, at=timezone.now())
    response = HttpResponse(document.content, content_type=document.content_type)
    response["Content-Disposition"] = f'inline; filename="{document.file_name}"'
    response["Cache-Control"] = "no-store"
    return response


def _form(request: ClinicRequest, report: Report) -> ShareReportForm:
    is_ticked = PatientSummary.objects.filter(report=report, ticked_at__isnull=False).exists()
    data = request.POST if request.method == "POST" else None
    return ShareReportForm(data, report=report, has_summary=is_ticked, has_consent=_has_consent(report))


def _has_consent(report: Report) -> bool:
    return has_live_consent(report.session.patient_id, Consent.Kind.DATA_SHARING, at=timezone.now())


def _made(request: ClinicRequest, made: services.NewShare, *, pin: str, wants_mail: bool) -> HttpResponse:
    """Show link and PIN, once: neither is stored."""
    share = made.share
    is_mailed = wants_mail and _mail(made, has_pin=bool(pin))
    if is_mailed:
        services.note_mailed(share, by=request.user, at=timezone.now())
    context: dict[str, Any] = {
        "share": share,
        "link": f"{settings.BASE_URL}{made.path}",
        "pin": pin,
        "is_mailed": is_mailed,
        "mail_failed": wants_mail and not is_mailed,
        "uses": _uses_in_words(share.uses_left),
    }
    response = render_page(request, "reports/share_made.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _mail(made: services.NewShare, *, has_pin: bool) -> bool:
    share = made.share
    context = {
        "clinic": ClinicSettings.load().name,
        "sender": share.shared_by.display_name,
        "path": made.path,
        "expires": rendering.moment(share.expires_at),
        "uses": _uses_in_words(share.uses_left),
        "has_pin": has_pin,
    }
    try:
        deliver("report_link", share.email, context)
    except NotDelivered:
        return False
    return True


def _uses_in_words(uses: int) -> str:
    return {1: "once", 2: "twice"}.get(uses, f"{uses} times")
