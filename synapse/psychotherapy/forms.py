"""What the author typed and the version it was based on."""

from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime

from synapse.psychotherapy.services import LONGEST


class NoteForm(forms.Form):
    """The text of a note, and when the text it was made from was saved."""

    text = forms.CharField(
        label="Private note",
        required=False,
        strip=False,
        max_length=LONGEST,
        error_messages={"max_length": f"A private note holds at most {LONGEST:,} characters. Begin another one."},
    )
    based_on = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_based_on(self) -> Any:
        try:
            return parse_datetime(self.cleaned_data["based_on"])
        except ValueError:
            return None  # no version: what is stored is shown beside what was typed
