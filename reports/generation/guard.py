"""Check a sentence against the segments it cites: the same rules for every engine and for every edit, without a key."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from sessions_app.clinical_terms import DRUGS, drug_name

from .base import TranscriptSegment
from .lexicon import BODY_PARTS, DIAGNOSES, HARM_TO_OTHERS, NEGATION, SELF_HARM, TESTS, relatives_in
from .support import Figures, measure, risk
from .textnorm import clean, numbers_in, stem, tokens
from .transcript_index import TranscriptIndex, WordSet, spoken_numbers

Support = Literal["supported", "partial", "unsupported"]

# From this risk on a sentence is shown for checking; chosen for at most 3 % of right sentences flagged.
RISK_THRESHOLD = 0.4
CLASH_THRESHOLD = 0.5
_NAMED_NUMBERS = re.compile(r"\b[A-Za-z]+-?\d+[A-Za-z]?\b|\b\d+(?:st|nd|rd|th)\b")
_MONTH_OR_DAY = re.compile(
    r"\b(January|February|March(?= \d|,)|April|June|July|August|September|October|November|December|"
    r"Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)s?\b",
    re.IGNORECASE,
)
_SIDE = re.compile(
    rf"\b(left|right|bilateral(?:ly)?)[- ]?(?:\w+ ){{0,2}}?(?:sided?|{'|'.join(sorted(BODY_PARTS))}|"
    rf"\w*(?:ular|eal|oral))s?\b",
    re.IGNORECASE,
)
_SIDE_SAID = re.compile(
    r"\b(left|bilateral(?:ly)?|both|(?<!all )(?<!that is )(?<!that's )right(?! (?:now|away|after|before|"
    r"there|here|\?)))\b",
    re.IGNORECASE,
)
_KIN_AS_SUBJECT = re.compile(
    r"\b(?:my|his|her|your|their|the patient's) (?:\w+ )?(?:mother|mom|mum|father|dad|brother|sister|son|"
    r"daughter|wife|husband|partner|aunt|"
    r"uncle|cousin|grandmother|grandfather|grandma|grandpa|nephew|niece|boyfriend|girlfriend|friend|boss|"
    r"roommate|neighbou?r|colleague)"
    r"(?: \w+ly| also| just)? (?:has|had|is|was|were|takes|took|got|gets|died|suffer\w*|struggl\w*|tried|"
    r"attempted|drinks?|drank|used|"
    r"uses|killed|went|feels|felt|hears|heard)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(i|my|me|myself)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[.;!?]+|,? (?:but|because|so|while|whereas) |, (?:and )?")


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason to look again. A hard one has to be settled before signing; `detail` is a sentence for the doctor."""

    kind: str
    detail: str
    is_hard: bool = False

    def as_json(self) -> dict[str, str]:
        return {"kind": self.kind, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class SupportResult:
    """What the transcript says about a sentence; `risk` is the probability, 0 to 1, that it is not supported."""

    support: Support
    flags: tuple[Flag, ...]
    risk: float


class Guard:
    """The checks of one transcript, prepared once."""

    def __init__(self, segments: Sequence[TranscriptSegment]) -> None:
        self.index = TranscriptIndex(segments)

    def check(self, text: str, evidence: Collection[int]) -> SupportResult:
        """Return the support of a sentence by the cited segment ids."""
        cited = tuple(segment for segment in evidence if segment in self.index.order)
        flags = list(self._citation_flags(evidence, cited))
        if not cited:
            risk_found = SELF_HARM.search(text) or HARM_TO_OTHERS.search(text)
            if risk_found:
                flags.append(_RISK_FLAG)
            return SupportResult("unsupported", tuple(flags), 1.0)
        plain = clean(text, drop_fillers=False)
        said = self.index.cited_text(cited)
        figures = measure(text, cited, self.index)
        for check in _CHECKS:
            flags.extend(check(plain, said, figures, self.index))
        probability = risk(figures)
        if probability >= RISK_THRESHOLD and not flags:
            flags.append(_weak_support(figures))
        support: Support = "unsupported" if any(flag.is_hard for flag in flags) else "partial" if flags else "supported"
        return SupportResult(
            support, tuple(flags), round(max(probability, 0.99 if support == "unsupported" else 0.0), 3)
        )

    @staticmethod
    def _citation_flags(evidence: Collection[int], cited: Collection[int]) -> Iterator[Flag]:
        if not evidence:
            yield Flag("no_evidence", "No place in the transcript is cited for this sentence.", True)
        elif not cited:
            yield Flag("invalid_evidence", "The cited places are not in this transcript.", True)
        elif len(cited) < len(set(evidence)):
            yield Flag("invalid_evidence", "One of the cited places is not in this transcript.", True)


@lru_cache(maxsize=8)
def guard_for(segments: tuple[TranscriptSegment, ...]) -> Guard:
    """Return the prepared checks of a transcript; the last few are kept, since a review asks again and again."""
    return Guard(segments)


def check_sentence(text: str, evidence: Collection[int], segments: Sequence[TranscriptSegment]) -> SupportResult:
    """Return the support of one sentence; the prepared transcript is kept for the next call with the same segments."""
    return guard_for(tuple(segments)).check(text, evidence)


_RISK_FLAG = Flag(
    "risk_statement",
    "A statement about self-harm, suicide or violence needs a cited question or statement about it.",
    True,
)


def _numbers(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    stated = numbers_in(_NAMED_NUMBERS.sub(" ", plain))
    for number in sorted(stated - spoken_numbers(said)):
        where = "elsewhere in the session" if number in index.numbers else "nowhere in the session"
        yield Flag("number", f"The number {number} is not in the cited words; it was said {where}.", True)


def _dates(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    for match in _MONTH_OR_DAY.finditer(plain):
        if not re.search(rf"\b{match.group(1)}", said, re.IGNORECASE):
            yield Flag("date", f"{match.group(1).capitalize()} is not in the cited words.", True)


def _drugs(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    heard = {drug_name(word) for word in tokens(said)}
    for word in tokens(plain):
        if word in DRUGS and drug_name(word) not in heard:
            where = "said elsewhere in the session" if drug_name(word) in index.drugs else "not said in this session"
            yield Flag("drug", f"{word.capitalize()} is not in the cited words; it was {where}.", True)


def _diagnoses(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    yield from _named_things(plain, said, index, DIAGNOSES, "diagnosis")


def _tests(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    yield from _named_things(plain, said, index, TESTS, "test")


def _named_things(plain: str, said: str, index: TranscriptIndex, names: frozenset[str], kind: str) -> Iterator[Flag]:
    for word in re.findall(r"[a-z0-9'-]+", plain.lower()):
        if word not in names or _is_said(word, said):
            continue
        if _is_said(word, index.text):
            yield Flag(kind, f"{word.capitalize()} is not in the cited words; it was said elsewhere in the session.")
        else:
            yield Flag(kind, f"{word.capitalize()} was not said in this session.", True)


def _is_said(word: str, text: str) -> bool:
    lowered = text.lower()
    if word in lowered:
        return True
    root = stem(word)[:6] if len(word) > 5 else word
    if re.search(rf"\b{re.escape(root)}", lowered):
        return True
    return WordSet.of_text(lowered).covers(stem(word))


def _sides(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    heard = {match.group(1).lower()[:5] for match in _SIDE_SAID.finditer(said)}
    for match in _SIDE.finditer(plain):
        side = match.group(1).lower()
        known = {"bilat", "both"} if side.startswith("bilat") else {side[:5]}
        if not known & heard and not (side.startswith("bilat") and {"left", "right"} <= heard):
            yield Flag("side", f"The side “{side}” is not in the cited words.", True)


def _risk_statements(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    for pattern in (SELF_HARM, HARM_TO_OTHERS):
        if pattern.search(plain) and not pattern.search(said):
            yield _RISK_FLAG
            return
    if SELF_HARM.search(plain) and figures.polarity_clash >= CLASH_THRESHOLD:
        yield Flag("risk_statement", "The cited answer about self-harm says the opposite.", True)


def _polarity(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    if figures.polarity_clash >= CLASH_THRESHOLD and not SELF_HARM.search(plain):
        words = ", ".join(figures.clashing[:3])
        side = "denied" if NEGATION.search(plain) else "affirmed"
        yield Flag("negation", f"The sentence has this {side}, the cited words say the opposite: {words}.")


def _other_person(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    named, heard = relatives_in(plain), relatives_in(said)
    strangers = named - heard - index.relatives
    if strangers:
        yield Flag("other_person", f"Nobody spoke of the patient's {min(strangers)}.", True)
    elif not named and heard and _is_about_kin(plain, said):
        yield Flag("other_person", f"The cited words are about the patient's {min(heard)}, not the patient.", True)


def _is_about_kin(plain: str, said: str) -> bool:
    """Say whether the clause that holds most of the sentence's words has a relative as its subject."""
    words = {stem(word) for word in tokens(plain) if len(word) > 3}
    clauses = [clause for clause in _CLAUSE.split(said) if clause.strip()]
    best = max(clauses, key=lambda clause: len(words & {stem(word) for word in tokens(clause)}), default="")
    match = _KIN_AS_SUBJECT.search(best)
    return bool(
        match
        and words & {stem(word) for word in tokens(best[match.start() :])}
        and not _FIRST_PERSON.search(best[match.end() :])
    )


def _weak_support(figures: Figures) -> Flag:
    if figures.missing:
        words = ", ".join(figures.missing[:3])
        return Flag("weak_support", f"Not found in the cited words: {words}.")
    return Flag("weak_support", "The cited words say little of this sentence.")


_CHECKS: tuple[Callable[[str, str, Figures, TranscriptIndex], Iterator[Flag]], ...] = (
    _numbers,
    _dates,
    _drugs,
    _diagnoses,
    _tests,
    _sides,
    _risk_statements,
    _polarity,
    _other_person,
)
