"""Sentence boundaries: by punctuation, and by a small model where a speech engine gave none."""

import re
from functools import cache
from typing import Any, TypeVar
from zlib import crc32

from .weights import load_weights
from .words import word_list

_Entry = TypeVar("_Entry")
BUCKETS = 2**17
_LONGEST_WHOLE = 9  # words; a shorter piece is never split by the model
_LONGEST_SENTENCE = 24  # words; beyond it even an unlikely boundary is taken
_LONGEST_READ = 300  # words; reading takes the square of a length, so what nobody says in a breath is read in pieces
_LONGEST_REGION = 6  # words of `_EXAMINED_REGION`
_SHORTEST_PART = 5
_SHORTEST_STATEMENT = 4  # words; shorter utterances are nods and silence
_LEAST_LIKELY_CUT = -3.0  # log odds
_OPENERS = frozenset(("i", "so", "and", "but", "we", "there", "you", "it", "he", "she", "they", "now", "let"))
# What a spoken statement begins with, by its next words, unless a conjunction comes just before.
_BEGINNING = re.compile(
    r"(?:i (?:want|would like|am going|will|think|do not|did|know|see|hear|have|also|just|feel|get|was|am)|i'(?:m|d|ll|ve)|"
    r"we(?:'re|'ll| are| will| can| should| did| have) |"
    r"(?:on|upon|for) (?:the|your|my|his|her) (?:\w+ ){0,2}(?:exam|examination|problem|issue|concern)\b|"
    r"(?:on|with) (?:your |the )?(?:physical )?(?:exam|examination)\b|"
    r"there(?:'s| is| are) (?:no|some|a|an|any|also)|your (?:blood|heart|lungs?|vital|temperature)|"
    r"you (?:do|have|are|can|should|need|may)\b|you'(?:re|ve|ll)|let's|let us|okay|alright|all right|"
    r"does (?:it|that|this)|do you|are you|have you|how (?:is|are|about|long|often)|any (?:other|pain)|"
    r"(?:so|and|but|then|now) (?:i|we|you|it|he|she|they|there|let's|for|on|what|are|do|does|have|how)\b)"
)
_EXAMINED_REGION = re.compile(r"(?:and |now |then )?(?:on|upon) (?:the|your|his|her)? ?(?:\w+ ){1,2}exam(?:ination)?\b")
_ASKING = re.compile(r"(?:are|do|have|did) you (?:\w+|$)|any other \w+")
_NEVER_BEFORE_BEGINNING = frozenset(
    word_list(
        "why and but or so because if when that what where how which who whether while as than like since before "
        "after until think know said believe guess sure wish hope mean feel see told tell say says make makes "
        "then now the a an"
    )
)
_NEVER_LAST = frozenset(
    word_list(
        "the a an my your his her our their and or but if because that's it's he's she's i'm you're we're "
        "they're there's of with i he she we they is are was were very really some any no into from than "
        "which who whose while as i'll we'll you'll i've we've i'd gonna its every each"
    )
)
_BEGINNING_BONUS, _NEVER = 2.0, -9.0  # log odds
_END = re.compile(
    r"(?<=[.?!])(?<!\b[Dd]r\.)(?<!\b[MmDd]r \.)(?<!\b[Mm]r\.)(?<!\b[Mm]s\.)(?<!\b[Mm]rs\.)(?<!\b[Mm]s \.)(?<!\b[Mm]rs \.)[\"']?\s+(?=\S)"
)


_END_INSIDE = re.compile(r"[.?!][\"']?\s")  # found much faster than `_END`, which looks back at every place
_END_MARK = re.compile(r"[.?!](?=\s|$)")
_POINT_APART = re.compile(r"(?<=\d) \. (?=\d)")  # "4 . 4 centimeters": a number that was cut into words


def _bucket(feature: str) -> int:
    return crc32(feature.encode()) % BUCKETS


def gap_features(words: list[str], place: int, run: int) -> list[int]:
    """Return the feature buckets of the gap after `words[place]`; `run` counts the words since the last boundary."""

    def word(index: int) -> str:
        return words[index] if 0 <= index < len(words) else "_"

    first, before, here, after, beyond, last = (word(place + offset) for offset in range(-2, 4))
    left = min(len(words) - place - 1, 6)
    return [
        _bucket(feature)
        for feature in (
            f"0{here}",
            f"1{after}",
            f"2{here} {after}",
            f"3{before} {here}",
            f"4{after} {beyond}",
            f"5{before} {after}",
            f"6{here} {beyond}",
            f"7{min(run, 12)}",
            f"8{after}{min(run // 3, 5)}",
            f"9{before} {here} {after}",
            f"a{here} {after} {beyond}",
            f"b{after} {beyond} {last}",
            f"c{beyond}",
            f"d{before}",
            f"e{first} {before} {here}",
            f"f{beyond} {last}",
            f"g{here[-3:]} {after}",
            f"h{left}",
            f"i{here[-2:]} {after} {beyond}",
            f"j{here[-3:]}",
        )
    ]


