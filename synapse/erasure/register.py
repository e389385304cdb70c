"""The list of erasures that is kept outside the database, so that an old backup cannot bring anybody back.

One line of JSON an erasure, with the ids of the records, the number of the certificate and its seal; nothing else about
the person. Restoring a backup reads it and erases again who is in it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from synapse.common.durable_files import append_line
from synapse.erasure.models import ErasureCertificate

FILE = "erasures.jsonl"


def path() -> Path:
    return Path(settings.DATA_DIR) / "audit" / FILE


def note(certificate: ErasureCertificate) -> None:
    """Write an erasure into the list, once, and into the one beside the backups."""
    entry = {
        "number": certificate.number,
        "facts": certificate.facts,
        "hash": certificate.content_hash,
        "signature": certificate.signature,
    }
    write(path(), entry)
    if settings.BACKUP_DIR:
        write(Path(settings.BACKUP_DIR) / FILE, entry)


def write(target: Path, entry: Mapping[str, Any]) -> None:
    """Add an entry to a list that lacks it, durably."""
    if any(known["hash"] == entry["hash"] for known in entries(target)):
        return
    append_line(target, json.dumps(entry, sort_keys=True))


def entries(source: Path) -> Iterator[dict[str, Any]]:
    """Yield the erasures a list names; a line that was cut off by a crash is passed over."""
    if not source.is_file():
        return
    for line in source.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def merge(lists: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the erasures of several lists, each once."""
    found: dict[str, dict[str, Any]] = {}
    for source in lists:
        for entry in entries(source):
            found.setdefault(entry["hash"], entry)
    return list(found.values())
