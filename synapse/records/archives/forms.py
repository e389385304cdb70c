"""The archive somebody brings, and who goes on with the patient."""

from typing import Any

from django import forms

from patients.queries import doctors
from synapse.accounts.models import User
from synapse.documents.uploads import Kind
from synapse.records.forms import DoctorField
from synapse.web.forms import CheckedFileField, PlainMessages

MOST_BYTES = 6 * 1024**2 - 64 * 1024  # what the server takes, less what multipart puts around it


class ArchiveForm(PlainMessages, forms.Form):
    """A zip; with a doctor it is taken in, without one only looked at."""

    file = CheckedFileField(
        kind=Kind.ARCHIVE,
        label="Archive",
        help_text="A zip made by “Make the file” or export_patient, up to 6 MB; larger ones with the command import_patient",
        most_bytes=MOST_BYTES,
        or_else="Take it in with the command import_patient.",
        widget=forms.FileInput({"accept": ".zip,application/zip"}),
    )
    doctor = DoctorField(
        User.objects.none(),
        label="Take it in for",
        required=False,
        empty_label="Nobody: only check it",
        help_text="The record is opened to this doctor",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doctor"].queryset = doctors()  # type: ignore[attr-defined]  # a ModelChoiceField
