"""The letter about overdue bills: the clinic's own words of its stage, and the bills' figures on the letter's day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from billing.documents.qr import PaymentCode, payment_code
from billing.documents.sheets import Sheet, Subject, letterhead
from billing.ledger import entries as ledger
from billing.ledger import owing
from billing.models import Bill, BillMessage, ReminderStage
from billing.money import ZERO, format_money
from billing.phrases import Words
from billing.queries import letter_rows, list_ledger
from billing.reminders.texts import fill, paragraphs_of

# A stage whose text was deleted still has to print the letters that were sent with it.
PLAIN_TITLE = "Payment reminder"
PLAIN_TEXT = "{amount} is still open on {number}, due since {due}. Please pay it, or call us."


@dataclass(frozen=True)
class Late:
    """One bill of a letter: what was open on the letter's day, what is open now, how late it was."""

    bill: Bill
    open: Decimal
    open_now: Decimal
    days_late: int


@dataclass(frozen=True)
class Letter:
    """One reminder with its text filled in; `sums` is what to pay, by currency."""

    title: str
    paragraphs: list[str]
    bills: list[Late]
    sums: dict[str, Decimal]
    earlier: list[date]

    @property
    def has_changed(self) -> bool:
        """Whether something was paid or corrected since the letter was written."""
        return any(each.open != each.open_now for each in self.bills)


def reminder_sheet(subject: Subject) -> Sheet:
    """Return the reminder a message stands for, with all bills of its letter; without one, of the bill today."""
    bill, message = subject.the_bill, subject.message
    if message is not None and message.leader is not None:
        message = message.leader
        bill = message.bill or bill
    letter = letter_of(bill, message, subject)
    number = (message.number if message else None) or 1
    context = {
        **letterhead(subject, bill.doctor),
        "bill": bill,
        "patient": subject.patient,
        "letter": letter,
        "number": number,
        # A letter keeps its figures; whoever reads it late is told what is open now.
        "open_now": " + ".join(written(sums_of((each.bill, each.open_now) for each in letter.bills))),
        "to_pay": written(letter.sums),
        "quote": subject.words.quote.format(number=_numbers(letter, subject.words)),
        "instructions": bill.payment_instructions,
        "code": _code(letter, subject),
    }
    return Sheet(
        template="reminder",
        title=f"Reminder {number} of invoice {bill.bill_number}",
        file_name=f"{bill.bill_number}-reminder-{number}.pdf",
        context=context,
    )


def letter_of(bill: Bill, message: BillMessage | None, subject: Subject) -> Letter:
    """Return the text of a reminder with the figures its bills had when it was written."""
    bills = _bills_of(bill, message)
    then = (message.sent_at or message.due_at) if message else None
    late = [
        Late(
            bill=each,
            open=open_at(each, then) if then else owing.split_one(each).patient_owes,
            open_now=owing.split_one(each).patient_owes,
            days_late=max(0, (subject.on - each.due_date).days) if each.due_date else 0,
        )
        for each in bills
    ]
    sums = sums_of((each.bill, each.open) for each in late)
    stage = ReminderStage.objects.filter(stage=(message.stage if message else None) or 1).first()
    due = min((each.due_date for each in bills if each.due_date), default=None)
    words = subject.words
    facts = {
        "number": words.joined([each.bill_number or "" for each in bills]),
        "amount": words.joined(written(sums)),
        "due": words.day(due) if due else "",
        "clinic": subject.clinic.name,
    }
    return Letter(
        title=fill(stage.title if stage else PLAIN_TITLE, facts),
        paragraphs=paragraphs_of(fill(stage.text if stage else PLAIN_TEXT, facts)),
        bills=late,
        sums=sums,
        earlier=_earlier(message),
    )


def sums_of(amounts: Iterable[tuple[Bill, Decimal]]) -> dict[str, Decimal]:
    """Add amounts of bills up, each currency by itself."""
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for bill, amount in amounts:
        sums[bill.currency] += amount
    return dict(sums)


def written(sums: dict[str, Decimal]) -> list[str]:
    return [format_money(amount, currency) for currency, amount in sums.items()]


def open_at(bill: Bill, at: datetime) -> Decimal:
    """Return what the patient owed of a bill at a moment, by its ledger."""
    entries = [entry for entry in list_ledger(bill) if entry.at <= at]
    outstanding = ledger.add_up_entries(entries).outstanding
    if not bill.insurance_covered_amount or bill.pk in owing.answered([bill]):
        return max(ZERO, outstanding)
    insurer_paid = sum((-ledger.on_bill(entry) for entry in entries if owing.is_from_insurer(entry)), ZERO)
    return max(ZERO, outstanding - max(ZERO, bill.insurance_covered_amount - insurer_paid))


def _numbers(letter: Letter, words: Words) -> str:
    return words.joined([each.bill.bill_number or "" for each in letter.bills])


def _bills_of(bill: Bill, message: BillMessage | None) -> list[Bill]:
    if message is None or message._state.adding:
        return [bill]
    rows = [row.bill for row in letter_rows(message) if row.bill is not None]
    return [bill, *(other for other in rows if other.pk != bill.pk)]


def _earlier(message: BillMessage | None) -> list[date]:
    """Return the dates of the letters about the leading bill that went out before this one."""
    if message is None or not message.number:
        return []
    before = BillMessage.objects.filter(
        bill=message.bill,
        number__lt=message.number,
        status=BillMessage.Status.SENT,
        document=BillMessage.Document.REMINDER,
    )
    return list(before.order_by("number").values_list("letter_date", flat=True))


def _code(letter: Letter, subject: Subject) -> PaymentCode | None:
    """Return the code that pays what is open now; none over several currencies."""
    sums = sums_of((each.bill, each.open_now) for each in letter.bills)
    numbers = [each.bill.bill_number for each in letter.bills if each.bill.bill_number]
    if len(sums) != 1 or not numbers:
        return None
    [(currency, amount)] = sums.items()
    return payment_code(amount, currency, number=" ".join(numbers), billing=subject.billing, clinic=subject.clinic)
