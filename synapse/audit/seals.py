"""The seals kept outside the database: the chain's end at a moment, each tied to the one before.

Somebody who owns the database, and even the keys of it, cannot set the chain back behind a seal. The seals are lines of
a file in the data folder; a keeper (such as a bucket) may hold a copy of each beyond the reach of this machine.

A backup that is brought back sets the chain back as well, and that must not look like somebody's doing: `go_on_after`
adds a seal that says so behind those that were made after the backup. They stay where they are and count no more.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from django.conf import settings

from synapse.audit import chain
from synapse.audit.models import ChainHead
from synapse.common.durable_files import append_line

FIRST = ""


class Keeper(Protocol):
    """A place elsewhere that holds a copy of each seal by its number, counted from 1, and never replaces one."""

    def keep(self, number: int, line: str) -> None: ...
    def find(self, number: int) -> str | None: ...


class KeeperOutOfReach(Exception):
    """The place with the copies cannot be asked now."""


class SealsDiffer(Exception):
    """The file of seals is not the one the keeper was given copies of."""


@dataclass(frozen=True)
class Seal:
    """One seal; `is_chained` is off for seals from before they were tied to each other.

    `restored` names the backup that was brought back, where that is what a seal says.
    """

    seq: int
    mac: str
    at: str
    previous: str
    seal: str
    is_chained: bool
    line: str
    restored: str = ""

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)

    @property
    def short(self) -> str:
        """Return what a person can write down and compare."""
        return f"{self.mac[:4]}…{self.mac[-4:]}"


@dataclass(frozen=True)
class Restore:
    """A backup that was brought back: the chain went on at its end, and the rows behind it are gone."""

    at: datetime
    backup: str
    seq: int
    lost_until: int

    @property
    def sentence(self) -> str:
        """Say what happened."""
        first, last = self.seq + 1, self.lost_until
        gone = f"row {first:,}, which was" if first == last else f"rows {first:,} to {last:,} at least, which were"
        return (
            f"{self.backup} was brought back on {self.at:%Y-%m-%d at %H:%M} UTC: {gone} written after it, went with it."
        )


_keepers: list[Keeper] = []


def set_keeper(keeper: Keeper | None) -> None:
    """Name the place that holds a copy of each seal, or none; called from an app's `ready`."""
    _keepers[:] = [keeper] if keeper is not None else []


def seal_path() -> Path:
    folder: Path = settings.DATA_DIR
    return folder / "audit" / "seals.jsonl"


def seal_head(at: datetime) -> None:
    """Write the chain's present end to a file outside the database, once for each new end; hand copies to the keeper."""
    head = ChainHead.objects.filter(pk=1).first()
    seals = list(read_seals())
    last = seals[-1] if seals else None
    if head is not None and head.seq and (last is None or last.seq != head.seq):
        append_line(seal_path(), _line(head, last, at))
    for keeper in _keepers:
        _hand_over(keeper, list(read_seals()))


def go_on_after(known: Iterable[Seal], *, restored: str, at: datetime) -> None:
    """Say behind the newest seal there is that a backup was brought back; without a newer one nothing was lost.

    `known` are the seals this machine had before. Raises KeeperOutOfReach.
    """
    head = ChainHead.objects.filter(pk=1).first() or ChainHead(pk=1)
    seals = list(read_seals())
    for seal in _later(seals, known):
        append_line(seal_path(), seal.line)
        seals.append(seal)
    if head.seq and any(seal.seq > head.seq for seal in seals):
        append_line(seal_path(), _line(head, seals[-1], at, restored=restored))


def _later(seals: list[Seal], known: Iterable[Seal]) -> Iterator[Seal]:
    """Yield the seals that follow on those of the file: of the file there was, then of the keeper."""
    before, number = list(known), len(seals)
    if before[:number] == seals:  # else they are of another installation
        yield from before[number:]
        number = max(number, len(before))
    for keeper in _keepers:
        while (line := keeper.find(number + 1)) is not None and (seal := read_seal(line)) is not None:
            yield seal
            number += 1


def standing(seals: Iterable[Seal]) -> tuple[list[Seal], list[Restore]]:
    """Return the seals that bind the chain, and the restores that set it back behind the others."""
    binding: list[Seal] = []
    restores = []
    for seal in seals:
        if seal.restored:
            lost_until = max((one.seq for one in binding), default=seal.seq)
            restores.append(Restore(seal.moment, seal.restored, seal.seq, lost_until))
            binding = [one for one in binding if one.seq <= seal.seq]
        binding.append(seal)
    return binding, restores


def read_seals() -> Iterator[Seal]:
    """Yield the genuine seals of the file; a half-written or forged line is none."""
    path = seal_path()
    if not path.is_file():
        return
    with path.open() as file:
        for line in file:
            seal = read_seal(line)
            if seal is not None:
                yield seal


def read_seal(line: str) -> Seal | None:
    """Return the seal a line holds, or None when it is not one this installation made."""
    try:
        stored = json.loads(line)
        is_chained = "previous" in stored
        restored = stored.get("restored", "")
        chained = [stored["at"], stored["previous"], *filter(None, [restored])] if is_chained else []
        genuine = chain.outside_seal(stored["key_id"], stored["seq"], stored["mac"], *chained) == stored["seal"]
        previous = stored.get("previous", FIRST)
        parts = (stored["seq"], stored["mac"], stored["at"], previous, stored["seal"], is_chained, line.strip())
        seal = Seal(*parts, restored=restored if is_chained else "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return seal if genuine else None


def find_lost(seals: list[Seal]) -> list[int]:
    """Return the row numbers of the seals whose predecessor is gone, and of those only the keeper still has."""
    lost = []
    before: Seal | None = None
    for seal in seals:
        if seal.is_chained and seal.previous != (before.seal if before else FIRST):
            lost.append(seal.seq)
        before = seal
    for keeper in _keepers:
        beyond = keeper.find(len(seals) + 1)
        kept = read_seal(beyond) if beyond else None
        if kept is not None:
            lost.append(kept.seq)
    return lost


def last_seal() -> Seal | None:
    """Return the newest seal of the file."""
    last = None
    for last in read_seals():  # noqa: B007  only the last one is wanted
        pass
    return last


def _line(head: ChainHead, last: Seal | None, at: datetime, *, restored: str = "") -> str:
    key_id, moment, previous = chain.active_key_id(), at.astimezone(UTC).isoformat(), last.seal if last else FIRST
    beside = [restored] if restored else []
    return json.dumps(
        {
            "seq": head.seq,
            "mac": head.mac,
            "at": moment,
            "key_id": key_id,
            "previous": previous,
            **({"restored": restored} if restored else {}),
            "seal": chain.outside_seal(key_id, head.seq, head.mac, moment, previous, *beside),
        }
    )


def _hand_over(keeper: Keeper, seals: list[Seal]) -> None:
    """Give the keeper the copies it lacks, from the newest it has on. Raises SealsDiffer."""
    done = len(seals)
    while done and (kept := keeper.find(done)) is None:
        done -= 1
    if done and kept != seals[done - 1].line:
        raise SealsDiffer(f"Copy {done} of the seals is not the one in the file: the file was changed.")
    for number, seal in enumerate(seals[done:], done + 1):
        keeper.keep(number, seal.line)
