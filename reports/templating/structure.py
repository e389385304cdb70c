"""The section schema of a report template: parse, validate, and an empty report from it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synapse.common.errors import DomainError

SECTION_ID = re.compile(r"^[a-z][a-z0-9_]*\Z")
MAXIMUM_SECTIONS = 40
MAXIMUM_SUBSECTIONS = 20
MAXIMUM_PLACES = 60  # sections and subsections together: what the editor's form can hold
MAXIMUM_TITLE_LENGTH = 120
MAXIMUM_ID_LENGTH = 60
MAXIMUM_INSTRUCTIONS_LENGTH = 2000
MAXIMUM_ITEMS = 40
MAXIMUM_COLUMNS = 8
MAXIMUM_FIXED_TEXT_LENGTH = 4000
# text: sentences. structured: subsections. list: one sentence a line. table: one row a line, cells by column.
# checklist: items that are present, denied or not assessed. fixed: the template's own text, the same in every report.
SECTION_TYPES = ("text", "structured", "list", "table", "checklist", "fixed")
DETAILS = ("concise", "standard", "detailed")
LAYOUTS = ("auto", "prose", "bullets")
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
_SUBSECTION_KEYS = {
    "id",
    "title",
    "required",
    "type",
    "maps_to",
    "instructions",
    "style",
    "items",
    "columns",
    "fixed_text",
}
_SECTION_KEYS = _SUBSECTION_KEYS | {"subsections"}


class StructureError(DomainError):
    """A template that cannot be used; `problems` says where and what, one sentence each, `fields` by field.

    Without `fields` all of it is about the structure.
    """

    code = "invalid_structure"

    def __init__(self, problems: list[str], fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems
        self.fields = dict(fields) if fields is not None else {"structure": problems}


@dataclass(frozen=True, slots=True)
class Style:
    """How a section is written: how much of it, and as running text or bullets (auto: as the content asks)."""

    detail: str = "standard"
    layout: str = "auto"


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a checklist or a column of a table. What an item is about is judged by its id, then its title."""

    id: str
    title: str


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
    style: Style = Style()
    items: tuple[Entry, ...] = ()
    columns: tuple[Entry, ...] = ()
    fixed_text: str = ""

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
    allowed = tuple(kind for kind in SECTION_TYPES if not (is_child and kind == "structured"))
    if section_type not in allowed:
        problems.append(f"{place}: type is {', '.join(allowed[:-1])} or {allowed[-1]}.")
        section_type = "text"
    items = _read_entries(raw, "items", "checklist", section_type, MAXIMUM_ITEMS, place, problems)
    columns = _read_entries(raw, "columns", "table", section_type, MAXIMUM_COLUMNS, place, problems)
    fixed_text = _read_text(raw, "fixed_text", place, MAXIMUM_FIXED_TEXT_LENGTH, problems).strip()
    if (section_type == "fixed") != bool(fixed_text):
        problems.append(f"{place}: fixed text goes with the type fixed, and the type fixed needs it.")
    return Section(
        id=section_id,
        title=title,
        required=required is True,
        type=section_type,
        subsections=_read_subsections(raw, place, seen, problems),
        topics=_read_topics(raw, place, problems),
        instructions=_read_text(raw, "instructions", place, MAXIMUM_INSTRUCTIONS_LENGTH, problems).strip(),
        style=_read_style(raw, place, problems),
        items=items,
        columns=columns,
        fixed_text=fixed_text,
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
    if "\0" in text:  # no database stores it
        problems.append(f"{place}: {key} has a character that is no text.")
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


def _read_style(raw: dict[str, Any], place: str, problems: list[str]) -> Style:
    style = raw.get("style", {})
    if not isinstance(style, dict) or set(style) - {"detail", "layout"}:
        problems.append(f"{place}: style is an object with detail and layout.")
        return Style()
    detail, layout = style.get("detail", "standard"), style.get("layout", "auto")
    if detail not in DETAILS:
        problems.append(f"{place}: detail is {', '.join(DETAILS)}.")
    if layout not in LAYOUTS:
        problems.append(f"{place}: layout is {', '.join(LAYOUTS)}.")
    return Style(str(detail), str(layout))


def _read_entries(
    raw: dict[str, Any], key: str, needed_by: str, section_type: str, limit: int, place: str, problems: list[str]
) -> tuple[Entry, ...]:
    """Return the items of a checklist or the columns of a table; ids are unique within the section."""
    entries = raw.get(key, [])
    if not isinstance(entries, list):
        problems.append(f"{place}: {key} is a list.")
        return ()
    if (section_type == needed_by) != bool(entries):
        problems.append(f"{place}: {key} go with the type {needed_by}, and the type {needed_by} needs them.")
    if len(entries) > limit:
        problems.append(f"{place} has at most {limit} {key}.")
    seen: set[str] = set()
    read = []
    for number, entry in enumerate(entries[:limit], start=1):
        where = f"{place}, {key} {number}"
        if not isinstance(entry, dict) or set(entry) - {"id", "title"}:
            problems.append(f"{where}: an object with id and title.")
            continue
        entry_id = _read_id(entry, where, seen, problems)
        title = _read_text(entry, "title", where, MAXIMUM_TITLE_LENGTH, problems).strip()
        if not title:
            problems.append(f"{where} has no title.")
        read.append(Entry(entry_id, title))
    return tuple(read)
