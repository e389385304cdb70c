"""Forms of drafts: the lines, what becomes of their sum, and the form that begins a bill by hand."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms

from billing.codes.fields import CodeField, CodesField
from billing.forms import AmountField, FigureField
from billing.models import Bill, Code
from billing.money import HUNDRED, MAXIMUM_MODIFIERS, ZERO, Line, format_plain
from billing.services.editing import MAXIMUM_LINES, MAXIMUM_OTHER_DIAGNOSES
from synapse.accounts.models import User
from synapse.common.figures import read_whole_number

LONGEST_SERVICE = 120
LONGEST_LINE_NOTE = 300
LONGEST_NOTE = 1000
AMOUNT, PERCENT = "amount", "percent"
LETTERS = "ABCDEFGHIJKL"  # as a claim names its diagnoses
System = Code.System


class RateField(FigureField):
    """A rate in percent."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(
            min_value=ZERO,
            max_value=HUNDRED,
            max_digits=5,
            decimal_places=2,
            error_messages={"invalid": "Enter a rate in numbers, like 18 or 12.5"},
            **kwargs,
        )


class PointersField(forms.CharField):
    """Which of the bill's diagnoses a line is for: letters as on a claim ("A C") or numbers; a tuple from 1."""

    def to_python(self, value: Any) -> Any:
        parts = re.findall(r"[A-Za-z]|\d+|[^\s,;]", super().to_python(value) or "")
        found = []
        for part in parts:
            letter = LETTERS.find(part.upper()) + 1 if part.isalpha() else 0
            pointer = letter or read_whole_number(part) or 0
            if not 1 <= pointer <= len(LETTERS):
                raise forms.ValidationError("Enter letters of the diagnoses, like A or A B")
            found.append(pointer)
        return tuple(dict.fromkeys(found))

    def prepare_value(self, value: Any) -> Any:
        return pointers_in_letters(value) if isinstance(value, list | tuple) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(tuple(initial or ()) != self.to_python(data))
        except forms.ValidationError:
            return True


def pointers_in_letters(pointers: Any) -> str:
    return " ".join(LETTERS[pointer - 1] for pointer in pointers)


class LineForm(forms.Form):
    """One line of a draft. What is left empty beside a code comes from the fee schedule.

    `note` explains a price of the schedule and holds as long as code and price are those of `noted`; `reason` is typed
    where the minutes do not reach the code. `price_missing` stays while the price is nothing.
    """

    description = forms.CharField(max_length=LONGEST_SERVICE, required=False, label="Service")
    cpt_code = CodeField(system=System.CPT)
    quantity = forms.IntegerField(
        min_value=1, max_value=99, initial=1, label="Units", widget=forms.TextInput({"inputmode": "numeric"})
    )
    unit_price = AmountField(min_value=ZERO, required=False, label="Price")
    modifiers = CodesField(system=System.MODIFIER, most=MAXIMUM_MODIFIERS)
    diagnosis_pointers = PointersField(
        max_length=30, required=False, label="Diagnoses", help_text="Letters of those below, like A B"
    )
    tax_rate = RateField(required=False, label="Tax", help_text="Empty: the bill's")
    reason = forms.CharField(
        max_length=300, required=False, label="Why this code", help_text="Where the minutes do not reach it"
    )
    price_missing = forms.BooleanField(required=False, widget=forms.HiddenInput)
    note = forms.CharField(max_length=LONGEST_LINE_NOTE, required=False, widget=forms.HiddenInput)
    noted = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, price_of: Callable[[str], Line | None], **kwargs: Any) -> None:
        self.price_of = price_of
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        code = data.get("cpt_code", "")
        lacks = not data.get("description") or data.get("unit_price") is None
        known = self.price_of(code) if code and lacks else None
        if not data.get("description") and "description" not in self.errors:
            if known is None:
                self.add_error("description", "Name the service")
            else:
                data["description"] = known.description
        if data.get("unit_price") is None and "unit_price" not in self.errors:
            if known is None or known.price_missing:
                self.add_error("unit_price", "Enter the price")
            else:
                data["unit_price"] = known.unit_price
                data["note"], data["noted"] = known.note, noted(code, known.unit_price)
        return data

    @property
    def is_line(self) -> bool:
        """Tell whether this row is a line: a blank extra row is none."""
        return bool(self.initial) or self.has_changed()

    def line(self) -> Line:
        data = self.cleaned_data
        holds = data["noted"] == noted(data["cpt_code"], data["unit_price"])
        return Line(
            description=data["description"],
            unit_price=data["unit_price"],
            quantity=data["quantity"],
            cpt_code=data["cpt_code"],
            price_missing=data["price_missing"] and data["unit_price"] == ZERO,
            note=data["reason"] or (data["note"] if holds else ""),
            modifiers=tuple(data["modifiers"]),
            tax_rate=data["tax_rate"],
            diagnosis_pointers=data["diagnosis_pointers"],
        )


