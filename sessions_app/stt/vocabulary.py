"""Recognise drug names, and terms known of a session, in what the engine wrote by ear: "be propane" for bupropion.

Every correction is a guess: the word keeps what was heard and a confidence below the doubtful threshold, so that the page
draws it for the practitioner to check. A name that is itself in the vocabulary is never turned into another, and common
words said confidently are never touched. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sessions_app.stt.agreement import bare, ends_sentence
from sessions_app.stt.base import DOUBTFUL_BELOW, Word
from sessions_app.stt.phonetics import likeness, sound_of
from sessions_app.transcripts.clinical_terms import BRANDS, DRUGS, drug_name

LONGEST_WINDOW = 4
# Words further apart than this, in seconds, are not pieces of one name.
LARGEST_GAP_S = 0.5
# The fewer sounds a name has, the more ordinary words come near it ("my back", Mobic): (weight of its sounds, least
# likeness). In 25,000 words of consultations eight runs of common words come within 0.77 of a longer name.
HEAVY = 4.5
LEAST_LIKENESS = ((HEAVY, 0.77), (3.2, 0.85), (0.0, 0.92))
# Of common words in the place of a short name ("snacks", Xanax).
LEAST_LIKENESS_OF_COMMON = 0.92
# Of words that the engine was sure of.
SURE = 0.85
LEAST_LIKENESS_OF_SURE = 0.85
# Terms known of this session need a little less.
KNOWN_OF_SESSION = 0.05
# How much nearer the name must be than the next one that is another drug.
CLEAR = 0.05
# A window of nothing but common words must be doubted on the whole.
DOUBTED_COMMON = 0.75
SHORTEST_TERM = 4
MOST_CONFIDENT_GUESS = DOUBTFUL_BELOW - 0.01


@dataclass(frozen=True, slots=True)
class _Guess:
    likeness: float
    start: int
    end: int
    term: str


class Vocabulary:
    """Hold the names that may be meant: the drugs of `clinical_terms`, and terms known of one session.

    `is_common` tells whether a word, in small letters, is an everyday English one.
    """

    def __init__(self, session_terms: Iterable[str], *, is_common: Callable[[str], bool]) -> None:
        self._is_common = is_common
        self._written = {drug: drug.capitalize() if drug in BRANDS else drug for drug in DRUGS}
        self._of_session = set()
        for term in session_terms:
            for word in term.split():
                name = bare(word)
                if len(name) >= SHORTEST_TERM and (name in DRUGS or not is_common(name)):
                    self._of_session.add(name)
                    self._written.setdefault(name, word.strip(".,;:()"))
        self._sounds = {name: sound_of(name) for name in self._written}

    def corrected(self, words: Sequence[Word]) -> list[Word]:
        """Return the words with each name that was heard as something else put in its place, drawn as doubtful."""
        guesses = sorted(self._guesses(words), key=lambda guess: (-guess.likeness, guess.end - guess.start))
        chosen: dict[int, _Guess] = {}
        taken: set[int] = set()
        for guess in guesses:
            places = set(range(guess.start, guess.end))
            if not places & taken:
                taken |= places
                chosen[guess.start] = guess
        out: list[Word] = []
        place = 0
        while place < len(words):
            here = chosen.get(place)
            out.append(self._instead(words[here.start : here.end], here.term) if here else words[place])
            place = here.end if here else place + 1
        return out

    def _guesses(self, words: Sequence[Word]) -> Iterator[_Guess]:
        names = [bare(word.text) for word in words]
        odd = [not self._is_common(name) for name in names]
        for start in range(len(words)):
            for end in range(start + 1, min(start + LONGEST_WINDOW, len(words)) + 1):
                last = end - 1
                if not names[last] or names[last] in self._written or names[last][0].isdigit():
                    break
                if last > start and (
                    ends_sentence(words[last - 1]) or words[last].start - words[last - 1].end > LARGEST_GAP_S
                ):
                    break
                guess = self._guess(words[start:end], start, any(odd[start:end]))
                if guess:
                    yield guess

    def _guess(self, window: Sequence[Word], start: int, has_odd: bool) -> _Guess | None:
        confidence = sum(word.confidence for word in window) / len(window)
        if not has_odd and (confidence > DOUBTED_COMMON or min(word.confidence for word in window) >= DOUBTFUL_BELOW):
            return None
        heard = sound_of("".join(bare(word.text) for word in window))
        near = sorted(
            (
                (alike, name)
                for name, sound in self._sounds.items()
                if (alike := likeness(heard, sound, at_least=LEAST_LIKENESS[0][1] - KNOWN_OF_SESSION))
            ),
            reverse=True,
        )
        if not near:
            return None
        alike, name = near[0]
        rivals = [other for other, rival in near[1:] if drug_name(rival) != drug_name(name)]
        if alike < self._needed(name, confidence, has_odd) or (rivals and alike - rivals[0] < CLEAR):
            return None
        return _Guess(alike, start, start + len(window), name)

    def _needed(self, name: str, confidence: float, has_odd: bool) -> float:
        weight = self._sounds[name].weight
        needed = next(least for heavier_than, least in LEAST_LIKENESS if weight >= heavier_than)
        if not has_odd and weight < HEAVY:
            needed = LEAST_LIKENESS_OF_COMMON
        if confidence >= SURE:
            needed = max(needed, LEAST_LIKENESS_OF_SURE)
        return needed - KNOWN_OF_SESSION if has_odd and name in self._of_session else needed

    def _instead(self, window: Sequence[Word], name: str) -> Word:
        last = window[-1].text
        mark = last[len(last.rstrip(".,?!;:")) :]
        return Word(
            window[0].start,
            window[-1].end,
            self._written[name] + mark,
            min(MOST_CONFIDENT_GUESS, *(word.confidence for word in window)),
            " ".join(word.text for word in window),
        )
