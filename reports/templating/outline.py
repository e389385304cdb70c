"""Sections guessed from an example note or from a description in words. No model, no network, nothing kept.

Of an example only its headings and labels go into the template; what stands under them decides how a section is written
and is forgotten.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from reports.shipped import load_shipped
from reports.templating.entries import (
    MEDICATION_COLUMNS,
    MENTAL_STATUS,
    RISK,
    as_entries,
    entries_of,
    free_id,
    known_item,
)
from reports.templating.files import plain_section
from reports.templating.structure import MAXIMUM_SECTIONS, MAXIMUM_SUBSECTIONS, MAXIMUM_TITLE_LENGTH, parse_structure
from synapse.common.errors import DomainError

LONGEST_TEXT = 20_000
_LONGEST_HEADING_WORDS = 8
_BULLET = re.compile(r"^\s*(?:[-*•–·▪◦]|\(?\d{1,2}[.)]|\[[ x]\])\s+")
_NUMBERED = re.compile(r"^\s*(?:\d{1,2}|[IVX]{1,4}|[A-Z])[.)]\s+(?=\S)")
_LABEL = re.compile(r"^([^:|\t]{2,60}?)\s*:\s*(.*)$")
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s*|\*\*|__)|(?:\*\*|__)\s*:?\s*$")
_CELLS = re.compile(r"\s*\|\s*|\t+")
# Labels of the page's head: they name a person or a day, and no section.
_IDENTITY = re.compile(
    r"\b(name|patient|client|d\.?o\.?b\.?|birth|date|time|age|gender|sex|mrn|record|address|phone|e-?mail|insur\w*|"
    r"provider|clinician|therapist|doctor|dr|signed|signature|session (?:no|number|length)|duration|location|cpt)\b",
    re.IGNORECASE,
)
_LIST_TOPICS = {"homework", "goals", "follow_up", "plan_medications"}
# Words of therapies that no title says by itself, and what belongs under them.
_TERMS: tuple[tuple[re.Pattern[str], list[str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), topics)
    for pattern, topics in (
        (r"diary card", ["mood", "substance_use"]),
        (r"chain analysis|behaviou?r chain", ["history", "assessment"]),
        (
            r"skills?\b|technique|exposure|bilateral|reprocessing|desensiti[sz]ation|worksheet|body scan|closure|safe place",
            ["interventions"],
        ),
        (r"\bgoals?\b|treatment target", ["goals"]),
        (r"dyad|couple|interaction|communication pattern|group process|participation", ["response", "history"]),
        (r"barrier|trigger|stressor|thought record|event|distress|\bsuds?\b|\bvoc\b|trauma|target", ["history"]),
        (r"strength|resource|protective", ["social"]),
        (r"crisis|warning sign", ["risk"]),
    )
)
_DESCRIPTION = re.compile(
    r"\b(?:with|including|includes?|containing|covering|that has|having|consisting of)\b|:", re.IGNORECASE
)
_LEAD = re.compile(
    r"^(?:please\s+)?(?:(?:make|create|write|give|i (?:want|need))\s+(?:me\s+)?)?(?:an?|the|my|our)\s+", re.IGNORECASE
)
_JOINTS = re.compile(r"\s*(?:[,;\n]|(?<=\s)(?:and|then|plus)(?=\s)|(?<=\s)&(?=\s))\s*", re.IGNORECASE)
_ASKED: tuple[tuple[re.Pattern[str], dict[str, Any]], ...] = (
    (
        re.compile(r"\b(?:as (?:an? )?)?(?:bullet(?:ed)?(?: points?| list)?|bullets)\b", re.IGNORECASE),
        {"style": {"layout": "bullets"}},
    ),
    (re.compile(r"\bas (?:an? )?list\b", re.IGNORECASE), {"type": "list"}),
    (re.compile(r"\b(?:brief|short|concise)(?:ly)?\b", re.IGNORECASE), {"style": {"detail": "concise"}}),
    (re.compile(r"\b(?:in detail|detailed|long)\b", re.IGNORECASE), {"style": {"detail": "detailed"}}),
    (re.compile(r"\b(?:required|mandatory|always)\b", re.IGNORECASE), {"required": True}),
)


class NothingRecognised(DomainError):
    """No heading could be read from the text."""

    code = "nothing_recognised"


@dataclass
class _Block:
    """A heading of the example with the lines under it."""

    title: str
    lines: list[str] = field(default_factory=list)


def from_example(text: str) -> dict[str, Any]:
    """Return a structure with the headings of a pasted note; raise NothingRecognised."""
    blocks = _blocks(text[:LONGEST_TEXT].splitlines())
    used: set[str] = set()
    sections = [_section_of(block, used) for block in blocks[:MAXIMUM_SECTIONS]]
    if not sections:
        raise NothingRecognised(
            "No headings were found. Put each heading on a line of its own, in capitals or with a colon after it."
        )
    return {"sections": sections}


def from_description(text: str) -> dict[str, Any]:
    """Return name and structure for a description in words; raise NothingRecognised.

    `A weekly DBT note with diary card, skills taught, chain analysis, homework` has four sections.
    """
    text = " ".join(text[:LONGEST_TEXT].split()).strip(" .")
    split = _DESCRIPTION.search(text)
    head, rest = (text[: split.start()], text[split.end() :]) if split else ("", text)
    name = _LEAD.sub("", head.strip()).strip(" ,.")
    used: set[str] = set()
    sections = _known_form(name or rest, used)
    if sections and not split:
        name, rest = _LEAD.sub("", text).strip(), ""
    for phrase in _JOINTS.split(rest):
        title, asked = _asked_for(phrase)
        if title and not any(section["title"].casefold() == title.casefold() for section in sections):
            added = guess_section(title, used) | {name: value for name, value in asked.items() if value}
            _leave_to(sections, added.get("maps_to", []))
            sections.append(added)
    if not sections:
        raise NothingRecognised("Name the parts of the note, with commas between them.")
    return {
        "name": (_capital(name) or "New template")[:MAXIMUM_TITLE_LENGTH],
        "structure": {"sections": sections[:MAXIMUM_SECTIONS]},
    }


def guess_section(title: str, used: set[str]) -> dict[str, Any]:
    """Return a section for a heading: what belongs there, and written as such a section usually is."""
    title = title[:MAXIMUM_TITLE_LENGTH]
    topics = guess_topics(title)
    section: dict[str, Any] = {"id": free_id(title, used), "title": title, "required": False, "type": "text"}
    if topics:
        section["maps_to"] = topics
    main = topics[0] if topics else ""
    if main == "mental_status" and not known_item(title):
        section |= {"type": "checklist", "items": as_entries(MENTAL_STATUS)}
    elif main == "risk":
        section |= {"type": "checklist", "items": as_entries(RISK)}
    elif main == "medications":
        section |= {"type": "table", "columns": as_entries(MEDICATION_COLUMNS)}
    elif main in _LIST_TOPICS:
        section["type"] = "list"
    return section


def guess_topics(title: str) -> list[str]:
    """Return what a heading is about, the words of therapies included; empty when nothing tells."""
    from reports.generation.titles import topic_for_title

    for pattern, topics in _TERMS:
        if pattern.search(title):
            return list(topics)
    topic = topic_for_title(title)
    return [topic] if topic else []


def _blocks(lines: list[str]) -> list[_Block]:
    """Return the headings with what stands under each; when nothing looks like one, labels are the headings."""
    blocks: list[_Block] = []
    for line in lines:
        heading = _heading(line)
        if heading:
            blocks.append(_Block(heading))
        elif blocks and line.strip():
            blocks[-1].lines.append(line)
    if len(blocks) > 1:
        return blocks
    return _labelled(lines) or blocks


def _labelled(lines: list[str]) -> list[_Block]:
    """Return labels that name a part of a note as headings; a label that comes again is somebody speaking."""
    found: list[_Block] = []
    for line in lines:
        label = _LABEL.match(_MARKUP.sub("", line).strip())
        title = _clean(label.group(1)) if label and not _BULLET.match(line) else ""
        if title and label and (guess_topics(title) or known_item(title)) and not _IDENTITY.search(title):
            found.append(_Block(title, [label.group(2)] if label.group(2) else []))
        elif found and line.strip():
            found[-1].lines.append(line)
    titles = [block.title for block in found]
    return [block for block in found if titles.count(block.title) == 1]


def _heading(line: str) -> str:
    """Return the heading a line is, or nothing: in capitals, marked up, or ending with a colon."""
    bare = line.strip()
    is_marked = bool(_MARKUP.match(bare)) and not _BULLET.match(bare.replace("**", ""))
    bare = _MARKUP.sub("", _MARKUP.sub("", bare)).strip()
    numbered = _NUMBERED.sub("", bare)
    is_capital = numbered.isupper() and sum(letter.isalpha() for letter in numbered) > 1
    is_closed = bare.endswith(":") and not _BULLET.match(line.lstrip())
    if not (is_marked or is_capital or is_closed) or len(numbered.split()) > _LONGEST_HEADING_WORDS:
        return ""
    if not is_closed and (":" in numbered or numbered.endswith((".", ",", ";"))):
        return ""
    title = _clean(numbered)
    return "" if not title or _IDENTITY.search(title) else title


def _section_of(block: _Block, used: set[str]) -> dict[str, Any]:
    section = guess_section(block.title, used)
    lines = [line for line in block.lines if line.strip()]
    labels = [title for line in lines if (title := _label_of(line))]
    bullets = sum(bool(_BULLET.match(line)) for line in lines)
    rows = [line for line in lines if len(_CELLS.split(line.strip(" |"))) > 1]
    plain: dict[str, Any] = {key: section[key] for key in ("id", "title", "required", "maps_to") if key in section}
    if len(rows) >= 2 and len(rows) * 2 > len(lines):
        return _table(plain, rows, section)
    if len(labels) >= 2 and len(labels) * 2 >= len(lines):
        return _of_labels(plain, labels, used)
    if lines and bullets * 2 > len(lines):
        return section if section["type"] in {"table", "checklist"} else plain | {"type": "list"}
    if lines and section["type"] == "list":
        return plain | {"type": "text"}
    return section


def _table(plain: dict[str, Any], rows: list[str], usual: dict[str, Any]) -> dict[str, Any]:
    """Return a table whose columns are the first row's cells, when these are names and no values."""
    cells = [_clean(cell) for cell in _CELLS.split(rows[0].strip(" |"))]
    if not all(cells) or any(character.isdigit() for cell in cells for character in cell):
        return usual
    return plain | {"type": "table", "columns": entries_of(cells[:8])}


