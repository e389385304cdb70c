"""Forms of claims and insurers."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.forms import BoundField

from billing.claims.boxes import BOXES, GROUPS, NOT_TYPED, YES_NO, Box, ClaimForm, load_form
from billing.claims.completeness import npi_is_valid
from billing.codes.fields import CodeField, CodesField
from billing.forms import AmountField
from billing.models import Bill, Claim, Code, Payer
from billing.money import ZERO
from billing.paying.forms import KeyedForm, ReasonField
from synapse.web.forms import PlainMessages

UNANSWERED = [("", "Not answered")]
LINE_FIELDS = ("start", "end", "place", "modifiers", "pointers", "emergency", "npi")


class DayInput(forms.DateInput):
    """A date as the browser asks for one."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class BoxesForm(forms.Form):
    """The boxes of a claim. Anything may stay empty; what an insurer needs is listed on the claim's page."""

    def __init__(self, data: Any = None, *, claim: Claim, may_change_diagnoses: bool) -> None:
        self.stored = load_form(claim.form)
        super().__init__(data, initial=self._initial(claim))
        self.fields["seen"] = forms.CharField(widget=forms.HiddenInput)
        self.fields["diagnoses"] = CodesField(
            system=Code.System.ICD10,
            most=12,
            required=False,
            label="21 Diagnoses",
            help_text="In order: the first is A" if may_change_diagnoses else "The clinician's to change",
            disabled=not may_change_diagnoses,
        )
        for box in BOXES.values():
            if box.key not in NOT_TYPED:
                self.fields[box.key] = _field_of(box)
        for place in range(len(self.stored.lines)):
            self._add_line(place)

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Yield the boxes as the page groups them."""
        for group in GROUPS:
            yield group.title, [self[box.key] for box in group.boxes if box.key in self.fields]

    def lines(self) -> list[tuple[Any, list[BoundField]]]:
        """Return each line with its fields."""
        return [
            (line, [self[f"lines-{place}-{name}"] for name in LINE_FIELDS])
            for place, line in enumerate(self.stored.lines)
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for key in ("billing_npi", "facility_npi", "referrer_npi"):
            self._check_npi(key)
        for place in range(len(self.stored.lines)):
            self._check_npi(f"lines-{place}-npi")
            start, end = data.get(f"lines-{place}-start"), data.get(f"lines-{place}-end")
            if start and end and end < start:
                self.add_error(f"lines-{place}-end", "The service ends before it begins.")
        return data

    def claim_form(self) -> ClaimForm:
        """Return the boxes as they were filled in."""
        form = self.stored
        for box in BOXES.values():
            if box.key in self.fields:
                form.boxes[box.key] = _text(self.cleaned_data[box.key])
        form.diagnoses = list(self.cleaned_data["diagnoses"])
        for place, line in enumerate(form.lines):
            values = {name: self.cleaned_data[f"lines-{place}-{name}"] for name in LINE_FIELDS}
            line.modifiers = list(values.pop("modifiers"))
            for name, value in values.items():
                setattr(line, name, _text(value))
        return form

    def _initial(self, claim: Claim) -> dict[str, Any]:
        initial: dict[str, Any] = {**self.stored.boxes, "seen": claim.updated_at.isoformat()}
        initial["diagnoses"] = self.stored.diagnoses
        for place, line in enumerate(self.stored.lines):
            initial |= {f"lines-{place}-{name}": getattr(line, name) for name in LINE_FIELDS}
        return initial

    def _add_line(self, place: int) -> None:
        own: dict[str, forms.Field] = {
            "start": forms.DateField(required=False, label="From", widget=DayInput()),
            "end": forms.DateField(required=False, label="To", widget=DayInput()),
            "place": CodeField(system=Code.System.PLACE, required=False, label="Place of service"),
            "modifiers": CodesField(system=Code.System.MODIFIER, most=4, required=False, label="Modifiers"),
            "pointers": forms.CharField(
                required=False,
                max_length=4,
                label="Diagnoses",
                help_text="Letters of box 21, like AB",
                validators=[RegexValidator(r"^[A-La-l]*$", "Enter letters of box 21, like AB")],
            ),
            "emergency": forms.ChoiceField(choices=[("", "No"), YES_NO[0]], required=False, label="Emergency"),
            "npi": forms.CharField(required=False, max_length=10, label="Clinician's NPI"),
        }
        for name, each in own.items():
            self.fields[f"lines-{place}-{name}"] = each

    def _check_npi(self, key: str) -> None:
        npi = self.cleaned_data.get(key)
        if npi and not npi_is_valid(npi):
            self.add_error(key, "An NPI has ten digits, and this one a wrong one among them. Check it.")


def _field_of(box: Box) -> forms.Field:
    label = f"{box.number} {box.label}"
    if box.kind == "choice":
        return forms.ChoiceField(choices=[*UNANSWERED, *box.choices], required=False, label=label, help_text=box.hint)
    if box.kind == "date":
        return forms.DateField(required=False, label=label, widget=DayInput())
    if box.kind == "amount":
        return AmountField(required=False, min_value=ZERO, label=label)
    return forms.CharField(required=False, max_length=box.most, label=label, help_text=box.hint)


def _text(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else " ".join(str(value).split())


class SendForm(PlainMessages, forms.Form):
    """When a claim went out, and how."""

    via = forms.ChoiceField(choices=Claim.Via.choices, widget=forms.RadioSelect, label="How it was sent")
    on = forms.DateField(widget=DayInput(), label="Sent on")


class AcceptForm(PlainMessages, forms.Form):
    """The insurer's number of a claim."""

    claim_number = forms.CharField(
        max_length=60,
        label="The insurer's claim number",
        error_messages={"required": "Enter the number the insurer gave the claim"},
    )


