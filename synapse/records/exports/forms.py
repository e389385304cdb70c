"""What is asked before a whole record is given away."""

from typing import Any

from django import forms

from synapse.records.exports.models import AccessRequest
from synapse.records.exports.services import LINK_HOURS, MOST_USES
from synapse.web.forms import PlainMessages

HOURS = {24: "One day", 72: "Three days", 168: "Until the file is deleted"}


class RequestForm(PlainMessages, forms.Form):
    """Who asked, how, and when it arrived: the clock runs from there."""

    asked_by = forms.ChoiceField(label="Who asks", choices=AccessRequest.AskedBy.choices, widget=forms.RadioSelect)
    representative = forms.CharField(
        label="Representative",
        max_length=160,
        required=False,
        help_text="Name, and by what right: guardian, power of attorney, executor",
    )
    way = forms.ChoiceField(label="How", choices=AccessRequest.Way.choices)
    received_on = forms.DateField(label="Received on", widget=forms.DateInput({"type": "date"}))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        asks = data.get("asked_by") == AccessRequest.AskedBy.REPRESENTATIVE
        if asks and not data.get("representative", "").strip():
            self.add_error("representative", "Name the representative, and by what right they ask")
        return data


class ExportForm(forms.Form):
    """What the file holds besides what is finished."""

    with_drafts = forms.BooleanField(
        label="With drafts", required=False, help_text="Reports that are not signed and bills that are not issued"
    )


class LinkForm(PlainMessages, forms.Form):
    """The terms of a link for the patient."""

    hours = forms.TypedChoiceField(
        label="Works for", coerce=int, choices=[(hours, HOURS[hours]) for hours in LINK_HOURS]
    )
    uses = forms.IntegerField(label="Downloads", min_value=1, max_value=MOST_USES, initial=2)
    with_pin = forms.BooleanField(
        label="Ask for a PIN", required=False, initial=True, help_text="Six digits you tell the patient in another way"
    )


class ReasonForm(PlainMessages, forms.Form):
    """Why it takes longer, in words for the patient."""

    reason = forms.CharField(label="Why it takes longer", max_length=400, widget=forms.Textarea({"rows": 2}))


class DenyForm(PlainMessages, forms.Form):
    """On what ground the record is not given."""

    reason = forms.ChoiceField(label="Ground", choices=AccessRequest.DenialReason.choices)
    note = forms.CharField(label="In your words", max_length=1000, required=False, widget=forms.Textarea({"rows": 2}))
