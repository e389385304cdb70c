"""Forms of holds and erasures."""

from django import forms

from synapse.erasure.models import Erasure

LONGEST = 500


class HoldForm(forms.Form):
    """Why a record has to be kept."""

    reason = forms.CharField(
        label="Who wants the record kept, and why",
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "Say who wants the record kept, and why"},
    )


class ErasureForm(forms.Form):
    """Who asks for an erasure, and why."""

    asked_by = forms.ChoiceField(label="Who asks for it", choices=Erasure.AskedBy.choices)
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 2}),
        help_text="Goes with the record",
        error_messages={"required": "Say why the record is erased"},
    )
    order = forms.CharField(
        label="Order of a court or an authority",
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 2}),
        help_text="Needed while the law asks for the record: who ordered it, when, under which number",
    )
