"""What a patient says about a report and has the right to have go with it wherever it goes (45 CFR 164.526(d)(5)).

A later package that keeps such words registers the relation they stand in, and how they read.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reports.models import Report


@dataclass(frozen=True)
class Statement:
    """A heading and paragraphs, printed behind the report."""

    title: str
    paragraphs: list[str]


# Reads the rows of its relation alone, so that they can be read for many reports at once.
Reading = Callable[[Report], Iterable[Statement]]

_readings: dict[str, Reading] = {}


def register(relation: str, reading: Reading) -> None:
    """Add what stands in a relation of reports; called from an app's `ready`."""
    _readings[relation] = reading


def relations() -> list[str]:
    return list(_readings)


def of_report(report: Report) -> list[Statement]:
    """Return what goes with a report."""
    return [statement for reading in _readings.values() for statement in reading(report)]
