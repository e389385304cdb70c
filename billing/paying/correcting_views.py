"""Give money back, charge less or more, write off, call a bill off: each with a reason."""

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from billing import permissions
from billing.doors import get_bill
from billing.errors import BadAmount
from billing.ledger import owing
from billing.models import Bill
from billing.money import format_money
from billing.paying.forms import AdjustForm, CancelForm, RefundForm, WriteOffForm
from billing.services import corrections
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import DomainError, NotAllowed
from synapse.web.http import ClinicRequest, render_page


@sensitive_post_parameters("amount", "reason")
@require_http_methods(["GET", "POST"])
@requires(Permission.REFUND_BILLS)
def refund(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give money back."""
    bill = _get(request, pk)
    initial = {"amount": bill.paid_amount or None, "method": bill.payment_method or "cash"}
    form = RefundForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data, at = form.cleaned_data, timezone.now()

        def give_back() -> None:
            corrections.refund_payment(bill, by=request.user, at=at, **data)

        if _do(form, give_back):
            messages.success(request, f"{format_money(data['amount'], bill.currency)} refunded.")
            return redirect("billing:detail", bill.pk)
    return _page(request, "billing/refund.html", bill, form)


@sensitive_post_parameters("amount", "reason")
@require_http_methods(["GET", "POST"])
@requires(Permission.REFUND_BILLS)
def adjust(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Charge less or more."""
    bill = _get(request, pk)
    form = AdjustForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data, at = form.cleaned_data, timezone.now()
        is_more = data.pop("direction") == "more"

        def change() -> None:
            corrections.adjust_bill(bill, is_more=is_more, by=request.user, at=at, **data)

        if _do(form, change):
            more_or_less = "more" if is_more else "less"
            messages.success(request, f"{format_money(data['amount'], bill.currency)} {more_or_less} is charged.")
            return redirect("billing:detail", bill.pk)
    return _page(request, "billing/adjust.html", bill, form)


@sensitive_post_parameters("amount", "reason")
@require_http_methods(["GET", "POST"])
@requires(Permission.REFUND_BILLS)
def write_off(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give up what is open, or part of it."""
    bill = _get(request, pk)
    form = WriteOffForm(request.POST or None, initial={"amount": bill.outstanding_amount or None})
    if request.method == "POST" and form.is_valid():
        data, at = form.cleaned_data, timezone.now()

        def give_up() -> None:
            corrections.write_off(bill, by=request.user, at=at, **data)

        if _do(form, give_up):
            messages.success(request, f"{format_money(data['amount'], bill.currency)} written off.")
            return redirect("billing:detail", bill.pk)
    return _page(request, "billing/write_off.html", bill, form)


@sensitive_post_parameters("reason")
@require_http_methods(["GET", "POST"])
@requires(Permission.REFUND_BILLS)
def cancel(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Call a bill off."""
    bill = _get(request, pk)
    form = CancelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason, at = form.cleaned_data["reason"], timezone.now()

        def call_off() -> None:
            corrections.cancel_bill(bill, reason=reason, by=request.user, at=at)

        if _do(form, call_off):
            messages.success(request, "Bill cancelled.")
            return redirect("billing:detail", bill.pk)
    return _page(request, "billing/cancel.html", bill, form)


def _get(request: ClinicRequest, pk: UUID) -> Bill:
    """Return a bill this person may correct. Raises Http404 and NotAllowed."""
    bill = get_bill(request.user, pk)
    permissions.check_can_give_back(request.user, bill)
    return bill


def _do(form: forms.Form, work: Callable[[], None]) -> bool:
    """Tell whether the work was done; if a rule forbade it, the form says which and keeps what was typed."""
    try:
        work()
    except NotAllowed:
        raise
    except BadAmount as error:
        form.add_error("amount", str(error))
    except DomainError as error:
        form.add_error(None, str(error))
    else:
        return True
    return False


def _page(request: ClinicRequest, template: str, bill: Bill, form: forms.Form) -> HttpResponse:
    # A rule that refused may have left a half-changed copy.
    bill = get_bill(request.user, bill.pk)
    record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "correction"}, poll=True)
    return render_page(request, template, {"bill": bill, "split": owing.split_one(bill)}, form=form)
