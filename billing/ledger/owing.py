"""Who owes what of a bill: the insurer's share that is still expected, what came from whom, what the patient owes."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from billing.ledger import entries as ledger
from billing.models import Bill, Claim, LedgerEntry, Payment
from billing.money import ZERO

# After these nothing more comes from the insurer: what is open is the patient's.
ANSWERED = frozenset({Claim.Status.DENIED, Claim.Status.PAID, Claim.Status.TO_PATIENT})


@dataclass(frozen=True)
class Split:
    """What is charged, and by whom it is paid. Charged less written off is the sum of the other four."""

    charged: Decimal
    written_off: Decimal
    insurer_paid: Decimal
    insurer_expected: Decimal
    patient_paid: Decimal
    patient_owes: Decimal

    @property
    def insurance(self) -> Decimal:
        return self.insurer_paid + self.insurer_expected

    @property
    def open(self) -> Decimal:
        return self.insurer_expected + self.patient_owes


def split_bill(bill: Bill, entries: Iterable[LedgerEntry], *, is_answered: bool = False) -> Split:
    """Return who owes what of a bill by its entries, each with what it reverses and its payment.

    `is_answered` says that the insurer has paid or denied for good. A draft counts as charged in full.
    """
    entries = list(entries)
    balance = ledger.add_up_entries(entries)
    insurer_paid = sum((-ledger.on_bill(entry) for entry in entries if is_from_insurer(entry)), ZERO)
    charged = balance.charged if bill.bill_number else bill.total_amount
    is_open = bill.is_open
    outstanding = charged - balance.written_off - balance.paid if is_open else ZERO
    expected = _expected(bill, outstanding, insurer_paid, is_answered=is_answered)
    return Split(
        charged=charged,
        written_off=balance.written_off,
        insurer_paid=insurer_paid,
        insurer_expected=expected,
        patient_paid=balance.paid - insurer_paid,
        patient_owes=outstanding - expected,
    )


def split_one(bill: Bill) -> Split:
    """Return who owes what of one bill, read from its ledger and its claims."""
    entries = bill.ledger_entries.select_related("reverses", "payment").order_by("position")
    return split_bill(bill, entries, is_answered=bill.pk in answered([bill]))


def owed_by_patients(bills: Collection[Bill]) -> dict[UUID, Decimal]:
    """Return what the patient owes of each bill, in two queries however many bills there are."""
    insured = [bill for bill in bills if bill.is_open and bill.insurance_covered_amount]
    paid: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    done: set[UUID] = set()
    if insured:
        entries = LedgerEntry.objects.filter(bill__in=insured, payment__paid_by=Payment.PaidBy.INSURER)
        for entry in entries.select_related("reverses", "payment"):
            if entry.bill_id is not None:
                paid[entry.bill_id] -= ledger.on_bill(entry)
        done = answered(insured)
    covered = {bill.pk for bill in insured}
    owed = {}
    for bill in bills:
        outstanding = bill.outstanding_amount if bill.is_open else ZERO
        expected = ZERO
        if bill.pk in covered:
            expected = _expected(bill, outstanding, paid[bill.pk], is_answered=bill.pk in done)
        owed[bill.pk] = outstanding - expected
    return owed


def answered(bills: Collection[Bill]) -> set[UUID]:
    """Return which of these bills' last claim the insurer answered for good."""
    claims = Claim.objects.filter(bill__in=bills).order_by("created_at")
    latest = dict(claims.values_list("bill_id", "status"))
    return {bill_id for bill_id, status in latest.items() if status in ANSWERED}


def is_from_insurer(entry: LedgerEntry) -> bool:
    """Tell whether an entry is an insurer's money on a bill, or the reversal of it."""
    return entry.bill_id is not None and entry.payment is not None and entry.payment.paid_by == Payment.PaidBy.INSURER


def _expected(bill: Bill, outstanding: Decimal, insurer_paid: Decimal, *, is_answered: bool) -> Decimal:
    if is_answered or not bill.insurance_covered_amount or outstanding <= ZERO:
        return ZERO
    return min(outstanding, max(ZERO, bill.insurance_covered_amount - insurer_paid))
