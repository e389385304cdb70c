"""A template as the JSON schema of a model's answer, and the answer checked against template and transcript."""

from collections.abc import Collection
from typing import Any

from reports.structure import Section

from .base import DraftSection, DraftSentence

MOST_SENTENCES = 40
LONGEST_SENTENCE = 1200  # characters


class AnswerError(ValueError):
    """A model's answer that does not fit the schema; the message holds no text of the answer."""


def answer_schema(sections: tuple[Section, ...]) -> dict[str, Any]:
    """Return the JSON schema: one object a section, one inside it for each subsection."""
    return _object({section.id: _section_schema(section) for section in sections})


def _section_schema(section: Section) -> dict[str, Any]:
    if not section.subsections:
        return _leaf_schema(section)
    return _object({subsection.id: _leaf_schema(subsection) for subsection in section.subsections}, section.title)


def _leaf_schema(section: Section) -> dict[str, Any]:
    sentence = _object(
        {
            "text": {"type": "string"},
            "evidence": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        }
    )
    description = f"{section.title}. {section.instructions}".strip() if section.instructions else section.title
    return _object(
        {
            "status": {"type": "string", "enum": ["documented", "not_discussed"]},
            "sentences": {"type": "array", "items": sentence, "maxItems": MOST_SENTENCES},
        },
        description,
    )


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
    """Return the sections of an answer; evidence that is no segment is kept out of a sentence's evidence. Raise AnswerError.

    A sentence whose every citation is invented stays, without evidence: the guard marks it and the repair call is told.
    """
    if not isinstance(answer, dict):
        raise AnswerError("The answer is not an object.")
    return tuple(_read_section(answer.get(section.id), section, segment_ids) for section in sections)


def _read_section(raw: Any, section: Section, segment_ids: Collection[int]) -> DraftSection:
    if not isinstance(raw, dict):
        raise AnswerError(f"The section {section.id} is missing.")
    if not section.subsections:
        return _read_leaf(raw, section, segment_ids)
    inner = []
    for subsection in section.subsections:
        value = raw.get(subsection.id)
        if not isinstance(value, dict):
            raise AnswerError(f"The subsection {subsection.id} is missing.")
        inner.append(_read_leaf(value, subsection, segment_ids))
    is_documented = any(leaf.status == "documented" for leaf in inner)
    return DraftSection(section.id, "documented" if is_documented else "not_discussed", (), tuple(inner))


def _read_leaf(raw: dict[str, Any], section: Section, segment_ids: Collection[int]) -> DraftSection:
    items = raw.get("sentences", [])
    if not isinstance(items, list) or len(items) > 2 * MOST_SENTENCES:
        raise AnswerError(f"The sentences of {section.id} are not a list of a sensible length.")
    sentences = tuple(sentence for item in items if (sentence := _read_sentence(item, section, segment_ids)))
    if raw.get("status") == "not_discussed" and not sentences:
        return DraftSection(section.id, "not_discussed")
    return DraftSection(section.id, "documented" if sentences else "not_discussed", sentences)


def _read_sentence(raw: Any, section: Section, segment_ids: Collection[int]) -> DraftSentence | None:
    if (
        not isinstance(raw, dict)
        or not isinstance(raw.get("text"), str)
        or not isinstance(raw.get("evidence", []), list)
    ):
        raise AnswerError(f"A sentence of {section.id} has not the right form.")
    text = " ".join(raw["text"].split())
    if not text:
        return None
    if len(text) > LONGEST_SENTENCE:
        raise AnswerError(f"A sentence of {section.id} is too long.")
    cited = {
        key
        for key in raw.get("evidence", [])
        if isinstance(key, int) and not isinstance(key, bool) and key in segment_ids
    }
    return DraftSentence(text, tuple(sorted(cited)))
