"""Check a sentence against the segments it cites: the same rules for every engine and for every edit, without a key."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from sessions_app.transcripts.clinical_terms import DRUGS, drug_name

from .base import TranscriptSegment
from .folded import Folded
from .lexicon import BODY_PARTS, DIAGNOSES, HARM_TO_OTHERS, NEGATION, PLACES, SELF_HARM, TESTS, relatives_in
from .orders import follows_order
from .polarity import turned_clause
from .quantities import doses_of, is_measure, quantities_of, taken_back, words_of
from .risk_rules import INVENTED_NORMAL, invented_normals
from .support import Figures, measure, risk
from .textnorm import clean, numbers_in, stem, tokens
from .transcript_index import TranscriptIndex, WordSet, spoken_numbers
from .unrecognised import NAME_IT, leaves_name_open
from .wording import misquoted, named_too_often, other_part_imaged, other_range, other_value, turned_words

Support = Literal["supported", "partial", "unsupported"]

# From this risk on a sentence is shown for checking: low where something also seems turned around, else so that notes
# in a clinician's own words (ACI-Bench train, cited by `locate`) are not flagged wholesale.
RISK_THRESHOLD = 0.7
CLASH_RISK_THRESHOLD = 0.4
CLASH_THRESHOLD = 0.5
FULL_COVERAGE = 0.95  # of a sentence's telling words near the cited segments: nothing is missing that could be named
_NAMED_NUMBERS = re.compile(r"\b[A-Za-z]+-?\d+[A-Za-z]?\b|\b\d+(?:st|nd|rd|th)\b")
_DIGIT = re.compile(r"\d")
_LEADING_ZERO = re.compile(r"(?<![\d.,])0(?=\d+/)|(?<=/)0(?=\d)")  # of a date: 04/10 is 4/10
_MONTH_OR_DAY = Folded(
    r"\b(january|february|march(?= \d|,)|april|june|july|august|september|october|november|december|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday)s?\b"
)
_SIDE = Folded(
    rf"\b(left|right|bilateral(?:ly)?)[- ]?(?:\w+ ){{0,2}}?(?:sided?|{'|'.join(sorted(BODY_PARTS | PLACES))}|"
    rf"one|\w*(?:ular|eal|oral))s?\b"
)
_SIDE_SAID = Folded(
    r"\b(left|bilateral(?:ly)?|both|(?<!all )(?<!that is )(?<!that's )right(?! (?:now|away|after|before|"
    r"there|here|\?)))\b"
)
_PAIR_SAID = Folded(rf"\b(?:{'|'.join(sorted(BODY_PARTS))})s\b|\b(?:feet|extremities|lungs)\b")
_SIDE_OF_PART = re.compile(rf"\b(left|right) ({'|'.join(sorted(BODY_PARTS | PLACES))})s?\b", re.IGNORECASE)
_PART_OF_SOMEBODY = Folded(
    rf"\b(?:his|her|their|the|left|right|lower|upper) (?:\w+ )?({'|'.join(sorted(BODY_PARTS - {'back', 'hand', 'head', 'toe'}))})s?\b"
    rf"(?! of the)|\b(?:a|an|for|new) ({'|'.join(sorted(BODY_PARTS - {'back', 'hand', 'head', 'toe'}))}) "
    r"(?:brace|splint|sling|pain|injection|x-ray|mri|ct|surgery|replacement|injury|swelling|sprain|fracture|boot|cast)\b"
)
_KIN_AS_SUBJECT = Folded(
    r"\b(?:my|his|her|your|their|the patient's) (?:\w+ )?(?:mother|mom|mum|father|dad|brother|sister|son|"
    r"daughter|wife|husband|partner|aunt|"
    r"uncle|cousin|grandmother|grandfather|grandma|grandpa|nephew|niece|boyfriend|girlfriend|friend|boss|"
    r"roommate|neighbou?r|colleague)"
    r"(?: \w+ly| also| just)? (?:has|had|is|was|were|takes|took|got|gets|died|suffer\w*|struggl\w*|tried|"
    r"attempted|drinks?|drank|used|"
    r"uses|killed|went|feels|felt|hears|heard)\b"
)
_PATIENT_SAYS = Folded(
    r"^(?:the |this )?(?:patient|client|he|she|they)\b(?: \w+ly| also)? (?:report|state|say|said|told|describe|express|"
    r"endorse|complain|admit|acknowledge|mention|den(?:y|ie))\w*\b"
)
# A clinician may repeat or dictate what the patient said.
_REPORTED = Folded(
    r"\b(?:you|he|she|they|patient|client)(?:'ve| have| had| also)? (?:report|endors|den(?:y|ie)|said|say|told|mention|stat|complain|"
    r"describ|express|acknowledg)\w*"
)
_CLINICIAN_SAYS = Folded(
    r"^(?:the )?(?:clinician|therapist|doctor|provider|counsellor|counselor|psychiatrist)\b(?: \w+ly| also)? "
    r"(?:explain|recommend|advise|suggest|ask|discuss|explore|reflect|prescribe|told|encourage|teach|taught|provide)\w*\b"
)
# "My knee is killing me" is about the knee; told in the third person it reads like harm to somebody.
_PAINFUL = Folded(r"\b(?:hurt|kill)\w* (?:me|you)\b(?!r)")
_FIRST_PERSON = Folded(r"\b(i|my|me|myself)\b")
# An address a reader could be sent to, or signs that only a browser or a text processor reads.
_LINK = re.compile(
    r"\b(?:https?|ftp|file|data|javascript|mailto):\S|\bwww\.\w|!?\[[^\]\n]*\]\([^)\n]*\)|</?[a-z!][^<>]*>?|&#?\w+;",
    re.IGNORECASE,
)
_SHOULD = re.compile(r"\bshould(?:n't)?\b")  # looks like a shoulder where words are compared by their beginning
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
            if _LINK.search(text):
                flags.append(_LINK_FLAG)
            return SupportResult("unsupported", tuple(flags), 1.0)
        plain = clean(text, drop_fillers=False)
        said = self.index.cited_text(cited)
        figures = measure(text, cited, self.index)
        for check in _CHECKS:
            flags.extend(check(plain, said, figures, self.index))
        flags.extend(self._order_flags(text, cited))
        # In the text as it stands: cleaned, a drug named twice may be named once.
        if name := named_too_often(text, said):
            flags.append(Flag("drug", f"The cited words name {name} less often, and another drug beside it.", True))
        if quote := misquoted(text, self._raw(cited), said):
            flags.append(Flag("quote", f"Nobody says “{quote}” in the cited places.", True))
        if _LINK.search(text):
            flags.append(_LINK_FLAG)
        flags.extend(Flag(INVENTED_NORMAL, reason, True) for reason in invented_normals(text, cited, self.index))
        probability = risk(figures)
        if figures.polarity_clash:
            is_doubtful = probability >= CLASH_RISK_THRESHOLD
        else:
            is_doubtful = probability >= RISK_THRESHOLD and figures.coverage < FULL_COVERAGE
        if leaves_name_open(text):
            flags.append(Flag("drug", NAME_IT))
        if is_doubtful and not flags:
            flags.append(_weak_support(figures))
        support: Support = "unsupported" if any(flag.is_hard for flag in flags) else "partial" if flags else "supported"
        return SupportResult(
            support, tuple(flags), round(max(probability, 0.99 if support == "unsupported" else 0.0), 3)
        )

    def _raw(self, cited: Collection[int]) -> str:
        return " ".join(self.index.segments[self.index.order[segment]].text for segment in cited)

    def _order_flags(self, text: str, cited: Collection[int]) -> Iterator[Flag]:
        kind = follows_order(text, [self.index.segments[self.index.order[segment]].text for segment in cited])
        if kind == "order":
            yield Flag("order", "The cited words give orders to a writing program; they are no finding.", True)
        elif kind == "wish":
            yield Flag("order", "The cited words say what the note should say; that is no finding.")

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


_LINK_FLAG = Flag("link", "This holds an address or markup. It is printed as text; a report needs neither.", True)
_RISK_FLAG = Flag(
    "risk_statement",
    "A statement about self-harm, suicide or violence needs a cited question or statement about it.",
    True,
)


def _numbers(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    if not _DIGIT.search(plain):
        return
    stated = numbers_in(_LEADING_ZERO.sub("", _NAMED_NUMBERS.sub(" ", plain)))
    for number in sorted(stated - spoken_numbers(_LEADING_ZERO.sub("", said))):
        where = "elsewhere in the session" if number in index.numbers else "nowhere in the session"
        yield Flag("number", f"The number {number} is not in the cited words; it was said {where}.", True)


def _counted(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    """A number that was said, but of something else: `every 6 hours` does not make it 6 weeks."""
    if not _DIGIT.search(plain):
        return
    stated, heard = quantities_of(_NAMED_NUMBERS.sub(" ", plain)), quantities_of(said, spoken=True)
    for unit, numbers in stated.counted.items():
        if not heard.counted[unit] and not is_measure(unit):
            continue
        for number in sorted(numbers - heard.counted[unit] - heard.bare):
            if number in spoken_numbers(said):
                known = ", ".join(sorted(heard.counted[unit])) or "no number"
                yield Flag("number", f"“{number} {unit}” is not in the cited words; of {unit} they say {known}.", True)


def _doses(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    heard = doses_of(said)
    for drug, doses in doses_of(plain).items():
        if heard.get(drug) and not doses & heard[drug] and doses <= spoken_numbers(said):
            known = ", ".join(sorted(heard[drug]))
            yield Flag("number", f"The dose of {drug} is {known} in the cited words, not {min(doses)}.", True)


def _values(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    """A number that was said, but of something else than the thing the sentence gives it to."""
    if _DIGIT.search(plain) and (found := other_value(plain, said)):
        name, number, known = found
        if number in spoken_numbers(said):
            yield Flag("number", f"The cited words say {known} of {name}, not {number}.", True)


def _ranges(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    if found := other_range(plain, said):
        yield Flag("number", f"The cited words do not say {found}.", True)


def _taken_back(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    stated = set(words_of(plain))
    for word, meant in taken_back(said).items():
        if word in stated and meant not in stated and not NEGATION.search(plain):
            yield Flag("taken_back", f"“{word}” was corrected to “{meant}” in the cited words.", True)


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
    lowered = _SHOULD.sub(" ", text.lower())
    if word in lowered:
        return True
    root = stem(word)[:6] if len(word) > 5 else word
    if re.search(rf"\b{re.escape(root)}", lowered):
        return True
    return WordSet.of_text(lowered).covers(stem(word))


def _body_parts(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    if imaged := other_part_imaged(plain, said):
        yield Flag("body_part", f"The cited words name no {imaged[1]} of the {imaged[0]}.", True)
    for match in _PART_OF_SOMEBODY.finditer(plain):
        part = (match.group(1) or match.group(2)).lower()
        if not _is_said(part, said):
            is_elsewhere = _is_said(part, index.text)
            where = "said elsewhere in the session" if is_elsewhere else "not said in this session"
            yield Flag("body_part", f"{part.capitalize()} is not in the cited words; it was {where}.", not is_elsewhere)


def _sides(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    stated = list(_SIDE.finditer(plain))
    # "Left or right?" names both; the answer names the one.
    told = figures.stated if stated and _SIDE_SAID.search(figures.stated) else said
    heard = {match.group(1).lower()[:5] for match in _SIDE_SAID.finditer(told)} if stated else set()
    for match in stated:
        side = match.group(1).lower()
        if side.startswith("bilat"):
            pairs = heard & {"bilat", "both"} or {"left", "right"} <= heard or _PAIR_SAID.search(said)
            is_heard = bool(pairs)
        else:
            is_heard = side in heard
        if not is_heard:
            yield Flag("side", f"The side “{side}” is not in the cited words.", True)
    yield from _sides_of_parts(plain, said)


def _sides_of_parts(plain: str, said: str) -> Iterator[Flag]:
    """A side that was said, but of another part of the body; a side said without its part may be of any."""
    stated = list(_SIDE_OF_PART.finditer(plain))
    if not stated:
        return
    sides: dict[str, set[str]] = defaultdict(set)
    for match in _SIDE_OF_PART.finditer(said):
        sides[match.group(2).lower()].add(match.group(1).lower())
    alone = {match.group(1).lower() for match in _SIDE_SAID.finditer(_SIDE_OF_PART.sub(" ", said))}
    for match in stated:
        side, part = match.group(1).lower(), match.group(2).lower()
        if part in sides and side not in sides[part] | alone:
            yield Flag("side", f"The cited words say the {min(sides[part])} {part}, not the {side}.", True)


def _risk_statements(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    for pattern in (SELF_HARM, HARM_TO_OTHERS):
        if pattern.search(plain) and not pattern.search(said) and not _PAINFUL.search(said):
            yield _RISK_FLAG
            return
    if SELF_HARM.search(plain) and figures.polarity_clash >= CLASH_THRESHOLD:
        yield Flag("risk_statement", "The cited answer about self-harm says the opposite.", True)


def _polarity(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    if figures.polarity_clash >= CLASH_THRESHOLD and not SELF_HARM.search(plain):
        words = ", ".join(figures.clashing[:3])
        side = "denied" if NEGATION.search(plain) else "affirmed"
        yield Flag("negation", f"The sentence has this {side}, the cited words say the opposite: {words}.")
    elif turned := turned_clause(plain, figures.statements) or turned_words(plain, figures.statements):
        yield Flag("negation", f"The cited words say the opposite of this: {' '.join(turned[:4])}.")


def _speaker(plain: str, said: str, figures: Figures, index: TranscriptIndex) -> Iterator[Flag]:
    """Who the sentence says said it, against who speaks in the cited words."""
    if figures.speakers == {"doctor"} and _PATIENT_SAYS.search(plain) and not _REPORTED.search(said):
        yield Flag("speaker", "Only the clinician speaks in the cited words, not the patient.")
    elif figures.speakers and "doctor" not in figures.speakers and _CLINICIAN_SAYS.search(plain):
        yield Flag("speaker", "The clinician does not speak in the cited words.")


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
    _counted,
    _doses,
    _values,
    _ranges,
    _taken_back,
    _dates,
    _drugs,
    _diagnoses,
    _tests,
    _sides,
    _body_parts,
    _risk_statements,
    _polarity,
    _speaker,
    _other_person,
)
