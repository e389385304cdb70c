"""Forms of the template editor: a template's own fields, and one form a section."""

from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.text import slugify

from reports.generation.prompts import UnknownVariable, check_prompt
from reports.structure import (
    MAXIMUM_ID_LENGTH,
    MAXIMUM_INSTRUCTIONS_LENGTH,
    MAXIMUM_SECTIONS,
    MAXIMUM_SUBSECTIONS,
    MAXIMUM_TITLE_LENGTH,
    SECTION_ID,
    TOPICS,
)

TOPIC_CHOICES = [(topic, topic.replace("_", " ").capitalize()) for topic in TOPICS]


class TemplateForm(forms.Form):
    """Name, description, instructions and sharing of a template."""

    name = forms.CharField(label="Template name", max_length=120)
    description = forms.CharField(label="What it is for", max_length=400, required=False)
    ai_prompt = forms.CharField(
        label="What the writer should do in every section",
        max_length=MAXIMUM_INSTRUCTIONS_LENGTH,
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text="Plain words. The writer may only use what was said.",
    )
    is_public = forms.BooleanField(label="Share with the clinic", required=False, help_text="Colleagues may copy it.")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean_ai_prompt(self) -> str:
        return _checked_prompt(self.cleaned_data["ai_prompt"])


class SectionForm(forms.Form):
    """One section: heading, whether it is required, its parts, what belongs in it."""

    id = forms.CharField(widget=forms.HiddenInput, required=False, max_length=MAXIMUM_ID_LENGTH)
    title = forms.CharField(label="Heading", max_length=MAXIMUM_TITLE_LENGTH)
    required = forms.BooleanField(label="Required before signing", required=False)
    topics = forms.MultipleChoiceField(
        label="What belongs here",
        choices=TOPIC_CHOICES,
        required=False,
        help_text="Nothing chosen: decided by the heading.",
        widget=forms.CheckboxSelectMultiple,
    )
    instructions = forms.CharField(
        label="What the writer should do here",
        max_length=MAXIMUM_INSTRUCTIONS_LENGTH,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )
    parts = forms.CharField(
        label="Parts under this heading",
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text="One a line, for example Mood, Affect, Thought.",
    )

    def clean_instructions(self) -> str:
        return _checked_prompt(self.cleaned_data["instructions"])

    def clean_parts(self) -> list[str]:
        titles = [line.strip() for line in self.cleaned_data["parts"].splitlines() if line.strip()]
        if len(titles) > MAXIMUM_SUBSECTIONS:
            raise forms.ValidationError(f"A section has at most {MAXIMUM_SUBSECTIONS} parts.")
        if any(len(title) > MAXIMUM_TITLE_LENGTH for title in titles):
            raise forms.ValidationError(f"A part has at most {MAXIMUM_TITLE_LENGTH} characters.")
        return titles


class BaseSectionFormSet(BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    """The sections of a template in order."""

    def clean(self) -> None:
        if not self.total_form_count():
            raise forms.ValidationError("A template needs at least one section.")


SectionFormSet = formset_factory(
    SectionForm,
    formset=BaseSectionFormSet,
    extra=0,
    min_num=1,
    validate_min=True,
    max_num=MAXIMUM_SECTIONS,
    absolute_max=MAXIMUM_SECTIONS,
    validate_max=True,
)


def rows_of(structure: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a stored structure as the initial values of its section forms."""
    return [
        {
            "id": section["id"],
            "title": section["title"],
            "required": section.get("required", False),
            "topics": _as_list(section.get("maps_to")),
            "instructions": section.get("instructions", ""),
            "parts": "\n".join(part["title"] for part in section.get("subsections", [])),
        }
        for section in structure["sections"]
    ]


def structure_of(rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
    """Return cleaned rows as a structure. Ids of sections and of parts that keep their heading stay as they were."""
    known = {section["id"]: section for section in before["sections"]}
    kept = {row["id"] for row in rows} & known.keys()
    used = {*kept, *(part["id"] for one in kept for part in known[one].get("subsections", []))}
    return {"sections": [_section_of(row, known.get(row["id"]), used) for row in rows]}


def _section_of(row: dict[str, Any], before: dict[str, Any] | None, used: set[str]) -> dict[str, Any]:
    section: dict[str, Any] = {
        "id": before["id"] if before else _free_id(row["title"], used),
        "title": row["title"],
        "required": row["required"],
        "type": "structured" if row["parts"] else "text",
    }
    if row["topics"]:
        section["maps_to"] = row["topics"]
    if row["instructions"]:
        section["instructions"] = row["instructions"]
    if row["parts"]:
        known = {part["title"]: part for part in before.get("subsections", [])} if before else {}
        section["subsections"] = [
            known.get(title) or {"id": _free_id(f"{section['id']}_{title}", used), "title": title}
            for title in dict.fromkeys(row["parts"])
        ]
    return section


def _free_id(title: str, used: set[str]) -> str:
    """Return an id for a new heading, and count it as used."""
    base = slugify(title).replace("-", "_")[: MAXIMUM_ID_LENGTH - 4]
    base = base if SECTION_ID.match(base) else f"section_{base}"[: MAXIMUM_ID_LENGTH - 4].rstrip("_")
    number, found = 1, base
    while found in used:
        number += 1
        found = f"{base}_{number}"
    used.add(found)
    return found


def _as_list(topics: Any) -> list[str]:
    return [topics] if isinstance(topics, str) else list(topics or [])


def _checked_prompt(text: str) -> str:
    try:
        check_prompt(text)
    except UnknownVariable as error:
        raise forms.ValidationError(str(error)) from None
    return text
