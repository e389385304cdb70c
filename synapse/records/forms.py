"""The file that comes in, which column is which, and what happens to likely duplicates."""

from collections.abc import Sequence
from typing import Any

from django import forms

from patients.queries import doctors
from synapse.accounts.models import User
from synapse.common.csv_reading import MOST_BYTES
from synapse.documents.uploads import Kind
from synapse.records.columns import COLUMNS
from synapse.records.models import DataImport
from synapse.web.forms import CheckedFileField


class DoctorField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A colleague, shown by name and title."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.display_name)


class UploadForm(forms.Form):
    """A CSV file of one kind, and whose patients rows without a doctor are."""

    kind = forms.ChoiceField(
        label="What is in the file?",
        widget=forms.RadioSelect,
        choices=DataImport.Kind.choices,
        initial=DataImport.Kind.PATIENTS,
    )
    file = CheckedFileField(
        kind=Kind.TEXT,
        label="CSV file",
        help_text="Comma, semicolon or tab; at most 10,000 rows and 10 MB",
        most_bytes=MOST_BYTES,
        widget=forms.FileInput({"accept": ".csv,.txt,.tsv,text/csv"}),
        error_messages={"required": "Choose the file", "empty": "This file is empty. Choose the file with your data."},
    )
    doctor = DoctorField(
        User.objects.none(),
        label="Doctor of rows that name none",
        required=False,
        empty_label="The file names the doctor",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doctor"].queryset = doctors()  # type: ignore[attr-defined]


class ColumnsForm(forms.Form):
    """The heading each field is read from, and the order of day and month in dates that can be read both ways."""

    day_first = forms.ChoiceField(
        label="Dates like 03/04/2025 mean",
        required=False,
        widget=forms.RadioSelect,
        choices=[("day", "3 April: the day comes first"), ("month", "4 March: the month comes first")],
    )
    doctor = UploadForm.base_fields["doctor"]

    def __init__(self, *args: Any, kind: str, headings: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doctor"].queryset = doctors()  # type: ignore[attr-defined]
        self.columns = COLUMNS[kind]
        for column in self.columns:
            self.fields[f"column_{column.name}"] = forms.ChoiceField(
                label=column.label,
                required=False,
                choices=[("", "Not in the file"), *((heading, heading) for heading in headings)],
            )

    def column_fields(self) -> list[forms.BoundField]:
        return [self[f"column_{column.name}"] for column in self.columns]

    def chosen(self) -> dict[str, str]:
        return {column.name: self.cleaned_data[f"column_{column.name}"] for column in self.columns}

    def is_day_first(self) -> bool | None:
        return {"day": True, "month": False}.get(self.cleaned_data["day_first"])


class StartForm(forms.Form):
    """What happens to rows that are likely on file already."""

    duplicates = forms.ChoiceField(
        label="Rows that are likely on file already",
        widget=forms.RadioSelect,
        choices=[("skip", "Leave out"), ("take", "Take in as new")],
        initial="skip",
    )
