"""Two hearings of one recording, the live pass and the batch pass, word by word: where they differ in what matters.

What matters is a drug, a number, a negation or a name. The words are aligned by time and sound alike: only words that
were said within `REACH_MS` of each other can be the same, so the work grows with the length and not with its square.
Pure: no request, no writing.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sessions_app.transcripts.clinical_terms import DRUGS, drug_name
from sessions_app.transcripts.segments import SURE, Segment, Word, corrected, words_of
from sessions_app.transcripts.spoken_numbers import find_numbers, split_tens

DRUG, NUMBER, NEGATION, NAME = "drug", "number", "negation", "name"

REACH_MS = 2_500  # the live pass times a word up to about 2 s off while a sentence is still open
LONGEST_READING = 12  # words; more is two different sentences, not two readings of one place
MISSED_WORDS = 6  # one pass has nothing where the other has more than this: it was not listening, it does not differ
CONTEXT_WORDS = 4
# Costs of an alignment: leave a word out, put one word for another, put the same word at another time.
SKIP, CHANGE, LATE = 1.0, 1.4, 0.3
NEGATIONS = frozenset(
    (
        "no",
        "not",
        "never",
        "denies",
        "denied",
        "deny",
        "without",
        "none",
        "nothing",
        "nobody",
        "neither",
        "nor",
        "cannot",
    )
)
# Words that begin with a capital in the middle of a sentence and name nobody.
NO_NAMES = frozenset(("i'm", "i've", "i'd", "i'll", "mrs", "dr", "yes", "yeah", "okay"))
SAME_WORD = {"okay": "ok", "alright": "right", "mom": "mum", "yep": "yeah", "yes": "yeah"}
_DIGITS = re.compile(r"\d+(?:[.,/]\d+)*")
_EDGES = '.,?!;:"“”()…-–'


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pass heard at a place: its words, how sure it was of them (0 to 1), and the words around them."""

    text: str
    confidence: float | None
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where the passes differ; times in ms on the recording clock, `segment` the batch pass's."""

    kind: str
    start_ms: int
    end_ms: int
    segment: int
    live: Reading
    batch: Reading
    id: int = 0
    choice: Mapping[str, Any] | None = None

    @property
    def is_open(self) -> bool:
        return self.choice is None or bool(self.choice.get("is_undone"))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PlaceOfReading:
    """Where the batch pass's words of a difference stand now: a segment and a range of its words."""

    segment: Segment
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Token:
    """One word for comparing. `number` is the number a run of words says, on each of its words."""

    norm: str
    raw: str
    start_ms: int
    end_ms: int
    confidence: float
    segment: int
    opens: bool
    number: str

    @property
    def is_negation(self) -> bool:
        return self.norm in NEGATIONS or self.norm.endswith("n't")

    def is_name(self, known: frozenset[str]) -> bool:
        if self.norm in DRUGS:
            return False
        if self.norm.removesuffix("'s") in known:
            return True
        return self.raw[:1].isupper() and not self.opens and len(self.norm) > 2 and self.norm not in NO_NAMES


def differences(live: Sequence[Segment], batch: Sequence[Segment], *, names: Iterable[str] = ()) -> list[Difference]:
    """Return where the live and the batch pass differ in a drug, number, negation or name, in order.

    `names` are those known to be said: of the patient, the doctor, the clinic's vocabulary. Nothing without live words.
    """
    ours, theirs = _tokens(live), _tokens(batch)
    if not ours or not theirs:
        return []
    known = frozenset(part.lower() for name in names for part in name.split() if len(part) > 2)
    runs = _unequal_runs(ours, theirs, _aligned(ours, theirs))
    found = (_difference(ours, theirs, run, known) for run in runs)
    return [replace(one, id=number) for number, one in enumerate((one for one in found if one), start=1)]


