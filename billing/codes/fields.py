"""Form fields for codes: text fields that find the code by its words while one types."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy

from billing.codes import lookup as codes
from billing.errors import BadCode
from billing.models import Code

MOST_DIAGNOSES = 12
LABELS = {
    Code.System.ICD10: "Diagnosis (ICD-10)",
    Code.System.CPT: "Code",
    Code.System.MODIFIER: "Modifiers",
    Code.System.PLACE: "Place of service",
}


class CodeInput(forms.TextInput):
    """A text field that `code-search.js` makes a combobox over one of the tables.

    Diagnoses and places say their words below the field; lines of a bill have no room for it.
    """

    def __init__(self, system: str, attrs: dict[str, Any] | None = None, *, takes_several: bool = False) -> None:
        own: dict[str, Any] = {
            "autocomplete": "off",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "data-code-search": reverse_lazy("billing:code_search"),
            "data-code-system": system,
        }
        if takes_several:
            own["data-code-several"] = True
        if system in (Code.System.ICD10, Code.System.PLACE):
            own["data-code-says"] = True
        super().__init__({**own, **(attrs or {})})
        self.takes_several = takes_several

    def format_value(self, value: Any) -> str | None:
        return ", ".join(value) if isinstance(value, list | tuple) else super().format_value(value)


class CodeField(forms.CharField):
    """One code of a table, as it is stored; an empty field is "". `warnings` holds what is odd and still allowed."""

    def __init__(self, *, system: str, required: bool = False, **kwargs: Any) -> None:
        self.system = Code.System(system)
        self.warnings: list[str] = []
        kwargs.setdefault("label", LABELS[self.system])
        kwargs.setdefault("max_length", 20)
        kwargs.setdefault("widget", CodeInput(self.system))
        super().__init__(required=required, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return _checked(self, [text])[0] if text else ""


class CodesField(forms.CharField):
    """Several codes of a table in one text field, between commas or spaces; a list, each code once."""

    def __init__(self, *, system: str, required: bool = False, most: int = MOST_DIAGNOSES, **kwargs: Any) -> None:
        self.system = Code.System(system)
        self.most = most
        self.warnings: list[str] = []
        kwargs.setdefault("label", LABELS[self.system])
        kwargs.setdefault("max_length", 20 * most)
        kwargs.setdefault("widget", CodeInput(self.system, takes_several=True))
        super().__init__(required=required, **kwargs)

    def clean(self, value: Any) -> Any:
        text = ", ".join(value) if isinstance(value, list | tuple) else value
        parts = [part for part in re.split(r"[\s,;]+", super().clean(text)) if part]
        found = _checked(self, parts) if parts else []
        if len(found) > self.most:
            raise ValidationError(f"Enter {self.most} codes or fewer", code="too_many")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        shown = ", ".join(initial) if isinstance(initial, list | tuple) else initial
        return super().has_changed(shown, ", ".join(data) if isinstance(data, list | tuple) else data)


def _checked(field: CodeField | CodesField, texts: Sequence[str]) -> list[str]:
    try:
        found = codes.check_codes(field.system, texts)
    except BadCode as refusal:
        raise ValidationError(refusal.message, code=refusal.code) from None
    field.warnings = [
        f"{code} is not in the code table of this clinic. Check that it is right."
        for code in codes.unknown_codes(field.system, found)
    ]
    return found
