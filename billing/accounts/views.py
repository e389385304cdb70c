"""What one patient was billed, paid and owes: the panel of their page, their account, one payment for several bills."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from billing import permissions, queries
from billing.accounts import pages as account_pages
from billing.errors import BadAmount
from billing.ledger import entries as ledger
from billing.money import ZERO, format_money
from billing.paying import pages as paying_pages
from billing.paying.forms import AccountPaymentForm, PayOutForm
from billing.paying.views import note_recorded, take
from billing.services import payments
from billing.services.claim_settling import waiting_claims
from billing.services.payments import Share
from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import DomainError, NotAllowed
from synapse.web.http import ClinicRequest, next_of, render_page

PAGE_SIZE = 50


@require_GET
@requires(Permission.VIEW_BILLS)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show a patient's bills: a panel of the patient's page."""
    patient = _get_patient(request, patient_pk)
    bills = list(queries.list_patient_bills(request.user, patient))
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "bills"}, poll=True)
    rows = account_pages.bill_rows(bills, today=ClinicSettings.load().date_of(timezone.now()))
    context = {
        "patient": patient,
        "bills": rows,
        "standings": [
            account_pages.standing_from(rows, ledger.credit_of(patient, currency), currency)
            for currency in account_pages.currencies_of(patient)
        ],
        "may_pay": request.user.may(Permission.RECORD_PAYMENTS),
    }
    return render_page(request, "billing/for_patient.html", context, fragment="billing/_for_patient.html")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_BILLS)
def account(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show a patient's account; POST takes one payment for several bills."""
    patient = _get_patient(request, patient_pk)
    if request.method == "POST":
        permissions.check_can_work_with_bills(request.user)
    currencies = account_pages.currencies_of(patient)
    asked = request.POST.get("currency") or request.GET.get("currency")
    currency = asked if asked in currencies else currencies[0]
    bills = account_pages.owing_bills(request.user, patient, currency)
    form = _payment_form(request, patient, currency, bills)
    if request.method == "POST" and form.is_valid():
        payment = take(
            form,
            lambda: payments.take_payment(
                patient.kept_record,
                shares=[Share(bill, amount) for bill, amount in form.shares],
                by=request.user,
                at=timezone.now(),
                currency=currency,
                **form.facts(),
            ),
            user=request.user,
        )
        if payment is not None:
            note_recorded(request, payment, form)
            back = next_of(request) or request.path
            return redirect(f"{reverse('billing:payment', args=[payment.pk])}?{urlencode({'next': back})}")
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "account"})
    page = Paginator(account_pages.payments_of(request.user, patient, currency), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = account_pages.account_context(
        request.user, patient, currency=currency, bills=bills, at=timezone.now(), page=page
    )
    context |= {
        "currencies": [(each, each) for each in currencies],
        "may_pay": request.user.may(Permission.RECORD_PAYMENTS),
        "waiting_claims": list(waiting_claims(bills)),
        "address": request.path,
    }
    return render_page(request, "billing/account.html", context, form=form)


@sensitive_post_parameters("amount", "reason")
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def pay_out(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Give a patient their credit back."""
    patient = _get_patient(request, patient_pk)
    permissions.check_can_pay_out(request.user)
    currency = request.GET.get("currency") or ClinicSettings.load().currency
    held = ledger.accounts_of(patient).filter(currency=currency).first()
    if held is None:
        raise Http404
    credit = ledger.credit_of(patient, currency)
    form = PayOutForm(request.POST or None, initial={"amount": credit or None, "method": "cash"})
    if request.method == "POST" and form.is_valid():
        try:
            payments.pay_out_credit(held, by=request.user, at=timezone.now(), **form.cleaned_data)
        except NotAllowed:
            raise
        except BadAmount as error:
            form.add_error("amount", str(error))
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{format_money(form.cleaned_data['amount'], currency)} paid out.")
            return redirect("billing:account", patient.pk)
    context = {"patient": patient, "credit": credit, "currency": currency}
    return render_page(request, "billing/pay_out.html", context, form=form)


def _get_patient(request: ClinicRequest, pk: UUID) -> Patient:
    return get_object_or_404(Patient.objects.in_care_of(request.user).select_related("merged_into"), pk=pk)


def _payment_form(request: ClinicRequest, patient: Patient, currency: str, bills: list[Any]) -> AccountPaymentForm:
    if request.method == "POST":
        # A form that is sent again names bills that are paid by now.
        bills = account_pages.bills_named(request.user, patient, _named(request.POST))
    rows = account_pages.bill_rows(bills, today=ClinicSettings.load().date_of(timezone.now()))
    owed = {row.bill.pk: row.owed for row in rows}
    total = sum(owed.values(), ZERO)
    return AccountPaymentForm(
        request.POST if request.method == "POST" else None,
        bills=bills,
        owed=owed,
        open_amount=sum((bill.outstanding_amount for bill in bills), ZERO),
        currency=currency,
        initial={"amount": total or None, "method": paying_pages.last_method(request.user)},
    )


def _named(data: QueryDict) -> Iterator[UUID]:
    """Return the ids of the bills a form names."""
    for name in data:
        if not name.startswith("share-"):
            continue
        try:
            yield UUID(name.removeprefix("share-"))
        except ValueError:
            continue
