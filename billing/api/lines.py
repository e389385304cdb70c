"""The lines of a bill as JSON."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from billing.codes import lookup as codes
from billing.drafts.forms import LONGEST_LINE_NOTE, LONGEST_SERVICE
from billing.errors import BadCode
from billing.models import Code
from billing.money import HUNDRED, MAXIMUM_MODIFIERS, MAXIMUM_POINTERS, ZERO, Line
from billing.services.editing import MAXIMUM_OTHER_DIAGNOSES
from synapse.api.serializers import MoneyField, StrictSerializer

System = Code.System
REQUIRED = ("description", "unit_price")


class CodeField(serializers.CharField):
    """A code of one of the tables, answered as the table writes it."""

    def __init__(self, *, system: str, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 20, **kwargs})
        self.system = system

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            return codes.check_code(self.system, text) if text else ""
        except BadCode as refusal:
            raise serializers.ValidationError(refusal.message) from None


class RateField(MoneyField):
    """A rate in percent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=5, min_value=ZERO, max_value=HUNDRED, **kwargs)


class LineItemSerializer(StrictSerializer):
    """One service: `quantity` units of it at `unit_price`, which makes `amount`."""

    description = serializers.CharField(max_length=LONGEST_SERVICE)
    quantity = serializers.IntegerField(min_value=1, max_value=99, default=1)
    unit_price = MoneyField(min_value=ZERO)
    amount = MoneyField(required=False, help_text="Price times quantity. May be left out; a wrong one is refused.")
    cpt_code = CodeField(system=System.CPT, default="", allow_blank=True)
    modifiers = serializers.ListField(
        child=CodeField(system=System.MODIFIER), max_length=MAXIMUM_MODIFIERS, required=False
    )
    diagnosis_pointers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAXIMUM_OTHER_DIAGNOSES + 1),
        max_length=MAXIMUM_POINTERS,
        required=False,
        help_text="Which of the bill's diagnoses it is for, counted from 1, the primary one first.",
    )
    tax_rate = RateField(required=False, allow_null=True, default=None, help_text="Percent; null: the bill's.")
    note = serializers.CharField(
        max_length=LONGEST_LINE_NOTE,
        default="",
        allow_blank=True,
        help_text="Why this price or code; not printed for the patient.",
    )
    price_missing = serializers.BooleanField(
        default=False, help_text="The fee schedule had no price: the bill gets no number until there is one."
    )

    def to_internal_value(self, data: Any) -> Any:
        # A line comes whole, also where the bill around it comes in part.
        missing = [name for name in REQUIRED if isinstance(data, Mapping) and name not in data]
        if missing:
            raise serializers.ValidationError({name: ["This field is required."] for name in missing})
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        amount: Decimal | None = attrs.get("amount")
        if amount is not None and amount != attrs["unit_price"] * attrs.get("quantity", 1):
            raise serializers.ValidationError({"amount": "This is not the price times the quantity."})
        return attrs

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """Return a stored line with all of its fields; lines of earlier releases lack some."""
        stored = {"modifiers": [], "diagnosis_pointers": [], "tax_rate": None, "note": "", "cpt_code": "", **instance}
        stored.setdefault("price_missing", False)
        shown: dict[str, Any] = {}
        for name, field in self.fields.items():
            shown[name] = stored[name] if stored[name] is None else field.to_representation(stored[name])
        return shown


def line_of(fields: Mapping[str, Any]) -> Line:
    """Return what `LineItemSerializer` read as a line; a price that is there is not missing."""
    return Line(
        description=fields["description"],
        unit_price=fields["unit_price"],
        quantity=fields.get("quantity", 1),
        cpt_code=fields.get("cpt_code", ""),
        price_missing=fields.get("price_missing", False) and fields["unit_price"] == ZERO,
        note=fields.get("note", ""),
        modifiers=tuple(fields.get("modifiers", ())),
        tax_rate=fields.get("tax_rate"),
        diagnosis_pointers=tuple(dict.fromkeys(fields.get("diagnosis_pointers", ()))),
    )
