"""The list of bills, one bill, and what is done with it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import invoice, permissions, queries, services
from billing.errors import BadAmount
from billing.forms import BillForm, LineFormSet, PaymentForm, ReasonForm, RefundForm
from billing.models import Bill, LedgerEntry
from billing.money import ZERO
from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 25
Status = Bill.Status
FILTERS = {
    "open": ("Open", (Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE)),
    "draft": ("To send", (Status.PENDING,)),
    "overdue": ("Overdue", (Status.OVERDUE,)),
    "paid": ("Paid", (Status.PAID,)),
    "all": ("All", tuple(Status)),
}


@require_GET
@requires(Permission.VIEW_BILLS)
def bill_list(request: ClinicRequest) -> HttpResponse:
    """List bills by state or age, with what is open by age above."""
    clinic = ClinicSettings.load()
    now = timezone.now()
    today = clinic.date_of(now)
    bills = queries.list_bills(request.user)
    show = request.GET.get("show", "open")
    show = show if show in FILTERS else "open"
    open_bills = list(bills.filter(status__in=FILTERS["open"][1]).order_by("due_date", "bill_number"))
    age = request.GET.get("age", "")
    chosen: Any
    if show == "open":
        chosen = [bill for bill in open_bills if not age or queries.age_key(bill, today) == age]
    else:
        chosen = bills.filter(status__in=FILTERS[show][1])
    page = Paginator(chosen, PAGE_SIZE).get_page(request.GET.get("page"))
    record_read(request, target=("bills", show), subjects={bill.patient_id for bill in page})
    context = {
        "page": page,
        "aging": queries.sum_by_age(open_bills, today=today),
        "age": age,
        "show": show,
        "filters": [(key, label) for key, (label, _) in FILTERS.items()],
        "counts": {
            "open": len(open_bills),
            "draft": bills.filter(status=Status.PENDING).count(),
            "overdue": sum(bill.status == Status.OVERDUE for bill in open_bills),
        },
        "paid": queries.paid_in_month(f"{today:%Y%m}", clinic.currency)
        if request.user.may(Permission.VIEW_ALL_PATIENTS)
        else None,
        "today": today,
        "currency": clinic.currency,
    }
    return render_page(request, "billing/list.html", context)


@require_GET
@requires(Permission.VIEW_BILLS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one bill with its lines, its ledger and the invoice as it will print."""
    bill = _get_bill(request, pk)
    record_read(request, target=bill, patient_id=bill.patient_id)
    return render_page(request, "billing/detail.html", _bill_context(request, bill))


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change the lines and the rest of a draft."""
    bill = _get_bill(request, pk)
    if bill.bill_number or bill.status != Status.PENDING:
        raise Conflict("This bill has its number and its lines are fixed.")
    stored = [
        {key: line[key] for key in ("description", "cpt_code", "quantity", "unit_price", "price_missing", "note")}
        for line in bill.line_items
    ]
    lines = LineFormSet(request.POST or None, initial=stored, prefix="lines")
    form = BillForm(request.POST or None, initial=_bill_initial(bill))
    if request.method == "POST" and form.is_valid() and lines.is_valid():
        data = form.cleaned_data
        try:
            services.edit_lines(
                bill,
                lines=lines.lines(),  # type: ignore[attr-defined]  # formset_factory hides its class
                **{name: data[name] for name in ("discount", "tax_rate", "insurance_covered")},
                **{name: data[name] for name in ("primary_diagnosis_code", "notes", "internal_notes")},
                by=request.user,
                at=timezone.now(),
            )
        except BadAmount as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Bill saved.")
            return redirect("billing:detail", bill.pk)
    status = 422 if request.method == "POST" else 200
    return render_page(request, "billing/edit.html", {"bill": bill, "lines": lines}, form=form, status=status)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def send(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Issue the bill and mail it, or note that it was handed over."""
    bill = _get_bill(request, pk)
    by_mail = request.POST.get("how") == "mail"
    services.send_bill(bill, by=request.user, at=timezone.now(), by_mail=by_mail)
    messages.success(
        request, "The bill is on its way by e-mail." if by_mail else "Noted that the patient has the bill."
    )
    return redirect("billing:detail", bill.pk)


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def pay(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take a payment."""
    bill = _get_bill(request, pk)
    form = PaymentForm(request.POST or None, bill=bill)
    if request.method == "POST" and form.is_valid():
        try:
            entry = services.record_payment(bill, by=request.user, at=timezone.now(), **form.cleaned_data)
        except BadAmount as error:
            form.add_error("amount", str(error))
        else:
            messages.success(request, f"{entry.get_method_display()} payment recorded.")
            return redirect("billing:detail", bill.pk)
    return render_page(request, "billing/pay.html", {"bill": bill}, form=form)


@require_http_methods(["GET", "POST"])
@requires(Permission.REFUND_BILLS)
def refund(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give money back."""
    bill = _get_bill(request, pk)
    permissions.check_can_give_back(request.user, bill)
    form = RefundForm(request.POST or None, initial={"amount": bill.paid_amount})
    if request.method == "POST" and form.is_valid():
        try:
            services.refund_payment(bill, by=request.user, at=timezone.now(), **form.cleaned_data)
        except BadAmount as error:
            form.add_error("amount", str(error))
        else:
            messages.success(request, "Refund recorded.")
            return redirect("billing:detail", bill.pk)
    return render_page(request, "billing/refund.html", {"bill": bill}, form=form)


@require_http_methods(["GET", "POST"])
@requires(Permission.REFUND_BILLS)
def cancel(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Call a bill off."""
    bill = _get_bill(request, pk)
    permissions.check_can_give_back(request.user, bill)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.cancel_bill(bill, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        messages.success(request, "Bill cancelled.")
        return redirect("billing:detail", bill.pk)
    return render_page(request, "billing/cancel.html", {"bill": bill}, form=form)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def draft_again(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Draft a new bill of the session whose bill was cancelled."""
    bill = _get_bill(request, pk)
    if bill.session is None or bill.status != Status.CANCELLED:
        raise Conflict("Only the session of a cancelled bill is billed again.")
    again = services.draft_bill_for_session(bill.session, by=request.user, at=timezone.now())
    return redirect("billing:detail", again.pk)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_BILLS)
def pdf(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the invoice as a file; POST issues a draft first, GET does not."""
    bill = _get_bill(request, pk)
    if request.method == "POST":
        services.issue_bill(bill, by=request.user, at=timezone.now())
    elif not bill.bill_number:
        raise Conflict("This bill has no number yet. Make the invoice with the button on its page.")
    content = invoice.invoice_pdf(bill)
    services.note_export(bill, "pdf", by=request.user, at=timezone.now())
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{bill.bill_number}.pdf"'
    return response


@require_GET
@requires(Permission.VIEW_BILLS)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show a patient's bills: a panel of the patient's page."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    bills = list(queries.list_patient_bills(request.user, patient))
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "bills"}, poll=True)
    is_owing = (Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE)
    context = {
        "patient": patient,
        "bills": bills,
        "owed": sum((bill.outstanding_amount for bill in bills if bill.status in is_owing), ZERO),
        "currency": ClinicSettings.load().currency,
    }
    return render_page(request, "billing/for_patient.html", context, fragment="billing/_for_patient.html")


def _get_bill(request: ClinicRequest, pk: UUID) -> Bill:
    return get_object_or_404(queries.list_bills(request.user), pk=pk)


def _bill_context(request: ClinicRequest, bill: Bill) -> dict[str, Any]:
    may_work = request.user.may(Permission.RECORD_PAYMENTS)
    may_give_back = permissions.can_give_back(request.user, bill)
    is_draft = bill.status == Status.PENDING and not bill.bill_number
    can_issue = bool(bill.bill_number) or services.can_issue(bill)
    return {
        **invoice.invoice_context(bill),
        "ledger": _with_balance(queries.list_ledger(bill)),
        "is_draft": is_draft,
        "can_edit": may_work and is_draft,
        "can_issue": may_work and can_issue,
        "can_send": may_work and bill.status == Status.PENDING and can_issue,
        "can_pay": may_work and bill.is_open and can_issue,
        "can_refund": may_give_back and bill.paid_amount > ZERO and bill.status != Status.REFUNDED,
        "can_cancel": may_give_back
        and not bill.paid_amount
        and bill.status in (Status.PENDING, Status.SENT, Status.OVERDUE),
        "can_draft_again": may_work and bill.status == Status.CANCELLED and bill.session is not None,
        "why_not": services.why_not_issued(bill) if is_draft else "",
        "today": ClinicSettings.load().date_of(timezone.now()),
    }


def _with_balance(entries: list[LedgerEntry]) -> list[tuple[LedgerEntry, Decimal, Decimal]]:
    """Return each entry with its signed amount and what is open after it."""
    balance, rows = ZERO, []
    for entry in entries:
        adds = entry.kind in (LedgerEntry.Kind.CHARGE, LedgerEntry.Kind.REFUND)
        signed = entry.amount if adds else -entry.amount
        balance += signed
        rows.append((entry, signed, balance))
    return rows


def _bill_initial(bill: Bill) -> dict[str, Any]:
    return {
        "discount": bill.discount_amount,
        "tax_rate": bill.tax_rate,
        "insurance_covered": bill.insurance_covered_amount,
        "primary_diagnosis_code": bill.primary_diagnosis_code,
        "notes": bill.notes,
        "internal_notes": bill.internal_notes,
    }
