"""Facts as the lines of a section: in the order they are read, as its type and style ask."""

import re
from collections.abc import Sequence
from dataclasses import replace

from reports.templating.structure import Section, Style

from .antecedents import is_dangling
from .base import DraftSentence
from .calibration import calibrated
from .facts import Fact
from .tables import rows_of

_REGIONS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("Cardiovascular", r"\bheart|murmur|carotid|pulse|rhythm"),
        ("Respiratory", r"lung|breath|wheez|rhonchi|rales|crackles"),
        ("Gastrointestinal", r"abdom|belly|bowel|stomach"),
        ("Neck", r"\bneck\b|thyroid|lymph|bruit"),
        (
            "Musculoskeletal",
            (
                r"knee|\bback\b|spine|shoulder|\bhip|ankle|elbow|wrist|\bhand|finger|\bfoot|\btoe|"
                r"range of motion|straight leg|palpation|"
                r"strength|effusion|ecchymosis|tender"
            ),
        ),
        ("Neurological", r"neuro|reflex|sensation|cranial|babinski"),
        ("Skin", r"\bskin|rash|lesion|bruis|erythema"),
        ("HENT", r"sinus|throat|tonsil|nasal|\bnose|\bears?\b|tympanic|\boral|uvula"),
        ("Extremities", r"edema|extremit|swelling|lower leg"),
        ("Psychiatric", r"\bmood|\baffect|eye contact|speech|thought"),
    )
)
_PARAGRAPH_GAP = 3  # units between two statements from which a new paragraph begins
_EXAM_LEAD = re.compile(r"^(?:on|upon) (?:the|your) [\w ]+? exam(?:ination)?[.,:]? ?", re.IGNORECASE)
_PRONOUN = re.compile(r"(?:He|She) ")
_STATE = re.compile(r"(?:is|has|was|had|denies|reports|said|will|does|did|can|cannot|would)\b")
_LISTED = ("plan", "agreement", "assessment", "results", "ros")
_CONCISE_FROM = 0.6  # probability that a sentence belongs in a note


def lines_of(section: Section, facts: Sequence[Fact]) -> tuple[DraftSentence, ...]:
    """Return the lines of one section from its facts, which are in the order of the session."""
    if section.type == "fixed":
        return (DraftSentence(section.fixed_text, (), layout="paragraph", is_template=True),)
    facts = _as_detailed(facts, section.style)
    if section.type == "table":
        rows, others = rows_of(section.columns, facts)
        return (*rows, *(replace(sentence_of(fact), layout="item") for fact in others))
    lines = _in_reading_order(facts)
    if section.type == "list" or section.style.layout == "bullets":
        return tuple(_with_layout(line, "item") for line in lines)
    if section.style.layout == "prose":
        return tuple(_with_layout(line, "prose") for line in lines)
    return tuple(lines)


def parted_by_antecedent(facts: Sequence[Fact]) -> tuple[list[Fact], list[Fact]]:
    """Return a section's facts, and apart from them what would open it with an `it` that nothing before it names."""
    kept: list[Fact] = []
    dangling: list[Fact] = []
    for fact in facts:
        (dangling if not kept and not fact.from_doctor and is_dangling(fact.text) else kept).append(fact)
    return kept, dangling


def _with_layout(line: DraftSentence, layout: str) -> DraftSentence:
    return line if line.layout == "heading" else replace(line, layout=layout)  # type: ignore[arg-type]


def _as_detailed(facts: Sequence[Fact], style: Style) -> list[Fact]:
    """Return the facts a style wants: concise ones are among the standard ones, and these among the detailed ones."""
    if style.detail == "detailed":
        return list(facts)
    standard = [fact for fact in facts if not fact.is_minor]
    if style.detail == "standard":
        return standard
    concise = [fact for fact in standard if fact.score >= _CONCISE_FROM or fact.is_heading]
    return concise or sorted(standard, key=lambda fact: -fact.score)[:1]


def _in_reading_order(facts: Sequence[Fact]) -> list[DraftSentence]:
    """Return the findings of an examination together by body region, where the first was told, and the rest as told."""
    sentences: list[DraftSentence] = []
    last: Fact | None = None
    by_region: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.kind == "exam":
            by_region.setdefault(_region(fact.text), []).append(fact)
    is_placed = False
    for fact in facts:
        if fact.kind != "exam":
            sentence = sentence_of(fact)
            if sentence.layout == "prose" and (not sentences or last is None or _starts_paragraph(last, fact)):
                sentence = replace(sentence, layout="paragraph" if sentences else "prose", text=opened(fact))
            sentences.append(sentence)
            last = fact
        elif not is_placed:
            is_placed = True
            for region, members in by_region.items():
                sentences.extend(
                    sentence_of(member, region if first == 0 else "") for first, member in enumerate(members)
                )
    return sentences


def opened(fact: Fact) -> str:
    """Return a fact as the first sentence of a paragraph: there a pronoun would have nobody to stand for."""
    match = _PRONOUN.match(fact.text) if fact.is_about_patient else None
    if match is None:
        return fact.text
    if fact.from_doctor or _STATE.match(fact.text, match.end()):
        return f"The patient {fact.text[match.end() :]}"
    return f"The patient reports that {match.group(0).lower()}{fact.text[match.end() :]}"


def _starts_paragraph(last: Fact, fact: Fact) -> bool:
    return fact.index - last.index > _PARAGRAPH_GAP or last.kind != fact.kind


def _region(text: str) -> str:
    return next((name for name, pattern in _REGIONS if pattern.search(text)), "General")


def sentence_of(fact: Fact, region: str = "") -> DraftSentence:
    """Return one fact as a line; the first finding of a body region begins with its name."""
    text, layout = fact.text, "prose"
    if fact.is_heading:
        layout = "heading"
    elif fact.kind == "exam":
        text = _EXAM_LEAD.sub("", text)
        layout = "item" if region else "prose"
        text = f"{text[:1].upper()}{text[1:]}"
        if region and region not in ("General", "Psychiatric") and ":" not in text:
            text = f"{region}: {text}"
    elif fact.kind in _LISTED and (
        ":" in fact.text or (fact.kind != "ros" and (fact.from_doctor or fact.kind == "agreement"))
    ):
        layout, text = "item", opened(fact)
    return DraftSentence(text, fact.evidence, round(calibrated(fact.score), 3), layout, fact.kind)  # type: ignore[arg-type]
