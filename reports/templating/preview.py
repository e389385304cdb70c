"""A template that is not saved yet, tried on a real past transcript: what the built-in writer makes of it, and why."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

from django.urls import reverse

from reports.content import Evidence, Section, Sentence, all_sentences, walk
from reports.generation import assemble, get_generator
from reports.generation.base import GenerationContext, GenerationRequest, TranscriptSegment
from reports.models import ReportTemplate
from reports.pages.beside import speaker_name
from reports.printing import rendering
from reports.services.editing import evidence_of_finding
from reports.services.store import segments_of
from reports.templating.sample import SAMPLE
from reports.templating.structure import Section as TemplateSection
from reports.templating.structure import parse_structure
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.models import User
from synapse.accounts.roles import Permission

SHOWN_SESSIONS = 20
SHOWN_UNUSED = 6
SAMPLE_CHOICE = "sample"


@dataclass(frozen=True)
class Quote:
    """A place in the transcript; `address` is empty for the invented one."""

    time: str
    speaker: str
    text: str
    address: str


@dataclass(frozen=True)
class PreviewLine:
    """One sentence; it came or went with the change that is not saved, or stood there before."""

    text: str
    quotes: list[Quote]
    is_item: bool
    is_new: bool
    is_gone: bool
    is_doubtful: bool
    cells: list[str]


@dataclass(frozen=True)
class PreviewPlace:
    """A section or part with its lines, as it will be read."""

    id: str
    title: str
    lines: list[PreviewLine]
    columns: list[str]
    is_part: bool

    @property
    def runs(self) -> list[list[PreviewLine]]:
        """Return items in one run and sentences in another, in order."""
        runs: list[list[PreviewLine]] = []
        for line in self.lines:
            if not runs or runs[-1][0].is_item != line.is_item:
                runs.append([])
            runs[-1].append(line)
        return runs


@dataclass(frozen=True)
class PreviewSection:
    """One top-level section with its parts, and where all of it comes from."""

    row: int
    title: str
    places: list[PreviewPlace]
    is_changed: bool
    sources: list[Quote]


@dataclass(frozen=True)
class Preview:
    """The whole draft."""

    sections: list[PreviewSection]
    unused: list[tuple[str, Quote | None]]
    more_unused: int
    seconds: float


def choices_for(user: User) -> list[ConsultationSession]:
    """Return the doctor's own past sessions that have words, newest first; nobody else has any."""
    if not user.may(Permission.CONDUCT_SESSIONS):
        return []
    with_words = Transcription.objects.visible_to(user).filter(status=Transcription.Status.COMPLETED)
    own = ConsultationSession.objects.visible_to(user).filter(doctor=user, pk__in=with_words.values("session"))
    return list(own.select_related("patient").order_by("-started_at")[:SHOWN_SESSIONS])


def choice_words(session: ConsultationSession) -> str:
    """Return how a session is called in the list: `Kavya Iyer, 14 Oct, 48 min`."""
    day = rendering.local_date(session.started_at)
    minutes = f", {session.duration_minutes} min" if session.duration_minutes else ""
    return f"{session.patient.full_name}, {day:%-d %b}{minutes}"


def write_preview(
    structure: dict[str, Any],
    *,
    before: ReportTemplate,
    session: ConsultationSession | None,
    rows: list[int],
) -> Preview:
    """Draft a structure with the built-in writer and mark what differs from the saved one. Raises GenerationError.

    `rows` are the places of the top-level sections in the editor. Nothing is stored.
    """
    begun = perf_counter()
    segments = _segments(session)
    sections = parse_structure(structure)
    draft = _draft(sections, segments, session)
    was = _draft(parse_structure(before.structure), segments, session) if structure != before.structure else draft
    drafted = cast("list[Section]", draft.sections)
    places = {place.id: place for place in _places(sections)}
    builder = _Builder(session, before=cast("list[Section]", was.sections), template=places)
    shown = [builder.section(section, row) for section, row in zip(drafted, rows, strict=True)]
    used = {place["segment"] for sentence in all_sentences(drafted) for place in sentence["evidence"]}
    unused = []
    for finding in (*draft.unassigned, *draft.missing):
        evidence = evidence_of_finding(finding)
        if not {place["segment"] for place in evidence} <= used:
            unused.append((finding["text"], builder.first_quote(evidence)))
    unused = list(dict.fromkeys(unused))
    return Preview(
        sections=shown,
        unused=unused[:SHOWN_UNUSED],
        more_unused=max(0, len(unused) - SHOWN_UNUSED),
        seconds=perf_counter() - begun,
    )


