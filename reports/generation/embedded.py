"""The embedded engine: finds what was said, tells it in the third person, and puts it under the template's sections."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from reports.templating.structure import Section

from . import reshaping
from .base import (
    DraftSection,
    DraftSentence,
    GeneratedReport,
    GenerationError,
    GenerationRequest,
    Progress,
    TranscriptSegment,
)
from .complaint import agreement, chief_complaint
from .corrections import without_corrected
from .dictation import without_dictation
from .facts import Fact, facts_of, with_all_cited
from .gender import gender_said
from .grammar import Person, person_for
from .layout import lines_of, parted_by_antecedent, sentence_of
from .mapping import Place, has_topic, place_for, places_of
from .medical_words import in_medical_words, names_medicines
from .orders import follows_order
from .statements import whole_statements
from .systems import review_of_systems
from .textnorm import content_words, stem
from .therapy import therapy_facts
from .tristate import checklist_sentences
from .units import units_of
from .unrecognised import with_unrecognised

MODEL = "embedded-1"
PROMPT_VERSION = "embedded-1"
_ONLY_ASKED = re.compile(r"^(?:The )?(?:therapist|clinician) used open questions\.$", re.IGNORECASE)
_REPORTING = frozenset(
    stem(word) for word in ("patient", "client", "denies", "reports", "said", "any", "feeling", "thoughts")
)


class EmbeddedGenerator:
    """Draft reports on this machine, without a key or a network. It copies and rephrases; it never infers."""

    name = "embedded"
    model = MODEL
    is_cloud = False
    is_immediate = True

    def regenerate_section(
        self, request: GenerationRequest, section: Section, current: DraftSection, instruction: str
    ) -> GeneratedReport:
        """Make one section shorter, fuller, bullets or prose; raise GenerationError for any other instruction."""
        wish = reshaping.read_wish(instruction)

        def write_in_detail() -> DraftSection:
            sections = tuple(
                reshaping.in_detail(top) if section.id in {top.id, *(part.id for part in top.subsections)} else top
                for top in request.sections
            )
            drafts = self.generate(replace(request, sections=sections)).sections
            places = [place for draft in drafts for place in (draft, *draft.subsections)]
            return next(place for place in places if place.id == section.id)

        return GeneratedReport(
            sections=(reshaping.reshape(section, current, wish, write_in_detail),),
            engine=self.name,
            model=MODEL,
            prompt_version=PROMPT_VERSION,
        )

    def generate(self, request: GenerationRequest, *, progress: Progress | None = None) -> GeneratedReport:
        """Draft every section of the request; raise GenerationError when nobody said anything."""
        if not any(segment.text.strip() for segment in request.segments):
            raise GenerationError("The transcript has no words.", transient=False, code="no_speech")
        said = request.segments  # checklists quote them to the letter
        places = places_of(request.sections)
        person = person_for(request.context.gender or gender_said(request.segments))
        segments, made_of = whole_statements(without_corrected(without_dictation(request.segments)))
        request = replace(request, segments=segments)
        facts = therapy_facts(request.segments, person)
        if facts is None:
            facts = self._facts_of_visit(request, person, places)
        elif names_medicines(places):
            facts = [replace(fact, text=in_medical_words(fact.text)) for fact in facts]
        facts = with_unrecognised(with_all_cited(facts, made_of), said)
        filled, unassigned = _assign(_without_orders(facts, said), places)
        for place, placed in filled.items():
            filled[place], dangling = parted_by_antecedent(placed)
            unassigned.extend(dangling)
        for one in places:
            unassigned.extend(_without_a_plan(filled, one))
        sections: list[DraftSection] = []
        for done, section in enumerate(request.sections, start=1):
            sections.append(_draft_section(section, filled, said))
            if progress:
                progress(section.id, done, len(request.sections))
        return GeneratedReport(
            sections=tuple(sections),
            unassigned=tuple(sentence_of(fact) for fact in unassigned if not fact.is_minor),
            engine=self.name,
            model=MODEL,
            prompt_version=PROMPT_VERSION,
        )

    def _facts_of_visit(self, request: GenerationRequest, person: Person, places: list[Place]) -> list[Fact]:
        units = units_of(request.segments)
        facts = facts_of(request.segments, person, with_minor=_wants_detail(request.sections))
        complaint = chief_complaint(units)
        if complaint:
            facts = _with_complaint(facts, complaint, places)
        if agreed := agreement(units):
            facts.append(agreed)
        if has_topic(places, "review_of_systems"):
            facts.extend(review_of_systems(units))
        return facts


def _without_orders(facts: list[Fact], segments: tuple[TranscriptSegment, ...]) -> list[Fact]:
    """Leave out what was said to a writing program; it is still offered among what is not in the report."""
    words = {segment.id: segment.text for segment in segments}
    return [fact for fact in facts if follows_order(fact.text, [words[one] for one in fact.evidence]) != "order"]


def _wants_detail(sections: tuple[Section, ...]) -> bool:
    return any(place.style.detail == "detailed" for section in sections for place in (section, *section.subsections))


def _with_complaint(facts: list[Fact], complaint: Fact, places: list[Place]) -> list[Fact]:
    """Return the facts with the complaint first where the template asks for it, named as such when it shares its section."""
    own = next((place for place in places if place.topics[:1] == ("chief_complaint",)), None)
    if own is None:
        return facts
    if len(own.topics) > 1:
        text = f"Chief complaint: {complaint.text[:1].lower()}{complaint.text[1:]}"
        return [replace(complaint, text=text, is_heading=True), *facts]
    return [complaint, *facts]


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


def _without_a_plan(filled: dict[tuple[str, str], list[Fact]], place: Place) -> list[Fact]:
    """Empty a plan that holds nothing but that the clinician asked questions, and return what was in it."""
    key = (place.section_id, place.leaf_id)
    if place.topics[:1] != ("plan",) or not all(_ONLY_ASKED.match(fact.text) for fact in filled.get(key, ())):
        return []
    return filled.pop(key, [])


def _place_for_line(fact: Fact, places: list[Place]) -> Place | None:
    return next((place for place in places if "review_of_systems" in place.topics), None) or place_for(fact, places)


def _draft_section(
    section: Section, filled: dict[tuple[str, str], list[Fact]], segments: tuple[TranscriptSegment, ...]
) -> DraftSection:
    subsections = tuple(
        _filled(subsection, filled.get((section.id, subsection.id), []), segments) for subsection in section.subsections
    )
    own = _filled(section, filled.get((section.id, ""), []), segments)
    own, subsections = _said_once(own, subsections)
    is_documented = bool(own.sentences) or any(subsection.sentences for subsection in subsections)
    return DraftSection(section.id, "documented" if is_documented else "not_discussed", own.sentences, subsections)


def _said_once(
    own: DraftSection, subsections: tuple[DraftSection, ...]
) -> tuple[DraftSection, tuple[DraftSection, ...]]:
    """Return the parts of a section without lines that a checklist item of the section already says."""
    parts = (own, *subsections)
    items = [line for part in parts for line in part.sentences if line.item and not line.is_template]
    told = [
        replace(
            part,
            sentences=(kept := tuple(line for line in part.sentences if line.item or not _is_said_in(line, items))),
            status="documented" if kept else "not_discussed",
        )
        for part in parts
    ]
    return told[0], tuple(told[1:])


def _is_said_in(line: DraftSentence, items: list[DraftSentence]) -> bool:
    """Tell whether one checklist item cites what a line cites and has all its words but those that only report it."""
    words = set(content_words(line.text)) - _REPORTING
    return any(set(line.evidence) <= set(item.evidence) and words <= set(content_words(item.text)) for item in items)


def _filled(section: Section, facts: list[Fact], segments: tuple[TranscriptSegment, ...]) -> DraftSection:
    sentences = checklist_sentences(section, segments) if section.type == "checklist" else lines_of(section, facts)
    return DraftSection(section.id, "documented" if sentences else "not_discussed", sentences)
