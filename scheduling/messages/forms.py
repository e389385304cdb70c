"""What is typed about messages: by patients behind their link, and by staff about a patient."""

from django import forms

from patients.choices import MessageChannel
from scheduling.services.answers import LONGEST_TEXT


class PreferenceForm(forms.Form):
    """How a patient wants to hear about visits."""

    message_channel = forms.ChoiceField(
        label="Messages about visits", choices=MessageChannel.choices, required=False, widget=forms.RadioSelect
    )


class AnswerForm(forms.Form):
    """A patient's few words; the sentences of its errors are in the patient's language."""

    text = forms.CharField(required=False, strip=True)

    def __init__(self, data: object = None, *, words: dict[str, str], needs_text: bool) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # a request's POST
        self.fields["text"].required = needs_text
        self.fields["text"].error_messages["required"] = words["missing"]
        self.words = words

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if len(text) > LONGEST_TEXT:
            raise forms.ValidationError(self.words["too_long"].format(count=LONGEST_TEXT), code="too_long")
        return text
