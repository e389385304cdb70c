"""What the transcript page shows, made from stored segments. Pure: no request, no writing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app import engines, queries
from sessions_app.models import ConsultationSession, SessionEvent, Transcription
from synapse.common import jobs
from synapse.common.models import Job

Status = Transcription.Status
WAITING = frozenset({Status.PENDING, Status.PROCESSING})
MOST_CHECKS = 60
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
    """A stretch of a line: plain text, or one word the engine was not sure of (`percent` below 60)."""

    text: str
    percent: int | None = None
    start_ms: int = 0


@dataclass(frozen=True)
class Turn:
    """One line of the page."""

    id: int
    start_ms: int
    end_ms: int
    speaker: str
    name: str
    kind: str
    pieces: list[Piece]
    original_text: str
    gap_before_s: int
    is_flagged: bool


@dataclass(frozen=True)
class Check:
    """Something worth a second look."""

    turn: int
    start_ms: int
    title: str
    hint: str
    icon: str


@dataclass(frozen=True)
class Change:
    """A correction that can be taken back."""

    turn: int
    start_ms: int
    before: str
    after: str


def context_of(session: ConsultationSession, transcription: Transcription | None) -> dict[str, Any]:
    """Return everything the page and its fragments need."""
    segments = _ordered(transcription)
    names = speaker_names(session)
    gaps, marks = _gaps_and_marks(session)
    turns = turns_of(session, transcription)
    checks = [check for segment in segments for check in _checks(segment, names)]
    changes = [change for segment in segments if (change := _change(segment, names)) is not None]
    duration_ms = _duration_ms(session, segments)
    return {
        "session": session,
        "patient": session.patient,
        "transcription": transcription,
        "fallback_words": engines.fallback_words(session, transcription),
        "is_waiting": transcription is not None and transcription.status in WAITING,
        "job": _job_of(transcription),
        "turns": turns,
        "names": names,
        "checks": checks[:MOST_CHECKS],
        "check_count": len(checks),
        "changes": changes,
        "gaps": gaps,
        "gap_places": queries.gap_places(session),
        "marks": marks,
        "confidence": _percent(transcription),
        "has_audio": queries.has_audio(session),
        "duration_ms": duration_ms,
        "clock_map": session.audio_map or [[0, 0]],
        "peaks": " ".join(str(round(level * 100)) for level in session.audio_peaks),
        "cursor_places": [event.at_ms for event in marks],
    }


def source_of(session: ConsultationSession) -> dict[str, Any]:
    """Return where the sound came from, what an uploaded file has lost at its end, and what is on its way."""
    upload = queries.latest_upload_of(session)
    is_cut = upload is not None and upload.status == upload.Status.STORED and upload.error_code == "cut_short"
    tail = queries.gaps_of(session).last() if is_cut else None
    return {
        "upload": queries.open_upload_of(session),
        "is_upload": session.audio_source == session.AudioSource.UPLOAD,
        "is_dictation": session.audio_source == session.AudioSource.DICTATION,
        "lost_at_end_ms": (tail.until_ms or tail.at_ms) - tail.at_ms if tail else 0,
        "takes_recording": not queries.has_recording(session) and session.status != session.Status.CANCELLED,
    }


def newer_try(session: ConsultationSession, *, at: datetime) -> dict[str, Any]:
    """Return how the latest try stands: `newer` when it is not the one that is read, its job, and the s left for it."""
    latest, shown = queries.latest_try(session), queries.current_transcription(session)
    job = _job_of(latest)
    return {
        "newer": latest if latest != shown else None,
        "newer_is_waiting": latest != shown and latest is not None and latest.status in WAITING,
        "counting": shown,
        "newer_job": job,
        "seconds_left": jobs.seconds_left(job, at) if job else None,
    }


def turns_of(session: ConsultationSession, transcription: Transcription | None) -> list[Turn]:
    """Return the lines to show: the finished transcript's, or those the live pass has so far."""
    is_final = transcription is not None and transcription.status == Status.COMPLETED
    names = speaker_names(session) if is_final else live_names(session)
    gaps, marks = _gaps_and_marks(session)
    return [_turn(segment, names, gaps, marks, before) for segment, before in _with_previous(_ordered(transcription))]


def speaker_names(session: ConsultationSession) -> dict[str, str]:
    """Return how each speaker label is called on this session's pages."""
    doctor = session.doctor.last_name or session.doctor.username
    return {"doctor": f"Dr {doctor}", "patient": session.patient.first_name, **OTHER_NAMES}


