"""Whether a clause says the same as the words it was taken from, or their opposite: counted clause by clause."""

import re
from collections.abc import Iterable, Sequence

from .textnorm import STOPWORDS, stem, tokens

_CLAUSES = re.compile(r"[.;:?!]+|, (?=and |but |so )|,? \b(?:but|because|although|while|whereas|who|which|that)\b ")
_NEGATORS = frozenset(
    (
        "no",
        "not",
        "never",
        "none",
        "cannot",
        "without",
        "denies",
        "denied",
        "deny",
        "neither",
        "nor",
        "nothing",
        "nobody",
    )
)
# "No, I have a son" answers a question, "Prozac, no, Lexapro" corrects oneself: neither negates what follows.
_ANSWERING_NO = re.compile(r"^(?:no|nope|nah)\b(?: ?,| (?=(?:i|we|he|she|they|it|you|my|that|there)\b))|(?<=, )no(?=,)")
_FEWEST_WORDS = 2  # content words a clause needs to be compared at all
_NEEDED_SHARE = 0.8  # of its content words that must stand close together in the cited words
_SPREAD = 4  # words by which the same clause may be longer as it was said
_BEFORE = 4  # words before it in which a negation may belong to it
_AFTER = 2  # and after it


def turned_clause(sentence: str, said: Iterable[str]) -> tuple[str, ...]:
    """Return the content words of the first clause that is negated where the statements said it is not, or the reverse.

    `said` are the cited statements, each cleaned text; questions and bare answers are no statements. A clause that is
    also found with its own polarity is not turned. Empty when nothing is.
    """
    statements = [tokens(_plain(text)) for text in said]
    for clause in _CLAUSES.split(_plain(sentence)):
        words = tokens(clause)
        content = [stem(word) for word in words if _is_content(word)]
        if len(content) < _FEWEST_WORDS:
            continue
        found = {polarity for statement in statements for polarity in _polarities(content, len(words), statement)}
        negated = any(word in _NEGATORS for word in words)
        if found and negated not in found:
            return tuple(word for word in words if _is_content(word))
    return ()


def without_answering_no(text: str) -> str:
    """Return a text in lower case without a `no` that answers a question or corrects oneself."""
    return _ANSWERING_NO.sub("", text) if "no" in text or "nah" in text else text


def _plain(text: str) -> str:
    return without_answering_no(text.lower().replace("n't", " not"))


def _is_content(word: str) -> bool:
    return word not in STOPWORDS and word not in _NEGATORS


def _polarities(content: list[str], length: int, statement: Sequence[str]) -> set[bool]:
    """Return whether the places of a statement that hold a clause's words are negated."""
    wanted = set(content)
    needed = max(_FEWEST_WORDS, round(_NEEDED_SHARE * len(wanted)))
    stems = [stem(word) for word in statement]
    width = length + _SPREAD
    found: set[bool] = set()
    best = needed
    for start, first in enumerate(stems):
        if first not in wanted:
            continue
        window = stems[start : start + width]
        count = len(wanted.intersection(window))
        if count < best:
            continue
        if count > best:
            best, found = count, set()
        last = next(
            end for end in range(start, start + width) if len(wanted.intersection(stems[start : end + 1])) == count
        )
        # A negation directly before is the clause's; one a little further off may be its neighbour's: both readings count.
        for nearby in (statement[max(0, start - 1) : last + 1], statement[max(0, start - _BEFORE) : last + 1 + _AFTER]):
            found.add(any(word in _NEGATORS for word in nearby))
    return found
