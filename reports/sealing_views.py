"""Doors of a finished report: sign, amend, export."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from reports import presenting, services
from reports.forms import AmendForm, SignForm
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.accounts.throttle import TooManyTries
from synapse.web.http import ClinicRequest, render_page


@sensitive_post_parameters("password")
@require_POST
@requires(Permission.WRITE_REPORTS)
def sign(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Sign a draft with the password typed again."""
    report = get_report(request, pk)
    form = SignForm(request.POST)
    if form.is_valid():
        try:
            services.check_signing_password(request.user, form.cleaned_data["password"], at=timezone.now())
        except (services.WrongPassword, TooManyTries) as error:
            form.add_error("password", str(error))
        else:
            services.sign_report(
                report,
                by=request.user,
                at=timezone.now(),
                password_checked=True,
                revision=form.cleaned_data["revision"],
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
def export(request: ClinicRequest, pk: UUID, file_type: str) -> HttpResponse:
    """Hand a report over as a file; the name holds no patient's name."""
    report = get_report(request, pk)
    document = services.export_report(report, file_type=file_type, by=request.user, at=timezone.now())
    response = HttpResponse(document.content, content_type=document.content_type)
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    response["Cache-Control"] = "no-store"
    return response
