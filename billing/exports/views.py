"""Files that leave billing: bills, movements of money, the journal; and the accounts the journal names."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from billing import permissions
from billing.desk import filters as desk_filters
from billing.exports import rows as exports
from billing.exports.forms import AccountsForm, SpanForm, month_before
from billing.models import Bill, BillingSettings, BillQuerySet
from billing.services import accounts as account_services
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.web.csv import csv_stream
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.VIEW_BILLS)
def choose(request: ClinicRequest) -> HttpResponse:
    """Offer the files of a span; the month before is chosen."""
    return _page(request, None)


@require_GET
@requires(Permission.VIEW_BILLS)
@fresh_proof_required
def bills(request: ClinicRequest) -> HttpResponseBase:
    """Download the bills of the list as it is filtered."""
    wanted = desk_filters.read_filter(request.GET)
    found = desk_filters.visible_bills(request.user, wanted).filter(desk_filters.in_state(wanted.show))
    return _bill_file(request, found)


@fresh_proof_required
def bills_of(request: ClinicRequest, keys: Sequence[UUID]) -> HttpResponseBase:
    """Answer with a file of chosen bills."""
    return _bill_file(request, Bill.objects.visible_to(request.user).filter(pk__in=keys))


@require_GET
@requires(Permission.VIEW_BILLS)
@fresh_proof_required
def payments(request: ClinicRequest) -> HttpResponseBase:
    """Download what came in and went out in a span."""
    form = SpanForm(request.GET)
    if not form.is_valid():
        return _page(request, form)
    span = form.span()
    _record(request, "payments", span)
    return csv_stream(_name("payments", span), exports.MONEY_COLUMNS, exports.money_rows(request.user, span))


@require_GET
@requires(Permission.VIEW_BILLS)
@fresh_proof_required
def journal(request: ClinicRequest) -> HttpResponseBase:
    """Download the books of a span as double entry."""
    permissions.check_can_close_books(request.user)
    form = SpanForm(request.GET)
    if not form.is_valid():
        return _page(request, form)
    span = form.span()
    _record(request, "journal", span)
    return csv_stream(_name("journal", span), exports.JOURNAL_COLUMNS, exports.journal_rows(request.user, span))


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def accounts(request: ClinicRequest) -> HttpResponse:
    """Change the numbers and names of the journal's accounts."""
    form = AccountsForm(request.POST or None, chosen=BillingSettings.load().journal_accounts)
    if request.method == "POST" and form.is_valid():
        account_services.choose_accounts(form.accounts(), by=request.user)
        messages.success(request, "The journal names these accounts from now on.")
        return redirect("billing:exports")
    return render_page(request, "billing/accounts.html", form=form)


def _page(request: ClinicRequest, form: SpanForm | None) -> HttpResponse:
    user = request.user
    if form is None:
        span = month_before(ClinicSettings.load().date_of(timezone.now()))
        form = SpanForm(initial={"first": span.first, "last": span.last})
    context = {
        "may_close_books": permissions.can_close_books(user),
        "may_set_accounts": user.may(Permission.MANAGE_CLINIC),
    }
    return render_page(request, "billing/exports.html", context, form=form)


def _bill_file(request: ClinicRequest, found: BillQuerySet) -> HttpResponseBase:
    subjects = set(found.order_by().values_list("patient_id", flat=True).distinct())
    record_read(request, target=("bills", "file"), action=Action.EXPORT, subjects=subjects)
    today = ClinicSettings.load().date_of(timezone.now())
    return csv_stream(f"bills-{today:%Y%m%d}", exports.BILL_COLUMNS, exports.bill_rows(found))


def _record(request: ClinicRequest, what: str, span: exports.Span) -> None:
    entries = exports.entries_of(request.user, span)
    subjects = set(entries.order_by().values_list("patient_id", flat=True).distinct())
    days = {"first": span.first.isoformat(), "last": span.last.isoformat()}
    record_read(request, target=("billing", what), action=Action.EXPORT, subjects=subjects, detail=days)


def _name(what: str, span: exports.Span) -> str:
    return f"{what}-{span.first:%Y%m%d}-{span.last:%Y%m%d}"
