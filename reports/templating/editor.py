"""What the template editor shows: the list of sections with the settings of each, so that templates only lay out."""

from dataclasses import dataclass
from typing import Any

from django.forms import BaseFormSet
from django.http import QueryDict

from reports.generation.prompts import VARIABLES
from reports.models import ReportTemplate
from reports.templating.forms import NEW_ROW, PREFIX, SectionForm, SectionFormSet, TemplateForm, rows_of
from reports.templating.structure import SECTION_TYPES, Entry, Section, Style
from reports.templating.words import summary_of, topic_words

TEMPLATE_FIELDS = ("name", "description", "ai_prompt", "is_public", "is_default", "version")
# What a doctor may have put into an instruction, by the name it is known by.
VARIABLE_WORDS = {
    "previous_plan": "Last plan",
    "chief_complaint": "Chief complaint",
    "patient_age_band": "Age, by ten years",
    "patient_gender": "Gender",
    "session_type": "Kind of visit",
    "session_date": "Month of the visit",
    "doctor_specialization": "Your specialty",
    "language": "Language",
}
assert set(VARIABLE_WORDS) == set(VARIABLES)


@dataclass(frozen=True)
class EditorRow:
    """One section or part in the list, with its form."""

    index: int
    form: SectionForm
    number: str
    title: str
    summary: str
    topics: str
    has_own_topics: bool
    is_part: bool
    is_chosen: bool
    has_errors: bool
    is_required: bool
    can_go_up: bool
    can_go_down: bool
    can_indent: bool


def unbound_forms(template: ReportTemplate) -> "tuple[TemplateForm, BaseFormSet[SectionForm]]":
    """Return the forms of a template as it is stored."""
    form = TemplateForm(initial={name: getattr(template, name) for name in TEMPLATE_FIELDS})
    return form, SectionFormSet(initial=rows_of(template.structure), prefix=PREFIX)


def sent_rows(sections: "BaseFormSet[SectionForm]") -> list[dict[str, Any]]:
    """Return the sections as they were sent, valid or not."""
    return [{name: section[name].value() for name in NEW_ROW} for section in sections]


def sent_place(data: QueryDict) -> int:
    """Return which row was chosen when the form was sent."""
    chosen = data.get("chosen", "0")
    return int(chosen) if chosen.isdecimal() and len(chosen) < 4 else 0


def editor_rows(sections: "BaseFormSet[SectionForm]", chosen: int) -> list[EditorRow]:
    """Return the rows of the list in their order; one with an error is chosen before any other."""
    from reports.generation.mapping import topics_of  # brings numpy along

    forms = list(sections)
    places = [_section_of(form) for form in forms]
    depths = [0 if index == 0 else int(str(form["depth"].value()) == "1") for index, form in enumerate(forms)]
    wrong = [index for index, form in enumerate(forms) if form.is_bound and form.errors]
    if wrong and chosen not in wrong:
        chosen = wrong[0]
    rows: list[EditorRow] = []
    section, part, parent = 0, 0, None
    for index, (form, place, depth) in enumerate(zip(forms, places, depths, strict=True)):
        if depth:
            part += 1
        else:
            section, part, parent = section + 1, 0, place
        has_parts = depth == 0 and index + 1 < len(forms) and depths[index + 1] == 1
        rows.append(
            EditorRow(
                index=index,
                form=form,
                number=f"{section}.{part}" if depth else str(section),
                title=place.title,
                summary=_summary(place, depths[index + 1 :]) if has_parts else summary_of(place),
                topics=topic_words(topics_of(place, parent if depth else None)),
                has_own_topics=bool(place.topics),
                is_part=bool(depth),
                is_chosen=index == min(chosen, len(forms) - 1),
                has_errors=index in wrong,
                is_required=place.required,
                can_go_up=index > depth,
                can_go_down=any(later == 0 for later in depths[index + 1 :])
                or (bool(depth) and index + 1 < len(forms)),
                can_indent=index > 0 and not depth and not has_parts,
            )
        )
    return rows


def _section_of(form: SectionForm) -> Section:
    """Return what a form says now, valid or not, as a section to be described."""
    value = {name: form[name].value() for name in NEW_ROW}
    kind = value["type"] if value["type"] in SECTION_TYPES else "text"
    return Section(
        id="",
        title=str(value["title"] or "").strip(),
        required=bool(value["required"]),
        type=kind,
        topics=tuple(value["topics"] or ()),
        style=Style(
            value["detail"] or "standard", value["layout"] if value["layout"] in ("prose", "bullets") else "auto"
        ),
        items=_entries(value["items"]),
        columns=_entries(value["columns"]),
    )


def _entries(text: object) -> tuple[Entry, ...]:
    return tuple(Entry("", line) for line in str(text or "").splitlines() if line.strip())


def _summary(section: Section, later: list[int]) -> str:
    parts = next((place for place, depth in enumerate(later) if depth == 0), len(later))
    return f"{parts} {'part' if parts == 1 else 'parts'}"
