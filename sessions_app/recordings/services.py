"""Verbs of a session's sound: open, finish, stop and close its stream, have its file made."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from patients.models import Consent, Patient
from patients.queries import has_live_consent
from sessions_app import permissions
from sessions_app.models import ConsultationSession
from sessions_app.recordings import gaps
from sessions_app.spool import store as spool
from sessions_app.trail import record_change
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common import jobs
from synapse.common.models import Job

ARCHIVE = "sessions_app.tasks.archive_audio"
CONSENT_WITHDRAWN = "consent_withdrawn"
LEAST_REST = timedelta(seconds=1)  # what is always on its way between a recorder and the disk is no loss
_STREAM_FIELDS = ["with_recording", "stream_closed_at", "status_reason", "updated_at"]


def clock_ms(session_id: UUID) -> int:
    """Return where the durable audio ends on the recording clock."""
    return spool.default_store().clock_ms(session_id)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def holds_stream(session: ConsultationSession, token: str) -> bool:
    """Whether a client shows the token of the session's live stream."""
    stored = session.stream_token_hash
    return bool(token and stored) and hmac.compare_digest(stored, hash_token(token))


def open_stream(session: ConsultationSession, *, by: User, at: datetime) -> str:
    """Hand the recording to a new client and return its token. Raises what `permissions.check_can_record` raises."""
    permissions.check_can_record(by, session, at=at)
    token = secrets.token_urlsafe(32)
    with unit_of_work():
        session.stream_token_hash = hash_token(token)
        session.stream_opened_at = session.stream_opened_at or at
        session.last_audio_at = at
        session.save(update_fields=["stream_token_hash", "stream_opened_at", "last_audio_at", "updated_at"])
        record_change(session, "open_recording", by=by)
    return token


def note_audio(session_id: UUID, *, at: datetime) -> None:
    """Remember that audio came in; called every few seconds, so it is no event of the trail."""
    ConsultationSession.objects.filter(pk=session_id).update(last_audio_at=at)


def finish_stream(
    session: ConsultationSession, timeline: spool.Timeline, *, is_mismatch: bool, by: User, at: datetime
) -> None:
    """Close a stream of which every chunk is durable; `is_mismatch` marks that the client's sum was another one."""
    spool.default_store().seal(session.pk)
    with unit_of_work():
        session.audio_sha256 = timeline.sha256
        session.audio_sum_mismatch = session.audio_sum_mismatch or is_mismatch
        session.stream_closed_at = session.stream_closed_at or at
        session.save(update_fields=["audio_sha256", "audio_sum_mismatch", "stream_closed_at", "updated_at"])
        gaps.name_gaps(session, timeline.gaps, start_ms=0, end_ms=timeline.clock_ms, at=at)
        record_change(session, "finish_recording", by=by)


def close_stream(session: ConsultationSession, *, rest_reason: str, at: datetime) -> None:
    """End the stream of a session that completes; from the last durable audio to the end is a gap for `rest_reason`.

    Runs inside the caller's unit of work.
    """
    if session.stream_closed_at is not None:
        return
    if session.stream_opened_at is not None:
        ended_at = session.paused_at if session.status == ConsultationSession.Status.PAUSED else at
        rest = (ended_at or at) - (_last_durable_at(session) or session.stream_opened_at)
        if rest >= LEAST_REST:
            start_ms = clock_ms(session.pk)
            end_ms = start_ms + round(rest.total_seconds() * 1000)
            gaps.name_gaps(
                session, [(start_ms, end_ms)], start_ms=start_ms, end_ms=end_ms, at=at, otherwise=rest_reason
            )
    session.stream_closed_at = at
    session.save(update_fields=["stream_closed_at", "updated_at"])
    transaction.on_commit(partial(spool.default_store().seal, session.pk))


def _last_durable_at(session: ConsultationSession) -> datetime | None:
    written_at = spool.default_store().last_write_at(session.pk)
    return None if written_at is None else datetime.fromtimestamp(written_at, tz=UTC)


def stop_recording(session: ConsultationSession, *, reason: str, by: User | None, at: datetime) -> None:
    """Stop recording at once while the session goes on; audio that arrived after `at` is dropped.

    Does nothing when the session is over or records nothing.
    """
    if not session.is_live or not session.with_recording:
        return
    with unit_of_work():
        session.with_recording = False
        session.stream_closed_at = at
        session.status_reason = reason
        session.updated_at = at
        session.save(update_fields=_STREAM_FIELDS)
        record_change(session, "stop_recording", by=by, reason=reason)
        transaction.on_commit(partial(drop_audio_after, session.pk, at))


def stop_recordings_of(patient_id: UUID, *, by: User | None, at: datetime) -> None:
    """Stop every running recording of a patient whose consent has ended."""
    running = ConsultationSession.objects.live().filter(
        patient__in=Patient.objects.records_of(patient_id), with_recording=True
    )
    for session in running:
        stop_recording(session, reason=CONSENT_WITHDRAWN, by=by, at=at)


def start_recording(session: ConsultationSession, *, by: User, at: datetime) -> None:
    """Begin to record a session that runs without, or go on after consent was given again.

    Raises NotAllowed, NoConsent, and StreamOver when the session is over or its recording was finished.
    """
    permissions.check_can_conduct(by, session)
    if not session.is_live or session.audio_sha256:
        raise permissions.StreamOver("This recording was finished and takes no more audio.")
    if not has_live_consent(session.patient_id, Consent.Kind.RECORDING, at=at):
        raise permissions.NoConsent("This patient has not agreed to be recorded. Record the consent first.")
    with unit_of_work():
        session.with_recording = True
        session.stream_closed_at = None
        session.status_reason = ""
        session.updated_at = at
        session.save(update_fields=_STREAM_FIELDS)
        record_change(session, "start_recording", by=by)


def drop_audio_after(session_id: UUID, at: datetime) -> None:
    """Drop the spooled audio that arrived after a time; a process that is recording does it itself."""
    store = spool.default_store()
    if not store.exists(session_id):
        return
    try:
        writer = store.writer(session_id)
    except spool.SpoolBusy:
        return
    try:
        writer.drop_after(round(at.timestamp() * 1000))
    finally:
        writer.close()


def request_archive(session: ConsultationSession) -> None:
    """Queue the making of the kept file."""
    jobs.enqueue(ARCHIVE, session.pk, runner=Job.Runner.SPEECH)
