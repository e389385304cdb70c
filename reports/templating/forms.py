"""Forms of the template editor: a template's own fields, and one form a section or part of one, in their order."""

from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from reports.generation.prompts import UnknownVariable, check_prompt
from reports.templating.entries import entries_of, free_id
from reports.templating.structure import (
    DETAILS,
    LAYOUTS,
    MAXIMUM_COLUMNS,
    MAXIMUM_FIXED_TEXT_LENGTH,
    MAXIMUM_ID_LENGTH,
    MAXIMUM_INSTRUCTIONS_LENGTH,
    MAXIMUM_ITEMS,
    MAXIMUM_PLACES,
    MAXIMUM_SUBSECTIONS,
    MAXIMUM_TITLE_LENGTH,
    SECTION_ID,
    SECTION_TYPES,
    TOPICS,
)
from reports.templating.words import DETAIL_WORDS, LAYOUT_WORDS, TYPE_WORDS, topic_words

PREFIX = "sections"
NEW_ROW: dict[str, Any] = {
    "id": "",
    "depth": 0,
    "title": "",
    "required": False,
    "type": "text",
    "detail": "standard",
    "layout": "auto",
    "topics": [],
    "instructions": "",
    "items": "",
    "columns": "",
    "fixed_text": "",
}
ONE_A_LINE = forms.Textarea({"rows": 5})


class TemplateForm(forms.Form):
    """Name, description, instructions and sharing of a template."""

    name = forms.CharField(label="Template name", max_length=120)
    description = forms.CharField(label="What it is for", max_length=400, required=False)
    ai_prompt = forms.CharField(
        label="What the writer should do in every section",
        max_length=MAXIMUM_INSTRUCTIONS_LENGTH,
        required=False,
        widget=forms.Textarea({"rows": 3}),
        help_text="Plain words. The writer may only use what was said.",
    )
    is_default = forms.BooleanField(label="Use for new reports", required=False)
    is_public = forms.BooleanField(label="Share with the clinic", required=False, help_text="Colleagues may copy it")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean_ai_prompt(self) -> str:
        return _checked_prompt(self.cleaned_data["ai_prompt"])


