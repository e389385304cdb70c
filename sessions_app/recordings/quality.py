"""How usable a recording is: what is measured while its sound passes by, the score made of it, and advice in words.

Levels are in dBFS (0 is the loudest a sample can be) over frames of 20 ms. PCM is 16-bit mono at 16 kHz.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PEAKS = 1_000

_FULL_SCALE = 32_768.0
_CLIPPED = 32_700
_NO_SOUND_DBFS = -70.0  # quieter than any room: a muted or gated microphone
_SPEECH_ABOVE_NOISE_DB = 9.0
_QUIETEST_SPEECH_DBFS = -55.0

# Where advice begins, by ear and by word errors on the recordings the product ships and is measured with: those read
# well have speech at -14 to -32 dBFS, 27 dB or more above the noise; one made with noise at 10 dB measures 15 here.
FAR_BELOW_DBFS = -38.0
NOISY_BELOW_DB = 18.0
CLIPPED_ABOVE = 0.001
LITTLE_SPEECH_BELOW = 0.05


@dataclass(frozen=True)
class Quality:
    """The parts of the score. `speech_dbfs` and `distance_db` are None when no speech was found."""

    speech_dbfs: float | None
    noise_dbfs: float
    distance_db: float | None
    clipped_share: float
    speech_share: float
    lost_s: float = 0.0

    def score(self, duration_s: float) -> float:
        """Return how usable the sound is, 0 to 1; 0 without speech.

        0.45 for the distance of speech from noise (5 dB counts nothing, 30 dB full), 0.2 for its level (-55 dBFS
        nothing, -30 full), 0.25 for samples that do not clip (1 % clipped counts nothing), 0.1 for being complete (a
        twentieth lost counts nothing). The weights follow what costs words: noise first.
        """
        if self.speech_dbfs is None or self.distance_db is None:
            return 0.0
        distance = _between(self.distance_db, 5, 30)
        level = _between(self.speech_dbfs, _QUIETEST_SPEECH_DBFS, -30)
        clean = 1 - _between(self.clipped_share, 0, 0.01)
        lost_share = self.lost_s / (duration_s + self.lost_s) if self.lost_s else 0.0
        complete = 1 - _between(lost_share, 0, 0.05)
        return round(0.45 * distance + 0.2 * level + 0.25 * clean + 0.1 * complete, 3)


def quality_of(stored: Mapping[str, Any]) -> Quality | None:
    """Return the quality a session keeps; None for one that was never measured."""
    names = [field.name for field in fields(Quality)]
    return Quality(**{name: stored[name] for name in names}) if all(name in stored for name in names) else None


def advice_of(quality: Quality) -> list[str]:
    """Return what to do better next time, most important first; empty when the sound is good."""
    advice = []
    if quality.speech_dbfs is None or quality.distance_db is None:
        advice.append("No speech was found. Check that the right microphone is chosen and not muted.")
    else:
        if quality.speech_dbfs < FAR_BELOW_DBFS:
            advice.append(
                f"The microphone was far away: speech is at {decibels(quality.speech_dbfs)}. Put it within an "
                "arm’s length."
            )
        if quality.distance_db < NOISY_BELOW_DB:
            advice.append(
                f"It was loud in the room: noise is only {round(quality.distance_db)} dB below speech. Switch off a "
                "fan or an air conditioner, or put the microphone closer."
            )
        if quality.speech_share < LITTLE_SPEECH_BELOW:
            advice.append(f"Little speech was heard: {_percent(quality.speech_share)} of the recording.")
    if quality.clipped_share > CLIPPED_ABOVE:
        advice.append(
            f"Part of the sound is clipped ({_percent(quality.clipped_share)}). Turn the microphone down, or move it "
            "away a little."
        )
    if quality.lost_s >= 1:
        advice.append(f"{round(quality.lost_s)} s were lost. The transcript shows where.")
    return advice


class Meter:
    """Measures level and quality of PCM while it passes by; `pcm_bytes` is its whole length."""

    def __init__(self, pcm_bytes: int) -> None:
        self._per_peak = max(1, -(-pcm_bytes // 2 // PEAKS))
        self._peaks: list[float] = []
        self._peak, self._peak_samples = 0.0, 0
        self._levels: list[float] = []
        self._clipped = 0
        self._samples = 0

    def hear(self, samples: "NDArray[np.int16]") -> None:
        """Take the next samples, 20 ms at a time."""
        import numpy as np

        loud = np.abs(samples.astype(np.float32))
        self._samples += len(samples)
        self._clipped += int((loud >= _CLIPPED).sum())
        self._levels.append(float(np.mean((loud / _FULL_SCALE) ** 2)))
        self._peak = max(self._peak, float(loud.max(initial=0.0)) / _FULL_SCALE)
        self._peak_samples += len(samples)
        if self._peak_samples >= self._per_peak:
            self._peaks.append(round(min(1.0, self._peak), 3))
            self._peak, self._peak_samples = 0.0, self._peak_samples - self._per_peak

    def peaks(self) -> list[float]:
        """Return up to 1,000 levels from 0 to 1."""
        return [*self._peaks, round(min(1.0, self._peak), 3)][:PEAKS] if self._peak_samples else self._peaks[:PEAKS]

    def quality(self) -> Quality:
        """Return what was measured. No voice detector: a frame counts as speech when it is 9 dB above the noise, which
        is the level of the quietest tenth."""
        import numpy as np

        if not self._levels:
            return Quality(None, _NO_SOUND_DBFS, None, 0.0, 0.0)
        power = np.array(self._levels)
        levels = 10 * np.log10(np.maximum(power, 1e-12))
        noise = max(_NO_SOUND_DBFS, float(np.percentile(levels, 10)))
        is_speech = levels >= max(noise + _SPEECH_ABOVE_NOISE_DB, _QUIETEST_SPEECH_DBFS)
        clipped = self._clipped / self._samples
        if not is_speech.any():
            return Quality(None, round(noise, 1), None, round(clipped, 5), 0.0)
        speech = 10 * float(np.log10(power[is_speech].mean()))
        return Quality(
            speech_dbfs=round(speech, 1),
            noise_dbfs=round(noise, 1),
            distance_db=round(speech - noise, 1),
            clipped_share=round(clipped, 5),
            speech_share=round(float(is_speech.mean()), 3),
        )


def _between(value: float, nothing: float, full: float) -> float:
    """Return where a value lies between two others, 0 to 1."""
    return min(1.0, max(0.0, (value - nothing) / (full - nothing)))


def decibels(value: float) -> str:
    """Write a level: `−38 dBFS`."""
    return f"{round(value)} dBFS".replace("-", "−")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{round(100 * share)} %"
