"""Verbs of a transcription: request, store what was heard, fail, retry, correct, name the speakers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from sessions_app import permissions, queries, spool, watchers
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import User
from synapse.accounts.services import notify
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import Conflict, DomainError
from synapse.common.models import Job
from synapse.common.transitions import advance

Segment = dict[str, Any]
Status = Transcription.Status

TRANSCRIBE = "sessions_app.tasks.transcribe"
MINIMUM_WORDS = 5  # fewer is a cough, a door and a guess, not a consultation to report on
SPEAKERS = ("doctor", "patient", "unknown", "doctor_2", "patient_2", "patient_3", "patient_4", "patient_5", "other")
LONGEST_TEXT = 4_000


class NotCorrectable(DomainError):
    """A correction names a segment that is not there, an unknown speaker, or no text."""

    code = "invalid_correction"


def request_transcript(session: ConsultationSession, *, by: User | None, at: datetime) -> Transcription | None:
    """Queue the words of a session that has just ended; None when nothing was recorded.

    Runs inside the caller's unit of work.
    """
    if not spool.default_store().exists(session.pk) and not session.audio_name:
        return None
    transcription = queries.latest_try(session)
    if transcription is None:
        transcription = Transcription.objects.create(session=session)
    elif not Transcription.TRANSITIONS[Status(transcription.status)]:
        # An earlier try found nothing to hear; the sound has come since.
        transcription = _next_try(transcription)
    _enqueue(transcription, by=by)
    return transcription


def open_live(session: ConsultationSession) -> Transcription:
    """Return the row the live pass writes to, in `processing`."""
    transcription, _ = Transcription.objects.get_or_create(
        session=session, retry_count=0, defaults={"status": Status.PROCESSING}
    )
    return transcription


def append_live_segments(
    transcription: Transcription, segments: Sequence[Segment], *, offset_ms: int, at: datetime
) -> None:
    """Add segments that are final in the live pass; `offset_ms` is the clock place up to which it has committed.

    Ids are given by the caller from `next_segment_id` on. Segments that are here already are left as they are, so the
    same call may come twice.
    """
    with transaction.atomic():
        row = Transcription.objects.select_for_update().get(pk=transcription.pk)
        known = {segment["id"] for segment in row.live_segments}
        row.live_segments = [*row.live_segments, *(one for one in segments if one["id"] not in known)]
        row.live_offset_ms = max(row.live_offset_ms, offset_ms)
        row.next_segment_id = max([row.next_segment_id, *(segment["id"] + 1 for segment in segments)])
        row.save(update_fields=["live_segments", "live_offset_ms", "next_segment_id", "updated_at"])
    for name in ("live_segments", "live_offset_ms", "next_segment_id"):
        setattr(transcription, name, getattr(row, name))


def drop_live_after(session: ConsultationSession, clock_ms: int) -> None:
    """Forget live words beyond a place on the clock: their audio was dropped."""
    with transaction.atomic():
        for row in session.transcriptions.select_for_update().filter(status=Status.PROCESSING):
            row.live_segments = [segment for segment in row.live_segments if segment["end_ms"] <= clock_ms]
            row.live_offset_ms = min(row.live_offset_ms, clock_ms)
            row.save(update_fields=["live_segments", "live_offset_ms", "updated_at"])


def start_processing(transcription: Transcription, *, at: datetime) -> None:
    """Say that the words are being written; does nothing when they are already (an earlier run was interrupted)."""
    if transcription.status != Status.PROCESSING:
        advance(transcription, Status.PROCESSING, at=at)


def store_result(
    transcription: Transcription,
    *,
    segments: Sequence[Segment],
    service: str,
    model: str,
    language: str,
    confidence: float | None,
    processing_seconds: float,
    at: datetime,
) -> Transcription:
    """Make what the batch pass heard the original transcript, or end in `no_speech` when it is too little.

    Segments come without ids (`start_ms`, `end_ms` on the recording clock, `speaker`, `text`, `confidence`, `words`)
    and get new ones: ids of the live pass are never used again. Raises InvalidTransition.
    """
    words = sum(len(segment["text"].split()) for segment in segments)
    numbered = [
        {**segment, "id": number, "original_text": None}
        for number, segment in enumerate(segments, start=transcription.next_segment_id)
    ]
    text = _text_of(numbered)
    facts = {
        "stt_service": service,
        "stt_model": model,
        "language": language,
        "processing_seconds": processing_seconds,
        "word_count": words,
        "character_count": len(text),
        "confidence_score": confidence,
    }
    with unit_of_work():
        if words < MINIMUM_WORDS:
            advance(transcription, Status.NO_SPEECH, at=at, live_segments=[], **facts)
        else:
            advance(
                transcription,
                Status.COMPLETED,
                at=at,
                segments=numbered,
                transcript_text=text,
                original_transcript=text,
                speakers=_speakers_of(numbered),
                next_segment_id=transcription.next_segment_id + len(numbered),
                live_segments=[],
                **facts,
            )
        _audit(transcription, Action.UPDATE, by=None, verb=f"transcript_{transcription.status}")
    return transcription


def fail(transcription: Transcription, *, message: str, at: datetime) -> None:
    """End a try that gave no words; `message` is a sentence for the user. Does nothing when it has ended already."""
    if transcription.status not in {Status.PENDING, Status.PROCESSING}:
        return
    with unit_of_work():
        advance(transcription, Status.FAILED, at=at, error_message=message)
        _audit(transcription, Action.UPDATE, by=None, verb="transcript_failed")
        notify(transcription.session.doctor, NotificationEvent.REPORT_FAILED)


def retry(transcription: Transcription, *, by: User, at: datetime) -> Transcription:
    """Have the words written again, in a new row; the old one stays with its corrections, and counts until then.

    Raises NotAllowed, and Conflict when a try is under way, a later one exists or the audio is gone.
    """
    permissions.check_can_retry(by, transcription)
    session = transcription.session
    if transcription.status == Status.COMPLETED:
        permissions.check_can_read_words(by, session)
    if transcription.status in {Status.PENDING, Status.PROCESSING}:
        raise Conflict("The transcript is being written. Wait until it is done.")
    if not queries.has_audio(session):
        raise Conflict("The recording was deleted, so it cannot be heard again.")
    try:
        with unit_of_work():
            again = _next_try(transcription)
            _enqueue(again, by=by)
            _audit(again, Action.CREATE, by=by, verb="retry")
    except IntegrityError:
        raise Conflict("The transcript was already sent to be written again.") from None
    return again


def correct_segments(
    transcription: Transcription,
    changes: Sequence[Mapping[str, Any]],
    *,
    by: User,
    at: datetime,
    notes: str | None = None,
) -> Transcription:
    """Change text or speaker of segments: `{"id", "text"?, "speaker"?}` each. What was first heard is kept with it.

    Raises NotAllowed, NotCorrectable, and Conflict when there is no finished transcript.
    """
    wanted = {change["id"]: change for change in changes}

    def corrected(segment: Segment) -> Segment:
        change = wanted.pop(segment["id"], None)
        return segment if change is None else _corrected(segment, change, by=by, at=at)

    for change in changes:
        _check_change(change)
    return _rewrite(transcription, corrected, by=by, at=at, notes=notes, leftover=wanted)


def swap_speakers(transcription: Transcription, *, by: User, at: datetime) -> Transcription:
    """Exchange doctor and patient in the whole transcript. Raises as `correct_segments`."""
    other = {"doctor": "patient", "patient": "doctor"}

    def swapped(segment: Segment) -> Segment:
        speaker = other.get(segment["speaker"])
        return segment if speaker is None else _corrected(segment, {"speaker": speaker}, by=by, at=at)

    return _rewrite(transcription, swapped, by=by, at=at)


def relabel_from(
    transcription: Transcription, segment_id: int, speaker: str, *, by: User, at: datetime
) -> Transcription:
    """Give a segment and every later one of the same speaker to another speaker. Raises as `correct_segments`."""
    first = next((one for one in transcription.segments if one["id"] == segment_id), None)
    if first is None:
        raise NotCorrectable("This line is not in the transcript any more. Reload the page.")
    changes = [
        {"id": segment["id"], "speaker": speaker}
        for segment in transcription.segments
        if segment["start_ms"] >= first["start_ms"] and segment["speaker"] == first["speaker"]
    ]
    return correct_segments(transcription, changes, by=by, at=at)


def restore_segment(transcription: Transcription, segment_id: int, *, by: User, at: datetime) -> Transcription:
    """Put a line back to the words and the speaker that were first heard. Raises as `correct_segments`."""
    line = next((one for one in transcription.segments if one["id"] == segment_id), None)
    if line is None:
        raise NotCorrectable("This line is not in the transcript any more. Reload the page.")
    change = {
        "id": segment_id,
        "text": line.get("original_text") or line["text"],
        "speaker": line.get("original_speaker") or line["speaker"],
    }
    return correct_segments(transcription, [change], by=by, at=at)


def align_words(words: Sequence[Mapping[str, Any]], text: str, *, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
    """Return the words of a corrected text: those that stayed keep their times, typed ones share the time between.

    A word the doctor typed or left as it is in a corrected line counts as sure (confidence 1 when typed).
    """
    new = text.split()
    matcher = SequenceMatcher(
        None, [str(word["text"]).lower() for word in words], [word.lower() for word in new], False
    )
    aligned: list[dict[str, Any]] = []
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(words[old_from:old_to], new[new_from:new_to], strict=True)
            aligned += [{**old, "text": typed} for old, typed in pairs]
        elif new_to > new_from:
            begins = (
                words[old_from]["start_ms"] if old_from < old_to else (aligned[-1]["end_ms"] if aligned else start_ms)
            )
            following = words[old_to]["start_ms"] if old_to < len(words) else end_ms
            ends = max(begins, words[old_to - 1]["end_ms"] if old_from < old_to else following)
            step = (ends - begins) / (new_to - new_from)
            aligned += [
                {
                    "text": typed,
                    "start_ms": round(begins + step * place),
                    "end_ms": round(begins + step * (place + 1)),
                    "confidence": 1.0,
                }
                for place, typed in enumerate(new[new_from:new_to])
            ]
    return aligned


def _rewrite(
    transcription: Transcription,
    change: Callable[[Segment], Segment],
    *,
    by: User,
    at: datetime,
    notes: str | None = None,
    leftover: Mapping[int, Any] | None = None,
) -> Transcription:
    """Pass every segment through `change` under the row's lock and store what came out."""
    permissions.check_can_read_words(by, transcription.session)
    with unit_of_work():
        row = Transcription.objects.select_for_update().select_related("session").get(pk=transcription.pk)
        if row.status != Status.COMPLETED:
            raise Conflict("Only a finished transcript is corrected.")
        row.segments = [change(segment) for segment in row.segments]
        if leftover:
            raise NotCorrectable("This line is not in the transcript any more. Reload the page.")
        row.transcript_text = _text_of(row.segments)
        row.character_count = len(row.transcript_text)
        row.word_count = sum(len(segment["text"].split()) for segment in row.segments)
        row.speakers = _speakers_of(row.segments)
        row.manually_corrected, row.corrected_by, row.corrected_at = True, by, at
        if notes is not None:
            row.correction_notes = notes
        row.save()
        _audit(row, Action.UPDATE, by=by, verb="correct")
    return row


