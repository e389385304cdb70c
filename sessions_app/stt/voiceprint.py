"""Describe a voice by 256 numbers, so that two stretches of one person lie close together.

The GE2E speaker encoder (Wan et al. 2018) with Resemblyzer's published weights, in plain numpy: three LSTM layers over
40 mel bands. The numbers live in memory while one recording is read and are never stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sessions_app.stt.base import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW_S = 1.6
WEIGHTS = Path(__file__).with_name("voiceprint.npz")
_FRAMES = 160
_HOP = 160
_SPAN = 400
_BANDS = 40
_UNITS = 256
_LAYERS = 3
# Resemblyzer raises quiet recordings to this level before it listens.
_LOUDNESS_DB = -30.0
_SMALLEST_POWER = 1e-12


def embed(stretches: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return one unit vector for each stretch of 16 kHz audio; 1.6 s of each is heard.

    A shorter stretch is repeated until it fills the window.
    """
    import numpy as np

    if not stretches:
        return np.zeros((0, _UNITS), np.float32)
    return _encode(np.stack([_mel_window(stretch) for stretch in stretches]))


def _mel_window(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    wanted = int(WINDOW_S * SAMPLE_RATE)
    if len(audio) < wanted:
        audio = np.tile(audio, wanted // max(1, len(audio)) + 1)
    audio = audio[:wanted]
    power = float(np.mean(audio**2)) + _SMALLEST_POWER
    level = 10 * np.log10(power)
    if level < _LOUDNESS_DB:
        audio = audio * np.float32(10 ** ((_LOUDNESS_DB - level) / 20))
    padded = np.pad(audio, _SPAN // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SPAN)[::_HOP][:_FRAMES]
    spectrum = np.abs(np.fft.rfft(frames * _hann(), axis=1)) ** 2
    return (spectrum.astype(np.float32) @ _mel_filters().T).astype(np.float32)


def _encode(mels: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    weights = _weights()
    sequence = mels
    for layer in range(_LAYERS):
        inputs = weights[f"lstm.weight_ih_l{layer}"].T
        recurrent = weights[f"lstm.weight_hh_l{layer}"].T
        bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
        gates = sequence @ inputs + bias
        hidden = np.zeros((len(mels), _UNITS), np.float32)
        cell = np.zeros_like(hidden)
        sequence = np.empty((len(mels), _FRAMES, _UNITS), np.float32)
        for step in range(_FRAMES):
            now = gates[:, step] + hidden @ recurrent
            enter, forget, candidate, leave = np.split(now, 4, axis=1)
            cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(candidate)
            hidden = _sigmoid(leave) * np.tanh(cell)
            sequence[:, step] = hidden
    voice = np.maximum(0, sequence[:, -1] @ weights["linear.weight"].T + weights["linear.bias"])
    return np.asarray(voice / (np.linalg.norm(voice, axis=1, keepdims=True) + 1e-9), np.float32)


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    return np.asarray((np.tanh(values * np.float32(0.5)) + 1) * np.float32(0.5), np.float32)


@cache
def _weights() -> dict[str, NDArray[np.float32]]:
    import numpy as np

    with np.load(WEIGHTS) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


@cache
def _hann() -> NDArray[np.float32]:
    import numpy as np

    return np.hanning(_SPAN + 1)[:_SPAN].astype(np.float32)


@cache
def _mel_filters() -> NDArray[np.float32]:
    """Build the Slaney mel filter bank the encoder was trained on."""
    import numpy as np

    def to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(np.maximum(hertz, 1e-9) / 1000) * 27 / np.log(6.4))

    def to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    limits = to_mel(np.array([0.0, SAMPLE_RATE / 2]))
    edges = to_hertz(np.linspace(limits[0], limits[1], _BANDS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, _SPAN // 2 + 1)
    widths = np.diff(edges)
    ramps = edges[:, None] - bins[None]
    filters = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]))
    return (filters * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
