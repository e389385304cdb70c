"""The services of a bill as its page and the session's pages show them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing import permissions
from billing.bills.lines import diagnoses_of, lines_of, totals_of
from billing.codes.times import find_shortfalls
from billing.drafts import evidence
from billing.drafts.forms import pointers_in_letters
from billing.drafts.suggestions import Draft, suggest
from billing.models import Bill
from billing.money import Line, format_plain
from billing.services import issuing
from synapse.accounts.models import User
from synapse.accounts.roles import Permission


@dataclass(frozen=True)
class ShownLine:
    """One line as it is shown; `is_overruled` says that the minutes do not reach its code."""

    line: Line
    amount: Decimal
    pointers: str
    rate: str
    is_overruled: bool


def lines_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return the services card of a bill."""
    lines, totals = lines_of(bill), totals_of(bill)
    may_work = user.may(Permission.RECORD_PAYMENTS)
    is_draft = bill.status == Bill.Status.PENDING
    short = {each.place for each in find_shortfalls(lines, evidence.minutes_of(bill), evidence.least_minutes())}
    return {
        "shown_lines": [
            ShownLine(
                line,
                line.amount(bill.currency),
                pointers_in_letters(line.diagnosis_pointers),
                "" if line.tax_rate is None else format_plain(line.tax_rate),
                place in short,
            )
            for place, line in enumerate(lines)
        ],
        "line_reasons": [(line, place in short) for place, line in enumerate(lines) if line.note],
        "tax_parts": [(format_plain(part.rate), part) for part in totals.taxes],
        "discount_percent": "" if bill.discount_percent is None else format_plain(bill.discount_percent),
        "offered_count": _count_offered(bill, lines, user) if is_draft and may_work else 0,
        **_confirmation(bill, user),
    }


def suggested_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return the card of a session's pages that asks its clinician to confirm the codes."""
    may_edit = user.may(Permission.RECORD_PAYMENTS) and bill.status == Bill.Status.PENDING
    return {"bill": bill, "may_edit": may_edit, **lines_context(bill, user)}


def _confirmation(bill: Bill, user: User) -> dict[str, Any]:
    waits = issuing.waits_for_codes(bill) and bill.status != Bill.Status.CANCELLED
    return {"codes_wait": waits, "can_confirm": waits and permissions.can_confirm_codes(user, bill)}


def _count_offered(bill: Bill, lines: list[Line], user: User) -> int:
    if bill.purpose != Bill.Purpose.VISIT:
        return 0
    draft = Draft(lines, bill.place_of_service, diagnoses_of(bill))
    return len(suggest(evidence.evidence_of(bill, reader=user), draft))
