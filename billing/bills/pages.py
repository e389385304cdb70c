"""What the page of a bill shows of its money and offers to do, as plain rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing import permissions, queries
from billing.ledger import entries as ledger
from billing.ledger import owing
from billing.models import Bill, LedgerEntry
from billing.money import ZERO
from billing.services import corrections, issuing, missed
from synapse.accounts.models import User
from synapse.accounts.roles import Permission

Status = Bill.Status
Kind = LedgerEntry.Kind
WORDS = {
    Kind.CHARGE: "Bill issued",
    Kind.DEBIT_ADJUSTMENT: "Charged more",
    Kind.CREDIT_ADJUSTMENT: "Charged less",
    Kind.WRITE_OFF: "Written off",
    Kind.PAYMENT: "Payment",
    Kind.REFUND: "Refund",
    Kind.OVERPAYMENT: "Kept as credit",
    Kind.CREDIT_APPLIED: "Paid from credit",
    Kind.CREDIT_REFUND: "Credit paid out",
}


@dataclass(frozen=True)
class LedgerRow:
    """One entry as the page shows it: in words, with its sign, what is open after it, and whether it may be reversed.

    `amount` is below zero when less is open afterwards.
    """

    entry: LedgerEntry
    words: str
    amount: Decimal
    balance: Decimal
    is_reversed: bool
    reverses_payment: bool
    can_reverse: bool


def words_of(entry: LedgerEntry) -> str:
    """Return what an entry is in words: "UPI payment", "Reversal of UPI payment"."""
    if entry.reverses is not None:
        return f"Reversal of {_lower_first(words_of(entry.reverses))}"
    words = WORDS[Kind(entry.kind)]
    if entry.kind == Kind.PAYMENT:
        return f"{entry.get_method_display()} payment"
    if entry.kind in (Kind.REFUND, Kind.CREDIT_REFUND) and entry.method:
        return f"{words}, {_lower_first(entry.get_method_display())}"
    return words


def money_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return the money of a bill: the four figures of its strip and the rows of its ledger."""
    entries = queries.list_ledger(bill)
    split = owing.split_bill(bill, entries, is_answered=bill.pk in owing.answered([bill]))
    rows = ledger_rows(bill, entries, user)
    return {"split": split, "ledger": rows, "can_reverse_any": any(row.can_reverse for row in rows)}


def ledger_rows(bill: Bill, entries: Iterable[LedgerEntry], user: User) -> list[LedgerRow]:
    """Return the entries of a bill with what is open after each."""
    entries = list(entries)
    undone = {entry.reverses_id for entry in entries}
    at = timezone.now()
    balance, rows = ZERO, []
    for entry in entries:
        signed = ledger.on_bill(entry)
        balance += signed
        is_undone = entry.pk in undone
        rows.append(
            LedgerRow(
                entry=entry,
                words=words_of(entry),
                amount=signed,
                balance=balance,
                is_reversed=is_undone,
                reverses_payment=entry.kind == Kind.PAYMENT,
                can_reverse=not is_undone and _can_reverse(user, bill, entry, at=at),
            )
        )
    return rows


def _can_reverse(user: User, bill: Bill, entry: LedgerEntry, *, at: datetime) -> bool:
    """Tell whether this person may take a standing entry back; of a payment, the share on this bill decides."""
    if bill.is_closed:
        return False
    if entry.kind == Kind.PAYMENT and entry.payment is not None:
        return permissions.can_reverse(user, entry.payment, [bill], at=at)
    return entry.kind in corrections.REVERSIBLE and permissions.can_take_back(user, entry, at=at)


def action_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return what this person may do with the bill in its state."""
    may_work = user.may(Permission.RECORD_PAYMENTS)
    may_give_back = permissions.can_give_back(user, bill)
    is_draft = bill.status == Status.PENDING
    can_issue = bool(bill.bill_number) or issuing.can_issue(bill)
    is_adjustable = bill.bill_number is not None and not bill.is_closed
    return {
        "is_draft": is_draft,
        "can_edit": may_work and is_draft,
        "can_issue": may_work and can_issue,
        "can_send": may_work and bill.status != Status.CANCELLED and can_issue,
        "can_pay": may_work and bill.is_open and can_issue,
        "can_refund": may_give_back and bill.paid_amount > ZERO and bill.status != Status.REFUNDED,
        "can_adjust": may_give_back and is_adjustable,
        "can_write_off": may_give_back and is_adjustable and bill.outstanding_amount > ZERO,
        "can_cancel": may_give_back and not bill.paid_amount and bill.is_open,
        "can_draft_again": may_work and bill.status == Status.CANCELLED and bill.session is not None,
        "fee_is_needless": missed.is_needless(bill),
        "why_not": issuing.why_not_issued(bill) if is_draft else "",
    }


def _lower_first(words: str) -> str:
    """Return words for the middle of a sentence; an abbreviation such as UPI stays."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]
