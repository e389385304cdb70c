"""What patients are sent about money: queued here as rows, sent by `sending`. Every rule is asked again before it goes."""

from datetime import date, datetime

from billing import permissions
from billing.documents import statement
from billing.ledger import owing
from billing.models import Bill, BillMessage, Payment
from billing.money import ZERO
from billing.reminders import collection
from billing.services.issuing import issue_locked
from billing.services.rows import lock, record
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance
from synapse.notifications import sms

Channel = BillMessage.Channel
Document = BillMessage.Document
SkipReason = BillMessage.SkipReason
Status = BillMessage.Status

# How a bill reaches its patient, by what the dialog calls it.
HOW = {"mail": Channel.EMAIL, "attach": Channel.EMAIL, "desk": Channel.PRINT, "print": Channel.PRINT}
WHY_NOT = {
    SkipReason.NO_ADDRESS: "This patient has no {address}. Add it to the profile, or hand the document over.",
    SkipReason.OPTED_OUT: "The patient wants no messages. Hand the document over instead.",
    SkipReason.PAID: "Nothing is open, so there is nothing to send.",
    SkipReason.DISPUTED: "The bill is disputed, so no reminder goes out.",
    SkipReason.CANCELLED: "The bill was cancelled, so nothing goes out.",
    SkipReason.COLLECTION: "The bill is in collection or written off, so no reminder goes out.",
}


class CannotSend(DomainError):
    """A rule keeps this message back; `reason` is the rule, the sentence says what to do."""

    code = "cannot_send"
    status = 409

    def __init__(self, reason: str, channel: str) -> None:
        address = "mobile number" if channel == Channel.SMS else "e-mail address"
        super().__init__(WHY_NOT[SkipReason(reason)].format(address=address))
        self.reason = reason


def queue_message(
    document: str,
    *,
    patient: Patient,
    bill: Bill | None = None,
    payment: Payment | None = None,
    by: User | None,
    at: datetime,
    with_attachment: bool = False,
    channel: str = Channel.EMAIL,
    number: int | None = None,
    stage: int | None = None,
    letter_date: date | None = None,
    due_at: datetime | None = None,
) -> BillMessage:
    """Write the row of a message inside the caller's unit of work; the sweep sends it, a printed letter is sent at once.

    What waits already is returned and not doubled. `by` is None when a rule of the clinic asks for it. Raises
    CannotSend when a rule keeps it back now.
    """
    message = BillMessage(
        document=document,
        patient=patient,
        bill=bill,
        payment=payment,
        number=number,
        stage=stage,
        letter_date=letter_date or ClinicSettings.load().date_of(at),
        with_attachment=with_attachment,
        channel=channel,
        due_at=due_at or at,
        requested_by=by,
    )
    reason = why_not(message)
    if reason:
        raise CannotSend(reason, channel)
    waiting = _waiting_like(message)
    if waiting is not None:
        return waiting
    message.save(force_insert=True)
    if channel == Channel.PRINT:
        advance(message, Status.SENT, at=at, sent_at=at)
    _record(message, "print" if channel == Channel.PRINT else "queue", by=by)
    return message


def why_not(message: BillMessage) -> str:
    """Return the rule that keeps a message back now, or nothing; asked when it is queued and again before it goes."""
    return _why_not_to(message) or _why_not_about(message)


def send_invoice(bill: Bill, *, how: str, by: User, at: datetime) -> BillMessage:
    """Issue a bill when needed and let it reach its patient: a link or the file by mail, on paper or by hand.

    Raises NotIssuable, Conflict for a cancelled bill, CannotSend, and DomainError for another way.
    """
    permissions.check_can_work_with_bills(by)
    if how not in HOW:
        raise DomainError("Choose how the bill reaches the patient.", code="how_missing")
    with audit.unit_of_work():
        lock(bill)
        if bill.status == Bill.Status.CANCELLED:
            raise Conflict("This bill is cancelled. Bill the session again instead.")
        issue_locked(bill, by=by, at=at)
        message = queue_message(
            Document.INVOICE,
            patient=bill.patient,
            bill=bill,
            by=by,
            at=at,
            channel=HOW[how],
            with_attachment=how == "attach",
        )
        record(bill, {"mail": "mail", "attach": "mail", "desk": "hand_over", "print": "print"}[how], by=by)
    return message


