"""Charge lines from the fee schedule: by doctor, kind of visit and the minutes it took. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from billing.codes.times import LEAST_MINUTES, minutes_in_words
from billing.models import Bill, FeeScheduleItem
from billing.money import ZERO, Line

NOTHING_RECORDED = "No minutes were recorded. Choose the service."


@dataclass(frozen=True)
class Visit:
    """What a price depends on. `minutes` are those of the session less its pauses; None when nothing was recorded."""

    bill_type: str
    minutes: int | None
    on: date
    currency: str
    doctor_id: UUID | None = None
    purpose: str = Bill.Purpose.VISIT


def price_visit(
    visit: Visit, schedule: Iterable[FeeScheduleItem], *, least: Mapping[str, int] = LEAST_MINUTES
) -> list[Line]:
    """Return the lines of a visit: one, from the item with the longest length the visit reached.

    Without a fitting item the line costs nothing and says that its price is missing. `least` are the minutes timed
    codes begin at: a price whose code the visit does not reach is charged without the code.
    """
    fitting = _in_force(visit, schedule)
    reached = [item for item in fitting if item.minimum_minutes <= (visit.minutes or 0)]
    if not reached or (visit.minutes is None and len(fitting) > 1):
        label = dict(Bill.Type.choices).get(visit.bill_type, visit.bill_type)
        return [
            Line(description=str(label), unit_price=ZERO, price_missing=True, note=_explain_missing(visit, fitting))
        ]
    item = reached[-1]
    return [line_of(item, note=_explain(visit, item, fitting), minutes=visit.minutes, least=least)]


def price_missed(visit: Visit, schedule: Iterable[FeeScheduleItem]) -> Line:
    """Return the fee of a visit that did not take place; it carries no code."""
    items = _by_weight(visit, schedule, lambda item: item.session_type in ("", visit.bill_type))
    label = str(Bill.Purpose(visit.purpose).label)
    if not items:
        return Line(label, ZERO, price_missing=True, note="The fee schedule has no fee for this.")
    item = items[-1]
    return Line(item.description, item.unit_price, tax_rate=item.tax_rate)


def price_code(code: str, visit: Visit, schedule: Iterable[FeeScheduleItem]) -> FeeScheduleItem | None:
    """Return the price of a code on that day: the doctor's own before the clinic's, of that kind of visit before any."""
    items = _by_weight(visit, schedule, lambda item: item.cpt_code == code)
    return items[-1] if items else None


def line_of(
    item: FeeScheduleItem,
    *,
    note: str = "",
    minutes: int | None = None,
    least: Mapping[str, int] = LEAST_MINUTES,
) -> Line:
    """Return an item as a line; without its code where the minutes do not reach it."""
    begins_at = least.get(item.cpt_code, 0)
    if minutes is not None and minutes < begins_at:
        note = (
            f"{minutes_in_words(minutes)} do not reach {item.cpt_code}, which begins at {begins_at}: billed without it."
        )
        return Line(item.description, item.unit_price, note=note, tax_rate=item.tax_rate)
    return Line(item.description, item.unit_price, cpt_code=item.cpt_code, note=note, tax_rate=item.tax_rate)


def _in_force(visit: Visit, schedule: Iterable[FeeScheduleItem]) -> list[FeeScheduleItem]:
    """Return the items for this visit, shortest first, one for each length.

    Those for any kind of visit count where there is none for this kind.
    """
    items = _by_weight(visit, schedule, lambda item: item.session_type in ("", visit.bill_type))
    own_kind = [item for item in items if item.session_type]
    by_length = {item.minimum_minutes: item for item in own_kind or items}
    return [by_length[minutes] for minutes in sorted(by_length)]


def _by_weight(
    visit: Visit, schedule: Iterable[FeeScheduleItem], fits: Callable[[FeeScheduleItem], bool]
) -> list[FeeScheduleItem]:
    """Return the items in force that fit, the one that counts last: the doctor's own, of this kind, the newest."""
    items = [
        item
        for item in schedule
        if item.is_active
        and item.valid_from <= visit.on
        and (item.valid_until is None or visit.on <= item.valid_until)
        and item.currency == visit.currency
        and item.purpose == visit.purpose
        and item.doctor_id in (None, visit.doctor_id)
        and fits(item)
    ]
    return sorted(
        items,
        key=lambda item: (item.doctor_id is not None, item.session_type == visit.bill_type, item.valid_from),
    )


def _explain(visit: Visit, item: FeeScheduleItem, fitting: Sequence[FeeScheduleItem]) -> str:
    """Say which length the minutes fall under, and how far the next one is."""
    if visit.minutes is None:
        return "One price for any length."
    if len(fitting) == 1:
        return f"{minutes_in_words(visit.minutes)}; one price for any length."
    longer = [other for other in fitting if other.minimum_minutes > item.minimum_minutes]
    code = item.cpt_code or item.description
    if not longer:
        return f"{minutes_in_words(visit.minutes)}: {code} from {item.minimum_minutes}."
    following = longer[0]
    bounds = f"{item.minimum_minutes} to {following.minimum_minutes - 1}"
    short = following.minimum_minutes - visit.minutes
    return (
        f"{minutes_in_words(visit.minutes)}: {code} is {bounds}. "
        f"{minutes_in_words(short)} short of {following.cpt_code or following.description}."
    )


def _explain_missing(visit: Visit, fitting: Sequence[FeeScheduleItem]) -> str:
    if not fitting:
        return "The fee schedule has no price for this kind of visit."
    if visit.minutes is None:
        return NOTHING_RECORDED
    return f"{minutes_in_words(visit.minutes)}; the fee schedule begins at {fitting[0].minimum_minutes}."
