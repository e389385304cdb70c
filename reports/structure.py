"""The section schema of a report template: parse, validate, and an empty report from it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from synapse.common.errors import DomainError

SECTION_ID = re.compile(r"^[a-z][a-z0-9_]*$")
MAXIMUM_SECTIONS = 40
MAXIMUM_SUBSECTIONS = 20
MAXIMUM_TITLE_LENGTH = 120
MAXIMUM_ID_LENGTH = 60
MAXIMUM_INSTRUCTIONS_LENGTH = 2000
SECTION_TYPES = ("text", "structured")
# What a section is about, whatever its title; generation.mapping proposes one from the title.
TOPICS = (
    "chief_complaint",
    "history",
    "review_of_systems",
    "past_history",
    "family_history",
    "social",
    "substance_use",
    "sleep_appetite",
    "mood",
    "medications",
    "allergies",
    "vitals",
    "appearance",
    "exam",
    "mental_status",
    "speech",
    "thought",
    "perception",
    "cognition",
    "insight",
    "risk",
    "results",
    "assessment",
    "plan",
    "plan_medications",
    "follow_up",
    "education",
    "homework",
    "goals",
    "interventions",
    "response",
)
_SECTION_KEYS = {"id", "title", "required", "type", "subsections", "maps_to", "instructions"}
_SUBSECTION_KEYS = {"id", "title", "required", "maps_to", "instructions"}


class StructureError(DomainError):
    """A template structure that cannot be used; `problems` says where and what, one sentence each."""

    code = "invalid_structure"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of a report. `topics` names what belongs under it; empty means: judge by the title."""

    id: str
    title: str
    required: bool = False
    type: str = "text"
    subsections: tuple["Section", ...] = ()
    topics: tuple[str, ...] = ()
    instructions: str = ""

    def leaves(self) -> tuple["Section", ...]:
        """Return the places that hold sentences: the subsections, or the section itself when it has none."""
        return self.subsections or (self,)


def parse_structure(structure: Any) -> tuple[Section, ...]:
    """Return the sections of a template's JSON structure; raise StructureError naming every problem."""
    problems: list[str] = []
    if not isinstance(structure, dict) or not isinstance(structure.get("sections"), list):
        raise StructureError(["The structure is an object with a list named sections."])
    raw_sections = structure["sections"]
    if not raw_sections:
        problems.append("A template needs at least one section.")
    if len(raw_sections) > MAXIMUM_SECTIONS:
        problems.append(f"A template has at most {MAXIMUM_SECTIONS} sections.")
    seen: set[str] = set()
    sections = tuple(
        _parse_section(raw, f"Section {place}", seen, problems)
        for place, raw in enumerate(raw_sections[:MAXIMUM_SECTIONS], start=1)
    )
    if problems:
        raise StructureError(problems)
    return sections


def validate_structure(structure: Any) -> None:
    """Raise StructureError when a structure cannot be used."""
    parse_structure(structure)


def leaves(sections: Iterable[Section]) -> Iterator[tuple[Section, Section | None]]:
    """Yield each place that holds sentences with its parent section, None at the top level."""
    for section in sections:
        if section.subsections:
            for subsection in section.subsections:
                yield subsection, section
        else:
            yield section, None


def empty_report(structure: Any) -> list[dict[str, Any]]:
    """Return the report sections of a structure with nothing discussed yet; raise StructureError."""
    return [_empty_section(section) for section in parse_structure(structure)]


def _empty_section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "status": "not_discussed",
        "sentences": [],
        "subsections": [_empty_section(subsection) for subsection in section.subsections],
    }


def _parse_section(raw: Any, place: str, seen: set[str], problems: list[str], *, is_child: bool = False) -> Section:
    if not isinstance(raw, dict):
        problems.append(f"{place} is not an object.")
        return Section("", "")
    unknown = set(raw) - (_SUBSECTION_KEYS if is_child else _SECTION_KEYS)
    if unknown:
        problems.append(f"{place} has unknown keys: {', '.join(sorted(map(str, unknown)))}.")
    section_id = _read_id(raw, place, seen, problems)
    title = _read_text(raw, "title", place, MAXIMUM_TITLE_LENGTH, problems).strip()
    if not title:
        problems.append(f"{place} has no title.")
    required = raw.get("required", False)
    if not isinstance(required, bool):
        problems.append(f"{place}: required is true or false.")
    section_type = raw.get("type", "text")
    if section_type not in SECTION_TYPES:
        problems.append(f"{place}: type is text or structured.")
    return Section(
        id=section_id,
        title=title,
        required=required is True,
        type=section_type if section_type in SECTION_TYPES else "text",
        subsections=_read_subsections(raw, place, seen, problems),
        topics=_read_topics(raw, place, problems),
        instructions=_read_text(raw, "instructions", place, MAXIMUM_INSTRUCTIONS_LENGTH, problems).strip(),
    )


def _read_id(raw: dict[str, Any], place: str, seen: set[str], problems: list[str]) -> str:
    section_id = raw.get("id")
    if not isinstance(section_id, str) or not SECTION_ID.match(section_id) or len(section_id) > MAXIMUM_ID_LENGTH:
        problems.append(
            f"{place}: the id begins with a small letter and has only small letters, digits and underscores, "
            f"at most {MAXIMUM_ID_LENGTH}."
        )
        return ""
    if section_id in seen:
        problems.append(f"{place}: the id {section_id} is used twice.")
    seen.add(section_id)
    return section_id


def _read_text(raw: dict[str, Any], key: str, place: str, limit: int, problems: list[str]) -> str:
    text = raw.get(key, "")
    if not isinstance(text, str):
        problems.append(f"{place}: {key} is text.")
        return ""
    if len(text) > limit:
        problems.append(f"{place}: {key} has at most {limit} characters.")
    return text


def _read_subsections(raw: dict[str, Any], place: str, seen: set[str], problems: list[str]) -> tuple[Section, ...]:
    children = raw.get("subsections", [])
    if not isinstance(children, list):
        problems.append(f"{place}: subsections is a list.")
        return ()
    if children and raw.get("type", "text") != "structured":
        problems.append(f"{place}: only a structured section has subsections.")
    if len(children) > MAXIMUM_SUBSECTIONS:
        problems.append(f"{place} has at most {MAXIMUM_SUBSECTIONS} subsections.")
    return tuple(
        _parse_section(child, f"{place}, subsection {number}", seen, problems, is_child=True)
        for number, child in enumerate(children[:MAXIMUM_SUBSECTIONS], start=1)
    )


def _read_topics(raw: dict[str, Any], place: str, problems: list[str]) -> tuple[str, ...]:
    topics = raw.get("maps_to") or []
    topics = [topics] if isinstance(topics, str) else topics
    if not isinstance(topics, list) or any(topic not in TOPICS for topic in topics):
        problems.append(f"{place}: maps_to is one or more of {', '.join(TOPICS)}.")
        return ()
    return tuple(topics)
