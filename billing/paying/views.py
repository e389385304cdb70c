"""Take payments, use credit, show a payment with its receipt, and take back what was mistyped."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import permissions, queries
from billing.bills.pages import words_of
from billing.doors import get_bill
from billing.errors import BadAmount, KeyReused, Locked, TooMuch
from billing.ledger.owing import Split
from billing.models import Bill, Claim, LedgerEntry, Payment
from billing.money import format_money
from billing.paying import pages as paying_pages
from billing.paying.forms import CreditForm, PaymentForm, PaymentReversalForm, ReversalForm
from billing.services import corrections, payments
from synapse.accounts.decorators import requires
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import DomainError, NotAllowed
from synapse.web.http import ClinicRequest, next_of, render_page

# What the pages of a payment hand to the next one; amounts never travel in an address.
RECORDED = "payment_recorded"
MISTYPED = "payment_mistyped"


@sensitive_post_parameters("amount", "reference", "given")
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def pay(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take a payment; the dialog of a list asks with htmx."""
    bill = get_bill(request.user, pk)
    closed = _why_closed(bill)
    if request.method == "GET" and closed:  # a list may be older than the bill
        return _closed(request, bill, closed, status=409)
    context = paying_pages.pay_context(bill)
    form = _payment_form(request, bill, context["split"])
    back = next_of(request)
    if request.method == "POST" and form.is_valid():
        payment = _record(bill, form, by=request.user)
        if payment is not None:
            return _paid(request, payment, form, back=back)
        if closed:  # the page was open before the bill was paid
            return _closed(request, bill, closed, status=422)
    if request.method == "GET":
        record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "payment"})
    context |= {
        "next": back,
        "has_others": queries.has_other_open_bills(request.user, bill),
        "account_address": f"{reverse('billing:account', args=[bill.patient_id])}?currency={bill.currency}",
    }
    return render_page(request, "billing/pay.html", context, fragment="billing/_pay_dialog.html", form=form)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def use_credit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Pay a bill from the patient's credit and go on with what is left to pay."""
    bill = get_bill(request.user, pk)
    form = CreditForm(request.POST)
    if not form.is_valid():
        raise BadAmount("Open the page again: the amount of the credit is missing.")
    data = form.cleaned_data
    payments.apply_credit(bill, amount=data["amount"], key=data["key"], by=request.user, at=timezone.now())
    bill.refresh_from_db()
    messages.success(request, f"{format_money(data['amount'], bill.currency)} paid from credit.")
    back = next_of(request)
    if request.POST.get("then") == "back" or not bill.outstanding_amount:
        return redirect(back or reverse("billing:detail", args=[bill.pk]))
    return redirect(_with_next(reverse("billing:pay", args=[bill.pk]), back))


