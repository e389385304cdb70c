"""Give a draft its number and send it."""

from datetime import datetime, timedelta

from billing import permissions
from billing.errors import NotIssuable
from billing.ledger import entries as ledger
from billing.models import Bill, BillingSettings, LedgerEntry
from billing.money import ZERO, load_line
from billing.services.rows import lock, record, settle
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict
from synapse.common.numbering import next_bill_number
from synapse.common.transitions import advance
from synapse.webhooks.events import emit
from synapse.webhooks.kinds import Kind

Status = Bill.Status


def issue_bill(bill: Bill, *, by: User, at: datetime) -> Bill:
    """Give a draft its number, date and due date; an issued bill stays as it is.

    Raises NotIssuable when a price is missing or nothing is charged.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        lock(bill)
        issue_locked(bill, by=by, at=at)
    return bill


def send_bill(bill: Bill, *, by: User, at: datetime) -> Bill:
    """Issue the bill when needed and note that the patient has it. Raises NotIssuable, and Conflict when cancelled."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        lock(bill)
        if bill.status == Status.CANCELLED:
            raise Conflict("This bill is cancelled. Bill the session again instead.")
        issue_locked(bill, by=by, at=at)
        record(bill, "hand_over", by=by)
    return bill


def issue_locked(bill: Bill, *, by: User | None, at: datetime) -> None:
    """Issue a bill whose row the caller has locked, unless it is issued. Raises NotIssuable and Conflict."""
    if bill.bill_number:
        return
    if bill.status != Status.PENDING:
        raise Conflict(f"This bill is {bill.get_status_display().lower()} and gets no number.")
    check_can_issue(bill)
    clinic = ClinicSettings.load()
    bill_date = clinic.date_of(at)
    advance(
        bill,
        Status.SENT,
        at=at,
        bill_date=bill_date,
        # The day somebody set may have come while the draft lay.
        due_date=max(bill.due_date or bill_date + timedelta(days=clinic.payment_terms_days), bill_date),
        issued_at=at,
        bill_number=next_bill_number(bill_date),
    )
    ledger.add_entry(bill, LedgerEntry.Kind.CHARGE, bill.total_amount, by=by, at=at)
    settle(bill, at=at)
    record(bill, "issue", by=by)
    emit(Kind.BILL_ISSUED, bill.pk, at=at)


def note_export(bill: Bill, export_format: str, *, by: User, at: datetime) -> None:
    """Remember that the bill left as a file of this format."""
    with audit.unit_of_work():
        lock(bill)
        if export_format not in bill.exported_formats:
            bill.exported_formats = [*bill.exported_formats, export_format]
            bill.save(update_fields=["exported_formats"])
        record(bill, export_format, by=by, action=Action.EXPORT)


def check_can_issue(bill: Bill, *, billing: BillingSettings | None = None) -> None:
    """Raise NotIssuable unless every line has its price, something is charged and the codes are confirmed if asked for.

    Pass the settings where many bills are checked.
    """
    if any(load_line(line).price_missing for line in bill.line_items):
        raise NotIssuable("A price is missing. Fill it in, or add it to the fee schedule, before the bill goes out.")
    if bill.total_amount <= ZERO:
        raise NotIssuable("This bill charges nothing. Add a line with a price, or cancel it.")
    if waits_for_codes(bill) and (billing or BillingSettings.load()).requires_confirmed_codes:
        raise NotIssuable(f"{bill.doctor.display_name} has to confirm the codes of this bill before it goes out.")


def waits_for_codes(bill: Bill) -> bool:
    """Tell whether the codes of a bill are suggestions that its clinician has not confirmed."""
    return bill.purpose == Bill.Purpose.VISIT and bool(bill.procedure_codes) and bill.codes_confirmed_at is None


def why_not_issued(bill: Bill) -> str:
    """Return what keeps a draft from going out; nothing when it may."""
    try:
        check_can_issue(bill)
    except NotIssuable as error:
        return str(error)
    return ""


def can_issue(bill: Bill) -> bool:
    return not why_not_issued(bill)
