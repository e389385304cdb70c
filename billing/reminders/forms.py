"""Forms of reminders: the clinic's letters, one reminder by hand, and why a bill is disputed or collected."""

from collections.abc import Iterable
from typing import Any

from django import forms

from billing.models import BillMessage, ReminderStage
from billing.reminders.texts import PLACES, STANDARD, unknown_places
from billing.services.reminder_stages import Wanted

LANGUAGE_NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "hi": "Hindi"}
_HINT = "Filled in: " + ", ".join(f"{{{name}}}" for name in PLACES)


class StageForm(forms.Form):
    """One letter."""

    is_active = forms.BooleanField(label="Is sent", required=False)
    days_late = forms.IntegerField(label="From so many days after the due date", min_value=1, max_value=365)
    title = forms.CharField(label="Heading", max_length=80)
    text = forms.CharField(max_length=1500, widget=forms.Textarea({"rows": 9}), help_text=_HINT)

    def __init__(self, stage: int, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, prefix=f"stage{stage}", **kwargs)
        self.stage = stage

    def clean_title(self) -> str:
        return self._without_unknown("title")

    def clean_text(self) -> str:
        return self._without_unknown("text")

    def wanted(self) -> Wanted:
        """Return what was entered; the form is valid."""
        data = self.cleaned_data
        return Wanted(self.stage, data["days_late"], data["title"], data["text"], data["is_active"])

    def _without_unknown(self, name: str) -> str:
        text: str = self.cleaned_data[name].replace("\r\n", "\n")
        if unknown := unknown_places(text):
            raise forms.ValidationError(
                f"{' '.join(unknown)} cannot be filled in. Use {_HINT.removeprefix('Filled in: ')}."
            )
        return text


class GapForm(forms.Form):
    """How long nobody is written to again."""

    gap_days = forms.IntegerField(
        label="Between two letters to one patient",
        min_value=1,
        max_value=90,
        help_text="At least so many days, whichever bill they are about. A part that was paid counts as a letter.",
    )


class StandardTextForm(forms.Form):
    """Which of our texts to begin with."""

    standard = forms.ChoiceField(
        label="Our texts", choices=[(code, LANGUAGE_NAMES[code]) for code in STANDARD], initial="en"
    )


def stage_forms(rows: Iterable[ReminderStage], data: Any = None) -> list[StageForm]:
    """Return a form for each letter, with what is stored, or bound to what was sent."""
    names = ("is_active", "days_late", "title", "text")
    return [StageForm(row.stage, data, initial={name: getattr(row, name) for name in names}) for row in rows]


class RemindForm(forms.Form):
    """One reminder by hand."""

    stage = forms.TypedChoiceField(label="Letter", coerce=int)
    channel = forms.ChoiceField(label="How", choices=BillMessage.Channel.choices)
    early_reason = forms.CharField(
        label="Why before its time",
        max_length=200,
        required=False,
        help_text="Only needed within the gap between two letters.",
    )

    def __init__(
        self, *args: Any, stages: list[tuple[int, str]], channels: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["stage"].choices = stages  # type: ignore[attr-defined]  # a choice field
        self.fields["channel"].choices = channels  # type: ignore[attr-defined]  # a choice field


class WhyForm(forms.Form):
    """Why a bill is disputed, or to whom it is handed."""

    reason = forms.CharField(
        max_length=500, widget=forms.Textarea({"rows": 3}), error_messages={"required": "Say why, in a sentence"}
    )
