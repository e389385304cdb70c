"""Walk the chain: find the rows that were edited, deleted, inserted, moved or cut off."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, Max, OuterRef

from synapse.audit import chain, seals
from synapse.audit.models import AuditEvent, AuditSubject, ChainCheck, ChainHead
from synapse.audit.rows import read_pages
from synapse.audit.walk import Broken, Kind, Walk

logger = logging.getLogger(__name__)

MOST_BREAKS = 20
# Rows in memory that fit no number: where every row was changed, none that follows explains them.
MOST_UNPLACED = 10_000


@dataclass(frozen=True)
class Verdict:
    """What a walk found; whole when nothing is broken. Where a backup was brought back, `restores` say so."""

    events: int
    breaks: tuple[Broken, ...] = ()
    is_complete: bool = True
    restores: tuple[seals.Restore, ...] = ()

    @property
    def broken(self) -> Broken | None:
        """Return the first row that is not as it was written."""
        return self.breaks[0] if self.breaks else None


def verify_chain(*, most: int = MOST_BREAKS) -> Verdict:
    """Walk every row from the first, then the head and the seals outside the database; stop after `most` breaks."""
    # In this order: what is written meanwhile is beyond the head, and not beyond what the head knows of.
    top = AuditEvent.objects.aggregate(top=Max("seq"))["top"] or 0
    head = ChainHead.objects.filter(pk=1).first() or ChainHead(pk=1)
    outside = list(seals.read_seals())
    binding, restores = seals.standing(outside)
    walk = Walk({seal.seq: seal for seal in binding})
    for page in read_pages(max(top, head.seq)):
        for row in page.rows:
            walk.take(row)
        for seq in page.orphans:
            walk.orphan(seq)
        if walk.unplaced >= MOST_UNPLACED:
            walk.give_up()
        if len(walk.breaks) >= most:
            return Verdict(walk.rows, _in_order(walk.breaks)[:most], is_complete=False, restores=tuple(restores))
    walk.finish(max([head.seq, *(seal.seq for seal in binding)]))
    last = max(top, head.seq)
    breaks = [*walk.breaks, *_faults_of_head(head, walk), *_faults_beyond(last), *_lost_seals(outside)]
    return Verdict(walk.rows, _in_order(breaks)[:most], len(breaks) <= most, tuple(restores))


def _in_order(breaks: list[Broken]) -> tuple[Broken, ...]:
    return tuple(sorted(set(breaks), key=lambda broken: broken.seq))


def check_chain(at: datetime) -> ChainCheck:
    """Walk the chain and keep what was found for the audit page."""
    started = time.monotonic()
    verdict = verify_chain()
    return keep_verdict(verdict, seconds=time.monotonic() - started, at=at)


def keep_verdict(verdict: Verdict, *, seconds: float, at: datetime) -> ChainCheck:
    """Store what a walk found."""
    for broken in verdict.breaks:
        logger.error("the audit chain is broken at row %s: %s: %s", broken.seq, broken.kind, broken.reason)
    return ChainCheck.objects.create(
        checked_at=at,
        duration_ms=int(seconds * 1000),
        events=verdict.events,
        broken_seq=verdict.broken.seq if verdict.broken else None,
        reason=verdict.broken.reason if verdict.broken else "",
    )


def _faults_beyond(last: int) -> list[Broken]:
    """Return the patients of rows that are not there, behind the end."""
    rowless = AuditSubject.objects.filter(event_seq__gt=last).exclude(
        Exists(AuditEvent.objects.filter(seq=OuterRef("event_seq")))
    )
    # SQLite takes text for a number.
    first: int | str | None = rowless.order_by("event_seq").values_list("event_seq", flat=True).first()
    if first is None:
        return []
    return [Broken(first if isinstance(first, int) else last + 1, Kind.SUBJECTS, "it has patients of no row")]


def _faults_of_head(head: ChainHead, walk: Walk) -> list[Broken]:
    last = walk.expected - 1
    if head.seq and chain.head_seal(head) != head.seal:
        return [Broken(head.seq, Kind.HEAD, "the end of the chain was set by somebody without the key")]
    if last == head.seq and walk.last_mac and head.mac != walk.last_mac:
        return [Broken(max(last, 1), Kind.HEAD, "the end of the chain was changed")]
    if walk.last_genuine > head.seq:
        return [Broken(head.seq + 1, Kind.HEAD, "the end of the chain was set back before it")]
    return []


def _lost_seals(outside: list[seals.Seal]) -> list[Broken]:
    try:
        lost = seals.find_lost(outside)
    except seals.KeeperOutOfReach as error:
        logger.warning("the copies of the seals cannot be asked: %s", str(error))
        return []
    return [Broken(seq, Kind.SEAL, "a seal of the chain's end is missing from the file") for seq in lost]
