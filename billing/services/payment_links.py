"""Make a payment link for what a patient owes, withdraw it when that changes, and take what was paid on it once.

The provider is asked outside of any transaction; a row is written before, so nothing it did is ever unknown.
"""

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from time import monotonic
from uuid import UUID, uuid4, uuid5

from billing import permissions
from billing.errors import Locked
from billing.ledger import owing
from billing.models import Bill, LedgerEntry, Method, Payment, PaymentLink
from billing.money import ZERO
from billing.payment_links.open_links import is_current, open_link
from billing.payment_links.providers import get_provider
from billing.payment_links.providers.base import (
    AlreadyPaid,
    LinkRequest,
    PaymentEvent,
    PaymentLinkProvider,
    ProviderError,
    State,
)
from billing.services import payments
from billing.services.issuing import issue_locked
from billing.services.rows import lock
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance

logger = logging.getLogger(__name__)

VALID = timedelta(days=30)
NAMESPACE = UUID("6f1f5f5e-6d2c-5b0e-9f0a-6c1c9b0c7b1d")  # of the keys that payments have from a provider's references
ASK_AGAIN_AFTER = timedelta(minutes=10)
COMPLETE_AFTER = timedelta(minutes=15)
AT_ONCE = 40
RUN_SECONDS = 25.0
# How a provider says it was paid; anything else, and what never comes by a link, is "other".
METHODS = frozenset({Method.CARD, Method.UPI, Method.BANK_TRANSFER})

Status = PaymentLink.Status
Problem = PaymentLink.Problem


class UnknownLink(DomainError):
    """No link of ours has this reference."""

    code = "unknown_link"
    status = 404


class ProviderTrouble(DomainError):
    """The provider did not do what was asked."""

    code = "payment_provider"
    status = 502


def create_link(bill: Bill, *, by: User, at: datetime) -> PaymentLink:
    """Return a link for what the patient owes of a bill: the one there is, or a new one in place of an outdated one.

    A draft is issued first. Raises Locked when nothing is owed, NotIssuable and ProviderTrouble.
    """
    permissions.check_can_work_with_bills(by)
    provider = get_provider()
    old = open_link(bill)
    if old is not None and old.url and not is_current(old, bill, owed=owing.split_one(bill).patient_owes, at=at):
        withdraw_link(old, by=by, at=at)
    with audit.unit_of_work():
        lock(bill)
        if not bill.is_open:
            raise Locked(f"This bill is {bill.get_status_display().lower()}. It takes no payment.")
        issue_locked(bill, by=by, at=at)
        owed = owing.split_one(bill).patient_owes
        if owed <= ZERO:
            raise Locked("The patient owes nothing on this bill.")
        link = open_link(bill)
        if link is None:
            key = uuid4()
            link = PaymentLink.objects.create(
                id=key,
                bill=bill,
                provider=provider.name,
                provider_reference=str(key),
                url="",
                amount=owed,
                currency=bill.currency,
                expires_at=at + VALID,
                created_by=by,
            )
            _record(link, "create", by=by, action=Action.CREATE)
    return link if link.url else _complete(link, at=at)


def withdraw_link(link: PaymentLink, *, by: User | None, at: datetime) -> PaymentLink:
    """Withdraw a link; one that was paid meanwhile is taken as paid. Raises ProviderTrouble."""
    if by is not None:
        permissions.check_can_work_with_bills(by)
    if link.status != Status.OPEN:
        return link
    try:
        provider = _provider_of(link)
        if link.url:
            provider.cancel(link.provider_reference)
    except AlreadyPaid:
        return follow_link(link, at=at)
    except ProviderError as error:
        raise _trouble(link, error) from None
    _close(link, Status.CANCELLED, by=by, at=at)
    return link


