"""What the transcript page shows: the lines, what to check beside them, the changes. Nothing is written here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app import queries
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.speech import engines
from sessions_app.transcripts import checks as transcript_checks
from sessions_app.transcripts import lines as transcript_lines
from sessions_app.transcripts import services as transcripts
from sessions_app.transcripts import wording
from sessions_app.transcripts.segments import Segment
from sessions_app.uploads import services as uploads
from synapse.common import jobs
from synapse.common.models import Job

MOST_CHECKS = 30
MOST_CHANGES = 12
PAGE_KEYS = (
    ("J", "Next line"),
    ("K", "Line before"),
    ("← →", "Word by word in the line"),
    ("Space", "Play or stop"),
    ("P", "Play this line, or from this word"),
    ("L", "Repeat this line"),
    ("Alt ← →", "5 seconds back or on"),
    ("< >", "Slower or faster"),
    ("Y", "Scroll along while it plays"),
    ("Enter", "Correct this line; while typing: split it at the cursor"),
    ("Ctrl Enter", "While typing: done (Esc does the same)"),
    ("Ctrl Space", "While typing: play or stop"),
    ("Tab", "While typing: next line"),
    ("Backspace", "Join with the line before; while typing: at the start of the line"),
    ("1 2 3 4", "Who says this line"),
    ("X", "Swap doctor and patient"),
    ("H", "This word, or this line, was heard right"),
    ("N", "Next thing to check"),
    ("F", "Find and replace"),
    ("O", "Show or hide what was first heard"),
    ("Ctrl Z", "Undo"),
    ("Ctrl Shift Z", "Do again"),
)
VERBS = {
    "correct": "Words corrected",
    "speaker": "Speaker named",
    "swap": "Speakers swapped",
    "merge": "Lines joined",
    "split": "Line split",
    "replace": "Found and replaced",
    "choose": "Reading chosen",
    "confirm": "Heard again and right",
    "restore": "Put back as first heard",
    "undo": "Undone",
    "redo": "Done again",
}


@dataclass(frozen=True)
class Change:
    """A line that is no longer as it was first heard."""

    turn: int
    start_ms: int
    speaker: str
    parts: list[wording.Part]
    was_speaker: str
    by: str
    at: datetime | None


@dataclass(frozen=True)
class PastEdit:
    """One edit of the history."""

    revision: int
    words: str
    lines: int
    start_ms: int
    by: str
    at: datetime


def context_of(session: ConsultationSession, transcription: Transcription | None) -> dict[str, Any]:
    """Return everything the page and its fragments need."""
    segments = transcript_lines.ordered(transcription)
    duration_ms = _duration_ms(session, segments)
    context = {
        "session": session,
        "patient": session.patient,
        "transcription": transcription,
        "fallback_words": engines.fallback_words(session, transcription),
        "is_waiting": transcription is not None and transcription.is_waiting,
        "job": _job_of(transcription),
        "gaps": queries.gaps_of(session),
        "gap_places": queries.gap_places(session),
        "mark_places": [[mark.at_ms, mark.kind] for mark in queries.marks_of(session)],
        "confidence": _percent(transcription),
        "has_audio": queries.has_audio(session),
        "duration_ms": duration_ms,
        "clock_map": session.audio_map or [[0, 0]],
        "peaks": " ".join(str(round(level * 100)) for level in session.audio_peaks),
    }
    if transcription is None or not transcription.is_completed:
        return {**context, "turns": transcript_lines.turns_of(session, transcription)}
    return {**context, **words_context(session, transcription), "page_keys": PAGE_KEYS}


def words_context(
    session: ConsultationSession, transcription: Transcription, *, only: set[int] | None = None
) -> dict[str, Any]:
    """Return the lines of a finished transcript, or those with the ids in `only`, and what stands beside them."""
    segments = transcript_lines.ordered(transcription)
    questions = transcript_checks.open_questions(
        transcription.readings, segments, medications=session.patient.current_medications
    )
    around = transcript_lines.surroundings(session, segments, questions=questions)
    checks = transcript_checks.checks_of(segments, questions)
    changes = [segment for segment in segments if _is_changed(segment)]
    latest = sorted(changes, key=lambda segment: segment.get("corrected_at") or "", reverse=True)[:MOST_CHANGES]
    return {
        "session": session,
        "transcription": transcription,
        "turns": transcript_lines.make_turns(segments, around, only=only),
        "names": around.names,
        "checks": checks[:MOST_CHECKS],
        "check_count": len(checks),
        "done_count": queries.count_settled_checks(transcription),
        "changes": [_change(segment, around, is_short=True) for segment in latest],
        "change_count": len(changes),
        "marks": around.marks,
        "has_audio": queries.has_audio(session),
        "can_undo": queries.edit_to_undo(transcription) is not None,
        "can_redo": queries.edit_to_redo(transcription) is not None,
    }


def changes_context(session: ConsultationSession, transcription: Transcription) -> dict[str, Any]:
    """Return what was first heard beside what stands now, line by line and in full, and the history of edits."""
    segments = transcript_lines.ordered(transcription)
    around = transcript_lines.surroundings(session, segments)
    edits = transcription.edits.select_related("by").order_by("-revision")
    return {
        "session": session,
        "patient": session.patient,
        "transcription": transcription,
        "changes": [_change(segment, around) for segment in segments if _is_changed(segment)],
        "lines": [_change(segment, around) for segment in segments],
        "originals": [
            {"name": around.names.get(one["speaker"], ""), "start_ms": one["start_ms"], "text": one["text"]}
            for one in transcription.original_segments
        ],
        "edits": [
            PastEdit(
                edit.revision,
                VERBS.get(edit.verb, edit.verb),
                len(edit.after),
                min((segment["start_ms"] for segment in edit.after), default=0),
                edit.by.display_name,
                edit.at,
            )
            for edit in edits
        ],
    }


def source_of(session: ConsultationSession) -> dict[str, Any]:
    """Return where the sound came from, what an uploaded file has lost at its end, and what is on its way."""
    upload = queries.latest_upload_of(session)
    is_cut = upload is not None and upload.status == upload.Status.STORED and upload.error_code == "cut_short"
    tail = queries.gaps_of(session).last() if is_cut else None
    return {
        "upload": queries.open_upload_of(session),
        "not_taken": uploads.reason_of(upload.error_code) if upload and upload.status == upload.Status.FAILED else "",
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
        "newer_is_waiting": latest != shown and latest is not None and latest.is_waiting,
        "counting": shown,
        "newer_job": job,
        "seconds_left": jobs.seconds_left(job, at) if job else None,
    }


def _is_changed(segment: Segment) -> bool:
    return bool(segment.get("original_text") or segment.get("original_speaker"))


def _change(segment: Segment, around: transcript_lines.Surroundings, *, is_short: bool = False) -> Change:
    original = segment.get("original_text")
    parts = wording.compare(original or segment["text"], segment["text"])
    at = segment.get("corrected_at")
    return Change(
        turn=segment["id"],
        start_ms=segment["start_ms"],
        speaker=around.names.get(segment["speaker"], ""),
        parts=(wording.around_changes(parts) if original else []) if is_short else parts,
        was_speaker=around.names.get(segment.get("original_speaker") or "", ""),
        by=around.people.get(segment.get("corrected_by") or "", ""),
        at=datetime.fromisoformat(at) if at else None,
    )


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
    if transcription is None or not transcription.is_waiting:
        return None
    return Job.objects.filter(kind=transcripts.TRANSCRIBE, object_id=transcription.pk).first()
