"""A template as the JSON schema of a model's answer, and the answer checked against template and transcript."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from reports.templating.structure import Entry, Section

from .base import DraftSection, DraftSentence
from .textnorm import visible
from .tristate import NOT_ASSESSED, STATES, not_assessed

MOST_SENTENCES = 40
LONGEST_SENTENCE = 1200  # characters
_CITATION = re.compile(r"\[?(\d{1,6})\]?")
_BULLET = re.compile(r"\A[-–•*] +")
# Said of a section's form. None asks for a number of sentences: a model that has to fill a quota invents.
_DETAIL_WORDS = {
    "concise": "Only what decides care; join related facts in one sentence.",
    "standard": "",
    "detailed": "Everything that was said about it, each fact in its own sentence.",
}
_LAYOUT_WORDS = {
    "bullets": "Each sentence stands alone as a bullet point.",
    "prose": "Sentences read as one running paragraph.",
    "auto": "",
}


class AnswerError(ValueError):
    """A model's answer that does not fit the schema; the message holds no text of the answer."""


def sections_to_ask(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """Return the sections without those whose text is the template's own; nothing is asked about them."""
    asked = []
    for section in sections:
        inner = sections_to_ask(section.subsections)
        if section.type == "fixed" or (section.subsections and not inner):
            continue
        asked.append(replace(section, subsections=inner))
    return tuple(asked)


def answer_schema(sections: tuple[Section, ...]) -> dict[str, Any]:
    """Return the JSON schema: one object a section, one inside it for each subsection."""
    return _object({section.id: _section_schema(section) for section in sections})


def _section_schema(section: Section) -> dict[str, Any]:
    if not section.subsections:
        return _leaf_schema(section)
    return _object(
        {subsection.id: _leaf_schema(subsection) for subsection in section.subsections}, _description(section)
    )


def _leaf_schema(section: Section) -> dict[str, Any]:
    if section.type == "checklist":
        return _object({item.id: _item_schema(item.title) for item in section.items}, _description(section))
    line = {"evidence": _evidence_schema(1)}
    if section.type == "table":
        cells = _object({column.id: {"type": "string", "description": column.title} for column in section.columns})
        lines = {"rows": _list_of(_object({"cells": cells, **line}))}
    else:
        lines = {"sentences": _list_of(_object({"text": {"type": "string"}, **line}))}
    status = {"type": "string", "enum": ["documented", "not_discussed"]}
    return _object({"status": status, **lines}, _description(section))


def _item_schema(title: str) -> dict[str, Any]:
    return _object(
        {
            "state": {"type": "string", "enum": list(STATES)},
            "text": {"type": "string", "description": "What was said about it; empty when it was not assessed."},
            "evidence": _evidence_schema(0),
        },
        f"{title}. denied only when it was asked and answered with no; not_assessed when nobody spoke of it.",
    )


def _evidence_schema(least: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "integer"}, "minItems": least}


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": MOST_SENTENCES}


def _description(section: Section) -> str:
    layout = "bullets" if section.type == "list" else section.style.layout
    parts = [section.title.rstrip(".") + ".", section.instructions, _DETAIL_WORDS[section.style.detail]]
    if section.type in ("text", "list"):
        parts.append(_LAYOUT_WORDS[layout])
    return " ".join(part for part in parts if part)


def _object(properties: dict[str, Any], description: str = "") -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "propertyOrdering": list(properties),
    }
    if description:
        schema["description"] = description
    return schema


def read_answer(answer: Any, sections: tuple[Section, ...], segment_ids: Collection[int]) -> tuple[DraftSection, ...]:
    """Return the sections of an answer, fixed ones filled in; evidence that is no segment is kept out. Raise AnswerError.

    A sentence whose every citation is invented stays, without evidence: the guard marks it and the repair call is told.
    """
    if not isinstance(answer, dict):
        raise AnswerError("it is not an object.")
    return tuple(_read_section(answer, section, segment_ids) for section in sections)


def _read_section(answer: Mapping[str, Any], section: Section, segment_ids: Collection[int]) -> DraftSection:
    if section.type == "fixed":
        return DraftSection(
            section.id, "documented", (DraftSentence(section.fixed_text, (), layout="paragraph", is_template=True),)
        )
    if not section.subsections:
        return _read_leaf(answer.get(section.id), section, segment_ids)
    raw = answer.get(section.id, {})
    if not isinstance(raw, dict):
        raise AnswerError(f"the section {section.id} is not an object.")
    inner = tuple(_read_section(raw, subsection, segment_ids) for subsection in section.subsections)
    is_documented = any(leaf.status == "documented" for leaf in inner)
    return DraftSection(section.id, "documented" if is_documented else "not_discussed", (), inner)


