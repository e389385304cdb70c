"""The lines of a transcript as a page shows them: names, doubtful words, open readings, gaps before. Pure but for names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sessions_app import queries
from sessions_app.models import ConsultationSession, SessionEvent, Transcription
from sessions_app.recordings import breaks
from sessions_app.stt.base import DOUBTFUL_BELOW
from sessions_app.transcripts import wording
from sessions_app.transcripts.checks import Question
from sessions_app.transcripts.segments import SURE, Segment, words_of

OTHER_NAMES = {
    "unknown": "Not sure",
    "doctor_2": "Second doctor",
    "patient_2": "Second patient",
    "patient_3": "Third patient",
    "patient_4": "Fourth patient",
    "patient_5": "Fifth patient",
    "other": "Someone else",
}


@dataclass(frozen=True)
class Piece:
    """A stretch of a line: plain words, or words with something to say about them.

    `kind` is empty, `doubtful` (`percent` sure, below 60), `heard` (put in for what the engine heard), `fixed` (typed
    by a person) or `two` (another reading is open). `place` is the number of the first word in the line.
    """

    text: str
    kind: str = ""
    percent: int | None = None
    start_ms: int = 0
    place: int = 0
    heard: str = ""


@dataclass(frozen=True)
class Break:
    """Why the words before a line are not the moment before it."""

    words: str
    is_pause: bool


@dataclass(frozen=True)
class Turn:
    """One line of the page. `word_times` are the starts of its words in ms after its own, separated by commas."""

    id: int
    start_ms: int
    end_ms: int
    speaker: str
    name: str
    kind: str
    pieces: list[Piece]
    word_times: str
    original: list[wording.Part]
    original_name: str
    corrected_by: str
    breaks_before: list[Break]
    is_flagged: bool
    questions: list[Question] = field(default_factory=list)

    @property
    def is_corrected(self) -> bool:
        return bool(self.original or self.original_name)

    @property
    def text(self) -> str:
        return " ".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Surroundings:
    """What lines need besides their segments: names of speakers and of people, gaps, pauses, marks, open questions."""

    names: Mapping[str, str]
    people: Mapping[str, str]
    gaps: Sequence[SessionEvent]
    pauses: Sequence[breaks.Pause]
    marks: Sequence[SessionEvent]
    questions: Mapping[int, list[Question]]


def turns_of(session: ConsultationSession, transcription: Transcription | None) -> list[Turn]:
    """Return the lines to read: the finished transcript's, or those the live pass has so far."""
    is_final = transcription is not None and transcription.is_completed
    segments = ordered(transcription)
    around = surroundings(session, segments, names=None if is_final else live_names(session))
    return make_turns(segments, around)


def surroundings(
    session: ConsultationSession,
    segments: Iterable[Segment],
    *,
    names: Mapping[str, str] | None = None,
    questions: Sequence[Question] = (),
) -> Surroundings:
    """Return what the lines of a session need besides the segments."""
    events = list(session.events.order_by("at_ms"))
    by_segment: dict[int, list[Question]] = {}
    for question in questions:
        by_segment.setdefault(question.segment, []).append(question)
    return Surroundings(
        names=names or speaker_names(session),
        people=queries.display_names({segment.get("corrected_by") for segment in segments}),
        gaps=[event for event in events if event.kind == SessionEvent.Kind.GAP],
        pauses=breaks.pauses_in(events),
        marks=[event for event in events if event.kind in queries.MARK_KINDS],
        questions=by_segment,
    )


def make_turns(segments: Sequence[Segment], around: Surroundings, *, only: set[int] | None = None) -> list[Turn]:
    """Return the lines of segments in order, or of those with the ids in `only`."""
    pairs = zip(segments, [None, *segments], strict=False)
    return [_turn(segment, before, around) for segment, before in pairs if only is None or segment["id"] in only]


def speaker_names(session: ConsultationSession) -> dict[str, str]:
    """Return how each speaker label is called on this session's pages."""
    doctor = session.doctor.last_name or session.doctor.username
    return {"doctor": f"Dr {doctor}", "patient": session.patient.first_name, **OTHER_NAMES}


def live_names(session: ConsultationSession) -> dict[str, str]:
    """Return the names while the words come in: who speaks is settled at the end, so nobody is doubted yet."""
    return {**speaker_names(session), "unknown": "Speaker"}


def ordered(transcription: Transcription | None) -> list[Segment]:
    """Return the segments to show in the order they were said."""
    if transcription is None:
        return []
    shown = transcription.segments if transcription.is_completed else transcription.live_segments
    return sorted(shown, key=lambda segment: segment["start_ms"])


def _turn(segment: Segment, before: Segment | None, around: Surroundings) -> Turn:
    speaker = segment["speaker"]
    start_ms, end_ms = segment["start_ms"], segment["end_ms"]
    since = before["start_ms"] if before else -1
    questions = around.questions.get(segment["id"], [])
    words = words_of(segment)
    original = segment.get("original_text")
    return Turn(
        id=segment["id"],
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=speaker,
        name=around.names.get(speaker, around.names["other"]),
        kind={"doctor": "doc", "doctor_2": "doc", "unknown": "unk"}.get(speaker, "pt"),
        pieces=_pieces(segment, words, questions),
        word_times=",".join(str(word["start_ms"] - start_ms) for word in words),
        original=wording.compare(original, segment["text"]) if original else [],
        original_name=around.names.get(segment.get("original_speaker") or "", ""),
        corrected_by=around.people.get(segment.get("corrected_by") or "", ""),
        breaks_before=_breaks(around, since, start_ms),
        is_flagged=any(start_ms <= mark.at_ms < end_ms for mark in around.marks if mark.kind == SessionEvent.Kind.RISK),
        questions=questions,
    )


def _breaks(around: Surroundings, since_ms: int, until_ms: int) -> list[Break]:
    gaps = [(gap.at_ms, Break(breaks.gap_words(gap), is_pause=False)) for gap in around.gaps]
    pauses = [(pause.at_ms, Break(breaks.pause_words(pause), is_pause=True)) for pause in around.pauses]
    in_order = sorted([*gaps, *pauses], key=itemgetter(0))
    return [one for at_ms, one in in_order if since_ms < at_ms <= until_ms]


def _pieces(segment: Segment, words: Sequence[Mapping[str, Any]], questions: Sequence[Question]) -> list[Piece]:
    """Cut a line where there is something to say about a word; a line without matching words stays whole."""
    if not words:
        return [Piece(segment["text"])]
    in_question = {place for question in questions for place in range(question.first, question.last)}
    is_corrected = bool(segment.get("original_text"))
    pieces: list[Piece] = []
    for place, word in enumerate(words):
        kind = _kind(word, place in in_question, is_corrected=is_corrected)
        if pieces and kind in {"", "two"} and pieces[-1].kind == kind:
            pieces[-1] = Piece(f"{pieces[-1].text} {word['text']}", kind, place=pieces[-1].place)
            continue
        pieces.append(
            Piece(
                word["text"],
                kind,
                percent=round(word["confidence"] * 100) if kind == "doubtful" else None,
                start_ms=word["start_ms"],
                place=place,
                heard=word.get("heard", ""),
            )
        )
    return pieces


def _kind(word: Mapping[str, Any], is_in_question: bool, *, is_corrected: bool) -> str:
    if is_in_question:
        return "two"
    if word.get("heard"):
        return "heard"
    if word["confidence"] < DOUBTFUL_BELOW:
        return "doubtful"
    return "fixed" if is_corrected and word["confidence"] == SURE else ""
