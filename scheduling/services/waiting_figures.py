"""How well the waiting list fills the times that come free."""

from dataclasses import dataclass
from datetime import datetime
from statistics import median

from django.db.models import Exists, OuterRef

from scheduling.models import FreedSlot, SlotOffer
from synapse.accounts.models import User


@dataclass(frozen=True)
class FillFigures:
    """Counts of times that came free in a period; `median_minutes` from coming free to being filled."""

    freed: int
    offered: int
    filled: int
    median_minutes: int | None

    @property
    def percent(self) -> int | None:
        """Return how many of a hundred were filled, None when none came free."""
        return round(100 * self.filled / self.freed) if self.freed else None


def fill_figures(start: datetime, end: datetime, doctor: User | None = None) -> FillFigures:
    """Return the figures of times that came free in [start, end), of one doctor or of everybody.

    Times that the same patient took back count nowhere.
    """
    slots = FreedSlot.objects.filter(created_at__gte=start, created_at__lt=end).exclude(status=FreedSlot.Status.UNDONE)
    if doctor is not None:
        slots = slots.filter(doctor=doctor)
    rows = slots.annotate(was_offered=Exists(SlotOffer.objects.filter(slot=OuterRef("pk")))).values_list(
        "was_offered", "created_at", "filled_at"
    )
    minutes = [(filled_at - freed_at).total_seconds() / 60 for _, freed_at, filled_at in rows if filled_at]
    return FillFigures(
        freed=len(rows),
        offered=sum(was_offered for was_offered, _, _ in rows),
        filled=len(minutes),
        median_minutes=round(median(minutes)) if minutes else None,
    )
