"""Forms of reports: what is sent is checked here and saved by services."""

from typing import Any

from django import forms

from reports import queries
from reports.content import Section, Sentence, walk
from reports.models import Report, ReportTemplate
from reports.services.sealing import LONGEST_REASON, signed_before
from reports.services.store import LONGEST_SENTENCE
from sessions_app.models import ConsultationSession
from synapse.accounts import second_factor
from synapse.accounts.models import User
from synapse.accounts.proof import code_field, passkey_field


class RequestForm(forms.Form):
    """With which template a report is written."""

    template = forms.ModelChoiceField(
        queryset=ReportTemplate.objects.none(), label="Template", empty_label="The usual one for this kind of report"
    )
    report_type = forms.ChoiceField(choices=Report.Type.choices, required=False, label="Kind of report")

    def __init__(self, *args: Any, user: User, session: ConsultationSession, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        templates = queries.usable_templates(user)
        field = self.fields["template"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = templates
        field.required = False
        self.fields["report_type"].initial = queries.usual_type(session)


class ConvertForm(forms.Form):
    """Into which form a report is converted."""

    template = forms.ModelChoiceField(queryset=ReportTemplate.objects.none(), label="Form", empty_label=None)
    report_type = forms.ChoiceField(choices=Report.Type.choices, required=False, label="Kind of report")

    def __init__(self, *args: Any, user: User, report: Report, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "convert_%s"
        field = self.fields["template"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = queries.usable_templates(user).exclude(pk=report.template_id)
        self.fields["report_type"].initial = report.report_type


class RewriteForm(forms.Form):
    """How a section should read."""

    instruction = forms.CharField(required=False)


class RuleForm(forms.Form):
    """What is done with a learned rule."""

    verb = forms.ChoiceField(choices=[(verb, verb) for verb in ("on", "off", "remove", "restore")])


class RevisionForm(forms.Form):
    """Which state of the draft a change is based on; empty takes any."""

    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


class SettleForm(RevisionForm):
    """What the doctor says of a line."""

    base = forms.CharField(max_length=LONGEST_SENTENCE, required=False, empty_value=None)
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

    def __init__(self, *args: Any, section: Section, report: Report, line: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.places = [(part["id"], part["title"]) for part in walk(report.structured_data)]
        self.sentences = [
            sentence for part in walk([section]) for sentence in part["sentences"] if not line or sentence["id"] == line
        ]
        if self.is_bound:
            # A line that came since the boxes were shown, saved as it was typed or in another window, is not in them.
            self.sentences = [sentence for sentence in self.sentences if _text_name(sentence) in self.data]
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

    def rows(self) -> list[tuple[Sentence, Any, Any]]:
        """Return each line with its text box and tick box."""
        return [(sentence, self[_text_name(sentence)], self[_removed_name(sentence)]) for sentence in self.sentences]

    def new_rows(self) -> list[tuple[str, Any]]:
        """Return the text box for a new line of each place, with the place's id."""
        return [(name.removeprefix("new_"), self[name]) for name in self.fields if name.startswith("new_")]

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
                changes.append({"id": sentence["id"], "removed": True, **self._base(sentence)})
            elif " ".join(self.cleaned_data[_text_name(sentence)].split()) != sentence["text"]:
                text = self.cleaned_data[_text_name(sentence)]
                changes.append({"id": sentence["id"], "text": text, **self._base(sentence)})
        added = ((part["id"], self.cleaned_data.get(f"new_{part['id']}", "").strip()) for part in walk([self.section]))
        return [*changes, *({"section": section_id, "text": text} for section_id, text in added if text)]

    def _base(self, sentence: Sentence) -> dict[str, str]:
        """Return the line as the page showed it, if it says."""
        name = f"base_{sentence['id']}"
        return {"base": self.data[name]} if name in self.data else {}


def ask_for_code(form: forms.Form, signer: User) -> None:
    """Let a form that signs ask for the second factor too, where the signer's account has one."""
    if not second_factor.is_on(signer):
        return
    form.fields["otp"] = code_field("Six digits from your authenticator app, or a recovery code")
    if second_factor.passkeys_of(signer).exists():
        form.fields["passkey"] = passkey_field()
        form.fields["otp"].required = not form.data.get(form.add_prefix("passkey"))


class SignForm(RevisionForm):
    """The signer's password, asked for again, and a code of the second factor."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=256,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": "Type your password to sign."},
    )

    def __init__(self, *args: Any, signer: User, report: Report | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ask_for_code(self, signer)
        if report is None:
            return
        self.fields["revision"].initial = report.revision
        earlier = signed_before(report)
        if earlier is not None:
            self.fields["reason"] = forms.CharField(
                label=f"Why it takes the place of version {earlier.version}",
                max_length=LONGEST_REASON,
                widget=forms.Textarea({"rows": 2}),
                help_text="That version is signed and stays. The reason is printed on this one.",
                error_messages={"required": f"Say why this version takes the place of version {earlier.version}."},
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
