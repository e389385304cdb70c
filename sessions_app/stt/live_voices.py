"""Name the speaker of each finished live segment, from what was heard so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessions_app.stt import voiceprint
from sessions_app.stt.base import SAMPLE_RATE, UNKNOWN, Word
from sessions_app.stt.clustering import find_voices, unit
from sessions_app.stt.roles import role_by_profile, roles_by_profile, roles_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A segment shorter than this holds too little of a voice to name it.
SHORTEST_S = 0.8
KEPT_S = 30.0
MOST_WINDOWS = 2
# Voices are told apart anew when there is this much more to go by, so that the cost of it does not grow.
GROWTH = 1.2


class LiveVoices:
    """Remember how each segment sounded and what was said in it; times in seconds of the recording."""

    def __init__(self, start_s: float, *, doctor_voice: Sequence[float] = ()) -> None:
        self._doctor_voice = doctor_voice
        self._recent: deque[NDArray[np.float32]] = deque()
        self._recent_start = start_s
        self._kept = 0
        self._vectors: list[NDArray[np.float32]] = []
        self._seconds: list[float] = []
        self._texts: list[str] = []
        self._means: NDArray[np.float32] | None = None
        self._roles: dict[int, str] = {}
        self._told_apart_at = 0

    def hear(self, audio: NDArray[np.float32]) -> None:
        """Keep the last half minute of the stream."""
        self._recent.append(audio)
        self._kept += len(audio)
        while self._kept - len(self._recent[0]) >= KEPT_S * SAMPLE_RATE:
            dropped = len(self._recent.popleft())
            self._kept -= dropped
            self._recent_start += dropped / SAMPLE_RATE

    def speaker_of(self, words: Sequence[Word]) -> str:
        """Return the role of the voice that said these words, unknown until it is clear who is who."""
        audio = self._cut(words[0].start, words[-1].end)
        if len(audio) < SHORTEST_S * SAMPLE_RATE:
            return UNKNOWN
        vector = _voice_in(audio)
        self._vectors.append(vector)
        self._seconds.append(len(audio) / SAMPLE_RATE)
        self._texts.append(" ".join(word.text for word in words))
        if self._means is None or len(self._vectors) >= GROWTH * self._told_apart_at:
            self._tell_apart()
        assert self._means is not None
        if self._doctor_voice and len(self._means) == 1:
            return role_by_profile(vector, self._doctor_voice)
        return self._roles.get(int((self._means @ vector).argmax()), UNKNOWN)

    def _tell_apart(self) -> None:
        import numpy as np

        vectors = np.stack(self._vectors)
        self._told_apart_at = len(vectors)
        self._means = find_voices(vectors, np.array(self._seconds))
        labels = (vectors @ self._means.T).argmax(1).tolist()
        in_order = list(dict.fromkeys(labels))
        roles = roles_by_profile(self._means[in_order], self._doctor_voice) if self._doctor_voice else None
        said = [
            " ".join(text for own, text in zip(labels, self._texts, strict=True) if own == label) for label in in_order
        ]
        self._roles = dict(zip(in_order, roles or roles_of(said), strict=True))

    def _cut(self, start_s: float, end_s: float) -> NDArray[np.float32]:
        import numpy as np

        first, last = (max(0, int((second - self._recent_start) * SAMPLE_RATE)) for second in (start_s, end_s))
        return np.concatenate([np.zeros(0, np.float32), *self._recent])[first:last]


def _voice_in(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one unit vector for a segment, from up to two windows in it."""
    import numpy as np

    window = int(voiceprint.WINDOW_S * SAMPLE_RATE)
    surplus = max(0, len(audio) - window)
    places = np.linspace(0, surplus, min(MOST_WINDOWS, 1 + surplus // window)).astype(int)
    # One by one: for a single window numpy multiplies a vector, which costs a quarter of what two at once cost.
    vectors = [voiceprint.embed([audio[first : first + window]])[0] for first in places]
    return unit(np.mean(vectors, axis=0))
