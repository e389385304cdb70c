"""Forms of the section editor."""

from typing import Any

from django import forms

from reports.content import walk
from reports.models import Report
from reports.services.store import LONGEST_SENTENCE

LONGEST_CID = 40


class LineForm(forms.Form):
    """One line as it is typed: what it says, what it said when it was read, and the save it goes on from."""

    text = forms.CharField(max_length=LONGEST_SENTENCE, error_messages={"required": "A line cannot be empty."})
    base = forms.CharField(max_length=LONGEST_SENTENCE, required=False, empty_value=None)
    continues = forms.IntegerField(required=False, min_value=0)
    cid = forms.SlugField(max_length=LONGEST_CID, required=False)

    @property
    def first_error(self) -> str:
        return next((str(message) for messages in self.errors.values() for message in messages), "")


class EditingForm(forms.Form):
    """Which section stays open for editing."""

    editing = forms.SlugField(required=False)


class ArrangeForm(EditingForm):
    """What is done with a line; `place` is the word before which it is cut."""

    verb = forms.ChoiceField(choices=[(verb, verb) for verb in ("up", "down", "move", "split", "merge")])
    place = forms.IntegerField(required=False, min_value=0)

    def __init__(self, *args: Any, report: Report, sentence_id: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sentence_id = sentence_id
        self.places = {section["id"] for section in walk(report.structured_data)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # The text boxes of a whole section are one form, so each line has a list of its own to choose from.
        section = self.data.get(f"to_{self.sentence_id}", "")
        if cleaned.get("verb") == "move" and section not in self.places:
            self.add_error("verb", "Choose the section the line goes to.")
        return {**cleaned, "section": section}


class LayoutForm(EditingForm):
    """How the lines of a section stand."""

    layout = forms.ChoiceField(choices=[("bullets", "Bullets"), ("prose", "Running text")])


class QuoteForm(forms.Form):
    """Words of the transcript, where they were said, and where they go."""

    segments = forms.CharField(max_length=200)
    text = forms.CharField(max_length=LONGEST_SENTENCE, required=False)
    section = forms.ChoiceField()

    def __init__(self, *args: Any, report: Report, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["section"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(section["id"], section["title"]) for section in walk(report.structured_data)]

    def clean_segments(self) -> list[int]:
        values = str(self.cleaned_data["segments"]).split()
        if not values or not all(value.isdecimal() for value in values):
            raise forms.ValidationError("Select the words again.")
        return [int(value) for value in values]
