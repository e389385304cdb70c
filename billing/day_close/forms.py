"""The sheet on which a day's money is counted."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms

from billing.forms import AmountField
from billing.models import Method
from billing.money import ZERO, format_money
from billing.queries import PAID_IN_PERSON
from billing.services.day_close import DENOMINATIONS, Day, add_up_cash, differences_of

MOST_PIECES = 100_000


class DayCloseForm(forms.Form):
    """What was counted, by method; notes and coins if somebody wants to count them here."""

    opening_float = AmountField(
        min_value=ZERO, required=False, label="Opening float", help_text="Cash in the drawer before the first payment"
    )
    note = forms.CharField(max_length=1000, required=False, label="Note", widget=forms.Textarea({"rows": 2}))
    key = forms.UUIDField(widget=forms.HiddenInput)
    fingerprint = forms.CharField(max_length=16, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, day: Day, currency: str, usual_float: Decimal | None = None) -> None:
        super().__init__(data, initial={"key": uuid4(), "fingerprint": day.fingerprint, "opening_float": usual_float})
        self.day = day
        self.methods = [method for method in Method.values if method in PAID_IN_PERSON or method in day.expected]
        for method in self.methods:
            label = Method(method).label
            self.fields[f"counted_{method}"] = AmountField(required=False, label=f"{label} counted")
            self.fields[f"reason_{method}"] = forms.CharField(
                max_length=300, required=False, label=f"Why {label} differs"
            )
        self.pieces = DENOMINATIONS.get(currency, ())
        for value in self.pieces:
            self.fields[f"pieces_{value}"] = forms.IntegerField(
                min_value=0,
                max_value=MOST_PIECES,
                required=False,
                label=f"How many of {value}",
                widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "data-piece": value}),
            )

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the methods as rows: what is expected, the field of what was counted, the field of the reason."""
        return [
            {
                "method": method,
                "label": Method(method).label,
                "expected": self.day.expected.get(method, ZERO),
                "counted": self[f"counted_{method}"],
                "reason": self[f"reason_{method}"],
            }
            for method in self.methods
        ]

    @property
    def piece_fields(self) -> list[tuple[str, Any]]:
        return [(value, self[f"pieces_{value}"]) for value in self.pieces]

    @property
    def has_pieces(self) -> bool:
        """Tell whether notes and coins were typed, whatever else is wrong with the sheet."""
        return any(field.value() for _, field in self.piece_fields)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        pieces = {value: number for value in self.pieces if (number := cleaned.get(f"pieces_{value}"))}
        cash = cleaned.get("counted_cash")
        if pieces:
            worth = add_up_cash(pieces)
            if cash is not None and cash != worth:
                self.add_error("counted_cash", f"Notes and coins make {worth}. Correct one of the two.")
            cleaned["counted_cash"] = worth
        for method in self.methods:
            if cleaned.get(f"counted_{method}") is None and self.day.expected.get(method):
                self.add_error(f"counted_{method}", f"Enter what was counted in {Method(method).label}, or 0.")
        self._ask_for_reasons(cleaned)
        return cleaned | {"denominations": pieces}

    def _ask_for_reasons(self, cleaned: Mapping[str, Any]) -> None:
        if self.errors:
            return
        differences = differences_of(self.day.expected, self.counted(), cleaned.get("opening_float") or ZERO)
        for method, difference in differences.items():
            if difference and not cleaned.get(f"reason_{method}", "").strip():
                words = "too much" if difference > 0 else "missing"
                self.add_error(
                    f"reason_{method}", f"{format_money(abs(difference), self.day.currency)} {words}: say why."
                )

    def show_anew(self, day: Day) -> None:
        """Let the next press count for the sums as they are shown now."""
        self.data = {**self.data.dict(), "fingerprint": day.fingerprint}  # type: ignore[attr-defined]  # of a request

    def counted(self) -> dict[str, Decimal]:
        """Return what was counted by method; what was left empty counts as nothing."""
        return {method: self.cleaned_data.get(f"counted_{method}") or ZERO for method in self.methods}

    def reasons(self) -> dict[str, str]:
        return {method: self.cleaned_data.get(f"reason_{method}", "") for method in self.methods}
