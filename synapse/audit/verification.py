"""Walk the chain: find a row that was edited, deleted, inserted, moved or cut off."""

import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from synapse.audit import chain
from synapse.audit.models import AuditEvent, AuditSubject, ChainCheck, ChainHead

logger = logging.getLogger(__name__)

GENESIS = "0" * 64
BATCH = 2000


@dataclass(frozen=True)
class Broken:
    """The first row that is not as it was written."""

    seq: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What a walk found; whole when nothing is broken."""

    events: int
    broken: Broken | None = None


def verify_chain() -> Verdict:
    """Walk every row from the first, then the head and the seals outside the database."""
    with transaction.atomic():  # one snapshot on SQLite; on PostgreSQL the head is read first and bounds the walk
        head = ChainHead.objects.filter(pk=1).first() or ChainHead(pk=1)
        return _walk(head)


def check_chain(at: datetime) -> ChainCheck:
    """Walk the chain and keep what was found for the audit page."""
    started = time.monotonic()
    verdict = verify_chain()
    if verdict.broken:
        logger.error("the audit chain is broken at row %s: %s", verdict.broken.seq, verdict.broken.reason)
    return ChainCheck.objects.create(
        checked_at=at,
        duration_ms=int((time.monotonic() - started) * 1000),
        events=verdict.events,
        broken_seq=verdict.broken.seq if verdict.broken else None,
        reason=verdict.broken.reason if verdict.broken else "",
    )


def seal_head(at: datetime) -> None:
    """Write the chain's present end to a file outside the database, once for each new end."""
    head = ChainHead.objects.filter(pk=1).first()
    if head is None or head.seq == 0:
        return
    seals = list(_seals())
    if seals and seals[-1]["seq"] == head.seq:
        return
    key_id = chain.active_key_id()
    line = {
        "seq": head.seq,
        "mac": head.mac,
        "at": at.astimezone(UTC).isoformat(),
        "key_id": key_id,
        "seal": chain.outside_seal(key_id, head.seq, head.mac),
    }
    path = seal_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def seal_path() -> Path:
    folder: Path = settings.DATA_DIR
    return folder / "audit" / "seals.jsonl"


def _walk(head: ChainHead) -> Verdict:
    previous, count = GENESIS, 0
    seals = {seal["seq"]: seal for seal in _seals()}
    subjects = _subjects_by_event()
    pending = next(subjects, None)
    for event in AuditEvent.objects.filter(seq__lte=head.seq).order_by("seq").iterator(chunk_size=BATCH):
        if event.seq != count + 1:
            return Verdict(count, Broken(count + 1, "the row is missing"))
        if pending is not None and pending[0] < event.seq:
            return Verdict(count, Broken(pending[0], "it has patients of no row"))
        patients: list[UUID] = []
        if pending is not None and pending[0] == event.seq:
            patients, pending = pending[1], next(subjects, None)
        reason = _fault(event, previous, patients, seals.get(event.seq))
        if reason:
            return Verdict(count, Broken(event.seq, reason))
        previous, count = event.mac, event.seq
    return Verdict(count, _fault_at_end(head, count, previous, max(seals, default=0)))


def _fault(event: AuditEvent, previous: str, patients: list[UUID], seal: dict[str, Any] | None) -> str:
    if event.previous_mac != previous:
        return "it does not follow the row before"
    mac = chain.event_mac(event)
    if mac is None:
        return "its key is not among AUDIT_KEY"
    if mac != event.mac:
        return "it was changed"
    if chain.subjects_digest(patients) != event.subjects_digest:
        return "the patients it covers were changed"
    if seal is not None and seal["mac"] != event.mac:
        return "it is not the row that was sealed"
    return ""


def _fault_at_end(head: ChainHead, count: int, mac: str, last_sealed: int) -> Broken | None:
    if head.seq != count:
        return Broken(count + 1, "the row is missing at the end")
    if last_sealed > count:
        return Broken(count + 1, "rows were cut off the end")
    if head.mac != mac:
        return Broken(max(count, 1), "the end of the chain was changed")
    if count and chain.head_seal(head) != head.seal:
        return Broken(count, "the end of the chain was set by somebody without the key")
    if AuditEvent.objects.filter(seq__gt=count).exists() and ChainHead.objects.get(pk=1).seq == count:
        return Broken(count + 1, "the row was inserted after the end")
    return None


def _subjects_by_event() -> Iterator[tuple[int, list[UUID]]]:
    rows = AuditSubject.objects.order_by("event_seq").values_list("event_seq", "patient_id").iterator(chunk_size=BATCH)
    for seq, group in groupby(rows, key=lambda row: row[0]):
        yield seq, [patient_id for _, patient_id in group]


def _seals() -> Iterator[dict[str, Any]]:
    """Yield the seals kept outside the database whose own hash is right; a half-written line is none."""
    path = seal_path()
    if not path.is_file():
        return
    with path.open() as file:
        for line in file:
            try:
                seal = json.loads(line)
                genuine = chain.outside_seal(seal["key_id"], seal["seq"], seal["mac"]) == seal["seal"]
            except (ValueError, KeyError, TypeError):
                continue
            if genuine:
                yield seal
