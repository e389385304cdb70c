"""Make a voice profile of somebody who reads aloud, and say what to do when the recording is no good for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessions_app.stt.base import SAMPLE_RATE
from sessions_app.stt.clustering import unit
from sessions_app.stt.media import samples_of
from sessions_app.stt.speakers import Stretch, listen, tell_apart
from sessions_app.stt.voice import Region, RegionFinder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Which network and which weights made a vector: vectors of another encoder cannot be compared.
ENCODER = "ge2e-resemblyzer-0.1.4"
LEAST_SPEECH_S = 12.0
LONGEST_S = 60.0
# Speech quieter than this drowns in the noise of an ordinary microphone; ordinary speech lies near -25 dBFS.
QUIETEST_DB = -45.0
_FULL_SCALE = 0.99
MOST_CLIPPED = 0.005
PAUSE_S = 0.25


class NoVoiceProfile(Exception):
    """The recording gives no profile; the message says what to do."""


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """How a voice sounds (a unit vector of 256 numbers) and how many seconds of speech say so."""

    vector: tuple[float, ...]
    seconds: float


def enrol(pcm: bytes) -> VoiceSample:
    """Describe the one voice in up to a minute of PCM16 16 kHz mono; raises NoVoiceProfile."""
    if len(pcm) % 2:
        raise NoVoiceProfile("The recording arrived damaged. Record once more.")
    audio = samples_of(pcm)
    regions = _speech_in(audio)
    speech = [audio[int(region.start * SAMPLE_RATE) : int(region.end * SAMPLE_RATE)] for region in regions]
    seconds = sum(len(one) for one in speech) / SAMPLE_RATE
    _check_level(audio, speech)
    if seconds < LEAST_SPEECH_S:
        raise NoVoiceProfile(
            f"Only {round(seconds)} seconds of speech were heard, {LEAST_SPEECH_S:.0f} are needed. Read the whole text, "
            "without long pauses."
        )
    stretches = listen((region.start, one) for region, one in zip(regions, speech, strict=True))
    if len(tell_apart(stretches)) > 1:
        raise NoVoiceProfile("More than one voice was heard. Read it alone, in a quiet room.")
    return VoiceSample(tuple(round(float(value), 5) for value in _mean(stretches)), round(seconds, 1))


def _speech_in(audio: NDArray[np.float32]) -> list[Region]:
    finder = RegionFinder(pause_s=PAUSE_S)
    return [*finder.feed(audio), *finder.finish()]


def _check_level(audio: NDArray[np.float32], speech: list[NDArray[np.float32]]) -> None:
    import numpy as np

    heard = np.concatenate(speech) if speech else audio
    level = 10 * np.log10(float(np.mean(heard**2)) + 1e-12) if len(heard) else -120.0
    if level < QUIETEST_DB:
        raise NoVoiceProfile(
            "The microphone hears you too quietly. Choose another one, move closer or raise its level, then read again."
        )
    if float(np.mean(np.abs(heard) >= _FULL_SCALE)) > MOST_CLIPPED:
        raise NoVoiceProfile(
            "The sound is distorted because it is too loud. Move away from the microphone or lower its level, then "
            "read again."
        )


def _mean(stretches: list[Stretch]) -> NDArray[np.float32]:
    import numpy as np

    return unit(np.concatenate([stretch.vectors for stretch in stretches]).mean(0))
