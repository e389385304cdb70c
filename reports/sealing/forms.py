"""Forms of what follows a signature, and of the verify page."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from patients import queries
from reports.forms import RevisionForm, SignForm, ask_for_code
from reports.services.addenda import LONGEST_ADDENDUM
from reports.services.co_signing import LONGEST_COMMENT
from synapse.accounts.models import User
from synapse.documents.pdf_signature import LARGEST_PDF
from synapse.documents.uploads import Kind
from synapse.web.forms import CheckedFileField


class AddendumForm(RevisionForm):
    """An addendum as it is typed."""

    text = forms.CharField(
        label="Addendum",
        required=False,
        max_length=LONGEST_ADDENDUM,
        widget=forms.Textarea({"rows": 8, "class": "ta serif"}),
        help_text="It stands after the report, with your name and the time. The report itself stays as it was signed.",
    )


class AddendumSignForm(SignForm, AddendumForm):
    """An addendum with its author's password, asked for again."""

    field_order = ("revision", "text", "password", "otp")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].required = True
        self.fields["text"].error_messages["required"] = "Write the addendum before you sign it."


class ColleagueField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A choice of colleagues by their names."""

    def label_from_instance(self, obj: Any) -> str:
        name: str = obj.display_name
        return name


class AskCoSignatureForm(forms.Form):
    """Which colleague is asked to sign too."""

    supervisor = ColleagueField(
        queryset=User.objects.none(),
        label="Supervisor",
        empty_label="Choose a colleague",
        help_text="They can then read this report with its quotes, and nothing else of this patient.",
        error_messages={"required": "Choose a colleague."},
    )

    def __init__(self, *args: Any, signer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["supervisor"]
        assert isinstance(field, ColleagueField)
        field.queryset = queries.doctors().exclude(pk=signer.pk)


class CoSignForm(forms.Form):
    """The supervisor's password, asked for again."""

    password = SignForm.base_fields["password"]

    def __init__(self, *args: Any, signer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ask_for_code(self, signer)


class ReturnForm(forms.Form):
    """What has to change before the supervisor signs."""

    comment = forms.CharField(
        label="What has to change",
        max_length=LONGEST_COMMENT,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say what has to change."},
    )


class CodeForm(forms.Form):
    """The code printed at the end of a document."""

    code = forms.CharField(
        label="Verify code",
        max_length=40,
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "class": "num"}
        ),
        help_text="It stands at the end of the document, in four groups of four.",
        error_messages={"required": "Type the code printed at the end of the document."},
    )


class CompareForm(forms.Form):
    """A PDF to compare with what was signed. It is read in memory and kept nowhere."""

    file = CheckedFileField(
        kind=Kind.PDF,
        label="The PDF you were given",
        widget=forms.FileInput({"accept": "application/pdf"}),
        help_text="At most 5 MB. It is compared and forgotten; nothing of it is stored.",
        error_messages={"required": "Choose the PDF.", "empty": "This file is empty. Choose the PDF."},
    )

    def clean_file(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_PDF:
            raise forms.ValidationError("This file is larger than 5 MB, so it is not a report of ours.")
        return file