class SectionForm(forms.Form):
    """One section, or with depth 1 a part of the section above it."""

    id = forms.CharField(widget=forms.HiddenInput, required=False, max_length=MAXIMUM_ID_LENGTH)
    depth = forms.TypedChoiceField(widget=forms.HiddenInput, choices=[(0, "Section"), (1, "Part")], coerce=int)
    title = forms.CharField(label="Heading", max_length=MAXIMUM_TITLE_LENGTH)
    required = forms.BooleanField(label="Required before signing", required=False)
    type = forms.ChoiceField(
        label="Written as", choices=[(kind, TYPE_WORDS[kind]) for kind in SECTION_TYPES], widget=forms.RadioSelect
    )
    detail = forms.ChoiceField(
        label="How much", choices=[(detail, DETAIL_WORDS[detail]) for detail in DETAILS], widget=forms.RadioSelect
    )
    layout = forms.ChoiceField(
        label="Laid out as", choices=[(layout, LAYOUT_WORDS[layout]) for layout in LAYOUTS], widget=forms.RadioSelect
    )
    topics = forms.MultipleChoiceField(
        label="What belongs here",
        choices=[(topic, topic_words([topic])) for topic in TOPICS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    instructions = forms.CharField(
        label="What the writer should do",
        max_length=MAXIMUM_INSTRUCTIONS_LENGTH,
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text="Plain words, for a language model. The built-in writer goes by the settings above.",
    )
    items = forms.CharField(
        label="Items of the checklist",
        required=False,
        widget=ONE_A_LINE,
        help_text="One a line. Each is present, denied or not assessed; nothing is ever assumed to be normal.",
    )
    columns = forms.CharField(
        label="Columns of the table", required=False, widget=ONE_A_LINE, help_text="One a line, from left to right."
    )
    fixed_text = forms.CharField(
        label="Fixed text",
        max_length=MAXIMUM_FIXED_TEXT_LENGTH,
        required=False,
        widget=forms.Textarea({"rows": 5}),
        help_text="The same in every report. Marked as template text, never as evidence.",
    )

    def clean_instructions(self) -> str:
        return _checked_prompt(self.cleaned_data["instructions"])

    def clean_items(self) -> list[str]:
        return _lines(self.cleaned_data["items"], MAXIMUM_ITEMS, "items")

    def clean_columns(self) -> list[str]:
        return _lines(self.cleaned_data["columns"], MAXIMUM_COLUMNS, "columns")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        needed = {
            "checklist": ("items", "A checklist needs items: write at least one, one a line."),
            "table": ("columns", "A table needs columns: write at least one, one a line."),
            "fixed": ("fixed_text", "Write the text that stands in every report, or choose another way to write it."),
        }
        name, words = needed.get(cleaned.get("type", ""), ("", ""))
        if name and name not in self.errors and not cleaned.get(name):
            self.add_error(name, words)
        if cleaned.get("depth") == 1 and cleaned.get("type") == "structured":
            self.add_error("type", "A part has no parts of its own. Choose another way to write it.")
        return cleaned


class BaseSectionFormSet(BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    """The sections of a template in order."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """Let no row count as one that was left empty: it would pass without a heading."""
        return {**super().get_form_kwargs(index), "empty_permitted": False}

    def clean(self) -> None:
        if not self.total_form_count():
            raise forms.ValidationError("A template needs at least one section.")
        for form, parts in self.with_parts():
            if parts and form.cleaned_data.get("type") != "structured":
                form.add_error("type", "This section has parts. Choose Parts, or take its parts out first.")
            if len(parts) > MAXIMUM_SUBSECTIONS:
                form.add_error("type", f"A section has at most {MAXIMUM_SUBSECTIONS} parts.")

    def with_parts(self) -> list[tuple[forms.Form, list[forms.Form]]]:
        """Return each section's form with those of its parts; a part that comes first is a section."""
        found: list[tuple[forms.Form, list[forms.Form]]] = []
        for form in self.forms:
            if found and form.cleaned_data.get("depth") == 1:
                found[-1][1].append(form)
            else:
                found.append((form, []))
        return found


SectionFormSet = formset_factory(
    SectionForm,
    formset=BaseSectionFormSet,
    extra=0,
    min_num=1,
    validate_min=True,
    max_num=MAXIMUM_PLACES,
    absolute_max=MAXIMUM_PLACES,
    validate_max=True,
)


def rows_of(structure: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a stored structure as the initial values of its forms, each section before its parts."""
    rows = []
    for section in structure["sections"]:
        rows.append(_row_of(section, depth=0))
        rows.extend(_row_of(part, depth=1) for part in section.get("subsections", []))
    return rows


def structure_of(rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
    """Return cleaned rows as a structure; ids of sections stay, those of items with the same words too."""
    had = {place["id"]: place for section in before["sections"] for place in (section, *section.get("subsections", []))}
    used = {row["id"] for row in rows if SECTION_ID.match(row["id"])}
    given: set[str] = set()
    sections: list[dict[str, Any]] = []
    for row in rows:
        is_free = row["id"] in used and row["id"] not in given
        section_id = row["id"] if is_free else free_id(row["title"], used)
        given.add(section_id)
        section = _section_of(row, section_id, had.get(section_id, {}))
        if row["depth"] == 1 and sections:
            sections[-1].setdefault("subsections", []).append(section)
        else:
            sections.append(section)
    return {"sections": sections}


def _row_of(section: dict[str, Any], *, depth: int) -> dict[str, Any]:
    style = section.get("style", {})
    topics = section.get("maps_to") or []
    return {
        "id": section["id"],
        "depth": depth,
        "title": section["title"],
        "required": section.get("required", False),
        "type": section.get("type", "text"),
        "detail": style.get("detail", "standard"),
        "layout": style.get("layout", "auto"),
        "topics": [topics] if isinstance(topics, str) else list(topics),
        "instructions": section.get("instructions", ""),
        "items": "\n".join(entry["title"] for entry in section.get("items", [])),
        "columns": "\n".join(entry["title"] for entry in section.get("columns", [])),
        "fixed_text": section.get("fixed_text", ""),
    }


def _section_of(row: dict[str, Any], section_id: str, before: dict[str, Any]) -> dict[str, Any]:
    kind = row["type"]
    section = {"id": section_id, "title": row["title"], "required": row["required"], "type": kind}
    style = {name: row[name] for name, usual in (("detail", "standard"), ("layout", "auto")) if row[name] != usual}
    optional = {
        "maps_to": _in_order(row["topics"], before.get("maps_to") or []),
        "instructions": row["instructions"],
        "style": style,
        "items": entries_of(row["items"], before.get("items", [])) if kind == "checklist" else [],
        "columns": entries_of(row["columns"], before.get("columns", [])) if kind == "table" else [],
        "fixed_text": row["fixed_text"] if kind == "fixed" else "",
    }
    return section | {name: value for name, value in optional.items() if value}


def _in_order(topics: list[str], before: str | list[str]) -> list[str]:
    """Return chosen topics in the order they had: the first is what a section is mainly about. New ones follow."""
    had = [before] if isinstance(before, str) else before
    return [*(topic for topic in had if topic in topics), *(topic for topic in topics if topic not in had)]


def _lines(text: str, limit: int, noun: str) -> list[str]:
    titles = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(titles) > limit:
        raise forms.ValidationError(f"At most {limit} {noun}.")
    if any(len(title) > MAXIMUM_TITLE_LENGTH for title in titles):
        raise forms.ValidationError(f"A line has at most {MAXIMUM_TITLE_LENGTH} characters.")
    return titles


def _checked_prompt(text: str) -> str:
    try:
        check_prompt(text)
    except UnknownVariable as error:
        raise forms.ValidationError(str(error)) from None
    return text
