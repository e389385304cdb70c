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


def keyboard(length_s: float, *, seed: int = 2) -> bytes:
    """Return someone typing: about five keys a second, each a short burst of noise with a lower thud behind it."""
    import numpy as np

    noise = np.random.default_rng(seed)
    samples = noise.normal(0, 40, int(length_s * SAMPLE_RATE))
    at = 0.0
    while (at := at + noise.gamma(4, 0.05)) < length_s - 0.1:
        first = int(at * SAMPLE_RATE)
        time = np.arange(int(0.03 * SAMPLE_RATE)) / SAMPLE_RATE
        click = noise.normal(0, 5_000, len(time)) * np.exp(-time / 0.004)
        thud = 2_500 * np.sin(2 * np.pi * noise.uniform(150, 300) * time) * np.exp(-time / 0.010)
        samples[first : first + len(time)] += noise.uniform(0.4, 1) * (click + thud)
    return _pcm(samples)


def music(length_s: float, *, seed: int = 3) -> bytes:
    """Return a tune with overtones above changing chords and a drum, as from a radio in the next room."""
    import numpy as np

    noise = np.random.default_rng(seed)
    beat_s, chords = 0.5, ((220, 277, 330), (196, 247, 294), (175, 220, 262), (165, 208, 247))
    time = np.arange(int(beat_s * SAMPLE_RATE)) / SAMPLE_RATE
    beats = []
    for number in range(int(length_s / beat_s) + 1):
        chord = chords[number // 4 % len(chords)]
        melody = 2 * noise.choice(chord) * np.array([1, 1.5, 1.25, 1])[number % 4]
        sound = sum(500 * np.sin(2 * np.pi * tone * time) for tone in chord)
        for overtone in range(1, 6):
            sound = sound + 1_500 / overtone * np.sin(2 * np.pi * melody * overtone * time) * np.exp(-time / 0.25)
        drum = 3_000 * np.sin(2 * np.pi * 70 * time) + noise.normal(0, 1_500, len(time))
        beats.append(sound + drum * np.exp(-time / 0.04))
    return _pcm(np.concatenate(beats)[: int(length_s * SAMPLE_RATE)])


def breathing(length_s: float, *, seed: int = 4) -> bytes:
    """Return someone breathing near the microphone: noise around 300 to 2,000 Hz that swells in, then longer out."""
    import numpy as np

    noise = np.random.default_rng(seed)
    count = int(length_s * SAMPLE_RATE)
    spectrum = np.fft.rfft(noise.normal(0, 1, count))
    pitch = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    spectrum *= np.exp(-((np.log(np.maximum(pitch, 1) / 800) / 0.7) ** 2))
    hiss = np.fft.irfft(spectrum, count)
    phase = np.arange(count) / SAMPLE_RATE % 4.0
    swell = np.where(phase < 1.4, np.sin(np.pi * phase / 1.4), 0.0)
    swell += np.where((phase > 1.8) & (phase < 3.8), 0.6 * np.sin(np.pi * (phase - 1.8) / 2.0), 0.0)
    return _pcm(1_500 * hiss / hiss.std() * swell**2 + noise.normal(0, 15, count))


def laughter(length_s: float, *, seed: int = 5) -> bytes:
    """Return a voice that laughs, four bursts a second for 1.5 s of every 4 s: a voice gate takes it for speech."""
    return _voice(length_s, seed, lambda time: (time % 4 < 1.5) & (time % 0.25 < 0.12))


def humming(length_s: float, *, seed: int = 5) -> bytes:
    """Return a voice that hums for 1.2 s of every 3 s."""
    return _voice(length_s, seed, lambda time: time % 3 < 1.2)


def _voice(length_s: float, seed: int, sounds) -> bytes:
    """Return glottal pulses through the resonances of a mouth while `sounds` says so."""
    import numpy as np

    time = np.arange(int(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 110 + 10 * np.sin(2 * np.pi * 0.3 * time)
    pulses = (np.cumsum(pitch) / SAMPLE_RATE % 1 < 0.05) & sounds(time)
    frequency = np.fft.rfftfreq(len(time), 1 / SAMPLE_RATE)
    mouth = sum(1 / (1 + ((frequency - at) / width) ** 2) for at, width in ((500, 80), (1_200, 120), (2_500, 160)))
    voice = np.fft.irfft(np.fft.rfft(pulses.astype(float)) * mouth, len(time))
    noise = np.random.default_rng(seed).normal(0, 30, len(time))
    return _pcm(10_000 * voice / np.abs(voice).max() + noise)


def _pcm(samples) -> bytes:
    import numpy as np

    return np.clip(samples, -32_768, 32_767).astype("<i2").tobytes()


NOISES = {
    "silence": silence,
    "hum": room_hum,
    "keyboard": keyboard,
    "music": music,
    "breathing": breathing,
    "laughter": laughter,
    "humming": humming,
}


def encode(pcm, container, codec, rate=SAMPLE_RATE, layout="mono"):
    """Return the sound as a file of another format."""
    import av

    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        mux_sound(output, output.add_stream(codec, rate=rate, layout=layout), pcm, rate, layout)
    return target.getvalue()


def mux_sound(output, stream, pcm, rate, layout="mono"):
    """Write PCM to a stream of an open container, to the end."""
    import av
    import numpy as np

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