def noted(code: str, price: Decimal) -> str:
    """Return what a note of the fee schedule is about."""
    return f"{code} {format_plain(price)}"


class BaseLineFormSet(forms.BaseFormSet):  # type: ignore[type-arg]  # not subscriptable at run time
    """The lines of a draft; rows left empty or marked to be removed are no lines."""

    def initial_form_count(self) -> int:
        """Return how many rows are those of the bill as it is stored; what the browser says does not count."""
        return min(len(self.initial or []), self.total_form_count()) if self.is_bound else len(self.initial or [])

    def clean(self) -> None:
        if not any(self.errors) and not self.line_forms():
            raise forms.ValidationError("A bill has at least one line.")

    def line_forms(self) -> list[LineForm]:
        """Return the rows that are lines, in their order; call it on checked forms."""
        rows: list[LineForm] = self.forms
        return [form for form in rows if form.is_line and not form.cleaned_data.get("DELETE")]

    def lines(self) -> list[Line]:
        return [form.line() for form in self.line_forms()]


LineFormSet: type[BaseLineFormSet] = forms.formset_factory(  # type: ignore[assignment]  # the factory hides its class
    LineForm,
    formset=BaseLineFormSet,
    extra=0,
    can_delete=True,
    max_num=MAXIMUM_LINES,
    absolute_max=MAXIMUM_LINES,
    validate_max=True,
)


class BillForm(forms.Form):
    """The rest of a draft."""

    version = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    discount_kind = forms.ChoiceField(
        label="Discount in", choices=[(AMOUNT, "Amount"), (PERCENT, "Percent")], initial=AMOUNT, required=False
    )
    discount = AmountField(min_value=ZERO, initial=ZERO)
    tax_rate = RateField(label="Tax", help_text="Of lines without a rate of their own")
    prices_include_tax = forms.BooleanField(required=False, label="Prices include tax")
    insurance_covered = AmountField(
        min_value=ZERO, required=False, label="The insurer pays", help_text="Expected; empty without an insurer"
    )
    patient_responsibility = AmountField(
        min_value=ZERO, required=False, label="The patient pays", help_text="Change either; the other follows"
    )
    copay = AmountField(min_value=ZERO, required=False, label="of which copay")
    deductible = AmountField(min_value=ZERO, required=False, label="of which deductible")
    primary_diagnosis_code = CodeField(
        system=System.ICD10,
        label="Diagnosis A (ICD-10)",
        help_text="For the insurer. Not printed for the patient",
    )
    other_diagnosis_codes = CodesField(
        system=System.ICD10, most=MAXIMUM_OTHER_DIAGNOSES, label="Diagnoses B to L", help_text="In order, with commas"
    )
    place_of_service = CodeField(system=System.PLACE, help_text="Like 11 for the office, 10 for the patient's home")
    notes = forms.CharField(
        max_length=LONGEST_NOTE, required=False, label="Note to the patient", widget=forms.Textarea({"rows": 2})
    )
    internal_notes = forms.CharField(
        max_length=LONGEST_NOTE, required=False, label="Note for the clinic", widget=forms.Textarea({"rows": 2})
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("discount_kind") == PERCENT and (data.get("discount") or ZERO) > HUNDRED:
            self.add_error("discount", "A discount is at most 100 percent")
        return data

    def terms(self) -> dict[str, Any]:
        """Return what lines are added up and split by. Of the two sides of a split the one that was changed counts."""
        data = self.cleaned_data
        covered, responsibility = data["insurance_covered"], data["patient_responsibility"]
        if "patient_responsibility" not in self.changed_data:
            responsibility = None
        elif "insurance_covered" not in self.changed_data:
            covered = None
        is_percent = data["discount_kind"] == PERCENT
        return {
            "discount": ZERO if is_percent else data["discount"],
            "discount_percent": data["discount"] if is_percent else None,
            "tax_rate": data["tax_rate"],
            "prices_include_tax": data["prices_include_tax"],
            "insurance_covered": covered,
            "patient_responsibility": responsibility,
            "copay": data["copay"],
            "deductible": data["deductible"],
        }

    def details(self) -> dict[str, Any]:
        names = ("notes", "internal_notes", "primary_diagnosis_code", "other_diagnosis_codes", "place_of_service")
        return {name: self.cleaned_data[name] for name in names}


class NewBillForm(forms.Form):
    """Begin a bill by hand: of a session or visit that has none, or of something else."""

    visit = forms.ChoiceField(label="What is billed", required=False, widget=forms.RadioSelect)
    doctor = forms.ModelChoiceField(User.objects.none(), required=False, label="Clinician")
    bill_type = forms.ChoiceField(label="Type", choices=Bill.Type.choices, initial=Bill.Type.CONSULTATION)

    def __init__(self, *args: Any, doctors: Any, visits: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doctor"].queryset = doctors  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["visit"].choices = [*visits, ("", "Something else")]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not data.get("visit") and not data.get("doctor") and "doctor" not in self.errors:
            self.add_error("doctor", "Choose the clinician")
        return data
