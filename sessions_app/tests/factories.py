"""Builders of sessions and what belongs to them. States are reached through their verbs."""

import random
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from patients.models import Consent, Patient
from patients.tests.factories import make_patient
from sessions_app import services
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from sessions_app.transcripts import services as transcripts
from synapse.accounts.models import User

CHUNK_MS = 200
SEGMENTS = [
    ("doctor", 0, 2_000, "How has your sleep been since we last met?"),
    ("patient", 2_200, 6_000, "A bit better. I still wake up around four most nights."),
    ("doctor", 6_400, 8_000, "Any side effects from the sertraline?"),
    ("patient", 8_200, 12_000, "Some nausea the first week. It went away."),
]


def make_consent(
    patient: Patient, *, by: User, kind: str = Consent.Kind.RECORDING, at: datetime | None = None
) -> Consent:
    """Give a patient a live consent."""
    return Consent.objects.create(
        patient=patient,
        kind=kind,
        method=Consent.Method.VERBAL,
        status=Consent.Status.LIVE,
        text_version="1",
        text_hash="0" * 64,
        given_at=at or timezone.now(),
        recorded_by=by,
    )


def make_session(
    doctor: User,
    *,
    patient: Patient | None = None,
    status: str = "in_progress",
    consent: bool = True,
    at: datetime | None = None,
    **fields: Any,
) -> ConsultationSession:
    """Start a session and walk it to a status; `fields` go to `start_session`."""
    at = at or timezone.now() - timedelta(minutes=30)
    patient = patient or make_patient(doctor=doctor)
    if consent and not patient.consents.filter(kind="recording", status="live").exists():
        make_consent(patient, by=doctor)
    session = services.start_session(patient, by=doctor, at=at, **fields)
    if status == "paused":
        services.pause_session(session, by=doctor, at=at + timedelta(minutes=5))
    elif status == "completed":
        services.complete_session(session, by=doctor, at=at + timedelta(minutes=25))
    elif status == "cancelled":
        services.cancel_session(session, by=doctor, at=at + timedelta(minutes=1))
    elif status == "error":
        services.fail_session(session, reason="storage_failed", at=at + timedelta(minutes=1))
    return session


def tone(milliseconds: int, *, seed: int = 0) -> bytes:
    """Return 16 kHz mono PCM16 noise of a length, the same for the same seed."""
    return random.Random(seed).randbytes(milliseconds * spool.BYTES_PER_MS)


def record_audio(
    session: ConsultationSession, pcm: bytes | None = None, *, gap_before_ms: int = 0, at: datetime | None = None
) -> spool.Timeline:
    """Put finished audio into a session's spool, as its recorder would."""
    at = at or timezone.now()
    pcm = tone(3_000) if pcm is None else pcm
    recordings.open_stream(session, by=session.doctor, at=at)
    writer = spool.default_store().writer(session.pk)
    length = CHUNK_MS * spool.BYTES_PER_MS
    for seq, start in enumerate(range(0, len(pcm), length)):
        t_ms = gap_before_ms + seq * CHUNK_MS
        writer.append(seq, t_ms, pcm[start : start + length], arrived_ms=round(at.timestamp() * 1000))
    writer.commit()
    recordings.finish_stream(session, writer.timeline, is_mismatch=False, by=session.doctor, at=at)
    writer.close()
    return writer.timeline


def make_transcription(session: ConsultationSession, *, status: str = "completed") -> Transcription:
    """Make the words of a session, at a status."""
    now = timezone.now()
    transcription = Transcription.objects.create(session=session)
    if status == "pending":
        return transcription
    transcripts.start_processing(transcription, at=now)
    if status == "failed":
        transcripts.fail(transcription, message="The speech engine stopped.", at=now)
    elif status in {"completed", "no_speech"}:
        store_words(transcription, [segment_of(*line) for line in SEGMENTS] if status == "completed" else [], now)
    return transcription


def store_words(transcription: Transcription, segments: list[dict[str, Any]], at: datetime) -> Transcription:
    """Keep segments as what the batch pass heard."""
    return transcripts.store_result(
        transcription,
        segments=segments,
        service="embedded",
        model="tiny.en",
        language="en-US",
        confidence=0.9,
        processing_seconds=1.0,
        at=at,
    )


def make_written_session(doctor: User) -> ConsultationSession:
    """Make a session that is over, with its sound and its words."""
    session = make_session(doctor)
    record_audio(session)
    services.complete_session(session, by=doctor, at=timezone.now())
    session.transcriptions.all().delete()  # its words are not waited for
    make_transcription(session)
    return session


def segment_of(speaker: str, start_ms: int, end_ms: int, text: str, *, doubtful: str = "") -> dict[str, Any]:
    """Return a segment as the batch pass gives one; the words share its time evenly."""
    words = text.split()
    step = (end_ms - start_ms) / len(words)
    return {
        "start_ms": start_ms,
        "end_ms": end_ms,
        "speaker": speaker,
        "text": text,
        "confidence": 0.9,
        "words": [
            {
                "text": word,
                "start_ms": round(start_ms + step * place),
                "end_ms": round(start_ms + step * (place + 1)),
                "confidence": 0.3 if word == doubtful else 0.95,
            }
            for place, word in enumerate(words)
        ],
    }