def readings_from(stored: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """Return the differences of a transcription as they are kept."""
    return [
        Difference(**{**entry, "live": Reading(**entry["live"]), "batch": Reading(**entry["batch"])})
        for entry in stored
    ]


def find_place(reading: Difference, segments: Iterable[Segment]) -> PlaceOfReading | None:
    """Return where the batch words of a difference stand, or None when they were changed meanwhile."""
    wanted = [_normal(word) for word in reading.batch.text.split()]
    for segment in segments:
        if segment["end_ms"] < reading.start_ms or segment["start_ms"] > reading.end_ms:
            continue
        words = words_of(segment)
        if not wanted:
            place = bisect_left([word["start_ms"] for word in words], reading.start_ms)
            around = _normal(words[place - 1]["text"]) if place else ""
            if words and around == _normal(reading.batch.before.rpartition(" ")[2]):
                return PlaceOfReading(segment, place, place)
            continue
        for first in range(len(words) - len(wanted) + 1):
            run = words[first : first + len(wanted)]
            is_there = run[0]["start_ms"] <= reading.end_ms and run[-1]["end_ms"] >= reading.start_ms
            if is_there and [_normal(word["text"]) for word in run] == wanted:
                return PlaceOfReading(segment, first, first + len(wanted))
    return None


def apply_reading(place: PlaceOfReading, text: str) -> Segment:
    """Return the segment with a text at the place of a difference; its words count as sure. Raises NotCorrectable."""
    texts = [word["text"] for word in words_of(place.segment)]
    new = _fitted(texts, place, text.split())
    changed = corrected(place.segment, text=" ".join([*texts[: place.first], *new, *texts[place.last :]]))
    settled = range(place.first, place.first + len(new))
    words = [
        {**word, "confidence": SURE} if number in settled else word for number, word in enumerate(changed["words"])
    ]
    return {**changed, "words": words}


def terms_in(text: str) -> set[str]:
    """Return the numbers, as digits, and the drugs, by their generic names, that a text holds."""
    words = split_tens(text).split()
    numbers = {str(value) for _, _, value in find_numbers(words)} | set(_DIGITS.findall(text))
    return numbers | {drug_name(word) for word in map(_normal, words) if word in DRUGS}


def _fitted(texts: Sequence[str], place: PlaceOfReading, new: Sequence[str]) -> list[str]:
    """Return the words of a reading with the capital and the closing mark of those they stand for."""
    if not new:
        return []
    words = list(new)
    if place.first < place.last:
        last = texts[place.last - 1]
        words[-1] = words[-1].rstrip(".,?!;:") + last[len(last.rstrip(".,?!;:")) :]
        is_start = place.first == 0 or texts[place.first - 1][-1:] in ".?!"
        if is_start and texts[place.first][:1].isupper():
            words[0] = words[0][:1].upper() + words[0][1:]
    return words


def _tokens(segments: Sequence[Segment]) -> list[_Token]:
    """Return the words of a pass in the order they were said."""
    tokens: list[_Token] = []
    for segment in segments:
        words = [part for word in _timed(segment) for part in _parts(word)]
        numbers = {
            place: str(value)
            for start, end, value in find_numbers([word["text"] for word in words])
            for place in range(start, end)
        }
        before = "."
        for place, word in enumerate(words):
            digits = _DIGITS.search(word["text"])
            tokens.append(
                _Token(
                    norm=_normal(word["text"]),
                    raw=word["raw"],
                    start_ms=word["start_ms"],
                    end_ms=word["end_ms"],
                    confidence=word.get("confidence") or 0.0,
                    segment=segment["id"],
                    opens=before[-1:] in ".?!…",
                    number=digits.group().replace(",", "") if digits else numbers.get(place, ""),
                )
            )
            before = word["text"]
    return sorted((token for token in tokens if token.norm), key=lambda token: token.start_ms)


def _timed(segment: Segment) -> list[Word]:
    """Return the words of a segment; without any of its own they share its time evenly."""
    if words := words_of(segment):
        return words
    texts = segment["text"].split()
    step = (segment["end_ms"] - segment["start_ms"]) / max(1, len(texts))
    return [
        {
            "text": text,
            "start_ms": round(segment["start_ms"] + step * place),
            "end_ms": round(segment["start_ms"] + step * (place + 1)),
            "confidence": segment.get("confidence"),
        }
        for place, text in enumerate(texts)
    ]


def _parts(word: Word) -> list[Word]:
    """Return `twenty-five` as two words to compare; the first one carries the whole as it was written."""
    texts = split_tens(word["text"]).split()
    return [{**word, "text": text, "raw": "" if place else word["text"]} for place, text in enumerate(texts)]


def _normal(word: str) -> str:
    plain = word.lower().replace("’", "'").strip(_EDGES + "'")
    return SAME_WORD.get(plain, plain)


def _aligned(ours: Sequence[_Token], theirs: Sequence[_Token]) -> list[tuple[int, int]]:
    """Return the pairs (place in ours, place in theirs) of the cheapest alignment that hold the same word.

    Edit distance in a band: row i holds the columns whose words were said within REACH_MS of our word i.
    """
    starts = [token.start_ms for token in theirs]
    low = [bisect_left(starts, token.start_ms - REACH_MS) for token in ours]
    high = [bisect_right(starts, token.start_ms + REACH_MS) for token in ours]
    lows = [0, *low[1:], low[-1]]
    highs = [high[0], *high]
    highs = [max(here, *lows[row + 1 : row + 2]) for row, here in enumerate(highs[:-1])] + [len(theirs)]
    costs = [SKIP * column for column in range(highs[0] + 1)]
    moves = [bytes([_LEFT]) * len(costs)]
    for row, token in enumerate(ours, start=1):
        costs, came_by = _next_row(token, theirs, costs, lows[row - 1], lows[row], highs[row])
        moves.append(came_by)
    return _walk_back(ours, theirs, moves, lows)


_DIAGONAL, _UP, _LEFT = 0, 1, 2
_FAR = float("inf")


def _next_row(
    token: _Token, theirs: Sequence[_Token], above: list[float], above_low: int, low: int, high: int
) -> tuple[list[float], bytes]:
    costs: list[float] = []
    moves = bytearray()
    left = _FAR
    width = len(above)
    norm, start_ms = token.norm, token.start_ms
    for column in range(low, high + 1):
        place = column - above_low
        best, move = left + SKIP, _LEFT
        if place < width:
            if above[place] + SKIP < best:
                best, move = above[place] + SKIP, _UP
            if place > 0:
                other = theirs[column - 1]
                step = CHANGE
                if other.norm == norm:
                    step = LATE * min(1.0, abs(other.start_ms - start_ms) / REACH_MS)
                if above[place - 1] + step < best:
                    best, move = above[place - 1] + step, _DIAGONAL
        elif place == width and width and above[place - 1] + CHANGE < best:
            best, move = above[place - 1] + CHANGE, _DIAGONAL
        costs.append(best)
        moves.append(move)
        left = best
    return costs, bytes(moves)


def _walk_back(
    ours: Sequence[_Token], theirs: Sequence[_Token], moves: Sequence[bytes], lows: Sequence[int]
) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    row, column = len(ours), len(theirs)
    while row or column:
        move = moves[row][column - lows[row]]
        if move == _DIAGONAL:
            row, column = row - 1, column - 1
            if ours[row].norm == theirs[column].norm:
                pairs.append((row, column))
        elif move == _UP:
            row -= 1
        else:
            column -= 1
    return pairs[::-1]


def _unequal_runs(
    ours: Sequence[_Token], theirs: Sequence[_Token], pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[range, range]]:
    """Yield the runs between the words both have. The parts of a number stay together: fifty is not in fifty five."""
    # A pair inside a number that the passes hear differently is no common word.
    common = [
        (i, j) for i, j in pairs if not (ours[i].number or theirs[j].number) or ours[i].number == theirs[j].number
    ]
    i = j = 0
    for next_i, next_j in [*common, (len(ours), len(theirs))]:
        if next_i > i or next_j > j:
            yield range(i, next_i), range(j, next_j)
        i, j = next_i + 1, next_j + 1


def _difference(
    ours: Sequence[_Token], theirs: Sequence[_Token], run: tuple[range, range], known: frozenset[str]
) -> Difference | None:
    live, batch = ([tokens[place] for place in places] for tokens, places in zip((ours, theirs), run, strict=True))
    shorter, longer = sorted((len(live), len(batch)))
    if longer > LONGEST_READING or (shorter == 0 and longer > MISSED_WORDS):
        return None
    kind = _kind(live, batch, known)
    if kind is None or len({token.segment for token in batch}) > 1:
        return None
    before = theirs[run[1].start - 1] if run[1].start else None
    after = theirs[run[1].stop] if run[1].stop < len(theirs) else None
    near = batch[0] if batch else before or after
    assert near is not None
    return Difference(
        kind=kind,
        start_ms=batch[0].start_ms if batch else (before.end_ms if before else near.start_ms),
        end_ms=batch[-1].end_ms if batch else (after.start_ms if after else near.end_ms),
        segment=near.segment,
        live=_reading(ours, run[0]),
        batch=_reading(theirs, run[1]),
    )


def _kind(live: Sequence[_Token], batch: Sequence[_Token], known: frozenset[str]) -> str | None:
    """Return what the two differ in, the gravest first; None when it does not matter."""

    def differs(what: Any) -> bool:
        return {found for token in live if (found := what(token))} != {
            found for token in batch if (found := what(token))
        }

    if differs(lambda token: token.number):
        return NUMBER
    if differs(lambda token: drug_name(token.norm) if token.norm in DRUGS else ""):
        return DRUG
    if differs(lambda token: token.is_negation):
        return NEGATION
    if live and batch and differs(lambda token: token.norm if token.is_name(known) else ""):
        return NAME
    return None


def _reading(tokens: Sequence[_Token], places: range) -> Reading:
    inside = [tokens[place] for place in places]
    before = tokens[max(0, places.start - CONTEXT_WORDS) : places.start]
    after = tokens[places.stop : places.stop + CONTEXT_WORDS]
    return Reading(
        text=_joined(inside),
        confidence=round(sum(token.confidence for token in inside) / len(inside), 3) if inside else None,
        before=_joined(before),
        after=_joined(after),
    )


def _joined(tokens: Iterable[_Token]) -> str:
    return " ".join(token.raw for token in tokens if token.raw)
