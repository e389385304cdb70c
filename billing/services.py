"""Draft, edit, issue and send bills; take payments, give them back, call bills off."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from billing import ledger, permissions, pricing, queries
from billing.errors import BadAmount, Locked, NotIssuable
from billing.models import Bill, FeeScheduleItem, LedgerEntry
from billing.money import ZERO, Line, add_up, load_line, round_money
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common import jobs
from synapse.common.errors import Conflict, DomainError
from synapse.common.numbering import next_bill_number
from synapse.common.transitions import advance

Status = Bill.Status
MAXIMUM_LINES = 40


def draft_bill_for_session(session: ConsultationSession, *, by: User, at: datetime) -> Bill:
    """Draft the bill of a completed session from the fee schedule, or return the one it has.

    Raises NotAllowed, and Conflict while the session is not completed.
    """
    permissions.check_can_work_with_bills(by)
    if session.status != ConsultationSession.Status.COMPLETED:
        raise Conflict("Only a completed session is billed.", code="session_not_completed")
    with audit.unit_of_work():
        existing = Bill.objects.filter(session=session).exclude(status=Status.CANCELLED).order_by("created_at").first()
        if existing is not None:
            return existing
        clinic = ClinicSettings.load()
        bill_type = Bill.Type.TELEMEDICINE if session.telehealth else session.session_type
        visit = pricing.Visit(
            bill_type=bill_type,
            minutes=session.duration_minutes or 0,
            on=clinic.date_of(session.started_at),
            currency=clinic.currency,
        )
        lines = pricing.price_visit(visit, queries.fee_schedule(clinic.currency))
        bill = Bill(
            patient=session.patient,
            session=session,
            appointment=Appointment.objects.filter(session=session).first(),
            bill_type=bill_type,
            currency=clinic.currency,
            payment_terms=f"Net {clinic.payment_terms_days} days",
            payment_instructions=clinic.payment_instructions,
            insurance_provider=session.patient.insurance_provider,
            paid_amount=ZERO,
            generated_by=by,
        )
        _set_lines(bill, lines, discount=ZERO, tax_rate=clinic.tax_rate)
        bill.save(force_insert=True)
        session.billing_code = lines[0].cpt_code
        session.billing_amount = bill.total_amount
        session.save(update_fields=["billing_code", "billing_amount"])
        _record(bill, "draft", by=by, action=Action.CREATE)
    return bill


def edit_lines(
    bill: Bill,
    *,
    lines: list[Line],
    discount: Decimal,
    tax_rate: Decimal,
    by: User,
    at: datetime,
    insurance_covered: Decimal | None = None,
    **details: Any,
) -> Bill:
    """Replace the lines of a bill that has no number yet.

    `details` are `notes`, `internal_notes` and `primary_diagnosis_code`. Raises Locked once the bill is issued and
    BadAmount when the figures do not add up.
    """
    permissions.check_can_work_with_bills(by)
    if not 1 <= len(lines) <= MAXIMUM_LINES:
        raise BadAmount(f"A bill has 1 to {MAXIMUM_LINES} lines.")
    with audit.unit_of_work():
        _lock(bill)
        if bill.status != Status.PENDING or bill.bill_number:
            raise Locked("This bill has its number and its lines are fixed. Cancel it and make a new one.")
        _set_lines(bill, lines, discount=discount, tax_rate=tax_rate, insurance_covered=insurance_covered)
        for name, value in details.items():
            setattr(bill, name, value)
        bill.updated_at = at
        bill.save()
        _record(bill, "edit", by=by)
    return bill


def issue_bill(bill: Bill, *, by: User, at: datetime) -> Bill:
    """Give a draft its number, date and due date; an issued bill stays as it is.

    Raises NotIssuable when a price is missing or nothing is charged.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        _lock(bill)
        _issue(bill, by=by, at=at)
    return bill


def send_bill(bill: Bill, *, by: User, at: datetime, by_mail: bool = False) -> Bill:
    """Issue the bill when needed and note that the patient has it; with `by_mail` the patient is written to.

    Raises NotIssuable, and DomainError when there is no e-mail address to write to.
    """
    permissions.check_can_work_with_bills(by)
    if by_mail and not bill.patient.email:
        raise DomainError("This patient has no e-mail address. Hand the bill over instead.", code="no_address")
    with audit.unit_of_work():
        _lock(bill)
        _issue(bill, by=by, at=at)
        advance(bill, Status.SENT, at=at)
        _record(bill, "mail" if by_mail else "hand_over", by=by)
        if by_mail:
            jobs.enqueue("billing.tasks.mail_invoice", bill.pk, by_id=by.pk)
    return bill


