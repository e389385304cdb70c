"""Verbs of a transcription: request, store what was heard, fail, retry. Corrections are in corrections.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from sessions_app import permissions, queries
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.speech.hints import hints_for
from sessions_app.spool import store as spool
from sessions_app.trail import record_change
from sessions_app.transcripts import witnesses
from sessions_app.transcripts.segments import MINIMUM_WORDS, Segment, count_words, speakers_of, text_of
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import User
from synapse.accounts.services import notify
from synapse.audit.models import Action
from synapse.audit.services import unit_of_work
from synapse.common import jobs
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job
from synapse.common.transitions import advance
from synapse.webhooks.events import emit
from synapse.webhooks.kinds import Kind

Status = Transcription.Status

TRANSCRIBE = "sessions_app.tasks.transcribe"


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
    and get new ones: ids of the live pass are never used again. The words of the live pass stay beside it as a second
    witness; where the two differ in what matters is noted. Raises InvalidTransition.
    """
    words = count_words(segments)
    numbered = [
        {**segment, "id": number, "original_text": None}
        for number, segment in enumerate(segments, start=transcription.next_segment_id)
    ]
    text = text_of(numbered)
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
                original_segments=numbered,
                readings=_readings(transcription, numbered),
                transcript_text=text,
                original_transcript=text,
                speakers=speakers_of(numbered),
                next_segment_id=transcription.next_segment_id + len(numbered),
                **facts,
            )
            emit(Kind.TRANSCRIPTION_READY, transcription.pk, at=at)
        record_change(transcription.session, f"transcript_{transcription.status}", by=None, target=transcription)
    return transcription


def fail(transcription: Transcription, *, message: str, at: datetime) -> None:
    """End a try that gave no words; `message` is a sentence for the user. Does nothing when it has ended already."""
    if not transcription.is_waiting:
        return
    with unit_of_work():
        advance(transcription, Status.FAILED, at=at, error_message=message)
        record_change(transcription.session, "transcript_failed", by=None, target=transcription)
        notify(transcription.session.doctor, NotificationEvent.REPORT_FAILED)


def check_can_retry(transcription: Transcription, *, by: User) -> None:
    """Raise NotAllowed, or Conflict when a try is under way or the audio is gone."""
    permissions.check_can_retry(by, transcription)
    if transcription.is_completed:
        permissions.check_can_read_words(by, transcription.session)
    if transcription.is_waiting:
        raise Conflict("The transcript is being written. Wait until it is done.")
    if not queries.has_audio(transcription.session):
        raise Conflict("The recording was deleted, so it cannot be heard again.")


def can_retry(transcription: Transcription, *, by: User) -> bool:
    """Tell whether this person may have the words written again now."""
    try:
        check_can_retry(transcription, by=by)
    except (NotAllowed, Conflict):
        return False
    return True


def retry(transcription: Transcription, *, by: User, at: datetime) -> Transcription:
    """Have the words written again, in a new row; the old one stays with its corrections, and counts until then.

    Raises what `check_can_retry` raises, and Conflict when a later try exists.
    """
    check_can_retry(transcription, by=by)
    session = transcription.session
    try:
        with unit_of_work():
            again = _next_try(transcription)
            _enqueue(again, by=by)
            record_change(session, "retry", by=by, action=Action.CREATE, target=again)
    except IntegrityError:
        raise Conflict("The transcript was already sent to be written again.") from None
    return again


def _readings(transcription: Transcription, segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Return where the live pass heard something else; a try again is compared with what the recording page heard."""
    session = transcription.session
    live = transcription.live_segments or queries.live_words_of(session)
    hints = hints_for(session)
    names = (*hints.names, *hints.vocabulary)
    return [difference.as_json() for difference in witnesses.differences(live, segments, names=names)]


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