def _of_labels(plain: dict[str, Any], labels: list[str], used: set[str]) -> dict[str, Any]:
    """Return a checklist when most labels are usual items of one, else a section with a part for each label."""
    titles = list(dict.fromkeys(labels))
    if sum(bool(known_item(title)) for title in titles) * 2 >= len(titles):
        return plain | {"type": "checklist", "items": entries_of(titles)}
    parts: list[dict[str, Any]] = []
    for title in titles[:MAXIMUM_SUBSECTIONS]:
        part = {"id": free_id(f"{plain['id']}_{title}", used), "title": title}
        topics = guess_topics(title)
        parts.append({**part, "maps_to": topics} if topics else part)
    return plain | {"type": "structured", "subsections": parts}


def _label_of(line: str) -> str:
    """Return the label of a `Label: value` line that names a part of a note and no person."""
    match = _LABEL.match(_BULLET.sub("", line).strip())
    title = _clean(match.group(1)) if match else ""
    if not title or len(title.split()) > 5 or _IDENTITY.search(title):
        return ""
    return title if known_item(title) or guess_topics(title) else ""


def _asked_for(phrase: str) -> tuple[str, dict[str, Any]]:
    """Return the heading in a phrase of a description, and how it is to be written."""
    asked: dict[str, Any] = {}
    for pattern, values in _ASKED:
        if pattern.search(phrase):
            asked = {**asked, **values, "style": {**asked.get("style", {}), **values.get("style", {})}}
            phrase = pattern.sub("", phrase)
    phrase = re.sub(
        r"^\s*(?:sections? (?:for|on)|an?|the|my|our|also|and)\s+", "", phrase.strip(" ().,"), flags=re.IGNORECASE
    )
    return _clean(phrase.strip(" ().,")), asked


def _known_form(words: str, used: set[str]) -> list[dict[str, Any]]:
    """Return the sections of a note that a description calls by its name, such as SOAP."""
    for slug in ("soap", "dap", "birp", "girp", "pie"):
        if re.search(rf"\b{slug}\b", words, re.IGNORECASE):
            sections = parse_structure(load_shipped()[slug]["structure"])
            used.update(section.id for section in sections)
            return [plain_section(section) for section in sections]
    return []


def _leave_to(sections: list[dict[str, Any]], topics: list[str]) -> None:
    """Take topics from sections that stand before one made for them: what is said goes to the first that fits."""
    for section in sections:
        left = [topic for topic in section.get("maps_to", []) if topic not in topics]
        if left:
            section["maps_to"] = left


def _clean(title: str) -> str:
    """Return a heading in sentence case without numbers and marks around it."""
    title = " ".join(re.sub(r"[*_#`]+", " ", _NUMBERED.sub("", title)).split()).strip(" :.-–")
    if title.isupper() and len(title) > 3:
        title = title.capitalize()
    return _capital(title)[:MAXIMUM_TITLE_LENGTH]


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
