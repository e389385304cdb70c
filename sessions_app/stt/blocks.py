"""Cut a recording of any length into blocks that end where nobody speaks, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sessions_app.stt.base import SAMPLE_RATE, AudioSource
from sessions_app.stt.media import read_pcm, samples_of
from sessions_app.stt.voice import Region, RegionFinder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CUT_SILENCE_S = 0.6
# A turn often follows the one before after less than a quarter of a second.
REGION_PAUSE_S = 0.16


class Block:
    """A stretch of the recording and where voices are in it; times in seconds of the recording."""

    def __init__(self, audio: NDArray[np.float32], start_s: float, regions: Sequence[Region]) -> None:
        self.audio = audio
        self.start_s = start_s
        self.end_s = start_s + len(audio) / SAMPLE_RATE
        self.regions = regions

    def cut(self, region: Region) -> NDArray[np.float32]:
        first = int((region.start - self.start_s) * SAMPLE_RATE)
        return self.audio[max(0, first) : int((region.end - self.start_s) * SAMPLE_RATE)]


def blocks_of(source: AudioSource, *, aim_s: float, limit_s: float) -> Iterator[Block]:
    """Yield blocks of at least `aim_s` and at most `limit_s` seconds that end in silence where there is any."""
    import numpy as np

    finder = RegionFinder(pause_s=REGION_PAUSE_S)
    held: list[NDArray[np.float32]] = []
    regions: list[Region] = []
    length = start = 0
    for pcm in read_pcm(source):
        # Seconds, not the whole piece, so that a short silence in its middle is seen.
        for piece in _pieces(samples_of(pcm)):
            held.append(piece)
            length += len(piece)
            regions += finder.feed(piece)
            seconds = length / SAMPLE_RATE
            if (seconds >= aim_s and finder.silent_for >= CUT_SILENCE_S) or seconds >= limit_s:
                regions += finder.finish()
                yield Block(np.concatenate(held), start / SAMPLE_RATE, regions)
                start += length
                length, held, regions = 0, [], []
    regions += finder.finish()
    if held:
        yield Block(np.concatenate(held), start / SAMPLE_RATE, regions)


def _pieces(audio: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for first in range(0, len(audio), SAMPLE_RATE // 2):
        yield audio[first : first + SAMPLE_RATE // 2]
