"""Make a whole upload the session's recording: read its sound into a spool, then put that in the session's place.

PCM is 16-bit little-endian mono at 16 kHz. Every step may be taken again after a crash: until the spool is in its
place the upload's parts are still there.
"""

import io
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sessions_app import permissions, queries
from sessions_app.models import AudioUpload, ConsultationSession, SessionEvent
from sessions_app.recordings import gaps
from sessions_app.spool import store as spool
from sessions_app.trail import record_change
from sessions_app.transcripts import services as transcripts
from sessions_app.uploads import store as upload_store
from sessions_app.uploads.services import MOST_PCM_BYTES, MOST_SECONDS, READ, open_parts
from sessions_app.uploads.sound_files import NotSound, length_said, pcm_of
from synapse.audit.services import unit_of_work
from synapse.common import jobs
from synapse.common.models import Job
from synapse.common.transitions import advance
from synapse.encryption.blobs import BLOCK
from synapse.storage import LEAST_FREE_BYTES

logger = logging.getLogger(__name__)

CHUNK_MS = 1_000
COMMIT_CHUNKS = 30
PROGRESS_SECONDS = 2.0
# A container rounds its length; less than this is no loss.
LEAST_LOSS_MS = 2_000

_SOUND_FIELDS = [
    "audio_source",
    "audio_sha256",
    "audio_duration_seconds",
    "stream_opened_at",
    "stream_closed_at",
    "last_audio_at",
    "updated_at",
]

# How many bytes of how many have been read.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Sound:
    """What was read of a file: its place on the clock, and the stretch at its end that could not be read, in ms."""

    timeline: spool.Timeline
    lost_ms: int


def read_sound(upload: AudioUpload, progress: Progress) -> Sound:
    """Read an upload's sound into a spool of its own, in memory no more than half a minute of it.

    Raises NotSound, `store.PartsDamaged`, `spool.StorageFailed` and `spool.SpoolDamaged`.
    """
    parts = open_parts(upload)
    store = _own_spool(upload)
    store.delete(upload.session_id)
    writer = store.writer(upload.session_id)
    shown_at = time.monotonic()
    with io.BufferedReader(parts, BLOCK) as file:
        try:
            said_s = length_said(file, upload.kind)
            seq = taken = 0
            for block in pcm_of(file, upload.kind):
                for start in range(0, len(block), CHUNK_MS * spool.BYTES_PER_MS):
                    piece = block[start : start + CHUNK_MS * spool.BYTES_PER_MS]
                    writer.append(seq, taken // spool.BYTES_PER_MS, piece, arrived_ms=round(time.time() * 1000))
                    seq, taken = seq + 1, taken + len(piece)
                if taken > MOST_PCM_BYTES:
                    raise NotSound("too_long")
                if writer.pending_count >= COMMIT_CHUNKS:
                    _check_room(store)
                    writer.commit()
                if time.monotonic() - shown_at > PROGRESS_SECONDS:
                    shown_at = time.monotonic()
                    progress(min(parts.tell(), parts.length), parts.length)
            writer.commit()
        finally:
            writer.close()
    timeline = writer.timeline
    if timeline.pcm_ms == 0:
        raise NotSound("no_sound")
    store.seal(upload.session_id)
    return Sound(timeline, _lost_ms(said_s, timeline.pcm_ms))


def obstacle(upload: AudioUpload, *, at: datetime) -> str:
    """Return the code of what keeps an upload from becoming the session's recording now, or nothing."""
    session = ConsultationSession.objects.get(pk=upload.session_id)
    if session.status == ConsultationSession.Status.CANCELLED:
        return "cancelled"
    if queries.has_recording(session):
        return "has_recording"
    if not permissions.has_consent_for(session.patient_id, upload.source, at=at):
        return "no_consent"
    return ""


def take_recording(upload: AudioUpload, sound: Sound, job: Job, *, at: datetime) -> str:
    """Make what was read the session's recording; return the code of what forbids it now, or nothing.

    Raises `jobs.LeaseLost`.
    """
    with unit_of_work():
        jobs.assert_held(job)
        session = ConsultationSession.objects.select_for_update().get(pk=upload.session_id)
        upload.refresh_from_db()
        if upload.status != AudioUpload.Status.RECEIVED:
            return "dropped"
        if code := obstacle(upload, at=at):
            return code
        advance(upload, AudioUpload.Status.STORED, at=at, error_code="cut_short" if sound.lost_ms else "")
        session.audio_source = upload.source
        session.audio_sha256 = sound.timeline.sha256
        session.audio_duration_seconds = sound.timeline.pcm_ms / 1000
        session.stream_opened_at = session.stream_opened_at or upload.created_at
        session.stream_closed_at = at
        session.last_audio_at = at
        session.save(update_fields=_SOUND_FIELDS)
        if sound.lost_ms:
            tail = (sound.timeline.clock_ms, sound.timeline.clock_ms + sound.lost_ms)
            reason = SessionEvent.Reason.NOT_SENT
            gaps.name_gaps(session, [tail], start_ms=tail[0], end_ms=tail[1], at=at, otherwise=reason)
        record_change(session, "store_upload", by=None, source=upload.source)
    return ""


def per_cent_read(upload_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return how much of uploads has been read, as far as their jobs have told."""
    jobs_ = Job.objects.filter(kind=READ, object_id__in=list(upload_ids), progress_total__gt=0)
    return {job.object_id: 100 * job.progress_done // job.progress_total for job in jobs_}


def settle(upload: AudioUpload, *, at: datetime) -> None:
    """Put a stored upload's spool in its place, have its words written when the session is over, erase its parts."""
    if upload.status == AudioUpload.Status.STORED:
        spool.default_store().adopt(upload.session_id, _own_spool(upload))
        session = ConsultationSession.objects.get(pk=upload.session_id)
        latest = queries.latest_try(session)
        is_asked = latest is not None and latest.created_at > upload.updated_at
        if session.status == ConsultationSession.Status.COMPLETED and not is_asked:
            with unit_of_work():
                transcripts.request_transcript(session, by=None, at=at)
        logger.info("upload %s is the recording of session %s", upload.pk, session.pk)
    upload_store.default_store().erase(upload.pk)


def _own_spool(upload: AudioUpload) -> spool.SpoolStore:
    return spool.default_store().beside(upload_store.default_store().folder(upload.pk) / "spool")


def _check_room(store: spool.SpoolStore) -> None:
    if store.free_bytes() < LEAST_FREE_BYTES:
        raise NotSound("storage")


def _lost_ms(said_s: float | None, read_ms: int) -> int:
    if said_s is None or said_s > MOST_SECONDS:
        return 0  # a header that was never filled in says nonsense
    lost = round(said_s * 1000) - read_ms
    return lost if lost > max(LEAST_LOSS_MS, read_ms // 100) else 0
