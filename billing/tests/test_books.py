"""The journal and the figures against the ledger, over random months of a clinic."""

import csv
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.urls import reverse

from billing.exports import journal
from billing.exports import rows as exports
from billing.exports.rows import Span
from billing.figures import queries as figures_queries
from billing.figures import sums as figures
from billing.ledger import entries as ledger
from billing.ledger.checking import find_faults
from billing.models import Bill, BillType, LedgerEntry, PatientAccount, Payer, Payment
from billing.money import ZERO, Line
from billing.services import accounts, collecting, corrections, editing, issuing, payments
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import DomainError, NotAllowed

START = datetime(2026, 1, 20, 6, tzinfo=UTC)
ALL = Span(date(2026, 1, 1), date(2026, 12, 31))
END = START + timedelta(days=200)
STEPS = 36
METHODS = ("cash", "card", "upi", "bank_transfer", "insurance", "other")
MOVES = (
    *("bill", "bill", "pay", "pay", "pay", "several", "adjust", "more", "write_off", "refund", "cancel", "reverse"),
    *("take_back", "credit"),
)


def play(seed, asha, ben, omar):
    """Let a few months of a clinic pass: taxed bills of two doctors, and whatever is done to them next."""
    chance = random.Random(seed)
    at = START
    patients = [
        make_patient(doctor, first_name=name) for doctor, name in ((asha, "Kavya"), (asha, "Rohan"), (ben, "Sana"))
    ]
    doctors = dict(zip(patients, (asha, asha, ben), strict=True))
    star = Payer.objects.create(name="Star Health")
    bills = []
    for _ in range(STEPS):
        at += timedelta(hours=chance.randrange(5, 80))
        patient = chance.choice(patients)
        amount = Decimal(chance.randrange(1, 90_000)) / 100
        own = [bill for bill in bills if bill.patient_id == patient.pk]
        move = chance.choice(MOVES)
        try:
            if move == "bill" or not own:
                bills.append(taxed(chance, doctors[patient], patient, at))
            elif move == "several":
                chosen = chance.sample(own, min(len(own), 2))
                payments.take_payment(
                    patient,
                    amount=amount * 3,
                    shares=[payments.Share(bill, amount) for bill in chosen],
                    method=chance.choice(METHODS),
                    insurer=star,
                    keep_rest_as_credit=True,
                    by=omar,
                    at=at,
                )
            else:
                one(move, chance, chance.choice(own), amount, star, omar, at)
        except DomainError:
            continue
    collecting.mark_overdue(END)
    return bills


def taxed(chance, doctor, patient, at):
    bill = make_bill(doctor, patient=patient, at=at)
    rates = [None, Decimal(0), Decimal(5), Decimal(18)]
    lines = [
        Line("Service", Decimal(chance.randrange(100, 90_000)) / 100, tax_rate=chance.choice(rates))
        for _ in range(chance.randrange(1, 4))
    ]
    editing.edit_lines(
        bill, lines=lines, discount=chance.choice([ZERO, Decimal("0.99")]), tax_rate=Decimal(12), by=doctor, at=at
    )
    Bill.objects.filter(pk=bill.pk).update(bill_type=chance.choice(BillType.values))
    bill.refresh_from_db()
    issuing.issue_bill(bill, by=doctor, at=at)
    return bill


def one(move, chance, bill, amount, insurer, by, at):
    bill = Bill.objects.get(pk=bill.pk)
    reason = {"reason": "As agreed", "by": by, "at": at}
    standing = bill.ledger_entries.filter(reversed_by=None, reverses=None)
    if move == "pay":
        method = chance.choice(METHODS)
        by_insurer = insurer if method == "insurance" else None
        payments.record_payment(
            bill, amount=amount, method=method, insurer=by_insurer, keep_rest_as_credit=True, by=by, at=at
        )
    elif move in ("adjust", "more"):
        corrections.adjust_bill(
            bill, amount=amount / 10 if move == "adjust" else amount, is_more=move == "more", **reason
        )
    elif move == "write_off":
        corrections.write_off(bill, amount=bill.outstanding_amount, **reason)
    elif move == "refund":
        corrections.refund_payment(bill, amount=min(amount, bill.paid_amount), **reason)
    elif move == "cancel":
        corrections.cancel_bill(bill, **reason)
    elif move == "reverse":
        payment = standing.filter(kind="payment").first()
        if payment is not None:
            payments.reverse_payment(payment.payment, **reason)
    elif move == "take_back":
        entry = standing.exclude(kind__in=["charge", "payment"]).order_by("-position").first()
        if entry is not None:
            corrections.reverse_entry(entry, **reason)
    elif move == "credit":
        payments.apply_credit(bill, amount=min(bill.outstanding_amount, amount), by=by, at=at)


