"""The embedded engine: finds what was said, tells it in the third person, and puts it under the template's sections."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from reports.structure import Section

from .base import DraftSection, DraftSentence, GeneratedReport, GenerationError, GenerationRequest, Progress
from .facts import Fact, agreement, chief_complaint, facts_of, review_of_systems
from .grammar import person_for
from .mapping import Place, has_topic, place_for, places_of
from .units import units_of

MODEL = "embedded-1"
PROMPT_VERSION = "embedded-1"
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
_MALE = re.compile(r"\byear[- ]old (?:\w+ )?(?:male|man|gentleman|boy)\b|\bsir\b|\bmr\b")
_FEMALE = re.compile(
    r"\byear[- ]old (?:\w+ )?(?:female|woman|lady|girl)\b|\bma'am\b|\bmadam\b|\bmrs\b|\bms\b(?! contin)"
)
_PARAGRAPH_GAP = 3  # units between two statements from which a new paragraph begins
_EXAM_LEAD = re.compile(r"^(?:on|upon) (?:the|your) [\w ]+? exam(?:ination)?[.,:]? ?", re.IGNORECASE)


class EmbeddedGenerator:
    """Draft reports on this machine, without a key or a network. It copies and rephrases; it never infers."""

    name = "embedded"

    def generate(self, request: GenerationRequest, *, progress: Progress | None = None) -> GeneratedReport:
        """Draft every section of the request; raise GenerationError when nobody said anything."""
        if not any(segment.text.strip() for segment in request.segments):
            raise GenerationError("The transcript has no words.", transient=False, code="no_speech")
        units = units_of(request.segments)
        places = places_of(request.sections)
        person = person_for(request.context.gender or _gender_said(request))
        facts = facts_of(request.segments, person)
        complaint = chief_complaint(units)
        if complaint:
            facts = _with_complaint(facts, complaint, places)
        if agreed := agreement(units, person):
            facts.append(agreed)
        if has_topic(places, "review_of_systems"):
            facts.extend(review_of_systems(units))
        filled, unassigned = _assign(facts, places)
        sections: list[DraftSection] = []
        for done, section in enumerate(request.sections, start=1):
            sections.append(_draft_section(section, filled))
            if progress:
                progress(section.id, done, len(request.sections))
        return GeneratedReport(
            sections=tuple(sections),
            unassigned=tuple(_sentence(fact) for fact in unassigned),
            engine=self.name,
            model=MODEL,
            prompt_version=PROMPT_VERSION,
        )


def _with_complaint(facts: list[Fact], complaint: Fact, places: list[Place]) -> list[Fact]:
    """Return the facts with the complaint first where the template asks for it, named as such when it shares its section."""
    own = next((place for place in places if place.topics[:1] == ("chief_complaint",)), None)
    if own is None:
        return facts
    if len(own.topics) > 1:
        text = f"Chief complaint: {complaint.text[:1].lower()}{complaint.text[1:]}"
        return [replace(complaint, text=text, is_heading=True), *facts]
    return [complaint, *facts]


def _gender_said(request: GenerationRequest) -> str:
    """Return the patient's gender when the session names it in so many words (`a 52-year-old man`, `ma'am`)."""
    said = " ".join(segment.text for segment in request.segments).lower()
    male = len(_MALE.findall(said))
    female = len(_FEMALE.findall(said))
    if male and not female:
        return "male"
    return "female" if female and not male else ""


def _assign(facts: Iterable[Fact], places: list[Place]) -> tuple[dict[tuple[str, str], list[Fact]], list[Fact]]:
    filled: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    unassigned: list[Fact] = []
    for fact in facts:
        place = _place_for_line(fact, places) if fact.kind == "ros" and ":" in fact.text else place_for(fact, places)
        if place is None:
            unassigned.append(fact)
        else:
            filled[place.section_id, place.leaf_id].append(fact)
    return filled, unassigned


def _place_for_line(fact: Fact, places: list[Place]) -> Place | None:
    return next((place for place in places if "review_of_systems" in place.topics), None) or place_for(fact, places)


def _draft_section(section: Section, filled: dict[tuple[str, str], list[Fact]]) -> DraftSection:
    subsections = tuple(
        _filled(subsection.id, filled.get((section.id, subsection.id), [])) for subsection in section.subsections
    )
    own = _filled(section.id, filled.get((section.id, ""), []))
    is_documented = bool(own.sentences) or any(subsection.sentences for subsection in subsections)
    return DraftSection(section.id, "documented" if is_documented else "not_discussed", own.sentences, subsections)


def _filled(section_id: str, facts: list[Fact]) -> DraftSection:
    sentences = tuple(_laid_out(facts))
    return DraftSection(section_id, "documented" if sentences else "not_discussed", sentences)


def _laid_out(facts: list[Fact]) -> list[DraftSentence]:
    """Return sentences in the order they are read: findings by body region, plans as a list, the rest as told."""
    sentences: list[DraftSentence] = []
    last: Fact | None = None
    examined = [fact for fact in facts if fact.kind == "exam"]
    by_region: dict[str, list[Fact]] = {}
    for fact in examined:
        by_region.setdefault(_region(fact.text), []).append(fact)
    is_placed = False
    for fact in facts:
        if fact.kind != "exam":
            sentence = _sentence(fact)
            if (
                last
                and sentence.layout == "prose"
                and (fact.index - last.index > _PARAGRAPH_GAP or last.kind != fact.kind)
            ):
                sentence = replace(sentence, layout="paragraph")
            sentences.append(sentence)
            last = fact
        elif not is_placed:
            is_placed = True
            for region, members in by_region.items():
                sentences.extend(
                    _sentence(member, region if first == 0 else "") for first, member in enumerate(members)
                )
    return sentences


def _region(text: str) -> str:
    return next((name for name, pattern in _REGIONS if pattern.search(text)), "General")


def _sentence(fact: Fact, region: str = "") -> DraftSentence:
    text, layout = fact.text, "prose"
    if fact.is_heading:
        layout = "heading"
    elif fact.kind == "exam":
        text = _EXAM_LEAD.sub("", text)
        layout = "item" if region else "prose"
        text = f"{text[:1].upper()}{text[1:]}"
        if region and region not in ("General", "Psychiatric") and ":" not in text:
            text = f"{region}: {text}"
    elif fact.kind in ("plan", "agreement", "assessment", "results", "ros") and (
        fact.from_doctor or fact.kind == "agreement" or ":" in fact.text
    ):
        layout = "item"
    return DraftSentence(text, fact.evidence, round(fact.score, 3), layout, fact.kind)  # type: ignore[arg-type]
