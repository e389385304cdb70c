"""The kept recording: one encrypted Opus file per session, checked against what was captured before the spool goes.

PCM here is 16-bit little-endian mono at 16 kHz.
"""

import contextlib
import hashlib
import io
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sessions_app import queries
from sessions_app.models import ConsultationSession
from sessions_app.recordings import keys as recording_keys
from sessions_app.recordings.quality import Meter, Quality
from sessions_app.spool import store as spool
from synapse import storage
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work

logger = logging.getLogger(__name__)

FORMAT = "ogg/opus"
CONTENT_TYPE = "audio/ogg"
BIT_RATE = 24_000
OPUS_FRAME = spool.SAMPLE_RATE // 50  # 20 ms, the frame Opus is made for
LENGTH_TOLERANCE_MS = 20  # one frame: the last one is padded


class AudioDamaged(Exception):
    """The file does not hold what was captured, so the spool must stay."""


@dataclass(frozen=True)
class Encoded:
    """One finished Opus file and what was measured while it was made."""

    file: bytes
    pcm_bytes: int
    sha256: str
    peaks: list[float]
    quality: Quality


def archive(session: ConsultationSession, *, at: datetime) -> None:
    """Turn a session's spool into its stored file, then erase the spool. May run twice.

    Raises AudioDamaged, `storage.StorageError` and `spool.SpoolDamaged`; the spool is then still there.
    """
    store = spool.default_store()
    if not store.exists(session.pk):
        return
    if session.audio_name or session.audio_deleted_at is not None:
        store.delete(session.pk)  # an earlier run stored or deleted it and died before this
        return
    store.settle(session.pk)
    timeline = store.timeline(session.pk)
    if timeline.pcm_bytes == 0:
        store.delete(session.pk)
        return
    if session.audio_sha256 and session.audio_sha256 != timeline.sha256:
        raise AudioDamaged("the spool changed after the recording was finished")
    encoded = encode((chunk.pcm for chunk in store.reader(session.pk)), pcm_bytes=timeline.pcm_bytes)
    if encoded.sha256 != timeline.sha256:
        raise AudioDamaged("the spool read differently the second time")
    name, size = _put(encoded, key=recording_keys.key_of(session.pk))
    facts = {
        "audio_name": name,
        "audio_format": FORMAT,
        "audio_size_bytes": size,
        "audio_sha256": timeline.sha256,
        **_measured(session, timeline, encoded.peaks, encoded.quality),
    }
    with unit_of_work():
        is_deleted = ConsultationSession.objects.select_for_update().get(pk=session.pk).audio_deleted_at is not None
        if not is_deleted:
            _store(session, facts)
            detail = {"verb": "archive_audio"}
            record(Action.UPDATE, by=None, target=session, patient_id=session.patient_id, detail=detail)
    store.delete(session.pk)
    if is_deleted:
        storage.delete(name)
        return
    logger.info("session %s: audio archived", session.pk)


def _put(encoded: Encoded, *, key: bytes) -> tuple[str, int]:
    """Store a file, read it back and return its name and size; one that is not what was captured goes again.

    Raises AudioDamaged and `storage.StorageError`.
    """
    name = storage.new_name(".ogg")
    size = storage.put(name, io.BytesIO(encoded.file), key=key)
    try:
        check_length(b"".join(storage.open_range(name, key=key)), pcm_bytes=encoded.pcm_bytes)
    except BaseException:
        with contextlib.suppress(storage.StorageError):  # what failed is told, whatever comes of this
            storage.delete(name)
        raise
    return name, size


def survey(session: ConsultationSession) -> spool.Timeline:
    """Measure a session's spool, so that its page can draw and play it before there is a file; return its timeline."""
    import numpy as np

    store = spool.default_store()
    timeline = store.timeline(session.pk)
    meter = Meter(timeline.pcm_bytes)
    for block in _framed(chunk.pcm for chunk in store.reader(session.pk)):
        meter.hear(np.frombuffer(block, "<i2"))
    _store(session, _measured(session, timeline, meter.peaks(), meter.quality()))
    return timeline