def record_payment(
    bill: Bill,
    *,
    amount: Decimal,
    method: str,
    by: User,
    at: datetime,
    reference: str = "",
    key: UUID | None = None,
) -> LedgerEntry:
    """Take a payment and issue the bill when needed; never more than is open.

    `key` becomes the entry's id: the same key again returns the first entry, so a repeated form pays once. Raises
    BadAmount, Locked and NotIssuable.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        _lock(bill)
        repeated = LedgerEntry.objects.filter(pk=key, bill=bill).first() if key else None
        if repeated is not None:
            return repeated
        if not bill.is_open:
            raise Locked(f"This bill is {bill.get_status_display().lower()}. It takes no payment.")
        _issue(bill, by=by, at=at)
        amount = _check_amount(amount, bill.outstanding_amount, bill.currency)
        entry = ledger.add_entry(
            bill,
            LedgerEntry.Kind.PAYMENT,
            amount,
            by=by,
            at=at,
            key=key or uuid4(),
            method=method,
            reference=reference.strip(),
        )
        bill.payment_method = method
        bill.last_payment_date = ClinicSettings.load().date_of(at)
        bill.processed_by = by
        bill.save(update_fields=["payment_method", "last_payment_date", "processed_by"])
        _settle(bill, Status.PARTIALLY_PAID if bill.outstanding_amount else Status.PAID, at=at)
        _record(bill, "payment", by=by, entry=str(entry.pk))
    return entry


def refund_payment(bill: Bill, *, amount: Decimal, reason: str, by: User, at: datetime) -> LedgerEntry:
    """Give money back, at most what was paid.

    All of it makes the bill refunded, part of it opens a paid bill again. Raises BadAmount and Locked.
    """
    permissions.check_can_give_back(by, bill)
    _check_reason(reason)
    with audit.unit_of_work():
        _lock(bill)
        if bill.status not in (Status.PARTIALLY_PAID, Status.PAID, Status.OVERDUE) or not bill.paid_amount:
            raise Locked("There is no payment on this bill to give back.")
        amount = _check_amount(amount, bill.paid_amount, bill.currency)
        entry = ledger.add_entry(bill, LedgerEntry.Kind.REFUND, amount, by=by, at=at, reason=reason.strip())
        if not bill.paid_amount:
            _close(bill, Status.REFUNDED, at=at)
        elif bill.status == Status.PAID:
            _settle(bill, Status.PARTIALLY_PAID, at=at)
        else:
            _settle(bill, bill.status, at=at)
        _record(bill, "refund", by=by, entry=str(entry.pk))
    return entry


def cancel_bill(bill: Bill, *, reason: str, by: User, at: datetime) -> Bill:
    """Call a bill off; a number it has stays taken. Raises Locked when money was paid on it: refund that first."""
    permissions.check_can_give_back(by, bill)
    _check_reason(reason)
    with audit.unit_of_work():
        _lock(bill)
        if bill.paid_amount:
            raise Locked("Money was paid on this bill. Refund it instead.")
        if bill.bill_number:
            ledger.add_entry(bill, LedgerEntry.Kind.REVERSAL, bill.total_amount, by=by, at=at, reason=reason.strip())
        _close(bill, Status.CANCELLED, at=at, cancelled_reason=reason.strip())
        _record(bill, "cancel", by=by)
    return bill


def check_can_move(session: ConsultationSession) -> None:
    """Raise Locked when a bill of the session was issued: it names the patient and stands in the books."""
    issued = Bill.objects.filter(session=session).exclude(status=Status.CANCELLED).exclude(bill_number=None).first()
    if issued is not None:
        raise Locked(f"The bill {issued.bill_number} of this session was issued. Cancel or refund it first.")


def draft_anew(session: ConsultationSession, *, reason: str, by: User, at: datetime) -> Bill | None:
    """Call off the draft bills of a session that changed hands and draft its bill again; None while it runs.

    Raises as `check_can_move`.
    """
    with audit.unit_of_work():
        check_can_move(session)
        for bill in Bill.objects.filter(session=session, status=Status.PENDING):
            cancel_bill(bill, reason=reason, by=by, at=at)
        if session.status != ConsultationSession.Status.COMPLETED:
            return None
        return draft_bill_for_session(session, by=by, at=at)


def mark_overdue(at: datetime) -> int:
    """Move sent and partly paid bills past their due date, by the clinic's date, to overdue; return how many."""
    today = ClinicSettings.load().date_of(at)
    late = Bill.objects.filter(status__in=[Status.SENT, Status.PARTIALLY_PAID], due_date__lt=today)
    count = 0
    for bill_id in list(late.values_list("pk", flat=True)):
        with audit.unit_of_work():
            bill = late.filter(pk=bill_id).first()
            if bill is None:
                continue
            advance(bill, Status.OVERDUE, at=at)
            _record(bill, "overdue", by=None)
            count += 1
    return count


