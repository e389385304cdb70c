"""Read any sound file, or raw PCM, as 16 kHz mono blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessions_app.stt.base import SAMPLE_RATE, AudioSource, SpeechError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_S = 10.0
# Hz. A packet of 65,535 samples at 1 Hz would become 18 hours of samples in memory at once.
LEAST_RATE = 1_000
FULL_SCALE = 32_768.0


def samples_of(pcm: bytes) -> NDArray[np.float32]:
    """Turn PCM16 little-endian into floats between -1 and 1."""
    import numpy as np

    return np.frombuffer(pcm, "<i2").astype(np.float32) / FULL_SCALE


def read_pcm(source: AudioSource, *, container: str | None = None) -> Iterator[bytes]:
    """Yield PCM16 16 kHz mono in blocks of about 10 s; `container` names the only format that is accepted.

    Raises SpeechError when the file holds no audio that can be read. Damaged packets are left out, and a damaged tail
    ends the recording where it can no longer be read.
    """
    if isinstance(source, (str, Path)) or hasattr(source, "read"):
        yield from _regrouped(_decoded(source, container))
    else:
        yield from _regrouped(source)


def length_of(source: AudioSource) -> float | None:
    """Return the seconds a file says it holds, None when it does not say or is raw PCM."""
    if not isinstance(source, (str, Path)):
        return None
    import av

    try:
        with av.open(str(source), metadata_errors="ignore") as container:
            return container.duration / av.time_base if container.duration else None
    except (av.error.FFmpegError, OSError):
        return None


def _decoded(source: Any, container_format: str | None) -> Iterator[bytes]:
    import av

    opened = str(source) if isinstance(source, (str, Path)) else source
    resampler = av.audio.resampler.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    heard = False
    try:
        with av.open(opened, mode="r", format=container_format, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise SpeechError("The file holds no sound track.", transient=False)
            for packet in container.demux(audio=0):
                for frame in _frames_of(packet):
                    if frame.sample_rate < LEAST_RATE:
                        raise SpeechError("The sound has too few samples a second.", transient=False)
                    frame.pts = None
                    for piece in resampler.resample(frame):
                        heard = True
                        yield piece.to_ndarray().tobytes()
            for piece in resampler.resample(None):
                yield piece.to_ndarray().tobytes()
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # ValueError: the sound goes on at another rate than the resampler was made for.
        if not heard:
            raise SpeechError("The file could not be read as sound.", transient=False) from error


def _frames_of(packet: Any) -> list[Any]:
    import av

    try:
        return list(packet.decode())
    except av.error.FFmpegError:
        return []


def _regrouped(pieces: Any) -> Iterator[bytes]:
    block = bytearray()
    wanted = int(BLOCK_S * SAMPLE_RATE) * 2
    for piece in pieces:
        block += piece
        while len(block) >= wanted:
            yield bytes(block[:wanted])
            del block[:wanted]
    if block:
        yield bytes(block[: len(block) // 2 * 2])
