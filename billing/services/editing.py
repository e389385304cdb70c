"""Change a draft, and have its clinician confirm the codes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing import permissions
from billing.bills.lines import diagnoses_of, lines_of
from billing.codes.times import find_shortfalls
from billing.drafts import evidence
from billing.errors import BadAmount, BadDetail, BadLine, Locked, Stale
from billing.models import Bill
from billing.money import MAXIMUM_MODIFIERS, MAXIMUM_POINTERS, ZERO, Line, add_up, round_money, split_total
from billing.services.rows import lock, record
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.common.errors import Conflict

MAXIMUM_LINES = 40
MAXIMUM_OTHER_DIAGNOSES = 11  # beside the primary one, as a claim carries them
DETAILS = frozenset(
    {
        "notes",
        "internal_notes",
        "primary_diagnosis_code",
        "other_diagnosis_codes",
        "place_of_service",
        "due_date",
        "payment_terms",
        "payment_instructions",
    }
)
# What lines are added up and split by: the bill's column and its name in `edit_lines`.
TERMS = {
    "discount_amount": "discount",
    "discount_percent": "discount_percent",
    "tax_rate": "tax_rate",
    "prices_include_tax": "prices_include_tax",
    "insurance_covered_amount": "insurance_covered",
    "patient_responsibility": "patient_responsibility",
    "copay_amount": "copay",
    "deductible_amount": "deductible",
}


def edit_lines(
    bill: Bill,
    *,
    lines: Sequence[Line],
    tax_rate: Decimal,
    by: User,
    at: datetime,
    discount: Decimal = ZERO,
    discount_percent: Decimal | None = None,
    prices_include_tax: bool | None = None,
    insurance_covered: Decimal | None = None,
    patient_responsibility: Decimal | None = None,
    copay: Decimal | None = None,
    deductible: Decimal | None = None,
    version: str = "",
    confirm: bool = False,
    **details: Any,
) -> Bill:
    """Replace the lines of a bill that has no number yet; its codes wait for confirmation again when they changed.

    With `confirm` they are confirmed as they are now; see `confirm_codes`. `details` are those of DETAILS. `version` is
    what `version_of` gave when the form was opened. Raises Locked once the bill is issued, Stale when somebody else
    changed it since, BadAmount when the figures do not add up, BadLine for a code the minutes do not reach without a
    reason, and BadDetail.
    """
    permissions.check_can_work_with_bills(by)
    if confirm:
        permissions.check_can_confirm_codes(by, bill)
    unknown = set(details) - DETAILS
    if unknown:
        raise TypeError(f"No details of a bill: {', '.join(sorted(unknown))}")
    with audit.unit_of_work():
        lock(bill)
        if bill.status != Bill.Status.PENDING:
            raise Locked("This bill has its number and its lines are fixed. Cancel it and make a new one.")
        if version and version != version_of(bill):
            raise Stale("Somebody else changed this draft since you opened it.")
        before = _coding(bill)
        set_details(bill, details, at=at)
        check_lines(bill, lines)
        set_lines(
            bill,
            lines,
            discount=discount,
            discount_percent=discount_percent,
            tax_rate=tax_rate,
            prices_include_tax=prices_include_tax,
            insurance_covered=insurance_covered,
            patient_responsibility=patient_responsibility,
            copay=copay,
            deductible=deductible,
        )
        if _coding(bill) != before:
            bill.codes_confirmed_by = bill.codes_confirmed_at = None
        bill.save()
        _tell_session(bill)
        record(bill, "edit", by=by)
        if confirm:
            confirm_codes(bill, by=by, at=at)
    return bill


def revise_draft(bill: Bill, changes: Mapping[str, Any], *, by: User, at: datetime) -> Bill:
    """Change what is named of a draft and keep the rest: columns of DETAILS and TERMS, and `line_items` as Lines.

    What is said as it is stored is no change, so all of an issued bill may be said again. Raises as `edit_lines`.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        lock(bill)
        stored_lines = lines_of(bill)
        stored = {"line_items": stored_lines, **{name: getattr(bill, name) for name in (*DETAILS, *TERMS)}}
        changed = {name: value for name, value in changes.items() if value != stored[name]}
        if not changed:
            return bill
        details = {name: value for name, value in changed.items() if name in DETAILS}
        lines = changed.get("line_items", stored_lines)
        return edit_lines(bill, lines=lines, **terms_of(bill, changed), **details, by=by, at=at)


