"""When the last backup was made and the last drill passed: a small file, since a restore brings an old database."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

FILE = "backup-state.json"


@dataclass(frozen=True)
class Event:
    """Something that was done with a backup."""

    at: datetime
    name: str
    bytes: int = 0
    seconds: float = 0.0

    def age(self, now: datetime) -> timedelta:
        return now - self.at


def last_backup() -> Event | None:
    return _read("backup")


def last_drill() -> Event | None:
    return _read("drill")


def note(kind: str, event: Event) -> None:
    """Remember the latest backup or drill."""
    stored = _stored()
    stored[kind] = {"at": event.at.isoformat(), "name": event.name, "bytes": event.bytes, "seconds": event.seconds}
    fresh = _path().with_suffix(".new")
    fresh.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh.write_text(json.dumps(stored))
    fresh.replace(_path())


def _read(kind: str) -> Event | None:
    with suppress(KeyError, ValueError, TypeError):
        stored = _stored()[kind]
        return Event(datetime.fromisoformat(stored["at"]), stored["name"], stored["bytes"], stored["seconds"])
    return None


def _stored() -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    return stored


def _path() -> Path:
    return Path(settings.DATA_DIR) / FILE