@cache
def _model() -> tuple[Any, float]:
    weights = load_weights("boundary")
    return weights["w"].astype("float32"), float(weights["b"])


def is_punctuated(texts: list[str]) -> bool:
    """Say whether the speech engine gave punctuation: at least one end mark in 25 words of the utterances that are statements."""
    said = " ".join(text for text in texts if len(text.split()) >= _SHORTEST_STATEMENT)
    return len(_END_MARK.findall(said)) * 25 >= len(said.split())


def split_sentences(text: str, *, threshold: float = -1.0, use_model: bool = True) -> list[str]:
    """Return the sentences of one utterance. The threshold is on the model's log odds; lower splits more."""
    sentences: list[str] = []
    if " . " in text:
        text = _POINT_APART.sub(".", text)
    for piece in _END.split(text) if _END_INSIDE.search(text) else [text]:
        words = piece.split()
        if use_model and len(words) > _LONGEST_WHOLE:
            sentences.extend(_split_by_model(words, threshold))
        elif len(words) <= _LONGEST_READ:
            sentences.append(piece)
        else:
            sentences.extend(" ".join(part) for part in _in_parts(words))
    return [sentence for sentence in sentences if sentence.strip(" .?!,")]


def _split_by_model(words: list[str], threshold: float) -> list[str]:
    weights, bias = _model()
    lowered = [word.lower().strip(",") for word in words]
    sentences: list[list[str]] = []
    scores: list[list[float]] = []
    current, inside = [words[0]], list[float]()
    run = 0
    for place in range(len(words) - 1):
        run += 1
        score = _NEVER
        is_region = len(current) <= _LONGEST_REGION and _EXAMINED_REGION.fullmatch(" ".join(current).lower())
        is_open = lowered[place] in _NEVER_LAST or is_region
        if not is_open:
            score = float(weights[gap_features(lowered, place, run)].sum() + bias) + _by_rule(lowered, place)
        if run >= 2 and score > threshold:
            sentences.append(current)
            scores.append(inside)
            current, inside, run = [], [], 0
        else:
            inside.append(score)
        current.append(words[place + 1])
    sentences.append(current)
    scores.append(inside)
    return [
        " ".join(piece) for sentence, gaps in zip(sentences, scores, strict=True) for piece in _cut_long(sentence, gaps)
    ]


def _by_rule(words: list[str], place: int) -> float:
    """Return what the rules add to the log odds of a boundary after `words[place]`."""
    if _EXAMINED_REGION.match(" ".join(words[place + 1 : place + 7])):
        return 2 * _BEGINNING_BONUS
    if words[place] not in _NEVER_BEFORE_BEGINNING and _ASKING.match(" ".join(words[place + 1 : place + 4])):
        return 2 * _BEGINNING_BONUS
    if words[place] in _NEVER_BEFORE_BEGINNING or not _BEGINNING.match(" ".join(words[place + 1 : place + 7])):
        return 0.0
    return _BEGINNING_BONUS


def _cut_long(words: list[str], gaps: list[float]) -> list[list[str]]:
    """Cut what is too long for one sentence where a boundary is most likely; `gaps` are the scores between the words."""
    pieces: list[list[str]] = []
    # A list, not a call in a call: the same word a thousand times is cut a thousand times.
    waiting = list(zip(_in_parts(words), _in_parts([*gaps, _NEVER]), strict=True))[::-1]
    while waiting:
        words, gaps = waiting.pop()
        best = _likeliest_cut(words, gaps)
        if best is None:
            pieces.append(words)
        else:
            waiting += [(words[best + 1 :], gaps[best + 1 :]), (words[: best + 1], gaps[:best])]
    return pieces


def _in_parts(entries: list[_Entry]) -> list[list[_Entry]]:
    return [entries[start : start + _LONGEST_READ] for start in range(0, max(1, len(entries)), _LONGEST_READ)]


def _likeliest_cut(words: list[str], gaps: list[float]) -> int | None:
    """Return the place after which to cut; None when the words may stay one sentence."""
    if len(words) <= _LONGEST_SENTENCE:
        return None
    inner = range(_SHORTEST_PART - 1, len(words) - _SHORTEST_PART)
    best = max(inner, key=lambda place: gaps[place] + (0.5 if words[place + 1].lower() in _OPENERS else 0.0))
    return None if gaps[best] < _LEAST_LIKELY_CUT else best
