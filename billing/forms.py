"""Forms of bills."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms

# Thousands in threes, or in twos the Indian way, the last group always of three.
GROUPED = re.compile(r"-?\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?")
# As people write figures. Decimal takes more: "1e5" is a slip of a finger and no hundred thousand, nor is "1_0" ten.
PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")

AMOUNT_MESSAGES = {
    "invalid": "Enter an amount in numbers, like 500 or 499.50",
    "min_value": "Enter an amount of %(limit_value)s or more",
    "max_decimal_places": "Enter at most %(max)s decimal places",
    "max_digits": "This amount is too large",
    "max_whole_digits": "This amount is too large",
}


class FigureField(forms.DecimalField):
    """A figure in plain digits, without exponent."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip() and not PLAIN.fullmatch(value.strip()):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class AmountField(FigureField):
    """An amount of money."""

    def __init__(self, *, error_messages: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(
            max_digits=12,
            decimal_places=2,
            widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}),
            error_messages={**AMOUNT_MESSAGES, **(error_messages or {})},
            **kwargs,
        )

    def to_python(self, value: Any) -> Any:
        """Take "2,500" and "1,00,000" as people write them; "499,50" is no number, nor is it 49,950."""
        if isinstance(value, str) and GROUPED.fullmatch(value.strip()):
            value = value.replace(",", "")
        return super().to_python(value)
