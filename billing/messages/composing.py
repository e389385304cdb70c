"""Turn a claimed message about money into what is sent: its reader's language, the figures of now, its link or file."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone

from billing.documents import statement
from billing.documents.sheets import sheet_of, to_pdf
from billing.ledger import owing
from billing.models import Bill, BillMessage
from billing.money import ZERO, format_money
from billing.payment_links.open_links import address_to_pay
from billing.phrases import Words, words_for
from billing.queries import letter_rows
from billing.reminders import letter as reminder_letter
from reports.printing.rendering import header_of
from synapse.accounts.models import ClinicSettings, User
from synapse.notifications.outgoing import EMAIL, Attachment, Outgoing

PDF_TYPE = "application/pdf"
Document = BillMessage.Document


@dataclass(frozen=True)
class Facts:
    """What a message says. The amount is what the patient owes, of a receipt what was received."""

    kind: str
    number: str
    amount: str
    due: date | None
    clinic: str
    how_to_pay: str
    pay_address: str = ""


def compose(message: BillMessage, *, to: str, link: str) -> Outgoing:
    """Return the message as it is sent to an address. Call it in no transaction. Raises DocumentError."""
    clinic = ClinicSettings.load()
    words = words_for(message.patient.kept_record.preferred_language, clinic.language)
    facts = facts_of(message, clinic, words)
    if message.channel != EMAIL:
        return Outgoing(key=str(message.pk), to=to, text=words.sms[facts.kind].format(**_places(facts, words, link)))
    return Outgoing(
        key=str(message.pk),
        to=to,
        text=_mail_text(message, facts, words, clinic, link),
        subject=words.subjects.get(facts.kind, words.subjects[message.document]).format(**_places(facts, words, link)),
        attachments=(_file_of(message),) if message.with_attachment else (),
        sender_name=facts.clinic,
        reply_to=clinic.email,
    )


def facts_of(message: BillMessage, clinic: ClinicSettings, words: Words) -> Facts:
    """Return the figures of a message as they are now."""
    bill, payment = message.bill, message.payment
    if bill is not None and message.document == Document.REMINDER and message.followers.exists():
        return _facts_of_letter(message, bill, words)
    if bill is not None:
        owes = owing.split_one(bill).patient_owes
        kind = "invoice_paid" if message.document == Document.INVOICE and owes <= ZERO else message.document
        how = bill.payment_instructions if owes > ZERO and message.document != Document.SUPERBILL else ""
        amount = format_money(owes, bill.currency)
        online = "" if message.document == Document.SUPERBILL else address_to_pay(bill, at=timezone.now())
        return Facts(kind, bill.bill_number or "", amount, bill.due_date, _clinic_name(bill.doctor), how, online)
    if payment is not None:
        amount = format_money(payment.amount, payment.currency)
        return Facts(message.document, payment.receipt_number, amount, None, clinic.name, "")
    amounts = [format_money(each.open, each.currency) for each in _open_accounts(message, clinic)]
    return Facts(message.document, "", " + ".join(amounts), None, clinic.name, clinic.payment_instructions)


def _facts_of_letter(message: BillMessage, bill: Bill, words: Words) -> Facts:
    """Return the figures of a reminder that tells of several bills."""
    bills = [row.bill for row in letter_rows(message) if row.bill is not None]
    owed = owing.owed_by_patients(bills)
    amounts = reminder_letter.written(reminder_letter.sums_of((each, owed[each.pk]) for each in bills))
    numbers = words.joined([each.bill_number or "" for each in bills])
    due = min((each.due_date for each in bills if each.due_date), default=None)
    clinic = _clinic_name(bill.doctor)
    kind = "reminders" if len(bills) > 1 else message.document
    return Facts(kind, numbers, " + ".join(amounts), due, clinic, bill.payment_instructions)


def _open_accounts(message: BillMessage, clinic: ClinicSettings) -> list[statement.Account]:
    on = message.letter_date
    accounts = statement.accounts_of(message.patient, on=on, since=on - statement.RECENT, clinic=clinic)
    return [account for account in accounts if account.open > Decimal(0)]


def _mail_text(message: BillMessage, facts: Facts, words: Words, clinic: ClinicSettings, link: str) -> str:
    places = _places(facts, words, link)
    parts = [words.hello, words.leads[facts.kind].format(**places)]
    if facts.how_to_pay:
        parts.append(facts.how_to_pay.strip())
        if facts.number:
            parts.append(words.quote.format(**places))
    if facts.pay_address:
        parts.append(f"{words.page['pay_online']}:\n{facts.pay_address}")
    parts.append(f"{words.open_here}\n{link}")
    if message.with_attachment:
        parts.append(words.attached)
    parts.append(words.until.format(until=words.day(clinic.date_of(message.link.expires_at))))
    if clinic.phone:
        parts.append(words.questions.format(phone=clinic.phone))
    return "\n\n".join([*parts, facts.clinic]) + "\n"


def _places(facts: Facts, words: Words, link: str) -> dict[str, str]:
    return {
        "clinic": facts.clinic,
        "number": facts.number,
        "amount": facts.amount,
        "due": words.day(facts.due) if facts.due else "",
        "link": link,
    }


def _file_of(message: BillMessage) -> Attachment:
    sheet = sheet_of(
        message.document, bill=message.bill, payment=message.payment, patient=message.patient, message=message
    )
    return Attachment(sheet.file_name, to_pdf(sheet), PDF_TYPE)


def _clinic_name(doctor: User) -> str:
    return header_of(doctor, with_logo=False).clinic
