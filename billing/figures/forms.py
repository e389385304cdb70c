"""Which months the figures are of: read from the address, so a view can be kept and sent."""

from datetime import date
from typing import Any

from django import forms

from billing.figures.sums import Period, first_day, month_of, number_of
from synapse.accounts.models import User

PRESETS = (
    ("month", "This month"),
    ("last", "Last month"),
    ("quarter", "This quarter"),
    ("year", "This year"),
    ("twelve", "12 months"),
    ("custom", "From … to"),
)
MONTHS_OFFERED = 60
LONGEST_MONTHS = 36


class FiguresForm(forms.Form):
    """Period and clinician; without a choice this month of everybody the person may see."""

    period = forms.ChoiceField(choices=PRESETS, required=False)
    first = forms.ChoiceField(required=False, label="From")
    last = forms.ChoiceField(required=False, label="To")
    doctor = forms.ModelChoiceField(queryset=User.objects.none(), required=False, empty_label="All clinicians")

    def __init__(self, *args: Any, today: date, offered: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        now = number_of(f"{today:%Y%m}")
        months = [month_of(number) for number in range(now, now - MONTHS_OFFERED, -1)]
        choices = [(month, f"{first_day(month):%B %Y}") for month in months]
        self.fields["first"].choices = self.fields["last"].choices = choices  # type: ignore[attr-defined]
        self.fields["doctor"].queryset = offered  # type: ignore[attr-defined]
        self.fields["doctor"].label_from_instance = lambda user: user.display_name  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("period") == "custom" and not self.errors:
            first, last = cleaned.get("first"), cleaned.get("last")
            if not first or not last:
                self.add_error("first", "Choose both months.")
            elif last < first:
                self.add_error("last", "The last month is before the first one.")
            elif number_of(last) - number_of(first) >= LONGEST_MONTHS:
                self.add_error("last", f"Choose {LONGEST_MONTHS} months at most.")
        return cleaned

    @property
    def kind(self) -> str:
        kind: str = self.cleaned_data.get("period") or "month" if self.is_valid() else "month"
        return kind

    def chosen_period(self) -> Period:
        """Return the months asked for; this month while the address makes no sense."""
        now = f"{self.today:%Y%m}"
        number = number_of(now)
        if self.kind == "custom":
            return Period(self.cleaned_data["first"], self.cleaned_data["last"])
        return {
            "month": Period(now, now),
            "last": Period(month_of(number - 1), month_of(number - 1)),
            "quarter": Period(month_of(number - number % 12 % 3), now),
            "year": Period(f"{self.today.year}01", now),
            "twelve": Period(month_of(number - 11), now),
        }[self.kind]


def in_words(period: Period) -> str:
    """Write a period: `October 2025`, `January to October 2025`."""
    first, last = first_day(period.first), first_day(period.last)
    if first == last:
        return f"{first:%B %Y}"
    if first.year == last.year:
        return f"{first:%B} to {last:%B %Y}"
    return f"{first:%B %Y} to {last:%B %Y}"
