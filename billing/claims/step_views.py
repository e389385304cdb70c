"""What becomes of a claim: sent, accepted, denied, paid; each on a small page of its own."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from billing.claims import pages as claim_pages
from billing.claims.forms import AcceptForm, DenyForm, PaidForm, SendForm
from billing.claims.views import get_claim
from billing.ledger import owing
from billing.models import Claim
from billing.money import format_money
from billing.paying.forms import ReversalForm
from billing.services import claim_payments, claim_reopening, claims
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.common.errors import DomainError, NotAllowed
from synapse.web.http import ClinicRequest, render_page


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def send(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that a claim went out."""
    claim = get_claim(request.user, pk)
    today = ClinicSettings.load().date_of(timezone.now())
    form = SendForm(request.POST or None, initial={"via": Claim.Via.FILE, "on": today})

    def step(data: dict[str, Any]) -> str:
        claims.mark_sent(claim, by=request.user, at=timezone.now(), **data)
        return "Noted that the claim is on its way."

    words = "A claim keeps its boxes as they went out."
    return _step(request, claim, form, step, title="Mark as sent", words=words, icon="send")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def accept(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the insurer took a claim in."""
    claim = get_claim(request.user, pk)
    form = AcceptForm(request.POST or None)

    def step(data: dict[str, Any]) -> str:
        claims.mark_accepted(claim, by=request.user, at=timezone.now(), **data)
        return "Noted that the insurer has accepted the claim."

    words = "The insurer has taken the claim in and will decide about it."
    return _step(request, claim, form, step, title="Accepted", words=words, icon="check")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def deny(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the insurer pays nothing, and why."""
    claim = get_claim(request.user, pk)
    form = DenyForm(request.POST or None, initial={"claim_number": claim.claim_number})

    def step(data: dict[str, Any]) -> str:
        claims.mark_denied(claim, by=request.user, at=timezone.now(), **data)
        return "Noted that the claim was denied. It can be resubmitted, or the patient pays."

    words = "What is open becomes the patient's until a new claim replaces this one."
    return _step(request, claim, form, step, title="Denied", words=words, icon="ban")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def paid(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take the insurer's payment."""
    claim = get_claim(request.user, pk)
    bill = claim.bill
    split = owing.split_one(bill)
    form = PaidForm(
        request.POST or None,
        bill=bill,
        may_adjust=claim_pages.can_adjust(request.user, claim),
        initial={"amount": split.insurer_expected or None},
    )

    def step(data: dict[str, Any]) -> str:
        settled = claim_payments.mark_paid(claim, by=request.user, at=timezone.now(), **data)
        bill.refresh_from_db()
        left = format_money(bill.outstanding_amount, bill.currency)
        receipt = f", receipt {settled.payment.receipt_number}" if settled.payment else ""
        return f"The insurer's answer is recorded{receipt}. {left} is left to the patient."

    words = (
        f"{format_money(claim.claimed_amount or bill.total_amount, bill.currency)} was claimed, "
        f"{format_money(bill.outstanding_amount, bill.currency)} is open on the bill. "
        "What the insurer leaves becomes the patient's."
    )
    return _step(request, claim, form, step, title="Insurer's payment", words=words, icon="cash", money=bill.currency)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def take_back(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take back that the insurer answered with nothing."""
    claim = get_claim(request.user, pk)
    form = ReversalForm(request.POST or None)

    def step(data: dict[str, Any]) -> str:
        claim_reopening.take_back_answer(claim, by=request.user, at=timezone.now(), **data)
        return "The answer is taken back. The claim waits for the insurer again."

    words = "The claim waits for the insurer again, and the insurer's share of the bill is as it was before."
    return _step(request, claim, form, step, title="Take the answer back", words=words, icon="arrow-back-up")


def _step(
    request: ClinicRequest,
    claim: Claim,
    form: forms.Form,
    step: Callable[[dict[str, Any]], str],
    **texts: str,
) -> HttpResponse:
    """Show a step's form, or take it; a rule it breaks is said on the page and nothing typed is lost."""
    if request.method == "POST" and form.is_valid():
        try:
            said = step(form.cleaned_data)
        except NotAllowed:
            raise
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, said)
            return redirect("billing:claim", claim.pk)
    return render_page(request, "billing/claim_step.html", {"claim": claim, "bill": claim.bill, **texts}, form=form)
