"""What the page behind a link says: the document, what is to pay and how; no service, no diagnosis, no name."""

from dataclasses import dataclass, field
from datetime import date, datetime

from billing.documents import statement
from billing.documents.qr import PaymentCode, payment_code
from billing.documents.sheets import sheet_of, to_pdf
from billing.ledger import owing
from billing.models import Bill, BillingSettings, BillLink
from billing.money import ZERO, format_money
from billing.payment_links.open_links import address_to_pay
from billing.phrases import Words, words_for
from billing.queries import letter_rows
from billing.reminders import letter as reminder_letter
from reports.printing.rendering import header_of
from synapse.accounts.models import ClinicSettings

Document = BillLink.Document


@dataclass(frozen=True)
class OpenRow:
    """One bill of a statement."""

    number: str
    due: str
    amount: str


@dataclass
class DocumentPage:
    """The page of one document, its texts in the reader's language."""

    words: Words
    clinic: str
    phone: str
    title: str
    number: str = ""
    label: str = ""
    amount: str = ""
    when_label: str = ""
    when: str = ""
    credit: str = ""
    rows: list[OpenRow] = field(default_factory=list)
    how_to_pay: str = ""
    quote: str = ""
    code: PaymentCode | None = None
    pay_url: str = ""


def words_of(link: BillLink, clinic: ClinicSettings) -> Words:
    """Return the language of the person a link is for."""
    return words_for(link.patient.kept_record.preferred_language, clinic.language)


def page_of(link: BillLink, *, at: datetime) -> DocumentPage:
    """Return the page behind a link, with the figures of now."""
    clinic = ClinicSettings.load()
    words = words_of(link, clinic)
    doctor = link.bill.doctor if link.bill else None
    name = header_of(doctor, with_logo=False).clinic if doctor else clinic.name
    page = DocumentPage(words, name, clinic.phone, title=words.page[link.document])
    if link.bill is not None:
        _add_bill(page, link, link.bill, clinic, at=at)
    elif link.payment is not None:
        payment = link.payment
        page.number = payment.receipt_number
        page.label, page.amount = words.page["paid"], format_money(payment.amount, payment.currency)
        page.when_label, page.when = words.page["date"], words.day(payment.booked_on)
    else:
        _add_statement(page, link, clinic, at=at)
    return page


def file_of(link: BillLink, *, at: datetime) -> tuple[str, bytes]:
    """Return name and content of the PDF behind a link. Raises DocumentError."""
    sheet = sheet_of(
        link.document,
        bill=link.bill,
        payment=link.payment,
        patient=link.patient,
        # A reminder keeps its date and figures; the other documents say what is true when they are read.
        message=link.message if link.document == Document.REMINDER else None,
        at=at,
    )
    return sheet.file_name, to_pdf(sheet)


def _add_bill(page: DocumentPage, link: BillLink, bill: Bill, clinic: ClinicSettings, *, at: datetime) -> None:
    words = page.words
    page.number = bill.bill_number or ""
    if link.document == Document.SUPERBILL:
        return
    if link.document == Document.REMINDER and _add_letter(page, link, bill):
        return
    owes = owing.split_one(bill).patient_owes
    if owes <= ZERO:
        return
    page.label, page.amount = words.page["to_pay"], format_money(owes, bill.currency)
    if bill.due_date is not None:
        is_late = bill.due_date < clinic.date_of(at)
        page.when_label, page.when = words.page["was_due" if is_late else "due"], words.day(bill.due_date)
    page.how_to_pay = bill.payment_instructions
    page.quote = words.page["quote"].format(number=page.number)
    page.code = payment_code(owes, bill.currency, number=page.number, billing=BillingSettings.load(), clinic=clinic)
    page.pay_url = address_to_pay(bill, at=at)


def _add_letter(page: DocumentPage, link: BillLink, bill: Bill) -> bool:
    """Add what is still open of a letter's bills, where it tells of several; tell whether it does."""
    rows = letter_rows(link.message) if link.message else []
    bills = [row.bill for row in rows if row.bill is not None]
    if len(bills) < 2:
        return False
    owed = owing.owed_by_patients(bills)
    open_ones = [each for each in bills if owed[each.pk] > ZERO]
    page.number = page.words.joined([each.bill_number or "" for each in open_ones or bills])
    if open_ones:
        page.label = page.words.page["to_pay"]
        sums = reminder_letter.sums_of((each, owed[each.pk]) for each in open_ones)
        page.amount = " + ".join(reminder_letter.written(sums))
        page.how_to_pay = bill.payment_instructions
        page.quote = page.words.page["quote"].format(number=page.number)
        page.rows += [
            OpenRow(each.bill_number or "", _day(page.words, each.due_date), format_money(owed[each.pk], each.currency))
            for each in open_ones
        ]
    return True


def _add_statement(page: DocumentPage, link: BillLink, clinic: ClinicSettings, *, at: datetime) -> None:
    words, on = page.words, clinic.date_of(at)
    accounts = statement.accounts_of(link.patient, on=on, since=on - statement.RECENT, clinic=clinic)
    owing_ones = [account for account in accounts if account.open > ZERO]
    page.when_label, page.when = words.page["date"], words.day(on)
    if not owing_ones:
        return
    page.label = words.page["to_pay"]
    page.amount = " + ".join(format_money(each.to_pay, each.currency) for each in owing_ones)
    kept = [format_money(each.credit, each.currency) for each in owing_ones if each.credit]
    page.credit = " + ".join(kept)
    page.how_to_pay = clinic.payment_instructions
    if len(owing_ones) == 1:  # a code pays in one currency
        page.code = statement.code_of(owing_ones[0], BillingSettings.load(), clinic)
    for account in owing_ones:
        page.rows += [
            OpenRow(
                each.bill.bill_number or "",
                _day(words, each.bill.due_date),
                format_money(each.open, each.bill.currency),
            )
            for each in account.bills
        ]


def _day(words: Words, on: date | None) -> str:
    return words.day(on) if on else ""
