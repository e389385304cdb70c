"""Which days a file is about, and which accounts the journal names."""

from datetime import date, timedelta
from typing import Any

from django import forms

from billing.exports import journal
from billing.exports.rows import Span

LONGEST_DAYS = 1_100  # three years: books are asked for by year


class SpanForm(forms.Form):
    """Whole days, the first and the last included."""

    first = forms.DateField(label="From", widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label="To", widget=forms.DateInput({"type": "date"}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last:
            if last < first:
                self.add_error("last", "The last day is before the first one.")
            elif (last - first).days >= LONGEST_DAYS:
                self.add_error("last", "Choose three years at most.")
        return cleaned

    def span(self) -> Span:
        return Span(self.cleaned_data["first"], self.cleaned_data["last"])


def month_before(today: date) -> Span:
    """Return the month before a day's: what is handed to the accountant."""
    last = today.replace(day=1) - timedelta(days=1)
    return Span(last.replace(day=1), last)


class AccountsForm(forms.Form):
    """Number and name of each account; what is left empty is ours."""

    def __init__(self, data: Any = None, *, chosen: dict[str, Any]) -> None:
        super().__init__(data)
        for key, (number, name) in journal.ACCOUNTS.items():
            mine = chosen.get(key) or ("", "")
            self.fields[f"number_{key}"] = forms.CharField(
                max_length=20, required=False, initial=mine[0], widget=forms.TextInput({"placeholder": number})
            )
            self.fields[f"name_{key}"] = forms.CharField(
                max_length=60, required=False, initial=mine[1], widget=forms.TextInput({"placeholder": name})
            )

    @property
    def rows(self) -> list[tuple[str, Any, Any]]:
        return [(name, self[f"number_{key}"], self[f"name_{key}"]) for key, (_, name) in journal.ACCOUNTS.items()]

    def accounts(self) -> dict[str, list[str]]:
        """Return the accounts that differ from ours, as the settings keep them."""
        chosen = {}
        for key, (number, name) in journal.ACCOUNTS.items():
            mine = [
                self.cleaned_data[f"number_{key}"].strip() or number,
                self.cleaned_data[f"name_{key}"].strip() or name,
            ]
            if mine != [number, name]:
                chosen[key] = mine
        return chosen