def _measured(
    session: ConsultationSession, timeline: spool.Timeline, peaks: list[float], quality: Quality
) -> dict[str, Any]:
    lost_ms = sum((gap.until_ms or gap.at_ms) - gap.at_ms for gap in queries.gaps_of(session))
    quality = replace(quality, lost_s=round((lost_ms or sum(end - start for start, end in timeline.gaps)) / 1000, 1))
    return {
        "audio_duration_seconds": timeline.pcm_ms / 1000,
        "audio_map": [list(pair) for pair in timeline.clock_map],
        "audio_peaks": peaks,
        "audio_quality": asdict(quality),
        "audio_quality_score": quality.score(timeline.pcm_ms / 1000),
    }


def _store(session: ConsultationSession, facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        setattr(session, name, value)
    session.save(update_fields=[*facts, "updated_at"])


def encode(pieces: Iterable[bytes], *, pcm_bytes: int) -> Encoded:
    """Encode PCM to Opus at 24 kb/s in one pass of bounded memory; `pcm_bytes` is its whole length."""
    import av
    import numpy as np

    target = io.BytesIO()
    meter = Meter(pcm_bytes)
    digest = hashlib.sha256()
    seen = 0
    with av.open(target, mode="w", format="ogg") as container:
        stream: Any = container.add_stream("libopus", rate=spool.SAMPLE_RATE, layout="mono", bit_rate=BIT_RATE)
        stream.codec_context.options = {"application": "voip", "frame_duration": "20"}
        position = 0
        for block in _framed(pieces):
            digest.update(block)
            seen += len(block)
            samples = np.frombuffer(block, "<i2")
            meter.hear(samples)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = spool.SAMPLE_RATE
            frame.pts = position
            position += len(samples)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Encoded(target.getvalue(), seen, digest.hexdigest(), meter.peaks(), meter.quality())


def check_length(file: bytes, *, pcm_bytes: int) -> None:
    """Decode the whole file and raise AudioDamaged when it is not as long as what was captured."""
    decoded = sum(len(block) for block in decode(io.BytesIO(file)))
    difference_ms = abs(decoded - pcm_bytes) / spool.BYTES_PER_MS
    if difference_ms > LENGTH_TOLERANCE_MS:
        raise AudioDamaged(f"the file is {difference_ms:.0f} ms off what was captured")


def decode(file: io.BytesIO) -> Iterator[bytes]:
    """Yield the PCM of a stored file."""
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=spool.SAMPLE_RATE)
    with av.open(file, mode="r") as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                yield part.to_ndarray().tobytes()
        for part in resampler.resample(None):
            yield part.to_ndarray().tobytes()


def pcm_of(session: ConsultationSession) -> Iterator[bytes]:
    """Yield the session's PCM, from its spool or from its stored file.

    Raises `storage.StorageError`, and `spool.KeyDestroyed` when the recording was deleted.
    """
    store = spool.default_store()
    if store.exists(session.pk):
        for chunk in store.reader(session.pk):
            yield chunk.pcm
    elif session.audio_name:
        yield from decode(io.BytesIO(b"".join(open_file(session))))


def open_file(session: ConsultationSession, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Return an iterator over a part of the session's stored file, plain. Raises as `pcm_of`."""
    return storage.open_range(session.audio_name, start, end, key=recording_keys.key_of(session.pk))


def wav_header(pcm_bytes: int) -> bytes:
    """Return the 44 bytes that make raw PCM a WAV file."""
    rate = spool.SAMPLE_RATE
    fields = b"fmt " + (16).to_bytes(4, "little") + (1).to_bytes(2, "little") + (1).to_bytes(2, "little")
    fields += rate.to_bytes(4, "little") + (rate * 2).to_bytes(4, "little")
    fields += (2).to_bytes(2, "little") + (16).to_bytes(2, "little")
    length = (36 + pcm_bytes).to_bytes(4, "little")
    return b"RIFF" + length + b"WAVE" + fields + b"data" + pcm_bytes.to_bytes(4, "little")


def _framed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Regroup PCM into blocks of 20 ms; the last one may be shorter."""
    length = OPUS_FRAME * 2
    held = bytearray()
    for piece in pieces:
        held += piece
        whole = len(held) // length * length
        for start in range(0, whole, length):
            yield bytes(held[start : start + length])
        del held[:whole]
    if held:
        yield bytes(held)
