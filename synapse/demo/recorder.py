"""Put a shipped recording into a session's spool, as the browser's recorder would."""

import random
from datetime import datetime
from itertools import islice
from pathlib import Path

from sessions_app.models import ConsultationSession
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from sessions_app.stt import media

RECORDINGS = Path(__file__).parent / "recordings"
CHUNK_MS = 200
QUIET_SECONDS = 25
QUIET_LEVEL = 12  # of 32,767: the hiss of an empty room


def record(session: ConsultationSession, name: str, *, at: datetime) -> None:
    """Record a shipped file, or an empty room when there is no name, and finish the stream."""
    pcm = b"".join(media.read_pcm(RECORDINGS / f"{name}.ogg")) if name else _quiet_room()
    recordings.open_stream(session, by=session.doctor, at=at)
    writer = spool.default_store().writer(session.pk)
    length = CHUNK_MS * spool.BYTES_PER_MS
    for number, start in enumerate(range(0, len(pcm), length)):
        t_ms = number * CHUNK_MS
        writer.append(number, t_ms, pcm[start : start + length], arrived_ms=round(at.timestamp() * 1000) + t_ms)
    writer.commit()
    recordings.finish_stream(session, writer.timeline, is_mismatch=False, by=session.doctor, at=at)
    writer.close()


def _quiet_room() -> bytes:
    hiss = random.Random(1)  # noqa: S311  noise, no secret
    samples = islice(iter(lambda: int(hiss.gauss(0, QUIET_LEVEL)), None), QUIET_SECONDS * spool.SAMPLE_RATE)
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