def store_fee(item: FeeScheduleItem, *, by: User, fields: Iterable[str]) -> None:
    """Save a price of the fee schedule; bills that are drafted already keep theirs. Raises NotAllowed."""
    permissions.check_can_set_prices(by)
    with audit.unit_of_work():
        item.save()
        audit.record(Action.ADMINISTER, by=by, target=item, detail={"fields": sorted(fields)})


def note_export(bill: Bill, export_format: str, *, by: User, at: datetime) -> None:
    """Remember that the invoice left as a file of this format."""
    with audit.unit_of_work():
        _lock(bill)
        if export_format not in bill.exported_formats:
            bill.exported_formats = [*bill.exported_formats, export_format]
            bill.save(update_fields=["exported_formats"])
        _record(bill, export_format, by=by, action=Action.EXPORT)


def check_can_issue(bill: Bill) -> None:
    """Raise NotIssuable unless every line has its price and something is charged."""
    if any(load_line(line).price_missing for line in bill.line_items):
        raise NotIssuable("A price is missing. Fill it in, or add it to the fee schedule, before the bill goes out.")
    if bill.total_amount <= ZERO:
        raise NotIssuable("This bill charges nothing. Add a line with a price, or cancel it.")


def why_not_issued(bill: Bill) -> str:
    """Return what keeps a draft from going out; nothing when it may."""
    try:
        check_can_issue(bill)
    except NotIssuable as error:
        return str(error)
    return ""


def can_issue(bill: Bill) -> bool:
    return not why_not_issued(bill)


def _issue(bill: Bill, *, by: User, at: datetime) -> None:
    if bill.bill_number:
        return
    if bill.status != Status.PENDING:
        raise Conflict(f"This bill is {bill.get_status_display().lower()} and gets no number.")
    check_can_issue(bill)
    clinic = ClinicSettings.load()
    bill.bill_date = clinic.date_of(at)
    bill.due_date = bill.bill_date + timedelta(days=clinic.payment_terms_days)
    bill.issued_at = at
    bill.bill_number = next_bill_number(bill.bill_date)
    bill.save(update_fields=["bill_date", "due_date", "issued_at", "bill_number"])
    ledger.add_entry(bill, LedgerEntry.Kind.CHARGE, bill.total_amount, by=by, at=at)
    _record(bill, "issue", by=by)


def _set_lines(
    bill: Bill, lines: list[Line], *, discount: Decimal, tax_rate: Decimal, insurance_covered: Decimal | None = None
) -> None:
    try:
        totals = add_up(lines, discount=discount, tax_rate=tax_rate, currency=bill.currency)
    except ValueError as error:
        raise BadAmount(str(error)) from None
    if insurance_covered is not None and not ZERO <= insurance_covered <= totals.total:
        raise BadAmount("The insurer pays between nothing and the whole bill.")
    bill.line_items = [line.dump(bill.currency) for line in lines]
    bill.procedure_codes = sorted({line.cpt_code for line in lines if line.cpt_code})
    bill.subtotal = totals.subtotal
    bill.discount_amount = totals.discount
    bill.tax_rate = totals.tax_rate
    bill.tax_amount = totals.tax
    bill.total_amount = totals.total
    bill.outstanding_amount = totals.total
    bill.insurance_covered_amount = insurance_covered
    bill.patient_responsibility = totals.total - (insurance_covered or ZERO)


def _check_amount(amount: Decimal, limit: Decimal, currency: str) -> Decimal:
    rounded = round_money(amount, currency)
    if rounded <= ZERO:
        raise BadAmount("Enter an amount above zero.")
    if rounded != amount:
        raise BadAmount("The amount has more decimal places than the currency.")
    if rounded > limit:
        raise BadAmount("The amount is more than is open.", code="amount_too_high")
    return rounded


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise DomainError("Say why.", code="reason_missing")


def _settle(bill: Bill, status: str, *, at: datetime) -> None:
    """Move to a status unless the bill has it: a further part payment leaves it partly paid."""
    if bill.status != status:
        advance(bill, status, at=at)


def _close(bill: Bill, status: str, *, at: datetime, **fields: Any) -> None:
    """End a bill: nothing is open on it any more."""
    advance(bill, status, at=at, outstanding_amount=ZERO, **fields)


def _lock(bill: Bill) -> None:
    """Lock the row and read it again, so that sums follow from what is stored and not from a stale copy."""
    bill.refresh_from_db(from_queryset=Bill.objects.select_for_update())


def _record(bill: Bill, verb: str, *, by: User | None, action: Action = Action.UPDATE, **detail: str) -> None:
    audit.record(action, by=by, target=bill, patient_id=bill.patient_id, detail={"verb": verb, **detail})
