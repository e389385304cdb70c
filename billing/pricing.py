"""Charge lines from the fee schedule: by kind of visit and the minutes it took. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from billing.models import Bill, FeeScheduleItem
from billing.money import ZERO, Line


@dataclass(frozen=True)
class Visit:
    """What a price depends on. `minutes` are those of the session less its pauses."""

    bill_type: str
    minutes: int
    on: date
    currency: str


def price_visit(visit: Visit, schedule: Iterable[FeeScheduleItem]) -> list[Line]:
    """Return the lines of a visit: one, from the item with the longest length the visit reached.

    Without a fitting item the line costs nothing and says that its price is missing.
    """
    fitting = _in_force(visit, schedule)
    reached = [item for item in fitting if item.minimum_minutes <= visit.minutes]
    if not reached:
        label = dict(Bill.Type.choices).get(visit.bill_type, visit.bill_type)
        return [
            Line(description=str(label), unit_price=ZERO, price_missing=True, note=_explain_missing(visit, fitting))
        ]
    item = reached[-1]
    return [
        Line(
            description=item.description,
            unit_price=item.unit_price,
            cpt_code=item.cpt_code,
            note=_explain(visit, item, fitting),
        )
    ]


def _in_force(visit: Visit, schedule: Iterable[FeeScheduleItem]) -> list[FeeScheduleItem]:
    """Return the items for this visit, shortest first; of two for one length, the one that came into force later."""
    by_length: dict[int, FeeScheduleItem] = {}
    for item in sorted(schedule, key=lambda item: item.valid_from):
        in_force = item.valid_from <= visit.on and (item.valid_until is None or visit.on <= item.valid_until)
        if item.is_active and in_force and (item.session_type, item.currency) == (visit.bill_type, visit.currency):
            by_length[item.minimum_minutes] = item
    return [by_length[minutes] for minutes in sorted(by_length)]


def _explain(visit: Visit, item: FeeScheduleItem, fitting: Sequence[FeeScheduleItem]) -> str:
    """Say which length the minutes fall under, and how far the next one is."""
    if len(fitting) == 1:
        return f"{_minutes(visit.minutes)}; one price for any length."
    longer = [other for other in fitting if other.minimum_minutes > item.minimum_minutes]
    code = item.cpt_code or item.description
    if not longer:
        return f"{_minutes(visit.minutes)}: {code} from {item.minimum_minutes}."
    following = longer[0]
    bounds = f"{item.minimum_minutes} to {following.minimum_minutes - 1}"
    short = following.minimum_minutes - visit.minutes
    return (
        f"{_minutes(visit.minutes)}: {code} is {bounds}. "
        f"{_minutes(short)} short of {following.cpt_code or following.description}."
    )


def _explain_missing(visit: Visit, fitting: Sequence[FeeScheduleItem]) -> str:
    if fitting:
        return f"{_minutes(visit.minutes)}; the fee schedule begins at {fitting[0].minimum_minutes}."
    return "The fee schedule has no price for this kind of visit."


def _minutes(count: int) -> str:
    return "1 minute" if count == 1 else f"{count} minutes"
