"""What goes when a patient is erased: each package names the step that destroys its part."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

# Destroys what a package keeps of a patient; returns how many of what, in plain words, for the certificate.
EraseStep = Callable[[UUID, datetime], dict[str, int]]
# Removes a package's files of a patient once the rows are gone; returns how many are still there.
RemoveFiles = Callable[[UUID], int]

_steps: dict[str, EraseStep] = {}
_removers: dict[str, RemoveFiles] = {}


def register(name: str, step: EraseStep) -> None:
    """Add a step; called from an app's `ready`. It runs inside the erasure's unit of work and may run twice."""
    _steps[name] = step


def register_files(name: str, remove: RemoveFiles) -> None:
    """Add what removes files; called from an app's `ready`. It runs after the unit of work, until nothing is left."""
    _removers[name] = remove


def registered() -> dict[str, EraseStep]:
    """Return the steps by name, the later apps' first: what rests on a row goes before the row."""
    return dict(reversed(_steps.items()))


def file_removers() -> dict[str, RemoveFiles]:
    """Return what removes files, by name."""
    return dict(_removers)
