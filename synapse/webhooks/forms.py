"""The form of a webhook."""

from typing import Any

from django import forms

from synapse.accounts.models import User
from synapse.webhooks.kinds import kinds_for
from synapse.webhooks.models import LONGEST_DESCRIPTION, LONGEST_URL


class EndpointForm(forms.Form):
    """Where events go and which; the kinds are those of the person's role."""

    url = forms.CharField(
        label="Address of the receiver",
        max_length=LONGEST_URL,
        help_text="Such as https://example.org/events. It has to be reachable from the internet.",
        widget=forms.TextInput({"type": "url", "autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
        error_messages={"required": "Enter the address of the receiver"},
    )
    description = forms.CharField(
        label="What it is for",
        max_length=LONGEST_DESCRIPTION,
        required=False,
        help_text="For you, such as “our bookkeeping”",
    )
    kinds = forms.MultipleChoiceField(
        label="Tell it when",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event"},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kinds"].choices = [(kind.value, kind.label) for kind in kinds_for(user)]  # type: ignore[attr-defined]  # a MultipleChoiceField
