"""The fee schedule as its page shows it: in order, with the length each price covers and its state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.models import Bill, BillType, FeeScheduleItem
from synapse.accounts.models import User

ORDER = {value: place for place, value in enumerate(["", *BillType.values])}


@dataclass(frozen=True)
class FeeRow:
    """One price with what stands beside it; `state` is word, kind and icon of its chip."""

    item: FeeScheduleItem
    what: str
    tax: str
    state: tuple[str, str, str]
    is_live: bool

    @property
    def is_in_use(self) -> bool:
        return self.state[1] == "ok"


def prices(*, doctor: UUID | None, today: date, with_ended: bool) -> QuerySet[FeeScheduleItem]:
    """Return the clinic's prices, or those of one doctor."""
    items = FeeScheduleItem.objects.filter(doctor=doctor)
    if not with_ended:
        items = items.filter(Q(valid_until=None) | Q(valid_until__gte=today), is_active=True)
    return items


def doctors_with_prices() -> QuerySet[User]:
    """Return the doctors who have prices of their own."""
    return User.objects.filter(pk__in=FeeScheduleItem.objects.exclude(doctor=None).values("doctor")).order_by(
        "last_name", "first_name"
    )


def rows_of(items: Sequence[FeeScheduleItem], *, today: date, clinic_rate: Decimal, tax_label: str) -> list[FeeRow]:
    """Return the rows in the order of the page: by occasion, kind, length and first day."""
    ordered = sorted(
        items,
        key=lambda item: (
            item.purpose != Bill.Purpose.VISIT,
            ORDER.get(item.session_type, len(ORDER)),
            item.minimum_minutes,
            item.cpt_code if item.session_type == BillType.PROCEDURE else "",
            item.valid_from,
        ),
    )
    return [
        FeeRow(
            item,
            _what(item, ordered),
            _tax(item.tax_rate if item.tax_rate is not None else clinic_rate, tax_label),
            state_of(item, today),
            item.is_active and (item.valid_until is None or item.valid_until >= today),
        )
        for item in ordered
    ]


def state_of(item: FeeScheduleItem, today: date) -> tuple[str, str, str]:
    """Say whether a price is in use, when it begins or that it ended, with the look of its chip."""
    if not item.is_active:
        return ("Replaced" if item.valid_from <= today else "Withdrawn", "slate", "ban")
    if item.valid_from > today:
        year = "" if item.valid_from.year == today.year else f" {item.valid_from.year}"
        return (f"From {item.valid_from:%-d %b}{year}", "line", "clock")
    if item.valid_until is not None and item.valid_until < today:
        return ("Ended", "slate", "ban")
    if item.valid_until is not None:
        return (f"Until {item.valid_until:%-d %b %Y}", "ok", "circle-check")
    return ("In use", "ok", "circle-check")


def _what(item: FeeScheduleItem, items: Sequence[FeeScheduleItem]) -> str:
    """Say the kind of visit and the length a price covers."""
    kind = str(BillType(item.session_type).label) if item.session_type else "Any visit"
    if item.purpose != Bill.Purpose.VISIT:
        return f"{kind}, {Bill.Purpose(item.purpose).label.lower()}"
    if item.session_type == BillType.PROCEDURE:
        return f"{kind}, each"
    longer = [
        other.minimum_minutes
        for other in items
        if other.is_active
        and (other.session_type, other.purpose, other.currency) == (item.session_type, item.purpose, item.currency)
        and other.minimum_minutes > item.minimum_minutes
        and (other.valid_until is None or other.valid_until >= item.valid_from)
        and (item.valid_until is None or other.valid_from <= item.valid_until)
    ]
    if longer and item.minimum_minutes:
        return f"{kind}, {item.minimum_minutes} to {min(longer) - 1} minutes"
    if longer:
        return f"{kind}, under {min(longer)} minutes"
    return f"{kind}, {item.minimum_minutes} minutes or more" if item.minimum_minutes else f"{kind}, any length"


def _tax(rate: Decimal, label: str) -> str:
    return f"{rate.normalize():f}% {label}" if rate else "Exempt"
