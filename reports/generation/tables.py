"""Rows of a table section: each cell holds words of the session, or nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.templating.structure import Entry
from sessions_app.transcripts.clinical_terms import DRUGS

from .base import DraftSentence
from .facts import Fact
from .lexicon import DRUG_CLASSES, TESTS

# What a column is about, by its id or title; the first match wins.
_MEANINGS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (meaning, re.compile(pattern, re.IGNORECASE))
    for meaning, pattern in (
        ("drug", r"medic|drug|\bname\b|substance|preparation"),
        ("dose", r"\bdos(?:e|age)|strength|amount"),
        ("frequency", r"freq|how often|times?\b|schedule|regimen|timing"),
        ("change", r"change|action|adjust|decision|\bplan\b|status"),
        ("effect", r"effect|respon|benefit|toler|adverse|reaction"),
        ("since", r"since|start|begun|duration|how long"),
        ("scale", r"scale|instrument|measure|questionnaire|\btest\b|investigation"),
        ("result", r"score|result|value|finding"),
        ("statement", r"statement|detail|note|comment|description|goal|problem|intervention|objective|text|what"),
    )
)
_DRUG = re.compile(
    rf"\b(?:{'|'.join(sorted((re.escape(name) for name in (*DRUGS, *DRUG_CLASSES)), key=len, reverse=True))})\b",
    re.IGNORECASE,
)
_SCALE = re.compile(
    rf"\b(?:{'|'.join(sorted((re.escape(name) for name in TESTS), key=len, reverse=True))}|hemoglobin|"
    r"blood pressure|heart rate|pulse|temperature|weight|glucose|cholesterol|lithium level)\b",
    re.IGNORECASE,
)
_CELLS: dict[str, re.Pattern[str]] = {
    meaning: re.compile(pattern, re.IGNORECASE)
    for meaning, pattern in (
        (
            "dose",
            r"(?<!\d,)\b\d[\d,]*(?:\.\d+)? ?(?:mg|mcg|g|mL|units?|milligrams?|micrograms?|tablets?|pills?|puffs?)\b",
        ),
        (
            "frequency",
            (
                r"\b(?:(?:once|twice|\w+ times|three times|\d+ times) (?:a|per|each|every) (?:day|week|month|night)|"
                r"(?:once|twice) (?:daily|weekly)|every (?:other )?(?:day|morning|night|evening|week|month|\d+ hours)"
                r"(?: and (?:every )?(?:morning|night|evening))?|"
                r"daily|nightly|weekly|at (?:night|bedtime)|before bed|in the (?:morning|evening)|"
                r"as needed|when needed|with (?:meals|food))\b"
            ),
        ),
        (
            "change",
            (
                r"\b(?:increas\w*|rais\w*|decreas\w*|reduc\w*|lower\w*|stop(?:s|ped|ping)?|discontinu\w*|"
                r"start(?:s|ed|ing)?|begin|began|"
                r"continu\w*|switch\w*|chang\w*|taper\w*|add(?:s|ed|ing)?|keep\w*|restart\w*|refill\w*|"
                r"still taking|no longer tak\w*)\b"
            ),
        ),
        (
            "effect",
            (
                r"\b(?:help(?:s|ed|ing|ful)?(?: (?:a lot|a little|some|with [^,.;]+))?|"
                r"(?:does|did|has|do) not help(?:ed)?|"
                r"side effects?|makes? (?:him|her|them|the patient) [^,.;]+|nausea|drows\w+|sedat\w+|dizz\w+|"
                r"dry mouth|weight gain|headaches?|insomnia|tremors?|sleepy|groggy)\b"
            ),
        ),
        (
            "since",
            (
                r"\b(?:for (?:about |the (?:last|past) )?(?:\d+|a|several|few|a few|a couple of) "
                r"(?:days?|weeks?|months?|years?)|since [^,.;]+|"
                r"(?:\d+|a|several|a few) (?:days?|weeks?|months?|years?) ago)\b"
            ),
        ),
    )
}
_RESULT = re.compile(
    r"(?:\b(?:is|was|of|at|to|scored?|score is|:)\s+)(?P<value>\d[\d.,/]*%?(?: out of \d+)?|normal|elevated|high|low|"
    r"negative|positive|unremarkable)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:denies|no|not|never|without)\b[^,.;]*$", re.IGNORECASE)


@dataclass(slots=True)
class _Row:
    key: str
    cells: dict[str, str]
    evidence: set[int] = field(default_factory=set)
    score: float = 0.0
    topic: str = ""


def rows_of(columns: Sequence[Entry], facts: Sequence[Fact]) -> tuple[list[DraftSentence], list[Fact]]:
    """Return the rows the facts fill and the facts that fill none.

    Statements about the same medication or test share a row while they do not contradict each other.
    """
    meanings = {column.id: meaning_of(column) for column in columns}
    key = next((column.id for column in columns if meanings[column.id] in ("drug", "scale", "statement")), "")
    rows: list[_Row] = []
    others: list[Fact] = []
    for fact in facts:
        found = _cells(fact, meanings, key) if key and not fact.is_heading else []
        if not found:
            others.append(fact)
        for cells in found:
            row = _row_for(rows, cells, key)
            row.cells.update(cells)
            row.evidence.update(fact.evidence)
            row.score = max(row.score, fact.score)
            row.topic = fact.kind
    return [_line(row, columns) for row in rows], others


def meaning_of(column: Entry) -> str:
    """Return what a column is about, or nothing when neither its id nor its title says so."""
    said = f"{column.id.replace('_', ' ')} {column.title}"
    return next((meaning for meaning, pattern in _MEANINGS if pattern.search(said)), "")


def _cells(fact: Fact, meanings: dict[str, str], key: str) -> list[dict[str, str]]:
    """Return one set of cells for each thing the key column names in a fact."""
    text = fact.text.rstrip(".")
    if meanings[key] == "statement":
        return [{key: text, **_rest(text, meanings, key)}]
    pattern = _DRUG if meanings[key] == "drug" else _SCALE
    names = list(pattern.finditer(text))
    bounds = [0, *(match.start() for match in names[1:]), len(text)]
    found = []
    for number, match in enumerate(names):
        about = text[bounds[number] : bounds[number + 1]]
        found.append(
            {key: match.group(0).lower() if match.group(0).islower() else match.group(0), **_rest(about, meanings, key)}
        )
    return found


def _rest(text: str, meanings: dict[str, str], key: str) -> dict[str, str]:
    cells = {}
    for column, meaning in meanings.items():
        if column == key or meaning not in (*_CELLS, "result"):
            continue
        match = _RESULT.search(text) if meaning == "result" else _CELLS[meaning].search(text)
        if match is None:
            continue
        value = match.group("value") if meaning == "result" else match.group(0)
        denied = _DENIED.search(text[: match.start()]) if meaning in ("effect", "change") else None
        cells[column] = f"{denied.group(0)}{value}" if denied else value
    return cells


def _row_for(rows: list[_Row], cells: dict[str, str], key: str) -> _Row:
    name = cells[key].lower()
    for row in rows:
        if row.key == name and all(row.cells.get(column, value) == value for column, value in cells.items()):
            return row
    rows.append(_Row(name, {}))
    return rows[-1]


def _line(row: _Row, columns: Sequence[Entry]) -> DraftSentence:
    cells = tuple((column.id, row.cells[column.id]) for column in columns if row.cells.get(column.id))
    text = ", ".join(value for _, value in cells)
    return DraftSentence(
        f"{text[:1].upper()}{text[1:]}.",
        tuple(sorted(row.evidence)),
        round(row.score, 3),
        "item",
        row.topic,
        cells=cells,
    )
