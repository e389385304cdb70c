"""The draft that grows beside a running recording: what the built-in engine makes of the words so far. Nothing is stored.

The engine reads the whole session each time, so it runs only when a sentence has settled, not more often than its own
pace allows, and for one recording at a time in each process; whoever asks meanwhile keeps what is on the page.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from reports import queries
from reports.generation import get_generator
from reports.generation.base import DraftSection, GenerationError, TranscriptSegment
from reports.models import ReportTemplate
from reports.printing import rendering
from reports.services.drafting import request_for
from reports.templating.structure import Section, parse_structure
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession

SHARE_OF_TIME = 0.05  # of one core, for one session
SHORTEST_PAUSE_S = 4.0
MOST_KEPT = 16  # sessions whose last draft this process remembers


@dataclass(frozen=True)
class LiveLine:
    """A sentence with the time on the recording clock it rests on."""

    text: str
    time: str


@dataclass(frozen=True)
class LiveSection:
    title: str
    lines: list[LiveLine]


@dataclass(frozen=True)
class LiveDraft:
    """The sections of the doctor's template as far as the words go; `seen` names the words it was written from."""

    seen: int
    title: str
    sections: list[LiveSection]

    @property
    def filled(self) -> list[LiveSection]:
        return [section for section in self.sections if section.lines]

    @property
    def empty_titles(self) -> list[str]:
        return [section.title for section in self.sections if not section.lines]


@dataclass
class _Kept:
    draft: LiveDraft
    written_at: float
    pause_s: float


_kept: "OrderedDict[UUID, _Kept]" = OrderedDict()
_writing = threading.Lock()


def live_draft(
    session: ConsultationSession, *, seen: int, clock: Callable[[], float] = time.monotonic
) -> LiveDraft | None:
    """Return the draft of a running session; None when the page that has `seen` words up to there need not change."""
    newest = session_queries.live_progress(session)
    if newest is None or newest == seen:
        return None
    known = _kept.get(session.pk)
    if known is not None and known.draft.seen == newest:
        return known.draft
    if known is not None and clock() - known.written_at < known.pause_s:
        return known.draft if known.draft.seen != seen else None
    if not _writing.acquire(blocking=False):
        return None
    try:
        return _write(session, newest, clock)
    finally:
        _writing.release()


def _write(session: ConsultationSession, newest: int, clock: Callable[[], float]) -> LiveDraft | None:
    transcription = session_queries.live_transcription(session)
    if transcription is None:
        return None
    began = clock()
    template = queries.default_template(session.doctor)
    sections = parse_structure(template.structure)
    request = request_for(session, transcription, sections, instructions=template.ai_prompt)
    try:
        written = get_generator(allow_cloud=False).generate(request)
    except GenerationError:
        return None
    segments = {segment.id: segment for segment in request.segments}
    draft = _as_shown(template, newest, sections, written.sections, segments)
    now = clock()
    _kept[session.pk] = _Kept(draft, now, max(SHORTEST_PAUSE_S, (now - began) / SHARE_OF_TIME))
    _kept.move_to_end(session.pk)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return draft


def _as_shown(
    template: ReportTemplate,
    newest: int,
    sections: tuple[Section, ...],
    written: tuple[DraftSection, ...],
    segments: dict[int, TranscriptSegment],
) -> LiveDraft:
    titles = {section.id: section.title for section in sections}
    shown = [LiveSection(titles[section.id], list(_lines(section, segments))) for section in written]
    return LiveDraft(newest, template.name, shown)


def _lines(section: DraftSection, segments: dict[int, TranscriptSegment]) -> Iterator[LiveLine]:
    """Yield what was said; what the template itself adds, such as "not assessed", is too early to say."""
    for sentence in section.all_sentences():
        if sentence.is_template:
            continue
        cited = [segments[one].start_ms for one in sentence.evidence if one in segments]
        yield LiveLine(sentence.text, rendering.clock(min(cited)) if cited else "")
