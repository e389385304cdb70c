"""Forms of bills."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.core.validators import RegexValidator

from billing.models import Bill, LedgerEntry
from billing.money import ZERO, Line
from billing.services import MAXIMUM_LINES

ICD_10 = r"^[A-TV-Za-tv-z][0-9][0-9A-Za-z](\.[0-9A-Za-z]{1,4})?$"


class AmountField(forms.DecimalField):
    """An amount of money."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_digits=12,
            decimal_places=2,
            widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}),
            error_messages={"invalid": "Enter an amount in numbers, like 500 or 499.50"},
            **kwargs,
        )

    def to_python(self, value: Any) -> Any:
        """Take "2,500" as people write it."""
        return super().to_python(value.replace(",", "") if isinstance(value, str) else value)


class PaymentForm(forms.Form):
    """A payment. The key makes a form that is sent twice count once."""

    amount = AmountField(min_value=Decimal("0.01"))
    method = forms.ChoiceField(choices=LedgerEntry.Method.choices, initial=LedgerEntry.Method.UPI)
    reference = forms.CharField(max_length=80, required=False, help_text="Number on the receipt or of the transfer")
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, bill: Bill, **kwargs: Any) -> None:
        kwargs["initial"] = {"amount": bill.outstanding_amount, "key": uuid4()}
        super().__init__(*args, **kwargs)


class ReasonForm(forms.Form):
    """Why a bill is cancelled."""

    reason = forms.CharField(
        max_length=500, widget=forms.Textarea({"rows": 3}), error_messages={"required": "Say why the bill is cancelled"}
    )


class RefundForm(forms.Form):
    """How much goes back, and why."""

    amount = AmountField(min_value=Decimal("0.01"))
    reason = forms.CharField(
        max_length=500, widget=forms.Textarea({"rows": 3}), error_messages={"required": "Say why money goes back"}
    )


class LineForm(forms.Form):
    """One line of a draft. `price_missing` stays while the price is nothing."""

    description = forms.CharField(max_length=120, label="Service", error_messages={"required": "Name the service"})
    cpt_code = forms.CharField(max_length=10, required=False, label="Code")
    quantity = forms.IntegerField(
        min_value=1, max_value=99, initial=1, label="Qty", widget=forms.TextInput({"inputmode": "numeric"})
    )
    unit_price = AmountField(min_value=ZERO, label="Price")
    price_missing = forms.BooleanField(required=False, widget=forms.HiddenInput)
    note = forms.CharField(max_length=300, required=False, widget=forms.HiddenInput)

    def line(self) -> Line:
        data = self.cleaned_data
        is_priced_anew = {"unit_price", "cpt_code"} & set(self.changed_data)
        return Line(
            description=data["description"],
            unit_price=data["unit_price"],
            quantity=data["quantity"],
            cpt_code=data["cpt_code"],
            price_missing=data["price_missing"] and data["unit_price"] == ZERO,
            # The note explains the schedule's price; a price typed by hand has no such reason.
            note="" if is_priced_anew else data["note"],
        )


class BaseLineFormSet(forms.BaseFormSet):  # type: ignore[type-arg]  # not subscriptable at run time
    """The lines of a draft; rows left empty or marked to be removed are no lines."""

    def clean(self) -> None:
        if not any(self.errors) and not self.lines():
            raise forms.ValidationError("A bill has at least one line.")

    def lines(self) -> list[Line]:
        return [
            form.line()
            for form in self.forms
            if form.has_changed_or_was_there() and not self._should_delete_form(form)  # type: ignore[attr-defined]
        ]


class StoredLineForm(LineForm):
    """A line that knows whether it is one: a blank extra row is none."""

    def has_changed_or_was_there(self) -> bool:
        return bool(self.initial) or self.has_changed()


LineFormSet = forms.formset_factory(
    StoredLineForm,
    formset=BaseLineFormSet,
    extra=2,
    can_delete=True,
    max_num=MAXIMUM_LINES,
    absolute_max=MAXIMUM_LINES,
    validate_max=True,
)


class BillForm(forms.Form):
    """The rest of a draft."""

    discount = AmountField(min_value=ZERO, initial=ZERO)
    tax_rate = forms.DecimalField(
        label="Tax",
        min_value=ZERO,
        max_value=Decimal(100),
        decimal_places=2,
        max_digits=5,
        widget=forms.TextInput({"inputmode": "decimal"}),
    )
    insurance_covered = AmountField(
        min_value=ZERO, required=False, label="The insurer pays", help_text="Expected; empty when there is no insurer"
    )
    primary_diagnosis_code = forms.CharField(
        max_length=10,
        required=False,
        label="Diagnosis (ICD-10)",
        help_text="For the insurer, like F32.1. Not printed for the patient",
        validators=[RegexValidator(ICD_10, "Enter an ICD-10 code, like F32.1")],
    )
    notes = forms.CharField(
        max_length=1000, required=False, label="Note to the patient", widget=forms.Textarea({"rows": 2})
    )
    internal_notes = forms.CharField(
        max_length=1000, required=False, label="Note for the clinic", widget=forms.Textarea({"rows": 2})
    )

    def clean_primary_diagnosis_code(self) -> str:
        code: str = self.cleaned_data["primary_diagnosis_code"]
        return code.upper()