def terms_of(bill: Bill, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what lines are added up and split by: the bill's own terms and over them the changed ones.

    A discount in percent stays one until an amount is named. Of the two sides of a split the named one counts, without
    either the insurer's.
    """
    terms = {word: changed.get(column, getattr(bill, column)) for column, word in TERMS.items()}
    if "discount_amount" in changed:
        if changed.get("discount_percent") is not None:
            raise BadAmount("Name the discount in percent or as an amount, not both.", field="discount_percent")
        terms["discount_percent"] = None
    if "patient_responsibility" not in changed:
        terms["patient_responsibility"] = None
    elif "insurance_covered_amount" not in changed:
        terms["insurance_covered"] = None
    return terms


def set_details(bill: Bill, details: Mapping[str, Any], *, at: datetime) -> None:
    """Put details on a bill that is not saved yet. Raises BadDetail."""
    due_date = details.get("due_date")
    if due_date is not None and due_date < ClinicSettings.load().date_of(at):
        raise BadDetail("The day to pay by is over.", field="due_date")
    for name, value in details.items():
        setattr(bill, name, value)
    if bill.other_diagnosis_codes and not bill.primary_diagnosis_code:
        raise BadDetail("Enter the first diagnosis here", field="primary_diagnosis_code")


def version_of(bill: Bill) -> str:
    """Return what changes with every saved change of a draft."""
    return bill.updated_at.isoformat()


def check_lines(bill: Bill, lines: Sequence[Line]) -> None:
    """Raise BadLine for a line that cannot be on this bill: see `find_bad_lines`."""
    found = find_bad_lines(bill, lines)
    if found:
        place, words = found[0]
        raise BadLine(f"Line {place + 1}: {words}", place)


def find_bad_lines(bill: Bill, lines: Sequence[Line], *, diagnosis_count: int | None = None) -> list[tuple[int, str]]:
    """Return what is wrong with lines, each with its place from 0; without a count the diagnoses are the bill's.

    A code that the recorded minutes do not reach needs a reason, which is the line's note; a missed visit has no codes;
    a pointer leads to a diagnosis of the bill; a price can be paid in the bill's currency.
    """
    found: list[tuple[int, str]] = []
    count = len(diagnoses_of(bill)) if diagnosis_count is None else diagnosis_count
    for place, line in enumerate(lines):
        if bill.purpose != Bill.Purpose.VISIT and (line.cpt_code or line.modifiers):
            found.append((place, "A visit that did not take place has no procedure code."))
        if round_money(line.unit_price, bill.currency) != line.unit_price:
            found.append((place, "The price has more decimal places than the currency."))
        if len(line.modifiers) > MAXIMUM_MODIFIERS:
            found.append((place, f"A line has at most {MAXIMUM_MODIFIERS} modifiers."))
        if len(line.diagnosis_pointers) > MAXIMUM_POINTERS:
            found.append((place, f"A line points to at most {MAXIMUM_POINTERS} diagnoses."))
        if any(not 1 <= pointer <= count for pointer in line.diagnosis_pointers):
            has = "no diagnosis" if not count else f"{count} diagnos{'is' if count == 1 else 'es'}"
            found.append((place, f"This bill has {has}; point to one that is there."))
    found.extend(
        (shortfall.place, f"{shortfall.words} Take a shorter code, or say why it is right.")
        for shortfall in find_shortfalls(lines, evidence.minutes_of(bill), evidence.least_minutes())
        if not lines[shortfall.place].note.strip()
    )
    return found


def set_lines(
    bill: Bill,
    lines: Sequence[Line],
    *,
    tax_rate: Decimal,
    discount: Decimal = ZERO,
    discount_percent: Decimal | None = None,
    prices_include_tax: bool | None = None,
    insurance_covered: Decimal | None = None,
    patient_responsibility: Decimal | None = None,
    copay: Decimal | None = None,
    deductible: Decimal | None = None,
) -> None:
    """Put lines, what they add up to and who pays which part on a bill that is not saved yet. Raises BadAmount."""
    if not 1 <= len(lines) <= MAXIMUM_LINES:
        raise BadAmount(f"A bill has 1 to {MAXIMUM_LINES} lines.", field="line_items")
    if prices_include_tax is not None:
        bill.prices_include_tax = prices_include_tax
    try:
        totals = add_up(
            lines,
            discount=discount,
            discount_percent=discount_percent,
            tax_rate=tax_rate,
            currency=bill.currency,
            prices_include_tax=bill.prices_include_tax,
        )
        split = split_total(
            totals.total,
            currency=bill.currency,
            covered=insurance_covered,
            responsibility=patient_responsibility,
            copay=copay,
            deductible=deductible,
        )
    except ValueError as error:
        # Without a field of its own it is a currency that cannot be held.
        raise BadAmount(str(error), field=getattr(error, "field", "currency")) from None
    bill.line_items = [line.dump(bill.currency) for line in lines]
    bill.procedure_codes = sorted({line.cpt_code for line in lines if line.cpt_code})
    bill.subtotal = totals.subtotal
    bill.discount_amount = totals.discount
    bill.discount_percent = discount_percent
    bill.tax_rate = totals.tax_rate
    bill.tax_amount = totals.tax
    bill.total_amount = totals.total
    bill.outstanding_amount = totals.total
    is_insured = insurance_covered is not None or patient_responsibility is not None
    bill.insurance_covered_amount = split.covered if is_insured else None
    bill.patient_responsibility = split.responsibility
    bill.copay_amount = copay
    bill.deductible_amount = deductible


def confirm_codes(bill: Bill, *, by: User, at: datetime) -> Bill:
    """Note that the clinician stands for the codes of a bill.

    A bill that was issued without can be confirmed later: its lines are fixed, and a claim waits for it. Raises
    NotAllowed unless it is the bill's doctor or an administrator, Locked for a cancelled bill, Conflict where there is
    nothing to confirm.
    """
    permissions.check_can_confirm_codes(by, bill)
    with audit.unit_of_work():
        lock(bill)
        if bill.status == Bill.Status.CANCELLED:
            raise Locked("This bill is cancelled.")
        if bill.purpose != Bill.Purpose.VISIT:
            raise Conflict("A visit that did not take place has no codes.")
        if bill.codes_confirmed_at is not None:
            return bill
        check_lines(bill, lines_of(bill))
        bill.codes_confirmed_by, bill.codes_confirmed_at = by, at
        bill.save(update_fields=["codes_confirmed_by", "codes_confirmed_at"])
        record(bill, "confirm_codes", by=by)
    return bill


def _coding(bill: Bill) -> list[Any]:
    """Return what a clinician confirms: the services with their units, diagnoses and place."""
    lines = [
        (line.description, line.cpt_code, line.quantity, line.modifiers, line.diagnosis_pointers)
        for line in lines_of(bill)
    ]
    return [lines, diagnoses_of(bill), bill.place_of_service]


def _tell_session(bill: Bill) -> None:
    """Keep the session's own code and amount those of its bill."""
    session = bill.session
    if session is None:
        return
    codes = [line.cpt_code for line in lines_of(bill) if line.cpt_code]
    session.billing_code = codes[0] if codes else ""
    session.billing_amount = bill.total_amount
    session.save(update_fields=["billing_code", "billing_amount", "updated_at"])
