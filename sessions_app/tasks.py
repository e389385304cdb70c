"""Background work of sessions: the batch pass, the kept file, and what the schedule sweeps up."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.utils import timezone

from sessions_app import permissions, queries, services, stt
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.recordings import audio, deletion, gaps
from sessions_app.recordings import services as recordings
from sessions_app.speech import engines
from sessions_app.speech.hints import hints_for
from sessions_app.spool import store as spool
from sessions_app.stt.base import DOCTOR, LanguageUnknown, SpeechError, Transcript
from sessions_app.stt.numerals import in_digits
from sessions_app.transcripts import services as transcripts
from sessions_app.transcripts.segments import as_stored
from synapse import storage, workflows
from synapse.common import jobs
from synapse.common.errors import DomainError
from synapse.common.jobs import PermanentJobError, TransientJobError
from synapse.common.models import Job
from synapse.outside.calls import Purpose

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 2.0
FAILED_MESSAGES = {
    "no_audio": "There is no recording to write the words from.",
    "spool_damaged": "The stored recording cannot be read. Tell your administrator.",
    "language": "No speech engine here knows the language of this session. The recording is kept. "
    "Set up Google Speech, with the patient’s consent to it, and try again.",
}
FAILED = "The words could not be written. The recording is safe. Try again."


def _transcript_failed(object_id: UUID, *, code: str, at: datetime) -> None:
    transcription = Transcription.objects.select_related("session").get(pk=object_id)
    transcripts.fail(transcription, message=FAILED_MESSAGES.get(code, FAILED), at=at)


@jobs.task(on_failure=_transcript_failed)
def transcribe(job: Job) -> None:
    """Write the words of a session that is over, from its spool or its stored file, then have the file made."""
    transcription = Transcription.objects.select_related("session__patient", "session__doctor").get(pk=job.object_id)
    if not transcription.is_waiting:
        return
    session = transcription.session
    transcripts.start_processing(transcription, at=timezone.now())
    _measure(session)
    if not session.audio_map:
        raise PermanentJobError("no_audio")
    started = time.monotonic()
    result = _read(session, job)
    heard = result.segments
    if result.language.startswith("en"):
        heard = tuple(in_digits(segment) for segment in heard)
    if session.audio_source == ConsultationSession.AudioSource.DICTATION:
        heard = tuple(segment.spoken_by(DOCTOR) for segment in heard)  # nobody else was in the room
    now = timezone.now()
    transcripts.store_result(
        transcription,
        segments=[as_stored(segment, partial(_clock_ms, session.audio_map)) for segment in heard],
        service=result.engine,
        model=result.model,
        language=result.language,
        confidence=result.confidence or None,
        processing_seconds=round(time.monotonic() - started, 2),
        at=now,
    )
    if result.fallback:
        engines.note_fallback(transcription, result.fallback)
    if spool.default_store().exists(session.pk):
        recordings.request_archive(session)
    if transcription.is_completed:
        workflows.transcript_completed(transcription, at=now)


@jobs.task()
def archive_audio(job: Job) -> None:
    """Make the kept file of a session whose words are written."""
    session = ConsultationSession.objects.get(pk=job.object_id)
    try:
        audio.archive(session, at=timezone.now())
    except storage.StorageError as error:
        raise (TransientJobError if error.transient else PermanentJobError)("storage") from None
    except spool.StorageFailed:
        raise TransientJobError("storage") from None
    except (audio.AudioDamaged, spool.SpoolDamaged):
        raise PermanentJobError("audio_damaged") from None


def complete_abandoned(at: datetime) -> None:
    """End sessions that nobody has touched for the clinic's hours; what was recorded is written as usual."""
    for session in queries.abandoned_sessions(queries.abandoned_before(at)):
        try:
            workflows.complete_consultation(session, by=session.doctor, at=at, reason=services.ABANDONED)
        except DomainError as refusal:
            # One that cannot be ended, such as that of a doctor who has left, must not keep the others open.
            logger.error("session %s was left open and cannot be completed: %s", session.pk, refusal.code)
        else:
            logger.info("session %s was left open and is completed", session.pk)


def delete_expired_audio(at: datetime) -> None:
    """Delete recordings whose time has come, and files that were left behind."""
    deletion.sweep(at)


def archive_left_spools(at: datetime) -> None:
    """Ask again for the kept file of sessions whose spool is still there an hour after their words."""
    for session in queries.sessions_with_left_spools(at - timedelta(hours=1)):
        recordings.request_archive(session)


def _read(session: ConsultationSession, job: Job) -> Transcript:
    """Have the engine read a session's recording; what goes wrong becomes the job's error."""
    try:
        cloud_allowed = permissions.cloud_may_hear(session.patient_id, at=timezone.now())
        transcriber = stt.get_transcriber(cloud_allowed=cloud_allowed)
        with engines.sound_leaves(session, Purpose.TRANSCRIPT):
            return transcriber.transcribe(
                Watched(job, session), language=queries.language_of(session.doctor), hints=hints_for(session)
            )
    except LanguageUnknown:
        raise PermanentJobError("language") from None
    except SpeechError as error:
        raise (TransientJobError if error.transient else PermanentJobError)("speech_engine") from None
    except storage.StorageError as error:
        raise (TransientJobError if error.transient else PermanentJobError)("storage") from None
    except spool.StorageFailed:
        raise TransientJobError("storage") from None
    except spool.SpoolDamaged:
        raise PermanentJobError("spool_damaged") from None


def _clock_ms(clock_map: list[list[int]], seconds: float) -> int:
    return queries.file_to_clock(clock_map, round(seconds * 1000))


def _measure(session: ConsultationSession) -> None:
    """Measure what the spool holds and name its gaps; there is nothing to do once there is only the file."""
    store = spool.default_store()
    if not store.exists(session.pk):
        return
    try:
        store.settle(session.pk)
        timeline = audio.survey(session)
    except spool.StorageFailed:
        raise TransientJobError("storage") from None
    except spool.SpoolDamaged:
        raise PermanentJobError("spool_damaged") from None
    gaps.name_gaps(session, timeline.gaps, start_ms=0, end_ms=timeline.clock_ms, at=timezone.now())


class Watched:
    """The PCM of a session, from its beginning each time it is read; shows how much was taken, keeps the job's lease."""

    def __init__(self, job: Job, session: ConsultationSession) -> None:
        self._job = job
        self._session = session

    def __iter__(self) -> Iterator[bytes]:
        total_ms = round((self._session.audio_duration_seconds or 0) * 1000)
        taken, shown_at = 0, time.monotonic()
        for piece in audio.pcm_of(self._session):
            yield piece
            taken += len(piece)
            if time.monotonic() - shown_at > PROGRESS_SECONDS:
                shown_at = time.monotonic()
                jobs.extend_lease(self._job, at=timezone.now(), lease_seconds=jobs.SPEECH_LEASE_SECONDS)
                jobs.set_progress(self._job, taken // spool.BYTES_PER_MS // 1000, total_ms // 1000)
