"""What a doctor's edits have in common, as rules she can read. Pure and deterministic: the same edits, the same rules.

A rule needs three edits that agree and hardly any that disagree. Nothing about anybody becomes one: no names, numbers,
dates, drugs, diagnoses, sides or negations, and nothing said about harm.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from reports.generation.lexicon import BODY_PARTS, DIAGNOSES, HARM_TO_OTHERS, NEGATION, SELF_HARM, TESTS
from sessions_app.transcripts.clinical_terms import DRUGS

FEWEST_EDITS = 3
MOST_SOURCES = 12
_AGREE = 0.75
_LONGEST_PHRASE = 3  # words on either side of a wording rule
_OPENING = 3  # words by which a line that is left out is known
_SHORTENED, _LENGTHENED = 0.7, 1.4
_LONG_ENOUGH = 6  # words; a shorter line says nothing about length
_TOKEN = re.compile(r"\w[\w'’%-]*|[^\w\s]")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_RISKY = re.compile(r"allerg|suicid|self.?harm|abus|violen|overdos|anaphyla", re.IGNORECASE)
# Words that change what is said and not how: they never stand in a wording rule.
_MEANING_WORDS = """
left right both bilateral he she they him her them his hers their theirs i me my we our you your
january february march april may june july august september october november december
monday tuesday wednesday thursday friday saturday sunday today yesterday tomorrow
zero one two three four five six seven eight nine ten eleven twelve twenty thirty fifty hundred half once twice
daily weekly monthly hourly nightly morning evening night day week month year always never sometimes often rarely
increase decrease increased decreased start stop started stopped continue continued mild moderate severe
mother father brother sister son daughter wife husband partner
"""
_MEANING = frozenset(_MEANING_WORDS.split())
_CLINICAL = frozenset(
    word.lower() for known in (DRUGS, DIAGNOSES, BODY_PARTS, TESTS) for term in known for word in str(term).split()
)


@dataclass(frozen=True)
class Edit:
    """What became of one line a machine wrote; `after` is None when it was removed, `names` belong to the people."""

    report: str
    sentence: str
    template: str
    section: str
    before: str
    after: str | None
    layout_before: str = ""
    layout_after: str = ""
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class KeptLine:
    """A line of the same reports that was left as it was written."""

    section: str
    text: str


@dataclass
class Proposal:
    """A rule with the edits it was learned from."""

    kind: str
    rule: dict[str, Any]
    edits: list[Edit] = field(default_factory=list)

    @property
    def template(self) -> str:
        """Return the one template all its edits were made in, or nothing."""
        templates = {edit.template for edit in self.edits}
        return templates.pop() if len(templates) == 1 else ""


def learn(edits: Sequence[Edit], kept: Sequence[KeptLine]) -> list[Proposal]:
    """Return the rules the edits agree on, those with most edits first."""
    reworded = [edit for edit in edits if edit.after is not None and edit.after != edit.before]
    removed = [edit for edit in edits if edit.after is None]
    found = [
        *_wordings(reworded),
        *_layouts([edit for edit in edits if edit.after is not None and edit.layout_before != edit.layout_after]),
        *_lengths(reworded),
        *_left_out(removed, kept),
    ]
    return sorted(found, key=lambda proposal: (-len(proposal.edits), proposal.kind, str(proposal.rule)))


def _wordings(edits: Sequence[Edit]) -> Iterable[Proposal]:
    swaps: dict[tuple[str, str], list[Edit]] = defaultdict(list)
    plain: Counter[tuple[str, str]] = Counter()  # seen within a sentence, in small letters: no name
    for edit in edits:
        for old, new, is_plain in set(_swaps(edit)):
            swaps[old, new].append(edit)
            plain[old, new] += is_plain
    for (old, new), sources in swaps.items():
        said = [edit for edit in edits if _holds(edit.before, old)]
        agreeing = len(sources) >= FEWEST_EDITS and len(sources) >= _AGREE * len(said)
        if agreeing and plain[old, new] and _is_style(old) and _is_style(new):
            yield Proposal("wording", {"from": old, "to": new}, sources)


def _swaps(edit: Edit) -> Iterable[tuple[str, str, bool]]:
    """Yield what was replaced by what in one line, in small letters, and whether it stood so within the sentence."""
    before, after = _TOKEN.findall(edit.before), _TOKEN.findall(edit.after or "")
    matcher = SequenceMatcher(None, [word.lower() for word in before], [word.lower() for word in after], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "replace" or b - a > _LONGEST_PHRASE or d - c > _LONGEST_PHRASE:
            continue
        words = [*before[a:b], *after[c:d]]
        if not all(_WORD.fullmatch(word) for word in words) or {word.lower() for word in words} & edit.names:
            continue
        capital = [word for place, word in enumerate(before[a:b]) if word[0].isupper() and a + place > 0]
        capital += [word for place, word in enumerate(after[c:d]) if word[0].isupper() and c + place > 0]
        if capital:
            continue
        is_plain = all(word.islower() for word in words)
        yield " ".join(before[a:b]).lower(), " ".join(after[c:d]).lower(), is_plain


def _layouts(edits: Sequence[Edit]) -> Iterable[Proposal]:
    names = {"item": "bullets", "prose": "prose", "paragraph": "prose"}
    by_section: dict[str, dict[str, list[Edit]]] = defaultdict(lambda: defaultdict(list))
    for edit in edits:
        by_section[edit.section][names.get(edit.layout_after, "prose")].append(edit)
    for section, ways in by_section.items():
        reports = {way: {edit.report for edit in sources} for way, sources in ways.items()}
        total = sum(map(len, reports.values()))
        for way, sources in ways.items():
            if len(reports[way]) >= FEWEST_EDITS and len(reports[way]) >= _AGREE * total:
                yield Proposal("layout", {"section": section, "layout": way}, sources)


def _lengths(edits: Sequence[Edit]) -> Iterable[Proposal]:
    by_section: dict[str, list[Edit]] = defaultdict(list)
    for edit in edits:
        if max(len(edit.before.split()), len((edit.after or "").split())) >= _LONG_ENOUGH:
            by_section[edit.section].append(edit)
    tests: dict[str, Callable[[float], bool]] = {
        "shorter": lambda share: share <= _SHORTENED,
        "fuller": lambda share: share >= _LENGTHENED,
    }
    for section, known in by_section.items():
        for way, is_so in tests.items():
            sources = [edit for edit in known if is_so(len((edit.after or "").split()) / len(edit.before.split()))]
            if _is_habit(sources) and len(sources) >= _AGREE * len(known):
                yield Proposal("length", {"section": section, "length": way}, sources)


def _left_out(removed: Sequence[Edit], kept: Sequence[KeptLine]) -> Iterable[Proposal]:
    groups: dict[tuple[str, str], list[Edit]] = defaultdict(list)
    for edit in removed:
        opening = opening_of(edit.before)
        if opening and not is_protected(edit.before) and not set(opening.split()) & edit.names:
            groups[edit.section, opening].append(edit)
    left = Counter((line.section, opening_of(line.text)) for line in kept)
    for (section, opening), sources in groups.items():
        if _is_habit(sources) and len(sources) >= _AGREE * (len(sources) + left[section, opening]):
            yield Proposal("leave_out", {"section": section, "opening": opening}, sources)


def _is_habit(sources: Sequence[Edit]) -> bool:
    return len(sources) >= FEWEST_EDITS and len({edit.report for edit in sources}) > 1


def opening_of(text: str) -> str:
    """Return the first words of a line by which lines of its kind are known; nothing when they name or count something."""
    words = text.split()[:_OPENING]
    if len(words) < _OPENING:
        return ""
    plain = [word.strip(".,;:") for word in words]
    if any(not _WORD.fullmatch(word) or (place and word[0].isupper()) for place, word in enumerate(plain)):
        return ""
    return " ".join(plain).lower()


def is_protected(text: str) -> bool:
    """Tell whether a line speaks of harm or allergy: no rule leaves it out or changes it."""
    return bool(_RISKY.search(text) or SELF_HARM.search(text) or HARM_TO_OTHERS.search(text))


def _is_style(phrase: str) -> bool:
    words = set(phrase.split())
    return not (words & _MEANING or words & _CLINICAL or NEGATION.search(phrase) or is_protected(phrase))


def _holds(text: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE) is not None