class DenyForm(PlainMessages, forms.Form):
    """Why an insurer pays nothing."""

    reason = ReasonField(
        missing="Say why the claim was denied", label="Reason", help_text="As the insurer says it, with its code"
    )
    claim_number = forms.CharField(
        max_length=60,
        required=False,
        label="The insurer's claim number",
        help_text="A new claim has to quote it",
    )


class PaidForm(KeyedForm):
    """What an insurer pays, and what by contract nobody pays."""

    amount = AmountField(
        min_value=ZERO,
        label="The insurer pays",
        help_text="0 when all went to the deductible; a refusal is recorded as denied",
        error_messages={"required": "Enter what the insurer pays"},
    )
    contractual = AmountField(
        min_value=ZERO,
        required=False,
        label="Agreed reduction",
        help_text="The difference to the insurer's fee, which nobody pays",
    )
    reference = forms.CharField(
        max_length=80, required=False, label="Reference", help_text="Number of the remittance or the check"
    )

    def __init__(self, *args: Any, bill: Bill, may_adjust: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = bill.currency
        if not may_adjust:
            del self.fields["contractual"]

    def clean_contractual(self) -> Decimal:
        return self.cleaned_data["contractual"] or ZERO


class PayerForm(PlainMessages, forms.Form):
    """An insurer."""

    name = forms.CharField(max_length=120, help_text="As patients' records name it")
    electronic_id = forms.CharField(
        max_length=80, required=False, label="Electronic payer ID", help_text="From the clearing house's list"
    )
    coverage = forms.ChoiceField(
        choices=[("", "Not chosen"), *Payer.Coverage.choices], required=False, label="Kind of coverage (box 1)"
    )
    address = forms.CharField(
        max_length=400, required=False, widget=forms.Textarea({"rows": 3}), help_text="Where claims on paper go"
    )
    is_active = forms.BooleanField(required=False, initial=True, label="Claims go to this insurer")


class SuperbillForm(PlainMessages, forms.Form):
    """Which visits of a patient a superbill holds."""

    first = forms.DateField(widget=DayInput(), label="Visits from")
    last = forms.DateField(widget=DayInput(), label="to")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("first") and data.get("last") and data["last"] < data["first"]:
            raise ValidationError({"last": "The last day is before the first one."})
        return data