def rows_of(user, span=ALL):
    return [dict(zip(exports.JOURNAL_COLUMNS, row, strict=True)) for row in exports.journal_rows(user, span)]


def balances(rows):
    """Return debits less credits by account."""
    sums = defaultdict(lambda: ZERO)
    for row in rows:
        sums[row["account_name"]] += (row["debit"] or ZERO) - (row["credit"] or ZERO)
    return sums


@pytest.mark.parametrize("seed", range(4))
def test_books_and_figures_are_the_ledger_whatever_happened(asha, ben, omar, seed):
    bills = [Bill.objects.get(pk=bill.pk) for bill in play(seed, asha, ben, omar)]
    assert list(find_faults(at=END)) == []
    entries = list(LedgerEntry.objects.select_related("reverses", "payment", "bill"))
    assert len({entry.kind for entry in entries}) > 4

    rows = rows_of(omar)
    numbers = defaultdict(list)
    for row in rows:
        numbers[row["journal_number"]].append(row)

    # Every entry is there once and balances; nothing is below zero.
    assert len(numbers) == len(entries)
    for lines in numbers.values():
        assert sum(line["debit"] or ZERO for line in lines) == sum(line["credit"] or ZERO for line in lines)
        assert all((line["debit"] or ZERO) >= ZERO and (line["credit"] or ZERO) >= ZERO for line in lines)
    sums = balances(rows)
    assert sum(sums.values()) == ZERO
    # The accounts are what the ledger says.
    outstanding = sum((bill.outstanding_amount for bill in bills), ZERO)
    credit = sum((account.credit for account in PatientAccount.objects.all()), ZERO)
    assert sums["Accounts receivable"] == outstanding
    assert sums["Patient credit"] == -credit
    assert sums["Bad debt"] == sum(ledger.add_up_entries(ledger.entries_of(bill)).written_off for bill in bills)
    money = {journal.ACCOUNTS[method][1] for method in METHODS}
    months = figures_queries.read_months("INR", "202612", None)
    everything = figures.add_up(months)
    assert sum(sums[name] for name in money) == everything.collected
    earned = -sum(amount for name, amount in sums.items() if name.startswith(("Revenue", "Tax", "Discounts")))
    assert earned == everything.revenue == sum(ledger.add_up_entries(ledger.entries_of(bill)).charged for bill in bills)
    # A bill that only was charged owes exactly the tax printed on it.
    for bill in bills:
        if bill.ledger_entries.count() == 1:
            own = balances(row for row in rows if row["document"] == bill.bill_number)
            assert -sum(amount for name, amount in own.items() if name.startswith("Tax")) == bill.tax_amount

    # The figures are the same sums.
    assert figures.outstanding_of(months) == outstanding
    assert figures.credit_of(months) == credit
    assert figures_queries.read_aging("INR", None, at=START).total == outstanding
    for doctor in (asha, ben):
        own = figures_queries.read_months("INR", "202612", doctor.pk)
        assert figures.outstanding_of(own) == sum(
            bill.outstanding_amount for bill in bills if bill.doctor_id == doctor.pk
        )
    spans = [figures.Period(month, month) for month in figures.Period("202601", "202612").months]
    insured = sum(amount for span in spans for _, amount in figures_queries.insurers_of(span, "INR", None))
    assert insured == sum((month.sums.received for month in months if month.paid_by == Payment.PaidBy.INSURER), ZERO)


def test_a_charge_is_split_into_revenue_and_the_tax_of_each_rate(asha, omar, now):
    bill = make_bill(asha, at=now)
    lines = [Line("Visit", Decimal(1000), tax_rate=Decimal(18)), Line("Form", Decimal(200), tax_rate=Decimal(5))]
    editing.edit_lines(bill, lines=lines, discount=ZERO, tax_rate=ZERO, by=asha, at=now)
    issuing.issue_bill(bill, by=asha, at=now)
    corrections.adjust_bill(bill, amount=Decimal(139), reason="A tenth less", by=asha, at=now)
    today = ClinicSettings.load().date_of(now)

    rows = [
        (row["account"], row["debit"], row["credit"], row["journal_number"])
        for row in rows_of(omar, Span(today, today))
    ]

    charge, adjusted = f"{bill.bill_number}-01", f"{bill.bill_number}-02"
    assert rows == [
        ("1200", Decimal(1390), None, charge),
        ("4010", None, Decimal(1200), charge),
        ("2200-5", None, Decimal(10), charge),
        ("2200-18", None, Decimal(180), charge),
        ("4900", Decimal(120), None, adjusted),
        ("2200-5", Decimal(1), None, adjusted),
        ("2200-18", Decimal(18), None, adjusted),
        ("1200", None, Decimal(139), adjusted),
    ]


