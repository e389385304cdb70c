"""Decide which words of a growing hypothesis may be shown as settled.

LocalAgreement-2 (Macháček, Dabre, Bojar 2023): what two successive readings of the same audio agree
on is committed. Pure: no audio, no clock, no engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from sessions_app.stt.base import Word

LOOP_REPEATS = 4
LOOP_LONGEST_PHRASE = 8
LOOP_SECONDS_PER_WORD = 0.12
ECHO_SECONDS_PER_WORD = 0.15
ECHO_CONFIDENCE = 0.35
SEAM_WORDS = 5
SEAM_SECONDS = 0.6
# No word may stay in doubt for 8 s, and the next reading comes up to 2 s later.
FORCED_AFTER_S = 5.0
SOFT_BUFFER_S = 12.0
HARD_BUFFER_S = 28.0

_NOT_A_LETTER = re.compile(r"[^\w']")
_SENTENCE_END = (".", "?", "!")
_CLOSING = "\"'”’)"


def bare(text: str) -> str:
    """Return the word as it is compared: small letters, digits and apostrophes only."""
    return _NOT_A_LETTER.sub("", text.lower())


def ends_sentence(word: Word) -> bool:
    return word.text.rstrip(_CLOSING).endswith(_SENTENCE_END)


def without_loop(words: Sequence[Word]) -> list[Word]:
    """Keep one round of a phrase the decoder repeats without audio behind it.

    People do say "hours and hours and hours": a loop needs four rounds or more, each faster than
    anybody speaks.
    """
    texts = [bare(word.text) for word in words]
    for length in range(1, LOOP_LONGEST_PHRASE + 1):
        span = length * LOOP_REPEATS
        for start in range(len(texts) - span + 1):
            phrase = texts[start : start + length]
            squeezed = words[start + span - 1].end - words[start].start < (LOOP_SECONDS_PER_WORD * span)
            if squeezed and texts[start : start + span] == phrase * LOOP_REPEATS:
                return list(words[: start + length])
    return list(words)


def without_echo(words: Sequence[Word]) -> list[Word]:
    """Drop a second copy of the last phrase that a short encoder window makes up.

    A copy is cut when its words are squeezed in time or the decoder hardly believed them.
    """
    texts = [bare(word.text) for word in words]
    for length in range(len(words) // 2, 2, -1):
        for start in range(length, len(words) - length + 1):
            if texts[start : start + length] != texts[start - length : start]:
                continue
            copy = words[start : start + length]
            squeezed = copy[-1].end - copy[0].start < ECHO_SECONDS_PER_WORD * length
            doubted = sum(word.confidence for word in copy) / length < ECHO_CONFIDENCE
            if squeezed or doubted:
                return list(words[:start])
    return list(words)


class Agreement:
    """Commit the words on which two successive hypotheses agree.

    A hypothesis is every word the engine hears in the audio it still holds. Committed words are
    never taken back.
    """

    def __init__(self) -> None:
        self.committed: list[Word] = []
        self.pending: list[Word] = []

    @property
    def committed_until(self) -> float:
        """Return the end of the last committed word in seconds, or a time before any audio."""
        return self.committed[-1].end if self.committed else -1.0

    def offer(self, hypothesis: Sequence[Word], *, now: float) -> list[Word]:
        """Take a new hypothesis at `now` seconds of audio and return the newly committed words."""
        words = self._fresh(hypothesis)
        agreed = 0
        while agreed < min(len(words), len(self.pending)) and bare(words[agreed].text) == bare(
            self.pending[agreed].text
        ):
            agreed += 1
        while agreed < len(words) and now - words[agreed].end > FORCED_AFTER_S:
            agreed += 1
        return self._commit(words, agreed)

    def settle(self, hypothesis: Sequence[Word]) -> list[Word]:
        """Commit the whole hypothesis: the speaker has stopped, or the buffer is full."""
        words = self._fresh(hypothesis)
        return self._commit(words, len(words))

    def trim_point(self, buffer_start: float, buffer_end: float) -> float | None:
        """Return the second before which audio is no longer needed, None while all of it is.

        Above 12 s the buffer is cut behind the last committed sentence, else behind the last
        committed word.
        """
        if buffer_end - buffer_start <= SOFT_BUFFER_S:
            return None
        inside = list(takewhile(lambda word: word.end > buffer_start + 1.0, reversed(self.committed)))
        sentences = [word for word in inside if ends_sentence(word)]
        cut_behind = sentences or inside
        return cut_behind[0].end if cut_behind else None

    def must_settle(self, buffer_start: float, buffer_end: float) -> bool:
        """Tell whether the buffer nears the 30 s an encoder window holds."""
        return buffer_end - buffer_start > HARD_BUFFER_S

    def _commit(self, words: list[Word], count: int) -> list[Word]:
        newly = words[:count]
        self.committed.extend(newly)
        self.pending = words[count:]
        return newly

    def _fresh(self, hypothesis: Sequence[Word]) -> list[Word]:
        """Drop what was committed before.

        By end and middle, never by start: after a pause the engine lets the next word begin inside
        the committed one, and a test on the start would eat "I", "my", "how".
        """
        words = without_loop(without_echo(hypothesis))
        until = self.committed_until
        words = [word for word in words if word.end > until + 0.05 and word.middle > until - 0.1]
        for length in range(min(SEAM_WORDS, len(words), len(self.committed)), 0, -1):
            seam = [bare(word.text) for word in self.committed[-length:]]
            if words[0].start < until + SEAM_SECONDS and seam == [bare(word.text) for word in words[:length]]:
                return words[length:]
        return words
