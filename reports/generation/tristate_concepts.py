"""What a checklist item can be about: mental status, risk, and symptoms of a review of systems; which words speak of it.

The concepts themselves are data: `tristate_concepts.txt` beside this module.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from reports.templating.structure import Entry

from .lexicon import SYMPTOM_PATTERNS
from .risk_lexicon import one_of, patterns
from .textnorm import STOPWORDS

_FILE = Path(__file__).with_suffix(".txt")
_BLOCK = re.compile(r"^\[(\w+)\] ?(.*)$")
_PREFIX = re.compile(r"^(title|unless|normal|words): ")
_LONGEST_GAP = 20  # characters between the words of an item nobody foresaw


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing a clinician looks for; `words` find where somebody speaks of it.

    `is_observed`: the clinician sees it, so it can be described, and a "no" alone denies nothing. `is_history`: what was
    long ago counts. `is_literal`: its words also stand in idioms, which do not count. `context`: what must have been spoken
    of shortly before. `normals`: what a note writes when nothing is wrong with it.
    """

    name: str
    title: re.Pattern[str]
    words: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    is_observed: bool = False
    is_history: bool = False
    is_literal: bool = False
    context: re.Pattern[str] | None = None
    normals: re.Pattern[str] | None = None


@dataclass(slots=True)
class _Block:
    name: str
    marks: tuple[str, ...]
    lines: dict[str, list[str]] = field(default_factory=dict)


@cache
def concepts() -> tuple[Concept, ...]:
    """Return every known concept, the narrower before the wider; last the body systems of a review of systems."""
    systems = (Concept(name.lower(), _any([rf"^{name[:8]}"]), words) for name, words in SYMPTOM_PATTERNS.items())
    return (*(_concept(block) for block in _blocks()), *systems)


def concept_of(item: Entry) -> Concept:
    """Return what an item of a checklist is about, judged by its id, then its title; else by the words of its title."""
    for name in (item.id.replace("_", " "), item.title):
        for concept in concepts():
            if concept.title.search(name):
                return concept
    return _by_title(item)


def _by_title(item: Entry) -> Concept:
    words = [word for word in re.findall(r"[a-z][a-z'-]+", item.title.lower()) if word not in STOPWORDS]
    stems = [re.escape(re.sub(r"(?:ing|es|s)$", "", word) if len(word) > 4 else word) + r"\w{0,4}" for word in words]
    both = rf"\b[\w' ]{{0,{_LONGEST_GAP}}}?\b".join(stems)
    return Concept(item.id, _any([re.escape(item.title)]), re.compile(rf"\b{both}\b" if stems else r"(?!)"))


def _blocks() -> Iterator[_Block]:
    names: dict[str, str] = {}
    block: _Block | None = None
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if opened := _BLOCK.match(line):
            if block is not None:
                yield block
            block = _Block(opened.group(1), tuple(mark for mark in opened.group(2).split(", ") if mark))
        elif block is None:
            name, _, words = line.partition(" = ")
            names[name] = words
        else:
            prefix = _PREFIX.match(line)
            text = line[prefix.end() :] if prefix else line
            text = re.sub(r"\{([a-z]+)\}", lambda match: names[match.group(1)], text)
            block.lines.setdefault(prefix.group(1) if prefix else "", []).append(text)
    if block is not None:
        yield block


def _concept(block: _Block) -> Concept:
    kinds = patterns()
    own = [*block.lines.get("", ()), *(kinds[kind].pattern for kind in block.lines.get("words", ()))]
    after = next((mark.split()[1:] for mark in block.marks if mark.startswith("after ")), [])
    return Concept(
        block.name,
        _any(block.lines["title"]),
        re.compile(one_of(own)),  # for plain words, which have small letters
        unless=_any(block.lines["unless"]) if "unless" in block.lines else None,
        is_observed="observed" in block.marks,
        is_history="history" in block.marks,
        is_literal="literal" in block.marks,
        context=_any([kinds[kind].pattern for kind in after]) if after else None,
        normals=_any(block.lines["normal"]) if "normal" in block.lines else None,
    )


def _any(alternatives: list[str]) -> re.Pattern[str]:
    return re.compile(one_of(alternatives), re.IGNORECASE)
