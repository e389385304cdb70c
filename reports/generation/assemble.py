"""A draft as a report: sentence ids, evidence objects, support of each sentence, plain text, scores."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import tristate
from .base import DraftSection, DraftSentence, GeneratedReport, GenerationRequest, TranscriptSegment
from .guard import Guard
from .scores import Scores, score_sections

NOT_DISCUSSED = "Not discussed."


@dataclass(frozen=True, slots=True)
class AssembledReport:
    """A report ready to be stored or printed. `sections`, `missing` and `unassigned` are JSON as the contract names it.

    A sentence also has `layout` (prose, paragraph, item or heading) and `confidence` (0 to 1 or None).
    """

    sections: list[dict[str, Any]]
    content: str
    missing: list[dict[str, Any]]
    unassigned: list[dict[str, Any]]
    scores: Scores
    engine: str
    ai_model: str
    prompt_version: str
    token_usage: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "sections": self.sections,
            "content": self.content,
            "scores": self.scores.as_json(),
            "missing": self.missing,
            "unassigned": self.unassigned,
            "ai_model": self.ai_model,
            "prompt_version": self.prompt_version,
        }


def assemble(draft: GeneratedReport, request: GenerationRequest) -> AssembledReport:
    """Return the draft with ids, evidence, support and scores; every sentence goes through the guard."""
    guard = Guard(request.segments)
    builder = _SentenceBuilder(guard)
    titles = {place.id: place.title for section in request.sections for place in (section, *section.subsections)}
    templates = {section.id: section for section in request.sections}
    enforced = [tristate.enforce(section, templates[section.id], request.segments) for section in draft.sections]
    sections = [_section(section, titles, builder) for section in enforced]
    scores = score_sections(sections, request.sections, request.segments, guard=guard)
    return AssembledReport(
        sections=sections,
        content=content_text(sections, required={section.id for section in request.sections if section.required}),
        missing=scores.missing,
        unassigned=[builder.build(sentence, "u") for sentence in draft.unassigned],
        scores=scores,
        engine=draft.engine,
        ai_model=draft.model,
        prompt_version=draft.prompt_version,
        token_usage=dict(draft.token_usage),
    )


class _SentenceBuilder:
    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.counts: dict[str, int] = {}

    def build(self, sentence: DraftSentence, prefix: str) -> dict[str, Any]:
        self.counts[prefix] = self.counts.get(prefix, 0) + 1
        return contract_sentence(sentence, f"{prefix}{self.counts[prefix]}", self.guard)


def contract_sentence(sentence: DraftSentence, sentence_id: str, guard: Guard) -> dict[str, Any]:
    """Return a drafted sentence as it is stored, with its evidence and what the guard says of it."""
    if sentence.is_template:
        return _template_sentence(sentence, sentence_id)
    result = tristate.check_line(guard, sentence.text, sentence.evidence, sentence.item)
    return {
        "id": sentence_id,
        "text": sentence.text,
        "origin": "ai",
        "evidence": [_evidence(segment) for segment in guard.index.cited(sentence.evidence)],
        "support": result.support,
        "flags": [flag.as_json() for flag in result.flags],
        "layout": sentence.layout,
        "confidence": sentence.confidence if sentence.confidence is not None else round(1 - result.risk, 3),
        **_form(sentence),
    }


def _template_sentence(sentence: DraftSentence, sentence_id: str) -> dict[str, Any]:
    """Return a line that is the template's and not the recording's: nothing has to support it."""
    return {
        "id": sentence_id,
        "text": sentence.text,
        "origin": "template",
        "evidence": [],
        "support": "partial" if sentence.reason else "supported",
        "flags": [{"kind": "not_assessed", "detail": sentence.reason}] if sentence.reason else [],
        "layout": sentence.layout,
        "confidence": None,
        **_form(sentence),
    }


def _form(sentence: DraftSentence) -> dict[str, Any]:
    """Return what a line of a checklist or a table has besides its text."""
    values = {"item": sentence.item, "state": sentence.state, "cells": dict(sentence.cells)}
    return {name: value for name, value in values.items() if value}


def _section(section: DraftSection, titles: Mapping[str, str], builder: _SentenceBuilder) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": titles.get(section.id, section.id),
        "status": section.status,
        "sentences": [builder.build(sentence, "s") for sentence in section.sentences],
        "subsections": [_section(subsection, titles, builder) for subsection in section.subsections],
    }


def evidence_objects(segment_ids: Iterable[int], segments: Sequence[TranscriptSegment]) -> list[dict[str, Any]]:
    """Return the evidence of a sentence with times and quotes, in transcript order; unknown ids are left out."""
    wanted = set(segment_ids)
    return [_evidence(segment) for segment in segments if segment.id in wanted]


def _evidence(segment: TranscriptSegment) -> dict[str, Any]:
    return {
        "segment": segment.id,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "speaker": segment.speaker,
        "quote": segment.text,
    }


def iter_sentences(sections: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the sentences of contract sections in reading order, removed ones left out."""
    for section in sections:
        yield from (sentence for sentence in section["sentences"] if not sentence.get("removed"))
        yield from iter_sentences(section.get("subsections", ()))


def content_text(sections: Iterable[Mapping[str, Any]], *, required: Iterable[str] = ()) -> str:
    """Return contract sections as plain text. Required ones say when nothing was discussed; the others are named at the end."""
    required = set(required)
    blocks: list[str] = []
    silent: list[str] = []
    for section in sections:
        lines = _lines(section["sentences"])
        for subsection in section.get("subsections", ()):
            inner = _lines(subsection["sentences"])
            if inner:
                lines.extend([subsection["title"], *inner])
            else:
                silent.append(subsection["title"])
        if lines:
            blocks.append("\n".join([section["title"], *lines]))
        elif section["id"] in required:
            blocks.append(f"{section['title']}\n{NOT_DISCUSSED}")
        else:
            silent.append(section["title"])
    if silent:
        blocks.append(f"Not discussed: {', '.join(silent)}.")
    return "\n\n".join(blocks)


def _lines(sentences: Iterable[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        if sentence.get("removed"):
            continue
        layout = sentence.get("layout", "prose")
        if layout == "prose" and lines:
            lines[-1] = f"{lines[-1]} {sentence['text']}"
        elif layout == "item":
            lines.append(f"• {sentence['text']}")
        else:
            lines.append(str(sentence["text"]))
    return lines
