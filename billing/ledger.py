"""The ledger: entries that are never changed, and the sums that follow from them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from billing.models import Bill, LedgerEntry, LedgerMonth
from billing.money import ZERO
from synapse.accounts.models import ClinicSettings, User

Kind = LedgerEntry.Kind


@dataclass(frozen=True)
class Balance:
    """What the entries of a bill add up to."""

    charged: Decimal
    paid: Decimal

    @property
    def outstanding(self) -> Decimal:
        return self.charged - self.paid


def add_entry(
    bill: Bill,
    kind: Kind,
    amount: Decimal,
    *,
    by: User,
    at: datetime,
    key: UUID | None = None,
    method: str = "",
    reference: str = "",
    reason: str = "",
) -> LedgerEntry:
    """Write an entry and let the bill and the month follow. The caller holds the bill's row lock."""
    entry = LedgerEntry(
        id=key or uuid4(),
        bill=bill,
        position=bill.ledger_entries.count() + 1,
        kind=kind,
        amount=amount,
        method=method,
        reference=reference,
        reason=reason,
        at=at,
        by=by,
    )
    entry.save(force_insert=True)
    balance = read_balance(bill)
    bill.paid_amount = balance.paid
    bill.outstanding_amount = balance.outstanding
    bill.save(update_fields=["paid_amount", "outstanding_amount"])
    _add_to_month(entry, bill.currency)
    return entry


def read_balance(bill: Bill) -> Balance:
    """Add up the entries of a bill."""
    charged = paid = ZERO
    for kind, amount in ((entry.kind, entry.amount) for entry in bill.ledger_entries.all()):
        if kind == Kind.CHARGE:
            charged += amount
        elif kind == Kind.REVERSAL:
            charged -= amount
        elif kind == Kind.PAYMENT:
            paid += amount
        else:
            paid -= amount
    return Balance(charged, paid)


def _add_to_month(entry: LedgerEntry, currency: str) -> None:
    period = f"{ClinicSettings.load().date_of(entry.at):%Y%m}"
    nothing = {"charged": ZERO, "paid": ZERO, "refunded": ZERO}
    LedgerMonth.objects.get_or_create(period=period, currency=currency, defaults=nothing)
    month = LedgerMonth.objects.select_for_update().get(period=period, currency=currency)
    if entry.kind == Kind.CHARGE:
        month.charged += entry.amount
    elif entry.kind == Kind.REVERSAL:
        month.charged -= entry.amount
    elif entry.kind == Kind.PAYMENT:
        month.paid += entry.amount
    else:
        month.refunded += entry.amount
    month.save()
