"""Whatever is done to bills in whatever order, the ledger, the bills and a second reckoning agree.

LEDGER_EXAMPLES=500 looks longer, with sequences of its own each time; the suite plays the same few every time.
"""

import os
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.ledger import entries as ledger
from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, PatientAccount, Payment
from billing.money import ZERO, Line
from billing.services import collecting, corrections, editing, issuing, payments
from billing.tests.book import Account, Book, Refused
from billing.tests.factories import make_bill
from patients.merging import services as merging
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import DomainError
from synapse.common.models import Counter

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "0"))
START = datetime(2025, 9, 10, 6, tzinfo=UTC)
TOTALS = ("1000.00", "600.00", "0.01", "999.99")
TERMS = timedelta(days=14)

places = st.integers(0, len(TOTALS) - 1)
cents = st.integers(0, 120_000).map(lambda number: Decimal(number) / 100)
# Of what is open, paid or kept: nothing, a part, all of it, a cent too much; or any amount.
parts = st.sampled_from(["none", "cent", "half", "all", "above"])
amounts = st.one_of(parts, parts, cents)


def roll_back(blocks):
    while blocks:
        transaction.set_rollback(True)
        blocks.pop().__exit__(None, None, None)


class Bills(RuleBasedStateMachine):
    """Four bills of one person, three on the kept record and one on a record that was merged into it."""

    doctor = kept = merged = None
    drafts: tuple = ()
    open: list = []

    def __init__(self):
        super().__init__()
        self.open.append(transaction.atomic())
        self.open[-1].__enter__()
        self.at, self.clinic = START, ClinicSettings.load()
        self.bills = list(Bill.objects.filter(pk__in=self.drafts).order_by("created_at"))
        self.book = Book([Account(Decimal(total)) for total in TOTALS], [ZERO, Decimal(300)])
        self.payments = []

    def teardown(self):
        roll_back(self.open)

    @initialize(issued=st.sets(places, min_size=2))
    def some_are_issued(self, issued):
        for place in issued:
            self.issue_one(place)

    @rule(place=places, total=cents)
    def edit(self, place, total):
        def reckon(book):
            if book.bills[place].issued_on or book.bills[place].closed:
                raise Refused
            book.bills[place].total = total

        self.step(
            reckon,
            lambda: editing.edit_lines(
                self.bill(place),
                lines=[Line("Psychotherapy", total)],
                discount=ZERO,
                tax_rate=ZERO,
                by=self.doctor,
                at=self.at,
            ),
        )

    @rule(place=places)
    def issue(self, place):
        self.issue_one(place)

    @rule(place=places, wanted=amounts, keeps_rest=st.booleans(), again=st.booleans())
    def pay_one(self, place, wanted, keeps_rest, again):
        amount = self.amount(wanted, self.to_pay(place))
        self.pay({place: amount}, amount, keeps_rest=keeps_rest, again=again)

    @rule(chosen=st.sets(places, min_size=2), wanted=amounts, more=cents, keeps_rest=st.booleans())
    def pay_several(self, chosen, wanted, more, keeps_rest):
        shares = {place: self.amount(wanted, self.to_pay(place)) for place in chosen}
        self.pay(shares, sum(shares.values()) + (more if keeps_rest else ZERO), keeps_rest=keeps_rest)

    @rule(amount=cents)
    def deposit(self, amount):
        self.pay({}, amount, keeps_rest=True)

    @rule(place=places, wanted=amounts)
    def use_credit(self, place, wanted):
        amount = self.amount(wanted, min(self.to_pay(place), sum(self.book.credit)))
        self.step(
            lambda book: book.use_credit(place, amount, *self.dates),
            lambda: payments.apply_credit(self.bill(place), amount=amount, by=self.doctor, at=self.at, key=uuid4()),
        )

    @rule(wanted=amounts)
    def pay_out(self, wanted):
        amount = self.amount(wanted, sum(self.book.credit))
        account = PatientAccount.objects.filter(patient=self.merged).get()
        self.step(
            lambda book: book.pay_out(amount),
            lambda: payments.pay_out_credit(
                account, amount=amount, method="cash", reason="Asked for", by=self.admin, at=self.at, key=uuid4()
            ),
        )

    @rule(place=places, wanted=amounts)
    def refund(self, place, wanted):
        amount = self.amount(wanted, self.book.bills[place].paid)
        self.step(
            lambda book: book.refund(place, amount),
            lambda: corrections.refund_payment(
                self.bill(place), amount=amount, reason="Agreed", by=self.doctor, at=self.at, method="cash", key=uuid4()
            ),
        )

    @rule(place=places, wanted=amounts, is_more=st.booleans())
    def adjust(self, place, wanted, is_more):
        amount = self.amount(wanted, self.book.bills[place].open)
        self.step(
            lambda book: book.adjust(place, amount, is_more=is_more),
            lambda: corrections.adjust_bill(
                self.bill(place), amount=amount, reason="Shorter", by=self.doctor, at=self.at, is_more=is_more
            ),
        )

    @rule(place=places, wanted=amounts)
    def write_off(self, place, wanted):
        amount = self.amount(wanted, self.book.bills[place].open)
        self.step(
            lambda book: book.write_off(place, amount),
            lambda: corrections.write_off(
                self.bill(place), amount=amount, reason="Hardship", by=self.doctor, at=self.at
            ),
        )

    @rule(place=places, really=st.sampled_from([True, *[False] * 5]))
    def cancel(self, place, really):
        if not really:
            return  # seldom: nothing more happens on a bill that is called off
        self.step(
            lambda book: book.cancel(place),
            lambda: corrections.cancel_bill(self.bill(place), reason="Wrong", by=self.doctor, at=self.at),
        )

    @precondition(lambda self: self.payments)
    @rule(data=st.data())
    def reverse_payment(self, data):
        place = data.draw(st.integers(0, len(self.payments) - 1))
        self.step(
            lambda book: book.reverse_receipt(place),
            lambda: payments.reverse_payment(self.payments[place], reason="Mistyped", by=self.admin, at=self.at),
        )

    @rule(data=st.data())
    def reverse_entry(self, data):
        standing = LedgerEntry.objects.filter(kind__in=corrections.REVERSIBLE, reversed_by=None)
        entries = list(
            standing.select_related("bill__doctor", "patient").order_by("at", "bill_id", "patient_id", "position")
        )
        if not entries:
            return
        entry = entries[data.draw(st.integers(0, len(entries) - 1))]
        bill = next((place for place, bill in enumerate(self.bills) if bill.pk == entry.bill_id), None)
        record = int(entry.patient_id == self.merged.pk)
        self.step(
            lambda book: book.take_back(entry.kind, entry.amount, bill=bill, record=record),
            lambda: corrections.reverse_entry(entry, reason="Mistyped", by=self.admin, at=self.at),
        )

    @rule(days=st.sampled_from([1, 13, 20]))
    def days_pass(self, days):
        self.at += timedelta(days=days)
        collecting.mark_overdue(self.at)

    @invariant()
    def ledger_bills_and_reckoning_agree(self):
        assert list(find_faults(self.at)) == []
        for stored, account in zip(self.stored(), self.book.bills, strict=True):
            balance = ledger.add_up_entries(ledger.entries_of(stored))
            assert balance == ledger.Balance(account.charged, account.written_off, account.paid)
            assert min(account.open, account.paid, account.written_off) >= 0
            assert stored.status == account.status(self.clinic.date_of(self.at))
            assert stored.paid_amount == account.paid
            assert stored.outstanding_amount == (account.total if stored.status == "pending" else account.open)
            assert (stored.collection_status == "written_off") == account.is_given_up
        accounts = {account.patient_id: account.credit for account in PatientAccount.objects.all()}
        credit = [accounts.get(self.kept.pk, ZERO), accounts.get(self.merged.pk, ZERO)]
        assert credit == self.book.credit
        assert min(credit) >= 0
        assert ledger.credit_of(self.merged, "INR") == sum(credit)

    @property
    def dates(self):
        on = self.clinic.date_of(self.at)
        return on, on + TERMS

    def issue_one(self, place):
        self.step(
            lambda book: book.issue(place, *self.dates),
            lambda: issuing.issue_bill(self.bill(place), by=self.doctor, at=self.at),
        )

    def bill(self, place):
        return Bill.objects.select_related("patient", "doctor").get(pk=self.bills[place].pk)

    def stored(self):
        sums = ("status", "bill_number", "collection_status", "total_amount", "paid_amount", "outstanding_amount")
        return list(Bill.objects.filter(pk__in=self.drafts).only(*sums, "created_at").order_by("created_at"))

    def to_pay(self, place):
        account = self.book.bills[place]
        return account.total if account.issued_on is None else account.open

    def amount(self, wanted, limit):
        by_name = {
            "none": ZERO,
            "cent": Decimal("0.01"),
            "half": (limit / 2).quantize(Decimal("0.01")),
            "all": limit,
            "above": limit + Decimal("0.01"),
        }
        return by_name[wanted] if isinstance(wanted, str) else wanted

    def pay(self, shares, amount, *, keeps_rest, again=False):
        key = uuid4()

        def act():
            return payments.take_payment(
                self.kept,
                amount=amount,
                shares=[payments.Share(self.bill(place), share) for place, share in shares.items()],
                method="upi",
                by=self.doctor,
                at=self.at,
                currency="INR",
                keep_rest_as_credit=keeps_rest,
                key=key,
            )

        taken = self.step(
            lambda book: book.pay(shares, amount, keeps_rest=keeps_rest, on=self.dates[0], due=self.dates[1]), act
        )
        if taken is not None:
            self.payments.append(taken)
            if again:
                before = self.traces()
                assert act() == taken
                assert self.traces() == before

    def step(self, reckon, act):
        """Do a step in the product and in the book; both do it, or both refuse and nothing has changed."""
        book, before = deepcopy(self.book), self.traces()
        try:
            reckon(book)
        except Refused:
            with_words = None
            try:
                act()
            except DomainError as error:
                with_words = str(error)
            assert with_words, "the rules refuse this step"
            assert self.traces() == before
            return None
        self.book = book
        return act()

    def traces(self):
        return (
            LedgerEntry.objects.count(),
            Payment.objects.count(),
            AuditEvent.objects.count(),
            sorted(Counter.objects.values_list("series", "period", "last")),
            [(bill.status, bill.bill_number, bill.total_amount, bill.outstanding_amount) for bill in self.stored()],
        )


def test_ledger_bills_and_a_second_reckoning_agree_whatever_is_done(asha, omar):
    kept, merged = make_patient(doctor=asha), make_patient(doctor=asha)
    drafts = [
        make_bill(asha, patient=merged if place == 3 else kept, total=total, at=START)
        for place, total in enumerate(TOTALS)
    ]
    payments.take_payment(
        merged,
        amount=Decimal(300),
        shares=[],
        method="cash",
        by=asha,
        at=START,
        currency="INR",
        keep_rest_as_credit=True,
    )
    merging.merge_records(kept, merged, choices={}, reason="Same person", by=omar, at=START)
    for record in (kept, merged):
        record.refresh_from_db()
    facts = {"doctor": asha, "admin": omar, "kept": kept, "merged": merged, "drafts": tuple(bill.pk for bill in drafts)}

    try:
        run_state_machine_as_test(
            type("BillsOfOnePerson", (Bills,), facts),
            settings=settings(
                max_examples=EXAMPLES or 12,
                stateful_step_count=40 if EXAMPLES else 28,
                derandomize=not EXAMPLES,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        roll_back(Bills.open)  # what a sequence left open that was broken off
