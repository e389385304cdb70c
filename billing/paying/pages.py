"""What the pages of a payment show: what is open, what credit there is, where the money of a payment went."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse

from billing import permissions
from billing.ledger import entries as ledger
from billing.ledger import owing
from billing.models import Bill, LedgerEntry, Method, PatientAccount, Payment
from billing.money import ZERO
from billing.services.claim_settling import waiting_claims
from patients.models import Patient
from synapse.accounts.models import User

Kind = LedgerEntry.Kind


@dataclass(frozen=True)
class PaymentRow:
    """One payment with what became of it. `parts` are the bills it paid and how much of each."""

    payment: Payment
    parts: list[tuple[Bill, Decimal]]
    credit: Decimal
    reason: str
    is_reversed: bool
    is_partly_reversed: bool = False


def credit_of_all(patients: Collection[Patient]) -> dict[Any, dict[str, Decimal]]:
    """Return the credit of several people by the id of their kept record and by currency, in one query."""
    records = Patient.objects.records_of_all({patient.pk for patient in patients}).values("pk")
    accounts = PatientAccount.objects.filter(patient__in=records).select_related("patient").order_by("currency")
    found: dict[Any, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for account in accounts.only("credit", "currency", "patient__merged_into"):
        found[account.patient.kept_id][account.currency] += account.credit
    return found


def last_method(user: User) -> str:
    """Return the way the last payment this person recorded came; cash for a first one."""
    latest = Payment.objects.filter(by=user).exclude(method=Method.INSURANCE).order_by("-at")
    return latest.values_list("method", flat=True).first() or Method.CASH


def pay_context(bill: Bill) -> dict[str, Any]:
    """Return what stands beside the form of a payment."""
    split = owing.split_one(bill)
    credit = ledger.credit_of(bill.patient, bill.currency)
    return {
        "bill": bill,
        "split": split,
        "credit": credit,
        "usable_credit": min(credit, split.patient_owes),
        "credit_key": uuid4(),
        "waiting_claims": list(waiting_claims([bill])),
    }


def payment_rows(payments: Collection[Payment]) -> list[PaymentRow]:
    """Return payments with where their money went; two queries however many there are."""
    parts: dict[Any, list[LedgerEntry]] = {payment.pk: [] for payment in payments}
    entries = LedgerEntry.objects.filter(payment__in=payments).select_related("bill", "reverses")
    for entry in entries.order_by("at", "position"):
        if entry.payment_id is not None:
            parts[entry.payment_id].append(entry)
    return [_row(payment, parts[payment.pk]) for payment in payments]


def payments_on(bill: Bill) -> QuerySet[Payment]:
    """Return the payments a bill got something of, the first one first."""
    return Payment.objects.filter(entries__bill=bill).select_related("by", "insurer").distinct().order_by("at")


def can_reverse(user: User, row: PaymentRow, *, at: datetime) -> bool:
    """Tell whether this person may take a payment back."""
    return not row.is_reversed and permissions.can_reverse(user, row.payment, [bill for bill, _ in row.parts], at=at)


def address(name: str, *args: object) -> str:
    """Return the address of a page of another part, or nothing where there is none."""
    try:
        return reverse(f"billing:{name}", args=args)
    except NoReverseMatch:
        return ""


def _row(payment: Payment, entries: list[LedgerEntry]) -> PaymentRow:
    undone = {entry.reverses_id for entry in entries if entry.reverses_id}
    moved = [entry for entry in entries if entry.reverses_id is None]
    standing = [entry for entry in moved if entry.pk not in undone]
    shown = standing or moved
    return PaymentRow(
        payment=payment,
        parts=[(entry.bill, entry.amount) for entry in shown if entry.bill is not None],
        credit=sum((entry.amount for entry in shown if entry.kind == Kind.OVERPAYMENT), ZERO),
        reason=next((entry.reason for entry in entries if entry.reverses_id), ""),
        is_reversed=bool(moved) and not standing,
        is_partly_reversed=bool(standing) and len(standing) < len(moved),
    )
