"""Tell speech from everything else: Silero VAD as a stream, 32 ms at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessions_app.stt.base import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAME = 512
FRAME_S = FRAME / SAMPLE_RATE
_CONTEXT = 64
SPEECH = 0.5
STILL_SPEECH = 0.35


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch with a voice in it, in seconds."""

    start: float
    end: float


class VoiceGate:
    """Give the probability of speech for each 32 ms frame of a stream."""

    def __init__(self) -> None:
        import numpy as np
        from faster_whisper.vad import get_vad_model

        self._session = get_vad_model().session
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)
        self._tail = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)

    def feed(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one probability for each whole frame that the stream holds by now."""
        import numpy as np

        samples = np.concatenate([self._rest, audio])
        whole = len(samples) // FRAME
        self._rest = samples[whole * FRAME :]
        if not whole:
            return np.zeros(0, np.float32)
        frames = samples[: whole * FRAME].reshape(whole, FRAME)
        context = np.empty((whole, _CONTEXT), np.float32)
        context[0] = self._tail
        context[1:] = frames[:-1, -_CONTEXT:]
        self._tail = frames[-1, -_CONTEXT:].copy()
        probability, self._hidden, self._cell = self._session.run(
            None,
            {"input": np.hstack([context, frames]), "h": self._hidden, "c": self._cell},
        )
        return np.asarray(probability, np.float32).reshape(-1)


class RegionFinder:
    """Join frames into regions, bridging pauses shorter than `pause_s` seconds."""

    def __init__(self, *, pause_s: float = 0.25, shortest_s: float = 0.1) -> None:
        self._gate = VoiceGate()
        self._pause_s = pause_s
        self._shortest_s = shortest_s
        self._frames = 0
        self._start: float | None = None
        self._last_voice = 0.0

    @property
    def silent_for(self) -> float:
        """Return how many seconds ago the last voice ended; 0 inside a region."""
        return 0.0 if self._start is not None else self._frames * FRAME_S - self._last_voice

    def feed(self, audio: NDArray[np.float32]) -> Iterator[Region]:
        """Yield each region once it is over."""
        for probability in self._gate.feed(audio):
            begins = self._frames * FRAME_S
            self._frames += 1
            if probability >= (SPEECH if self._start is None else STILL_SPEECH):
                if self._start is None:
                    self._start = begins
                self._last_voice = begins + FRAME_S
            elif self._start is not None and begins + FRAME_S - self._last_voice >= self._pause_s:
                yield from self._close()

    def finish(self) -> Iterator[Region]:
        yield from self._close()

    def _close(self) -> Iterator[Region]:
        if self._start is not None and self._last_voice - self._start >= self._shortest_s:
            yield Region(self._start, self._last_voice)
        self._start = None
