"""The review of systems: one line a body system, from symptoms named or asked about and answered."""

import re
from collections.abc import Sequence

from .complaint import OVER
from .facts import Fact
from .lexicon import SYMPTOM_PATTERNS, names_symptom
from .units import Unit


def review_of_systems(units: Sequence[Unit]) -> list[Fact]:
    """Return one line a body system from symptoms the patient named, or was asked about and answered yes or no."""
    found: dict[str, dict[str, tuple[bool, set[int]]]] = {}
    for unit in units:
        if unit.role != "patient":
            continue
        sources: list[tuple[str, set[int], bool | None]] = [(unit.text, {unit.segment_id}, None)]
        if unit.question and (unit.says_yes or unit.says_no) and unit.is_turn_start and unit.question_id is not None:
            sources.insert(0, (unit.question, {unit.question_id, unit.segment_id}, unit.says_no))
        for text, segments, denied in sources:
            if not names_symptom(text) or OVER.search(text):
                continue
            for system, pattern in SYMPTOM_PATTERNS.items():
                for match in pattern.finditer(text):
                    is_denied = _is_negated(text, match.start()) if denied is None else denied
                    symptom = re.sub(
                        r"\b(in )?your\b ?", lambda part: part.group(1) or "", match.group(1).lower()
                    ).strip()
                    entry = found.setdefault(system, {}).setdefault(symptom, (is_denied, set()))
                    if entry[0] == is_denied:
                        entry[1].update(segments)
    return [_system_line(system, symptoms) for system, symptoms in found.items()]


def _is_negated(text: str, place: int) -> bool:
    before = text[:place].split()[-6:]
    return bool(re.search(r"\b(no|not|never|without|cannot|nor)\b", " ".join(before), re.IGNORECASE))


def _system_line(system: str, symptoms: dict[str, tuple[bool, set[int]]]) -> Fact:
    reported = [name for name, (denied, _) in symptoms.items() if not denied]
    denied = [name for name, (is_denied, _) in symptoms.items() if is_denied]
    parts = [
        f"Reports {_listed(reported, 'and')}." if reported else "",
        f"Denies {_listed(denied, 'or')}." if denied else "",
    ]
    evidence = tuple(sorted({segment for _, segments in symptoms.values() for segment in segments}))
    return Fact(f"{system}: {' '.join(part for part in parts if part)}", evidence, 0.8, "ros", 0)


def _listed(words: list[str], conjunction: str) -> str:
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        return f"{words[0]} {conjunction} {words[1]}"
    return f"{', '.join(words[:-1])}, {conjunction} {words[-1]}"