def way_to(patient: Patient) -> str:
    """Return how a bill reaches a patient when nobody chose: by mail where that may go out, else by hand."""
    reader = patient.kept_record
    return "mail" if reader.email and reader.messages_stopped_at is None else "desk"


def send_receipt(payment: Payment, *, by: User, at: datetime, with_attachment: bool = False) -> BillMessage:
    """Mail the receipt of a payment. Raises NotAllowed and CannotSend."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        return queue_message(
            Document.RECEIPT, patient=payment.patient, payment=payment, by=by, at=at, with_attachment=with_attachment
        )


def send_statement(
    patient: Patient, *, by: User, at: datetime, with_attachment: bool = False, channel: str = Channel.EMAIL
) -> BillMessage:
    """Send a patient the statement of all their open bills; one that asks for nothing is refused with CannotSend."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        return queue_message(
            Document.STATEMENT, patient=patient, by=by, at=at, with_attachment=with_attachment, channel=channel
        )


def send_again(message: BillMessage, *, by: User, at: datetime) -> BillMessage:
    """Send a document once more as it was sent, with a new link; a reminder keeps its date and counts once.

    Raises NotAllowed and CannotSend.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        return queue_message(
            message.document,
            patient=message.patient,
            bill=message.bill,
            payment=message.payment,
            by=by,
            at=at,
            with_attachment=message.with_attachment,
            channel=message.channel,
            stage=message.stage,
            letter_date=message.letter_date if message.document == Document.REMINDER else None,
        )


def address_of(patient: Patient, channel: str) -> str:
    """Return the patient's address on a channel, or nothing."""
    reader = patient.kept_record
    return reader.phone_primary if channel == Channel.SMS else reader.email


def messages_of(patient: Patient) -> list[BillMessage]:
    """Return everything a patient was sent about money, the newest first."""
    rows = BillMessage.objects.filter(patient__in=patient.kept_record.records())
    return list(rows.select_related("bill", "payment", "requested_by", "link").order_by("-created_at"))


def _why_not_to(message: BillMessage) -> str:
    """Return what keeps anything from going to this patient on this channel."""
    if message.channel == Channel.PRINT:
        return ""
    if message.patient.kept_record.messages_stopped_at is not None:
        return SkipReason.OPTED_OUT
    if message.channel == Channel.SMS and not sms.is_offered():
        return SkipReason.NO_ADDRESS
    return "" if address_of(message.patient, message.channel) else SkipReason.NO_ADDRESS


def _why_not_about(message: BillMessage) -> str:
    """Return what makes this document untrue or needless now."""
    bill = message.bill
    if bill is not None and bill.status == Bill.Status.CANCELLED:
        return SkipReason.CANCELLED
    if message.document == Document.REMINDER and bill is not None:
        if bill.collection_status == Bill.Collection.DISPUTED:
            return SkipReason.DISPUTED
        if bill.collection_status not in collection.CHASED:
            return SkipReason.COLLECTION
        if bill.status not in Bill.OWING or owing.split_one(bill).patient_owes <= ZERO:
            return SkipReason.PAID
    if message.document == Document.STATEMENT and not statement.owes_anything(message.patient):
        return SkipReason.PAID
    return ""


def _waiting_like(message: BillMessage) -> BillMessage | None:
    """Return the row that says the same and has not gone out yet: a button pressed twice sends once."""
    if message.channel == Channel.PRINT:
        return None
    return BillMessage.objects.filter(
        document=message.document,
        patient=message.patient,
        bill=message.bill,
        payment=message.payment,
        channel=message.channel,
        number=message.number,
        stage=message.stage,
        with_attachment=message.with_attachment,
        status__in=[Status.DUE, Status.SENDING],
    ).first()


def _record(message: BillMessage, verb: str, *, by: User | None) -> None:
    detail = {"verb": verb, "document": message.document, "channel": message.channel}
    audit.record(Action.SHARE, by=by, target=message, patient_id=message.patient_id, detail=detail)