def test_a_span_holds_whole_days_of_the_clinic(asha, omar):
    late = datetime(2026, 3, 31, 18, 29, tzinfo=UTC)  # 23:59 at the clinic
    make_bill(asha, status=Bill.Status.SENT, at=late)
    make_bill(asha, status=Bill.Status.SENT, at=late + timedelta(minutes=1))

    march, april = (rows_of(omar, Span(date(2026, month, 1), date(2026, month, 30))) for month in (3, 4))

    assert [str(row["date"]) for row in march] == []
    assert {str(row["date"]) for row in rows_of(omar, Span(date(2026, 3, 1), date(2026, 3, 31)))} == {"2026-03-31"}
    assert {str(row["date"]) for row in april} == {"2026-04-01"}


def file_of(response):
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))


def span_of(now):
    today = ClinicSettings.load().date_of(now).isoformat()
    return {"first": today, "last": today}


def test_the_journal_names_no_patient_and_is_recorded(signed_in, asha, rita, now):
    bill = make_bill(asha, patient=make_patient(asha, first_name="=Leela"), status=Bill.Status.PAID, at=now)

    response = signed_in(rita).get(reverse("billing:export_journal"), span_of(now))
    rows = file_of(response)

    assert {row["document"] for row in rows} == {bill.bill_number}
    assert [row["account_name"] for row in rows] == [
        "Accounts receivable",
        "Revenue, follow-up",
        "Cash",
        "Accounts receivable",
    ]
    assert "Leela" not in str(rows)
    assert bill.patient.patient_id not in str(rows)
    assert "Leela" not in response["Content-Disposition"]
    event = AuditEvent.objects.filter(action="export").latest("seq")
    assert (event.target_type, event.target_id) == ("billing", "journal")


def test_payments_and_bills_are_files_a_spreadsheet_takes_for_text(signed_in, asha, rita, now):
    patient = make_patient(asha, first_name="=HYPERLINK(1)")
    bill = make_bill(asha, patient=patient, status=Bill.Status.PAID, at=now)
    corrections.refund_payment(bill, amount=Decimal(100), reason="Less", by=asha, at=now)
    client = signed_in(rita)

    moved = file_of(client.get(reverse("billing:export_payments"), span_of(now)))
    bills = file_of(client.get(reverse("billing:export_bills"), {"show": "all"}))

    assert [(row["what"], row["amount"]) for row in moved] == [("Payment", "1000.00"), ("Refund", "-100.00")]
    assert [(row["bill_number"], row["paid"], row["open"]) for row in bills] == [(bill.bill_number, "900.00", "100.00")]
    assert bills[0]["patient"].startswith("'=HYPERLINK")


def test_a_doctor_exports_own_patients_only_and_no_books(signed_in, asha, ben, now):
    make_bill(asha, status=Bill.Status.PAID, at=now)
    client = signed_in(ben)

    assert file_of(client.get(reverse("billing:export_payments"), span_of(now))) == []
    assert file_of(client.get(reverse("billing:export_bills"), {"show": "all"})) == []
    assert client.get(reverse("billing:export_journal"), span_of(now)).status_code == 403


def test_days_that_make_no_sense_are_said(signed_in, rita):
    response = signed_in(rita).get(reverse("billing:export_journal"), {"first": "2026-03-02", "last": "2026-03-01"})

    assert response.status_code == 422
    assert "The last day is before the first one" in response.content.decode()


def test_a_clinic_names_its_own_accounts(signed_in, asha, omar, rita, now):
    make_bill(asha, status=Bill.Status.SENT, at=now)
    path = reverse("billing:accounts")
    assert signed_in(rita).get(path).status_code == 403
    with pytest.raises(NotAllowed):
        accounts.choose_accounts({}, by=rita)

    assert signed_in(omar).post(path, {"number_receivable": "1400", "name_receivable": "Debtors"}).status_code == 302

    today = ClinicSettings.load().date_of(now)
    first = rows_of(omar, Span(today, today))[0]
    assert (first["account"], first["account_name"]) == ("1400", "Debtors")
    assert 'value="Debtors"' in signed_in(omar).get(path).content.decode()
