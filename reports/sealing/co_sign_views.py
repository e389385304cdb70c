"""Doors of a supervisor's signature: ask for it, take the request back; read what was asked about, sign it or return it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from reports import permissions, queries, services
from reports.models import CoSignature
from reports.printing.printed import printed_report
from reports.sealing.forms import AskCoSignatureForm, CoSignForm, ReturnForm
from reports.sealing.views import is_password_right
from reports.versions.changes import changes_of
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_POST
@requires(Permission.WRITE_REPORTS)
def ask(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Ask a colleague to sign this report too."""
    report = get_report(request, pk)
    form = AskCoSignatureForm(request.POST, signer=request.user)
    if form.is_valid():
        supervisor = form.cleaned_data["supervisor"]
        services.ask_co_signature(report, supervisor=supervisor, by=request.user, at=timezone.now())
        messages.success(request, f"{supervisor.display_name} is asked to sign and can read this report.")
        return redirect("reports:detail", pk=pk)
    context = {"report": report, "ask_form": form}
    return render_page(request, "reports/ask_co_signature.html", context, fragment="reports/_ask_form.html", form=form)


@require_POST
@requires(Permission.WRITE_REPORTS)
def withdraw(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take a request back."""
    asked = get_object_or_404(CoSignature.objects.visible_to(request.user), pk=pk)
    services.withdraw_request(asked, by=request.user, at=timezone.now())
    messages.success(request, "The request is taken back; the report is closed to your colleague again.")
    return redirect("reports:detail", pk=asked.report_id)


@require_GET
@requires(Permission.WRITE_REPORTS)
def waiting(request: ClinicRequest) -> HttpResponse:
    """List what colleagues ask this person to sign, and what she signed."""
    requests = list(queries.co_signatures_of(request.user))
    record_read(
        request, subjects=[asked.report.session.patient_id for asked in requests], detail={"part": "co_signatures"}
    )
    return render_page(request, "reports/co_signatures.html", {"requests": requests})


@require_GET
@requires(Permission.WRITE_REPORTS)
def review(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show a supervisor the report she is asked about: its words and quotes, no recording and no transcript."""
    return _page(request, _get_asked(request, pk), CoSignForm(signer=request.user), ReturnForm())


@sensitive_post_parameters("password")
@require_POST
@requires(Permission.WRITE_REPORTS)
def sign(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Sign with the password typed again."""
    asked = _get_asked(request, pk)
    form = CoSignForm(request.POST, signer=request.user)
    if form.is_valid() and is_password_right(request, form):
        services.co_sign(asked, by=request.user, at=timezone.now(), password_checked=True)
        messages.success(request, "Signed. Your signature stands beside the author’s.")
        return redirect("reports:co_signatures")
    return _page(request, asked, form, ReturnForm())


@require_POST
@requires(Permission.WRITE_REPORTS)
def give_back(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the report to its author for revision."""
    asked = _get_asked(request, pk)
    form = ReturnForm(request.POST)
    if form.is_valid():
        services.return_for_revision(asked, form.cleaned_data["comment"], by=request.user, at=timezone.now())
        messages.success(request, f"Returned. {asked.requested_by.display_name} sees your comment.")
        return redirect("reports:co_signatures")
    return _page(request, asked, CoSignForm(signer=request.user), form)


def _get_asked(request: ClinicRequest, pk: UUID) -> CoSignature:
    """Return a request that opens its report to this supervisor, or answer 404."""
    open_requests = CoSignature.objects.open_to_supervisor(request.user).select_related(
        "report__session__patient",
        "report__session__doctor",
        "report__transcription",
        "report__template",
        "report__signed_by",
        "report__amends",
        "requested_by",
    )
    return get_object_or_404(open_requests, pk=pk)


def _page(request: ClinicRequest, asked: CoSignature, sign_form: CoSignForm, return_form: ReturnForm) -> HttpResponse:
    """Show the report with both forms: a form that does not fit shows it again, so that is a reading too."""
    report = asked.report
    services.require_whole(report, by=request.user)
    record_read(request, target=report, patient_id=report.session.patient_id)
    context = {
        "asked": asked,
        "report": report,
        "printed": printed_report(report, timezone.now()),
        "changes": changes_of(report),
        "can_decide": permissions.can_decide(request.user, asked),
        "sign_form": sign_form,
        "return_form": return_form,
    }
    bound = next((form for form in (sign_form, return_form) if form.is_bound), None)
    return render_page(request, "reports/co_sign.html", context, form=bound)
