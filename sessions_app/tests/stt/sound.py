"""Sound for the tests: the shipped consultation, and rooms where nobody speaks."""

import io
import json
import math
import random
from array import array
from functools import cache
from pathlib import Path

from sessions_app.stt.base import SAMPLE_RATE
from sessions_app.stt.media import read_pcm

SAMPLES = Path(__file__).parent.parent / "samples"
CONSULTATION = SAMPLES / "consultation.ogg"


@cache
def reference():
    return json.loads((SAMPLES / "consultation.json").read_text())


@cache
def consultation():
    """Return the whole consultation as PCM16 16 kHz mono."""
    return b"".join(read_pcm(CONSULTATION))


def seconds(pcm, start, end):
    return pcm[int(start * SAMPLE_RATE) * 2 : int(end * SAMPLE_RATE) * 2]


def silence(length_s: float) -> bytes:
    return bytes(int(length_s * SAMPLE_RATE) * 2)


def room_hum(length_s: float, *, seed: int = 1) -> bytes:
    """Return 50 Hz mains hum with its overtones, air noise, and a click like a key every two seconds."""
    noise = random.Random(seed)
    drift = 0.0
    samples = array("h")
    for place in range(int(length_s * SAMPLE_RATE)):
        angle = 2 * math.pi * 50 * place / SAMPLE_RATE
        drift = 0.98 * drift + noise.gauss(0, 60)
        click = noise.gauss(0, 4_000) if place % (2 * SAMPLE_RATE) < 60 else 0.0
        samples.append(int(900 * math.sin(angle) + 300 * math.sin(3 * angle) + drift + click))
    return samples.tobytes()


def encode(pcm, container, codec, rate=SAMPLE_RATE, layout="mono"):
    """Return the sound as a file of another format."""
    import av
    import numpy as np

    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        resampler = av.audio.resampler.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        fifo = av.audio.fifo.AudioFifo()
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            fifo.write(piece)
        size = stream.codec_context.frame_size or 1_024
        while (piece := fifo.read(size, partial=True)) is not None:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return target.getvalue()