def _read_leaf(raw: Any, section: Section, segment_ids: Collection[int]) -> DraftSection:
    if not isinstance(raw, dict):
        raise AnswerError(f"the section {section.id} is missing.")
    if section.type == "checklist":
        sentences = tuple(_read_item(raw.get(item.id), item, section, segment_ids) for item in section.items)
        is_documented = any(not sentence.is_template for sentence in sentences)
        return DraftSection(section.id, "documented" if is_documented else "not_discussed", sentences)
    lines = raw.get("rows" if section.type == "table" else "sentences", [])
    if not isinstance(lines, list) or len(lines) > 2 * MOST_SENTENCES:
        raise AnswerError(f"the lines of {section.id} are not a list of a sensible length.")
    read = _read_row if section.type == "table" else _read_sentence
    sentences = tuple(sentence for line in lines if (sentence := read(line, section, segment_ids)))
    return DraftSection(section.id, "documented" if sentences else "not_discussed", sentences)


def _read_sentence(raw: Any, section: Section, segment_ids: Collection[int]) -> DraftSentence | None:
    text = _read_text(raw, section)
    if not text:
        return None
    is_item = section.type == "list" or section.style.layout == "bullets"
    return DraftSentence(text, _read_evidence(raw, section, segment_ids), layout="item" if is_item else "prose")


def _read_row(raw: Any, section: Section, segment_ids: Collection[int]) -> DraftSentence | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), dict):
        raise AnswerError(f"a row of {section.id} has not the right form.")
    cells = []
    for column in section.columns:
        text = raw["cells"].get(column.id, "")
        if not isinstance(text, str) or len(text) > LONGEST_SENTENCE:
            raise AnswerError(f"a cell of {section.id} has not the right form.")
        if words := _plain(text):
            cells.append((column.id, words))
    if not cells:
        return None
    titles = {column.id: column.title for column in section.columns}
    text = "; ".join(f"{titles[column]}: {words}" for column, words in cells)
    return DraftSentence(text, _read_evidence(raw, section, segment_ids), layout="item", cells=tuple(cells))


def _read_item(raw: Any, item: Entry, section: Section, segment_ids: Collection[int]) -> DraftSentence:
    """Return an item of a checklist; one without a state, words or a valid citation was not assessed."""
    if raw is None:
        raw = {"state": NOT_ASSESSED, "text": "", "evidence": []}
    text = _read_text(raw, section)
    evidence = _read_evidence(raw, section, segment_ids)
    if raw.get("state") not in STATES:
        raise AnswerError(f"an item of {section.id} has an unknown state.")
    if raw["state"] == NOT_ASSESSED or not text or not evidence:
        return not_assessed(item)
    words = text if text.casefold().startswith(item.title.casefold()) else f"{item.title}: {text}"
    return DraftSentence(words, evidence, layout="item", item=item.id, state=raw["state"])


def _read_text(raw: Any, section: Section) -> str:
    if not isinstance(raw, dict) or not isinstance(raw.get("text"), str):
        raise AnswerError(f"a line of {section.id} has not the right form.")
    text = _plain(raw["text"])
    if len(text) > LONGEST_SENTENCE:
        raise AnswerError(f"a line of {section.id} is too long.")
    return text


def _read_evidence(raw: Mapping[str, Any], section: Section, segment_ids: Collection[int]) -> tuple[int, ...]:
    evidence = raw.get("evidence", [])
    if not isinstance(evidence, list):
        raise AnswerError(f"the evidence of a line of {section.id} is no list.")
    named = (_segment_id(value) for value in evidence)
    return tuple(sorted({key for key in named if key is not None and key in segment_ids}))


def _segment_id(value: Any) -> int | None:
    """Return the number of a cited line; models that are not bound to the schema write it as 2, 2.0, "2" or "[2]"."""
    if isinstance(value, str) and (match := _CITATION.fullmatch(value)):
        return int(match.group(1))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _plain(text: str) -> str:
    return _BULLET.sub("", visible(text))