def settle_problem(link: PaymentLink, *, by: User, at: datetime) -> None:
    """Note that a person has looked at what was reported."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        if PaymentLink.objects.filter(pk=link.pk).exclude(problem="").update(problem="", updated_at=at):
            _record(link, "settle", by=by)


def take_event(event: PaymentEvent, *, provider: str, at: datetime) -> PaymentLink:
    """Write down what became of a link; the same report again changes nothing.

    Money for a bill that takes none any more is kept as the patient's credit; another amount or currency than the
    link's is not booked but shown to a person. Raises UnknownLink.
    """
    with audit.unit_of_work():
        links = PaymentLink.objects.select_related("bill__patient__merged_into").select_for_update(of=("self",))
        link = links.filter(provider=provider, provider_reference=event.reference).first()
        if link is None:
            raise UnknownLink("No link has this reference.")
        if event.state == State.PAID:
            _take_money(link, event, at=at)
        elif event.state in (State.EXPIRED, State.CANCELLED) and link.status == Status.OPEN:
            advance(link, Status(event.state.value), at=at)
            _record(link, event.state.value, by=None)
    return link


def follow_link(link: PaymentLink, *, at: datetime) -> PaymentLink:
    """Ask the provider what became of a link and write it down. Raises ProviderTrouble."""
    try:
        event = _provider_of(link).fetch(link.provider_reference)
    except ProviderError as error:
        raise _trouble(link, error) from None
    return take_event(event, provider=link.provider, at=at)


def review_bill(bill_id: UUID, *, at: datetime) -> None:
    """Withdraw the link of a bill that asks for what is no longer owed. Raises ProviderTrouble."""
    link = PaymentLink.objects.select_related("bill").filter(bill=bill_id, status=Status.OPEN).first()
    if link is not None and not is_current(link, link.bill, owed=owing.split_one(link.bill).patient_owes, at=at):
        withdraw_link(link, by=None, at=at)


def follow_links(at: datetime) -> int:
    """Ask after the open links whose report may not have come, the longest unasked first; return how many were asked.

    A sweep, safe to run twice: one run asks after 40 at most and stops after 25 seconds.
    """
    started, asked = monotonic(), 0
    due = PaymentLink.objects.filter(status=Status.OPEN).select_related("bill")
    due = due.exclude(checked_at__gt=at - ASK_AGAIN_AFTER)
    links = [*due.filter(checked_at=None)[:AT_ONCE], *due.exclude(checked_at=None).order_by("checked_at")[:AT_ONCE]]
    links = links[:AT_ONCE]
    owed = owing.owed_by_patients([link.bill for link in links])
    for link in links:
        if monotonic() - started > RUN_SECONDS:
            break
        PaymentLink.objects.filter(pk=link.pk).update(checked_at=at)
        asked += 1
        try:
            _look_after(link, owed=owed[link.bill_id], at=at)
        except DomainError as error:
            logger.warning("payment link %s: %s", link.pk, error.code)
        except Exception as error:  # noqa: BLE001  one link must not hold up the others
            logger.error("payment link %s could not be followed: %s", link.pk, type(error).__name__)
    return asked


def _look_after(link: PaymentLink, *, owed: Decimal, at: datetime) -> None:
    is_being_made = not link.url and link.created_at > at - COMPLETE_AFTER
    if is_being_made or link.provider != get_provider().name:
        return
    link = follow_link(link, at=at) if link.url else _complete(link, at=at)
    if link.status == Status.OPEN and not is_current(link, link.bill, owed=owed, at=at):
        withdraw_link(link, by=None, at=at)


def _complete(link: PaymentLink, *, at: datetime) -> PaymentLink:
    """Have the provider make the link of a row; its key makes a repeated request make the same one."""
    if link.expires_at is None:
        raise ValueError("A link that is to be made has an end.")
    request = LinkRequest(
        key=link.pk,
        bill_number=link.bill.bill_number or "",
        amount=link.amount,
        currency=link.currency,
        expires_at=link.expires_at,
    )
    try:
        made = _provider_of(link).create(request)
    except ProviderError as error:
        if not error.may_retry:
            _close(link, Status.CANCELLED, by=None, at=at)
        raise _trouble(link, error) from None
    link.provider_reference, link.url = made.reference, made.url
    link.expires_at = min(link.expires_at, made.expires_at or link.expires_at)
    link.updated_at = at
    link.save(update_fields=["provider_reference", "url", "expires_at", "updated_at"])
    return link


def _take_money(link: PaymentLink, event: PaymentEvent, *, at: datetime) -> None:
    key = uuid5(NAMESPACE, f"{link.provider}:{event.payment_reference}")
    if Payment.objects.filter(pk=key).exists():
        return
    if event.amount is None or event.currency != link.currency:
        _hold(link, event, Problem.OTHER_CURRENCY, at=at)
        return
    if event.amount != link.amount:
        _hold(link, event, Problem.OTHER_AMOUNT, at=at)
        return
    payment = _book(link, event, key, at=at)
    is_credit = payment.entries.filter(kind=LedgerEntry.Kind.OVERPAYMENT).exists()
    problem = Problem.AS_CREDIT if is_credit else ""
    if link.status != Status.PAID:
        advance(link, Status.PAID, at=at, payment=payment, problem=problem)
    else:
        # Paid twice on one page: the second money is credit, the link keeps its first payment.
        link.problem = problem
        link.save(update_fields=["problem"])
    _record(link, "paid", by=None)


def _book(link: PaymentLink, event: PaymentEvent, key: UUID, *, at: datetime) -> Payment:
    """Record the money on the bill, or as credit when the bill takes no payment."""
    method = event.method if event.method in METHODS else Method.OTHER
    reference = event.payment_reference[:80]
    try:
        return payments.record_payment(
            link.bill,
            amount=link.amount,
            method=method,
            by=None,
            at=at,
            reference=reference,
            key=key,
            keep_rest_as_credit=True,
        )
    except Conflict:
        return payments.take_payment(
            link.bill.patient.kept_record,
            amount=link.amount,
            shares=[],
            method=method,
            by=None,
            at=at,
            currency=link.currency,
            reference=reference,
            key=key,
            keep_rest_as_credit=True,
        )


def _hold(link: PaymentLink, event: PaymentEvent, problem: Problem, *, at: datetime) -> None:
    """Leave money that is not what was asked for to a person."""
    reported = {
        "amount": str(event.amount or ""),
        "currency": event.currency,
        "reference": event.payment_reference,
        "method": event.method,
    }
    if link.reported == reported:
        return
    if link.status != Status.PAID:
        advance(link, Status.PAID, at=at, problem=problem, reported=reported)
    else:
        link.problem, link.reported = problem, reported
        link.save(update_fields=["problem", "reported"])
    _record(link, "hold", by=None)


def _close(link: PaymentLink, to: Status, *, by: User | None, at: datetime) -> None:
    with audit.unit_of_work():
        advance(link, to, at=at)
        _record(link, to.value, by=by)


def _provider_of(link: PaymentLink) -> PaymentLinkProvider:
    try:
        return get_provider(link.provider)
    except LookupError:
        raise ProviderError("provider_not_set_up", may_retry=False) from None


def _trouble(link: PaymentLink, error: ProviderError) -> ProviderTrouble:
    logger.warning("payment link %s: %s", link.pk, error.code)
    if error.may_retry:
        return ProviderTrouble(
            "The payment provider does not answer. Try again in a few minutes.", code="provider_busy"
        )
    return ProviderTrouble("The payment provider refused. Ask the administrator to look at its settings.")


def _record(link: PaymentLink, verb: str, *, by: User | None, action: Action = Action.UPDATE) -> None:
    audit.record(action, by=by, target=link, patient_id=link.bill.patient_id, detail={"verb": verb})
