"""Forms of calendars outside."""

from typing import Any

from django import forms

from scheduling.services.busy_calendars import MOST_BYTES, REFUSALS
from synapse.documents.uploads import Kind
from synapse.web.forms import CheckedFileField


class FeedForm(forms.Form):
    """A new address to subscribe to."""

    label = forms.CharField(
        label="Where it is used",
        max_length=60,
        help_text="For you, such as “my phone”",
        error_messages={"required": "Say where you will use it"},
    )
    with_names = forms.BooleanField(
        label="With patients’ names",
        required=False,
        help_text="Names then leave the clinic: whoever has the address, and the company whose calendar it is, reads "
        "who your patients are and when they come. Without names each visit bears the clinic’s name.",
    )


class BusyForm(forms.Form):
    """A calendar file to take in."""

    file = CheckedFileField(
        kind=Kind.TEXT,
        label="Calendar file",
        help_text="An .ics file of at most 2 MB, exported from your other calendar",
        widget=forms.ClearableFileInput({"accept": ".ics,text/calendar"}),
        error_messages={"required": "Choose the file", "empty": "This file is empty. Export the calendar again."},
    )
    label = forms.CharField(
        label="Name it", max_length=60, error_messages={"required": "Give it a name, such as “University”"}
    )

    def __init__(self, *args: Any, is_new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_new:
            del self.fields["label"]

    def clean_file(self) -> bytes:
        upload = self.cleaned_data["file"]
        if upload.size > MOST_BYTES:
            raise forms.ValidationError(REFUSALS["too_big"])
        content: bytes = upload.read()
        return content
