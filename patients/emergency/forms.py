"""What a doctor types to open one record in an emergency."""

from typing import Any

from django import forms

from patients.emergency.services import SHORTEST_REASON
from patients.models import EmergencyAccess
from synapse.web.forms import DateThreeFieldsField


class FindForm(forms.Form):
    """Exactly one patient: the number, or the whole name with the birth date."""

    number = forms.CharField(
        label="Patient number",
        required=False,
        max_length=20,
        help_text="Like PAT-20250042",
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    first_name = forms.CharField(label="First name", required=False, max_length=80)
    last_name = forms.CharField(label="Last name", required=False, max_length=80)
    born = DateThreeFieldsField(label="Born on", required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        has_person = data.get("first_name") and data.get("last_name") and data.get("born")
        if not self.errors and not data.get("number") and not has_person:
            self.add_error("number", "Enter the patient number, or the whole name and the birth date")
        return data


class OpenForm(forms.Form):
    """Why the record is needed now."""

    patient = forms.CharField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label="Why",
        choices=EmergencyAccess.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose why you need the record"},
    )
    reason = forms.CharField(
        label="In a sentence",
        min_length=SHORTEST_REASON,
        max_length=1000,
        help_text=f"At least {SHORTEST_REASON} characters. The administrators and the patient’s doctors will read it.",
        widget=forms.Textarea({"rows": 3}),
        error_messages={
            "required": "Say in a sentence why you need the record",
            "min_length": f"Say in a sentence why: at least {SHORTEST_REASON} characters",
        },
    )
