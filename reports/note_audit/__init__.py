"""The note audit: what a payer or a reviewer would miss in a report, by rules anyone can read.

`rules.json` holds the rules, `notes.py` what a rule may look at, `checks.py` the ways of looking. Nothing here asks a
model: the same report gives the same findings. `readings.py` gets the reports out of the database.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reports.note_audit import checks, conditions
from reports.note_audit.notes import Note

FILE = Path(__file__).with_name("rules.json")


@dataclass(frozen=True, slots=True)
class Need:
    """Something that has to stand in the note: in a section about one of the topics, or in these words anywhere."""

    lacks: str
    topics: tuple[str, ...]
    words: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `when` names the notes it is for; empty means every note."""

    id: str
    asks: str
    why: str
    check: str
    when: str = ""
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmet:
    """A rule a note does not meet, what is wrong, and the section to go to (empty: the whole note)."""

    rule: Rule
    message: str
    section_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the audit of one note says: how many rules are for it, and those not met."""

    asked: int
    unmet: tuple[Unmet, ...]

    @property
    def met(self) -> int:
        return self.asked - len({unmet.rule.id for unmet in self.unmet})


def audit(note: Note) -> Outcome:
    """Hold every rule that is for this note against it."""
    asked = [rule for rule in load_rules() if conditions.holds(rule.when, note)]
    return Outcome(len(asked), tuple(unmet for rule in asked for unmet in _unmet(rule, note)))


@cache
def load_rules() -> tuple[Rule, ...]:
    """Return the rules in the order they are shown; raise KeyError on one that names no known check or condition."""
    return tuple(_rule(raw) for raw in json.loads(FILE.read_text(encoding="utf-8")))


def _rule(raw: dict[str, Any]) -> Rule:
    needs = tuple(
        Need(
            need["lacks"],
            tuple(need.get("topics", ())),
            re.compile(need["words"], re.IGNORECASE) if "words" in need else None,
        )
        for need in raw.get("needs", ())
    )
    rule = Rule(raw["id"], raw["asks"], raw["why"], raw["check"], raw.get("when", ""), needs)
    _ = checks.CHECKS[rule.check], conditions.CONDITIONS[rule.when]
    return rule


def _unmet(rule: Rule, note: Note) -> Iterator[Unmet]:
    for message, section_id in checks.CHECKS[rule.check](note, rule.needs):
        yield Unmet(rule, message, section_id)