def session_for(user: User, chosen: str, choices: list[ConsultationSession]) -> ConsultationSession | None:
    """Return the chosen session of one's own, the newest when nothing is chosen, None for the invented one."""
    if chosen == SAMPLE_CHOICE or not choices:
        return None
    return next((session for session in choices if str(session.pk) == chosen), choices[0])


class _Builder:
    """Turns a draft's sections into what the page shows."""

    def __init__(
        self, session: ConsultationSession | None, *, before: list[Section], template: dict[str, TemplateSection]
    ) -> None:
        self.session = session
        self.before = {section["id"]: section["sentences"] for section in walk(before)}
        self.top_before = {section["id"]: list(all_sentences([section])) for section in before}
        self.template = template

    def section(self, section: Section, row: int) -> PreviewSection:
        sentences = list(all_sentences([section]))
        was = [sentence["text"] for sentence in self.top_before.get(section["id"], [])]
        quotes = [self._quote(place) for sentence in sentences for place in sentence["evidence"]]
        parts = section["subsections"]
        places = [self._place(section, is_part=False)] if section["sentences"] or not parts else []
        return PreviewSection(
            row=row,
            title=section["title"],
            places=[*places, *(self._place(part, is_part=True) for part in parts)],
            is_changed=was != [sentence["text"] for sentence in sentences],
            sources=list(dict.fromkeys(quotes)),
        )

    def first_quote(self, evidence: list[Evidence]) -> Quote | None:
        return self._quote(evidence[0]) if evidence else None

    def _place(self, section: Section, *, is_part: bool) -> PreviewPlace:
        columns = self.template[section["id"]].columns
        old = self.before.get(section["id"], [])
        had = {sentence["text"] for sentence in old}
        has = {sentence["text"] for sentence in section["sentences"]}
        lines = [
            self._line(sentence, [column.id for column in columns], is_new=sentence["text"] not in had)
            for sentence in section["sentences"]
        ]
        lines += [self._line(sentence, [], is_gone=True) for sentence in old if sentence["text"] not in has]
        return PreviewPlace(
            id=section["id"],
            title=section["title"],
            lines=lines,
            columns=[column.title for column in columns] if any(line.cells for line in lines) else [],
            is_part=is_part,
        )

    def _line(
        self, sentence: Sentence, columns: list[str], *, is_new: bool = False, is_gone: bool = False
    ) -> PreviewLine:
        cells = sentence.get("cells", {})
        return PreviewLine(
            text=sentence["text"],
            quotes=[self._quote(place) for place in sentence["evidence"]],
            is_item=sentence.get("layout") == "item" or bool(sentence.get("item")),
            is_new=is_new,
            is_gone=is_gone,
            is_doubtful=sentence["support"] != "supported",
            cells=[cells.get(column, "") for column in columns] if cells else [],
        )

    def _quote(self, place: Evidence) -> Quote:
        speaker = speaker_name(self.session, place["speaker"]) if self.session else place["speaker"].capitalize()
        address = ""
        if self.session:
            address = f"{reverse('sessions:transcript', args=[self.session.pk])}#line-{place['segment']}"
        return Quote(rendering.clock(place["start_ms"]), speaker, place["quote"], address)


def _segments(session: ConsultationSession | None) -> tuple[TranscriptSegment, ...]:
    transcription = session_queries.current_transcription(session) if session else None
    return segments_of(transcription) if transcription else SAMPLE


def _draft(
    sections: tuple[TemplateSection, ...],
    segments: tuple[TranscriptSegment, ...],
    session: ConsultationSession | None,
) -> assemble.AssembledReport:
    context = GenerationContext()
    if session:
        context = GenerationContext(gender=session.patient.gender, session_type=session.session_type)
    request = GenerationRequest(sections=sections, segments=segments, context=context)
    return assemble.assemble(get_generator(allow_cloud=False).generate(request), request)


def _places(sections: tuple[TemplateSection, ...]) -> list[TemplateSection]:
    return [place for section in sections for place in (section, *section.subsections)]