@require_GET
@requires(Permission.VIEW_BILLS)
def payment(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one payment: its receipt, what it paid, and the way on."""
    found = _get_payment(request.user, pk)
    record_read(request, target=found, patient_id=found.patient_id)
    row = paying_pages.payment_rows([found])[0]
    noted = request.session.get(RECORDED) or {}
    context = {
        "row": row,
        "payment": found,
        "next": next_of(request),
        "is_new": noted.get("payment") == str(found.pk),
        "change": Decimal(noted["change"]) if noted.get("payment") == str(found.pk) and noted.get("change") else None,
        "can_reverse": paying_pages.can_reverse(request.user, row, at=timezone.now()),
        "receipt_address": paying_pages.address("receipt", found.pk),
        "send_address": paying_pages.address("send_receipt", found.pk),
        "may_send": request.user.may(Permission.RECORD_PAYMENTS),
    }
    return render_page(request, "billing/payment.html", context)


@sensitive_post_parameters("right_amount", "reason")
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def reverse_payment(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take back a payment that was recorded wrongly, then open the form for the right one."""
    found = _get_payment(request.user, pk)
    row = paying_pages.payment_rows([found])[0]
    if not row.is_reversed:
        permissions.check_can_reverse(request.user, found, [bill for bill, _ in row.parts], at=timezone.now())
    form = PaymentReversalForm(request.POST or None)
    settled = list(found.claims.only("control_number"))
    if request.method == "POST" and form.is_valid():
        try:
            payments.reverse_payment(found, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        except NotAllowed:
            raise
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            if settled:
                return _reopened(request, found, settled)
            return _reversed(request, found, row, form.cleaned_data["right_amount"])
    context = {"payment": found, "row": row, "settled": settled, "next": next_of(request)}
    return render_page(request, "billing/reverse_payment.html", context, form=form)


@sensitive_post_parameters("reason")
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def reverse_entry(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take back an adjustment, a write-off, a use or paying out of credit, or a refund that was recorded wrongly."""
    entries = LedgerEntry.objects.visible_to(request.user)
    entry = get_object_or_404(entries.select_related("bill__patient", "bill__doctor", "patient__merged_into"), pk=pk)
    permissions.check_can_take_back(request.user, entry, at=timezone.now())
    form = ReversalForm(request.POST or None)
    back = (
        reverse("billing:detail", args=[entry.bill_id])
        if entry.bill_id
        else reverse("billing:account", args=[entry.patient.kept_id])
    )
    if request.method == "POST" and form.is_valid():
        try:
            corrections.reverse_entry(entry, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        except NotAllowed:
            raise
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Entry reversed.")
            return redirect(back)
    context = {"entry": entry, "words": words_of(entry), "back": back}
    return render_page(request, "billing/reverse_entry.html", context, form=form)


def take(form: PaymentForm, record: Any, *, user: User) -> Payment | None:
    """Let `record` take the payment of a valid form; None when it could not be, with the reason in the form."""
    try:
        recorded: Payment = record()
    except BadAmount as error:
        if isinstance(error, TooMuch) and form.cleaned_data["amount"] > form.takes:
            form.ask_about_rest()
        else:
            form.add_error("amount", str(error))
    except KeyReused:
        _explain_key(form, user)
    except NotAllowed:
        raise
    except DomainError as error:
        form.add_error(None, str(error))
    else:
        return recorded
    return None


def note_recorded(request: ClinicRequest, recorded: Payment, form: PaymentForm) -> None:
    """Keep the change for the page that follows."""
    change = form.change
    request.session[RECORDED] = {"payment": str(recorded.pk), "change": str(change) if change else ""}


def _why_closed(bill: Bill) -> str:
    """Return why a bill takes no payment; nothing when it takes one."""
    try:
        payments.check_takes_payment(bill)
    except Locked as error:
        return str(error)
    return ""


def _closed(request: ClinicRequest, bill: Bill, why: str, *, status: int) -> HttpResponse:
    """Say that a bill takes no payment, and lead to the receipts of what paid it."""
    record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "payment"}, poll=True)
    rows = paying_pages.payment_rows(paying_pages.payments_on(bill))
    context = {
        "bill": bill,
        "why": why,
        "paid_with": [row.payment for row in rows if not row.is_reversed],
        "next": next_of(request),
    }
    return render_page(
        request, "billing/pay_closed.html", context, fragment="billing/_pay_closed_dialog.html", status=status
    )


def _record(bill: Bill, form: PaymentForm, *, by: User) -> Payment | None:
    return take(form, lambda: payments.record_payment(bill, by=by, at=timezone.now(), **form.facts()), user=by)


def _payment_form(request: ClinicRequest, bill: Bill, split: Split) -> PaymentForm:
    """Return the form as it was sent, or begun with what the patient owes and the way the last one paid."""
    initial = {
        "amount": split.patient_owes or split.open or None,
        "method": paying_pages.last_method(request.user),
        **(_mistyped(request, bill) if request.method == "GET" else {}),
    }
    return PaymentForm(request.POST or None, open_amount=split.open, currency=bill.currency, initial=initial)


def _paid(request: ClinicRequest, recorded: Payment, form: PaymentForm, *, back: str) -> HttpResponse:
    note_recorded(request, recorded, form)
    if back and request.POST.get("then") == "back":
        words = f"{recorded.get_method_display()} payment recorded, receipt {recorded.receipt_number}."
        if form.change:
            words += f" Change: {format_money(form.change, recorded.currency)}."
        messages.success(request, words)
        return redirect(back)
    return redirect(_with_next(reverse("billing:payment", args=[recorded.pk]), back))


def _explain_key(form: PaymentForm, user: User) -> None:
    """Say what the form was used for before, and make it ready to be used for another payment."""
    first = Payment.objects.visible_to(user).filter(pk=form.cleaned_data["key"]).first()
    used = (
        f"the payment {first.receipt_number} of {format_money(first.amount, first.currency)}"
        if first
        else "another payment"
    )
    form.renew_key()
    form.add_error(
        None,
        f"This form was already used for {used}, and nothing more was recorded. If that one was mistyped, reverse it "
        "first. If this is a further payment, check the amount and record it again.",
    )


def _get_payment(user: User, pk: UUID) -> Payment:
    payments_seen = Payment.objects.visible_to(user).select_related("patient__merged_into", "by", "insurer")
    return get_object_or_404(payments_seen, pk=pk)


def _mistyped(request: ClinicRequest, bill: Bill) -> dict[str, Any]:
    """Return what the form begins with after a payment was taken back: the right amount, the rest as before."""
    noted = request.session.pop(MISTYPED, None) or {}
    if noted.get("bill") != str(bill.pk):
        return {}
    first = Payment.objects.filter(pk=noted["payment"]).first()
    if first is None:
        return {}
    return {"amount": Decimal(noted["amount"]), "method": first.method, "reference": first.reference}


def _reversed(
    request: ClinicRequest, found: Payment, row: paying_pages.PaymentRow, right_amount: Decimal | None
) -> HttpResponse:
    messages.success(request, f"Payment {found.receipt_number} reversed.")
    if len(row.parts) == 1:
        bill = row.parts[0][0]
        if right_amount is None:
            return redirect("billing:detail", bill.pk)
        request.session[MISTYPED] = {"bill": str(bill.pk), "payment": str(found.pk), "amount": str(right_amount)}
        return redirect("billing:pay", bill.pk)
    return redirect("billing:account", found.patient.kept_id)


def _reopened(request: ClinicRequest, found: Payment, settled: list[Claim]) -> HttpResponse:
    """Lead to the claim that waits again, or to the patient's account when it was several."""
    numbers = ", ".join(claim.control_number for claim in settled)
    words = f"Claim {numbers} waits" if len(settled) == 1 else f"Claims {numbers} wait"
    messages.success(request, f"Payment {found.receipt_number} reversed. {words} for the insurer’s answer again.")
    if len(settled) == 1:
        return redirect("billing:claim", settled[0].pk)
    return redirect("billing:account", found.patient.kept_id)


def _with_next(target: str, back: str) -> str:
    return f"{target}?{urlencode({'next': back})}" if back else target
