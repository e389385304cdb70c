"""How well risk statements are found and read, on labelled lines written for the purpose.

Run as a part of `make bench`, or alone: `python -m bench.risk`. The lines are shipped: each holds a short talk and what is
said in it about suicide, self-harm, violence, abuse or substances, with its reading. A statement is found when its kind is;
it is read right when polarity, subject and (where the label names one) time are.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LINES = Path(__file__).resolve().parent.parent / "reports" / "tests" / "generation" / "data" / "risk_lines.json"
SPEAKERS = {"D": "doctor", "P": "patient", "C": "other"}


def run() -> Iterator[dict[str, Any]]:
    """Yield recall and precision a kind, the share read right, false alarms on idioms, and the time of a long session."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    rows = json.loads(LINES.read_text(encoding="utf-8"))
    found, wanted, right, read = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    alarms = quiet = 0
    for row in rows:
        labels = [label.split() for label in row["said"]]
        statements = statements_of(row["talk"])
        quiet += not labels
        alarms += not labels and bool(statements)
        wanted.update(label[0] for label in labels)
        found.update(statement["kind"] for statement in statements)
        for label, statement in matched(labels, statements):
            right[label[0]] += 1
            read[label[0]] += reads_as(statement, label)
    for kind, count in wanted.items():
        yield _figure(f"risk statements, {kind}, recall", right[kind] / count, count)
        yield _figure(f"risk statements, {kind}, precision", right[kind] / max(1, found[kind]), found[kind])
        yield _figure(f"risk statements, {kind}, read right", read[kind] / max(1, right[kind]), right[kind])
    yield _figure("risk statements, idioms and other talk listed", alarms / quiet, quiet)
    talk = [line for row in rows for line in row["talk"]] * 5
    started = time.perf_counter()
    statements_of(talk)
    spent = 1000 * (time.perf_counter() - started)
    yield {
        "bench": "risk statements of a long session",
        "value": round(spent, 1),
        "unit": "ms",
        "ratio_to": {},
        "n": len(talk),
    }


def statements_of(talk: list[str]) -> list[dict[str, Any]]:
    """Return the risk statements of a talk written as `D: ...` and `P: ...`, four seconds a line."""
    from reports.generation.base import TranscriptSegment
    from reports.generation.risk_panel import find_risk_statements

    segments = tuple(
        TranscriptSegment(place + 1, place * 4000, place * 4000 + 3600, SPEAKERS[line[0]], line[3:])
        for place, line in enumerate(talk)
    )
    return find_risk_statements(segments)


def matched(labels: list[list[str]], statements: list[dict[str, Any]]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield each label with the statement that answers it: of its kind, the one that reads most like it."""
    left = list(statements)
    for label in labels:
        own = [statement for statement in left if statement["kind"] == label[0]]
        if own:
            best = max(own, key=lambda statement: sum(_agrees(statement, label)))
            left.remove(best)
            yield label, best


def reads_as(statement: dict[str, Any], label: list[str]) -> bool:
    return all(_agrees(statement, label))


def _agrees(statement: dict[str, Any], label: list[str]) -> tuple[bool, bool, bool]:
    _, polarity, subject, when = label
    return statement["polarity"] == polarity, statement["subject"] == subject, when in ("*", statement["time"])


def _figure(name: str, value: float, count: int) -> dict[str, Any]:
    return {"bench": name, "value": round(value, 3), "unit": "share", "ratio_to": {}, "n": count}


if __name__ == "__main__":
    for figure in run():
        print(json.dumps(figure), flush=True)
