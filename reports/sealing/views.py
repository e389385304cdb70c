"""Doors of a finished report: sign, amend, export."""

from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from reports import services
from reports.forms import AmendForm, SignForm
from reports.pages import presenting
from reports.views import get_report
from synapse.accounts import browser_sessions
from synapse.accounts.decorators import requires
from synapse.accounts.proof import answer_in
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.accounts.throttle import TooManyTries
from synapse.web.http import ClinicRequest, render_page


@sensitive_post_parameters("password")
@require_POST
@requires(Permission.WRITE_REPORTS)
def sign(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Sign a draft with the password typed again."""
    report = get_report(request, pk)
    form = SignForm(request.POST, signer=request.user, report=report)
    if form.is_valid() and is_password_right(request, form):
        services.sign_report(
            report,
            by=request.user,
            at=timezone.now(),
            password_checked=True,
            revision=form.cleaned_data["revision"],
            replace_reason=form.cleaned_data.get("reason", ""),
        )
        messages.success(request, "Signed. The report is sealed and does not change any more.")
        return redirect("reports:detail", pk=pk)
    context = {"report": report, "page": presenting.review_page(report, request.user), "sign_form": form}
    return render_page(request, "reports/sign.html", context, fragment="reports/_sign_form.html", form=form)


@require_POST
@requires(Permission.WRITE_REPORTS)
def amend(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Make a new version of a signed report."""
    report = get_report(request, pk)
    form = AmendForm(request.POST)
    if form.is_valid():
        amended = services.amend_report(report, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        messages.success(
            request, f"Version {amended.version} is a copy to change and sign. Version {report.version} stays."
        )
        return redirect("reports:detail", pk=amended.pk)
    context = {"report": report, "amend_form": form}
    return render_page(request, "reports/amend.html", context, fragment="reports/_amend_form.html", form=form)


@require_POST
@requires(Permission.VIEW_REPORTS)
@fresh_proof_required
def export(request: ClinicRequest, pk: UUID, file_type: str) -> HttpResponse:
    """Hand a report over as a file; the name holds no patient's name."""
    report = get_report(request, pk)
    document = services.export_report(report, file_type=file_type, by=request.user, at=timezone.now())
    response = HttpResponse(document.content, content_type=document.content_type)
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    response["Cache-Control"] = "no-store"
    return response


def is_password_right(request: ClinicRequest, form: Form) -> bool:
    """Check password and second factor given again in a valid form; when it is wrong, or was too often, the form says so."""
    now = timezone.now()
    password, otp = form.cleaned_data["password"], form.cleaned_data.get("otp", "")
    answer = answer_in(form, request.session, request.user, at=now)
    try:
        services.check_signing_password(request.user, password, otp, answer, at=now)
    except (services.WrongPassword, TooManyTries) as error:
        form.add_error("password", str(error))
        return False
    except services.WrongCode as error:
        form.add_error("otp" if "otp" in form.fields else None, str(error))
        return False
    browser_sessions.note_proof(request.session, at=now)
    return True
