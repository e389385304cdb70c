"""What part of the numbers to show: read from the address, so a view can be kept and sent."""

from datetime import date
from typing import Any

from django import forms

from synapse.accounts.models import User
from synapse.dashboard.numbers import LONGEST_DAYS, PERIOD_CHOICES, Period, period_of

EARLIEST, LATEST = date(1900, 2, 1), date(2200, 1, 1)


class NumbersForm(forms.Form):
    """Period and clinician; without a choice this month of everybody the person may see."""

    period = forms.ChoiceField(choices=PERIOD_CHOICES, required=False)
    day = forms.DateField(required=False, widget=forms.HiddenInput)
    first = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
    doctor = forms.ModelChoiceField(queryset=User.objects.none(), required=False, empty_label="All clinicians")

    def __init__(self, *args: Any, offered: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doctor"].queryset = offered  # type: ignore[attr-defined]
        self.fields["doctor"].label_from_instance = lambda user: user.display_name  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        for name in ("day", "first", "last"):
            if cleaned.get(name) and not EARLIEST <= cleaned[name] <= LATEST:
                self.add_error(name, "Enter a day between 1900 and 2200.")
        if cleaned.get("period") == "custom" and not self.errors:
            if first is None or last is None:
                self.add_error("first", "Enter both days.")
            elif last < first:
                self.add_error("last", "The last day is before the first one.")
            elif (last - first).days >= LONGEST_DAYS:
                self.add_error("last", "Choose two years at most.")
        return cleaned

    def chosen_period(self, today: date) -> Period:
        """Return the period asked for; this month while the address makes no sense."""
        if not self.is_valid():
            return period_of("month", today)
        kind = self.cleaned_data["period"] or "month"
        if kind == "custom":
            return Period(kind, self.cleaned_data["first"], self.cleaned_data["last"])
        return period_of(kind, self.cleaned_data["day"] or today)


def whole_days(period: Period) -> str:
    """Write a period's days: `2 to 8 November 2026`."""
    first, last = period.first, period.last
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {last.day} {last:%B %Y}"
    if first.year == last.year:
        return f"{first.day} {first:%B} to {last.day} {last:%B %Y}"
    return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"
