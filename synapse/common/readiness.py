"""What has to be true before patients are entrusted to an installation: each package says how its part stands."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something stands: as it should be, to be done, or for a person to judge."""

    DONE = "done"
    OPEN = "open"
    LOOK = "look"


@dataclass(frozen=True)
class Standing:
    """What was found, and what to do about it where something is to be done."""

    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """One line of the list; `look` is quick, reaches no other machine and raises nothing."""

    name: str
    title: str
    look: Callable[[], Standing]


_checks: dict[str, Check] = {}


def register(*checks: Check) -> None:
    """Add lines to the list; called from an app's `ready`."""
    for check in checks:
        _checks[check.name] = check


def registered() -> list[Check]:
    """Return every check in the order the apps come up in."""
    return list(_checks.values())


def done_when(holds: bool, found: str, otherwise: str, remedy: str) -> Standing:
    """Return DONE with what was found, or OPEN with what is wrong and what to do."""
    return Standing(State.DONE, found) if holds else Standing(State.OPEN, otherwise, remedy)