def live_names(session: ConsultationSession) -> dict[str, str]:
    """Return the names while the words come in: who speaks is settled at the end, so nobody is doubted yet."""
    return {**speaker_names(session), "unknown": "Speaker"}


def _gaps_and_marks(session: ConsultationSession) -> tuple[list[SessionEvent], list[SessionEvent]]:
    events = list(session.events.order_by("at_ms"))
    gaps = [event for event in events if event.kind == SessionEvent.Kind.GAP]
    return gaps, [event for event in events if event.kind in queries.MARK_KINDS]


def _ordered(transcription: Transcription | None) -> list[dict[str, Any]]:
    if transcription is None:
        return []
    shown = transcription.segments if transcription.status == Status.COMPLETED else transcription.live_segments
    return sorted(shown, key=lambda segment: segment["start_ms"])


def _with_previous(segments: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    return list(zip(segments, [None, *segments], strict=False))


def _turn(
    segment: dict[str, Any],
    names: dict[str, str],
    gaps: list[SessionEvent],
    marks: list[SessionEvent],
    before: dict[str, Any] | None,
) -> Turn:
    speaker = segment["speaker"]
    start_ms, end_ms = segment["start_ms"], segment["end_ms"]
    since = before["start_ms"] if before else -1
    lost_ms = sum((gap.until_ms or gap.at_ms) - gap.at_ms for gap in gaps if since < gap.at_ms <= start_ms)
    return Turn(
        id=segment["id"],
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=speaker,
        name=names.get(speaker, names["other"]),
        kind={"doctor": "doc", "doctor_2": "doc", "unknown": "unk"}.get(speaker, "pt"),
        pieces=_pieces(segment),
        original_text=segment.get("original_text") or "",
        gap_before_s=round(lost_ms / 1000),
        is_flagged=any(start_ms <= mark.at_ms < end_ms for mark in marks if mark.kind == SessionEvent.Kind.RISK),
    )


def _pieces(segment: dict[str, Any]) -> list[Piece]:
    """Cut a line where a doubtful word begins and ends; a line without matching words stays whole."""
    words = segment.get("words") or []
    if [word["text"] for word in words] != segment["text"].split():
        return [Piece(segment["text"])]
    pieces: list[Piece] = []
    plain: list[str] = []
    for word in words:
        if word["confidence"] >= queries.DOUBTFUL_BELOW:
            plain.append(word["text"])
            continue
        if plain:
            pieces.append(Piece(" ".join(plain) + " "))
            plain = []
        pieces.append(Piece(word["text"], round(word["confidence"] * 100), word["start_ms"]))
        pieces.append(Piece(" "))
    if plain:
        pieces.append(Piece(" ".join(plain)))
    return pieces


def _checks(segment: dict[str, Any], names: dict[str, str]) -> list[Check]:
    found = []
    if segment["speaker"] == "unknown":
        start = segment["text"] if len(segment["text"]) < 24 else segment["text"][:22] + "…"
        found.append(Check(segment["id"], segment["start_ms"], f"Who said “{start}”?", "Voice not recognised", "user"))
    for word in queries.doubtful_words(segment):
        percent = round(word["confidence"] * 100)
        found.append(Check(segment["id"], word["start_ms"], f"“{word['text']}”", f"{percent}% sure", "ear"))
    return found


def _change(segment: dict[str, Any], names: dict[str, str]) -> Change | None:
    text, speaker = segment.get("original_text"), segment.get("original_speaker")
    if text:
        return Change(segment["id"], segment["start_ms"], text, segment["text"])
    if speaker:
        return Change(segment["id"], segment["start_ms"], names.get(speaker, ""), names.get(segment["speaker"], ""))
    return None


def _duration_ms(session: ConsultationSession, segments: list[dict[str, Any]]) -> int:
    """Return the end of the recording on its clock."""
    ends = [segment["end_ms"] for segment in segments[-1:]]
    if session.audio_duration_seconds and session.audio_map:
        ends.append(queries.file_to_clock(session.audio_map, round(session.audio_duration_seconds * 1000)))
    return max(ends, default=0)


def _percent(transcription: Transcription | None) -> int | None:
    if transcription is None or transcription.confidence_score is None:
        return None
    return round(transcription.confidence_score * 100)


def _job_of(transcription: Transcription | None) -> Job | None:
    if transcription is None or transcription.status not in WAITING:
        return None
    return Job.objects.filter(kind="sessions_app.tasks.transcribe", object_id=transcription.pk).first()
