"""Forms of a new template: from an example note, from a description, from a file."""

from django import forms
from django.core.files.uploadedfile import UploadedFile

from reports.templating.files import MAXIMUM_BYTES
from reports.templating.outline import LONGEST_TEXT
from synapse.documents.uploads import Kind
from synapse.web.forms import CheckedFileField


class ExampleForm(forms.Form):
    """A note whose headings are wanted."""

    name = forms.CharField(label="Template name", max_length=120)
    text = forms.CharField(
        label="A note you wrote",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea({"rows": 8, "class": "ta", "autocomplete": "off", "spellcheck": "false"}),
        help_text="Only its headings are taken. The text is read on this machine and forgotten at once.",
    )


class DescriptionForm(forms.Form):
    """A note in words."""

    text = forms.CharField(
        label="What is in the note?",
        max_length=2000,
        widget=forms.Textarea({"rows": 3, "class": "ta"}),
        help_text="For example: a weekly DBT note with diary card, skills taught, chain analysis, homework.",
    )


class ImportForm(forms.Form):
    """A file that was exported here or in another clinic."""

    file = CheckedFileField(
        kind=Kind.TEXT, label="Template file", widget=forms.ClearableFileInput({"accept": ".json,application/json"})
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > MAXIMUM_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAXIMUM_BYTES // 1024} KB. A template is a few KB.")
        return file
