"""Forms of reports: what is sent is checked here and saved by services."""

from typing import Any

from django import forms

from reports import queries
from reports.content import Section, Sentence, walk
from reports.models import Report, ReportTemplate
from reports.services.store import LONGEST_SENTENCE
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User

LONGEST_REASON = 500


class RequestForm(forms.Form):
    """With which template a report is written."""

    template = forms.ModelChoiceField(queryset=ReportTemplate.objects.none(), label="Template", empty_label=None)
    report_type = forms.ChoiceField(choices=Report.Type.choices, required=False, label="Kind of report")

    def __init__(self, *args: Any, user: User, session: ConsultationSession, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        templates = queries.usable_templates(user)
        field = self.fields["template"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = templates
        field.required = False
        field.initial = queries.default_template(session.doctor).pk


class RevisionForm(forms.Form):
    """Which state of the draft a change is based on; empty takes any."""

    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


class SettleForm(RevisionForm):
    """What the doctor says of a line."""

    verdict = forms.ChoiceField(choices=[("confirm", "Confirm"), ("remove", "Remove"), ("restore", "Restore")])


class CheckForm(forms.Form):
    """Whether a section was read."""

    checked = forms.BooleanField(required=False)


class InsertForm(RevisionForm):
    """Which section a finding goes into."""

    section = forms.ChoiceField(label="Put it into")

    def __init__(self, *args: Any, report: Report, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["section"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(section["id"], section["title"]) for section in walk(report.structured_data)]


class SectionEditForm(RevisionForm):
    """The lines of a section as text boxes: one line when `line` is given, else all of them and a new one a place."""

    def __init__(self, *args: Any, section: Section, line: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.sentences = [
            sentence for part in walk([section]) for sentence in part["sentences"] if not line or sentence["id"] == line
        ]
        for number, sentence in enumerate(self.sentences, start=1):
            self.fields[_text_name(sentence)] = forms.CharField(
                label="Line" if line else f"Line {number}",
                initial=sentence["text"],
                max_length=LONGEST_SENTENCE,
                widget=forms.Textarea({"rows": 2, "class": "ta serif"}),
                error_messages={"required": "Write the line, or tick Remove."},
            )
            self.fields[_removed_name(sentence)] = forms.BooleanField(label="Remove this line", required=False)
        if not line:
            for part in walk([section]):
                self.fields[f"new_{part['id']}"] = forms.CharField(
                    label=f"Add to {part['title']}",
                    required=False,
                    max_length=LONGEST_SENTENCE,
                    widget=forms.Textarea({"rows": 2, "class": "ta serif"}),
                )

    def rows(self) -> list[tuple[Any, Any]]:
        """Return text box and tick box of each line."""
        return [(self[_text_name(sentence)], self[_removed_name(sentence)]) for sentence in self.sentences]

    def new_rows(self) -> list[Any]:
        return [self[name] for name in self.fields if name.startswith("new_")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for sentence in self.sentences:
            if cleaned.get(_removed_name(sentence)):
                self.errors.pop(_text_name(sentence), None)
        return cleaned

    def changes(self) -> list[dict[str, Any]]:
        """Return what changed, as `services.apply_changes` takes it."""
        changes: list[dict[str, Any]] = []
        for sentence in self.sentences:
            if self.cleaned_data[_removed_name(sentence)]:
                changes.append({"id": sentence["id"], "removed": True})
            elif " ".join(self.cleaned_data[_text_name(sentence)].split()) != sentence["text"]:
                changes.append({"id": sentence["id"], "text": self.cleaned_data[_text_name(sentence)]})
        added = ((part["id"], self.cleaned_data.get(f"new_{part['id']}", "").strip()) for part in walk([self.section]))
        return [*changes, *({"section": section_id, "text": text} for section_id, text in added if text)]


class SignForm(RevisionForm):
    """The signer's password, asked for again."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=256,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": "Type your password to sign."},
    )


class AmendForm(forms.Form):
    """Why a signed report gets a new version."""

    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        widget=forms.Textarea({"rows": 3}),
        help_text="Printed on the new version, for example: Dose corrected after the pharmacy called.",
        error_messages={"required": "Say why the report is amended."},
    )


class TakeoverForm(forms.Form):
    """Which proposals go into the patient's record."""

    line = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, keys: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["line"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(key, key) for key in keys]


def _text_name(sentence: Sentence) -> str:
    return f"text_{sentence['id']}"


def _removed_name(sentence: Sentence) -> str:
    return f"removed_{sentence['id']}"