def _corrected(segment: Segment, change: Mapping[str, Any], *, by: User, at: datetime) -> Segment:
    new = dict(segment)
    text = " ".join(change.get("text", segment["text"]).split())
    if text != segment["text"]:
        new["original_text"] = segment.get("original_text") or segment["text"]
        new["text"] = text
        new["words"] = align_words(
            segment.get("words") or [], text, start_ms=segment["start_ms"], end_ms=segment["end_ms"]
        )
        if text == new["original_text"]:
            new["original_text"] = None
    speaker = change.get("speaker", segment["speaker"])
    if speaker != segment["speaker"]:
        new["original_speaker"] = segment.get("original_speaker") or segment["speaker"]
        new["speaker"] = speaker
        if speaker == new["original_speaker"]:
            new["original_speaker"] = None
    if new != segment:
        new["corrected_by"], new["corrected_at"] = str(by.pk), at.isoformat()
    return new


def _check_change(change: Mapping[str, Any]) -> None:
    if "speaker" in change and change["speaker"] not in SPEAKERS:
        raise NotCorrectable("Choose one of the listed speakers.")
    if "text" in change:
        text = change["text"]
        if not isinstance(text, str) or not text.strip():
            raise NotCorrectable("A line cannot be empty. Write what was said.")
        if len(text) > LONGEST_TEXT:
            raise NotCorrectable(f"A line holds at most {LONGEST_TEXT} characters.")


def _next_try(transcription: Transcription) -> Transcription:
    return Transcription.objects.create(
        session=transcription.session,
        retry_count=transcription.retry_count + 1,
        next_segment_id=transcription.next_segment_id,
    )


def _enqueue(transcription: Transcription, *, by: User | None) -> None:
    jobs.enqueue(
        TRANSCRIBE,
        transcription.pk,
        runner=Job.Runner.SPEECH,
        by_id=by.pk if by else None,
        key=f"transcribe:{transcription.pk}",
    )


def _text_of(segments: Sequence[Segment]) -> str:
    return "\n".join(segment["text"] for segment in segments)


def _speakers_of(segments: Sequence[Segment]) -> dict[str, int]:
    """Return how long each speaker spoke, in ms."""
    spoken: dict[str, int] = {}
    for segment in segments:
        spoken[segment["speaker"]] = spoken.get(segment["speaker"], 0) + segment["end_ms"] - segment["start_ms"]
    return spoken


def _audit(transcription: Transcription, action: Action, *, by: User | None, verb: str) -> None:
    session = transcription.session
    record(action, by=by, target=transcription, patient_id=session.patient_id, detail={"verb": verb})
    transaction.on_commit(partial(watchers.session_changed, session.pk))
