"""Recordings as people have them: every container, a phone's rates, a video, and files that are none."""

import io
import math
import struct
import tempfile
from array import array
from pathlib import Path

from sessions_app.stt.base import SAMPLE_RATE
from sessions_app.tests.stt.sound import encode, mux_sound


def hum(seconds: float) -> bytes:
    """Return a swelling tone as PCM16 16 kHz mono."""
    samples = (int(9_000 * math.sin(n / 9) * math.sin(n / 3_000)) for n in range(int(seconds * SAMPLE_RATE)))
    return array("h", samples).tobytes()


FORMATS = {
    "wav": ("wav", "pcm_s16le", 16_000, "mono"),
    "wav of a phone": ("wav", "pcm_s16le", 8_000, "mono"),
    "a-law wav": ("wav", "pcm_alaw", 8_000, "mono"),
    "stereo wav": ("wav", "pcm_s16le", 48_000, "stereo"),
    "flac of 24 bits": ("flac", "flac", 48_000, "mono"),
    "mp3": ("mp3", "mp3", 44_100, "mono"),
    "ogg": ("ogg", "libopus", 48_000, "mono"),
    "webm": ("webm", "libopus", 48_000, "mono"),
    "m4a": ("ipod", "aac", 44_100, "mono"),
}


def sound_file(name: str, seconds: float = 3.0) -> bytes:
    """Return a file of one of FORMATS."""
    container, codec, rate, layout = FORMATS[name]
    if name == "flac of 24 bits":
        return _deep_flac(hum(seconds), rate)
    return encode(hum(seconds), container, codec, rate, layout)


def live_webm(seconds: float = 3.0) -> bytes:
    """Return Opus in WebM as a browser records it: without a length."""
    import av

    target = _Unseekable()
    with av.open(target, "w", format="webm") as output:
        stream = output.add_stream("libopus", rate=48_000, layout="mono")
        mux_sound(output, stream, hum(seconds), 48_000)
    return target.getvalue()


def video(container: str, codec: str | None, seconds: float = 2.0) -> bytes:
    """Return a video, with sound when a codec is named."""
    import av
    import numpy as np

    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        picture = output.add_stream("mpeg4" if container == "mp4" else "libvpx", rate=5)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        sound = output.add_stream(codec, rate=48_000, layout="mono") if codec else None
        for number in range(int(seconds * 5)):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 9, np.uint8), format="rgb24")
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
        if sound is not None:
            mux_sound(output, sound, hum(seconds), 48_000)
    return target.getvalue()


def faststart_m4a(seconds: float = 6.0) -> bytes:
    """Return AAC whose table of contents comes first, so that a cut file still says how long it was."""
    import av

    with tempfile.TemporaryDirectory() as folder:  # its second pass opens the file again
        path = Path(folder) / "sound.m4a"
        with av.open(str(path), "w", format="ipod", options={"movflags": "faststart"}) as output:
            mux_sound(output, output.add_stream("aac", rate=44_100, layout="mono"), hum(seconds), 44_100)
        return path.read_bytes()


def empty_wav() -> bytes:
    """Return a WAV file of length zero."""
    return (
        b"RIFF"
        + struct.pack("<I", 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
        + (b"data" + struct.pack("<I", 0))
    )


class _Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    seek = None  # type: ignore[assignment]  # what a pipe has


def _deep_flac(pcm: bytes, rate: int) -> bytes:
    import av

    target = io.BytesIO()
    with av.open(target, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=rate, layout="mono")
        stream.format = "s32"
        mux_sound(output, stream, pcm, rate)
    return target.getvalue()
