"""The walk along the chain: put each stored row back where it was written, and say what does not fit.

A row's hash covers its number, so a genuine row tells where it belongs wherever it stands. Numbers that no row has were
deleted, rows that fit no number were edited (when a number is free for them) or inserted (when none is), and genuine
rows behind their successors, or under numbers that no such row explains, were moved.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from synapse.audit import chain
from synapse.audit.rows import Row
from synapse.audit.seals import Seal

GENESIS = "0" * 64


class Kind(StrEnum):
    """What happened to a row."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    MOVED = "moved"
    CUT = "cut off"
    REPLACED = "replaced"
    SUBJECTS = "patients changed"
    UNREADABLE = "key unknown"
    HEAD = "end changed"
    SEAL = "seal missing"


@dataclass(frozen=True)
class Broken:
    """A row that is not as it was written."""

    seq: int
    kind: Kind
    reason: str


@dataclass
class Walk:
    """Feed it all rows in the order of their stored numbers, then ask for `breaks`."""

    seals: dict[int, Seal]
    breaks: list[Broken] = field(default_factory=list)
    rows: int = 0  # how many were seen
    expected: int = 1  # the number the next row was written with, when nothing is wrong
    last_mac: str = GENESIS
    last_genuine: int = 0
    _unplaced: list[Row] = field(default_factory=list)
    _missing: set[int] = field(default_factory=set)
    _shift: int = 0  # how far the rows stand from where they were written

    def take(self, row: Row) -> None:
        """Take the next row."""
        self.rows += 1
        mac = _mac(row, row.seq)
        if mac == row.mac and row.seq == self.expected and not self._unplaced:
            written, self._shift = row.seq, 0
        elif mac is None:
            written = max(self.expected, row.seq - self._shift)
            self._settle(written)
            self._break(row.seq, Kind.UNREADABLE, "its key is not among AUDIT_KEY")
            self._pass(written, row.mac)
            return
        else:
            place = row.seq if mac == row.mac else self._place_of(row)
            if place is None:
                self._unplaced.append(row)
                return
            written = place
            if written < self.expected:
                self._moved(row, written)
                return
            explained = len(self.breaks)
            self._settle(written)
            if row.seq - written != self._shift and len(self.breaks) == explained:
                self._break(written, Kind.MOVED, f"it was given the number {row.seq}")
            self._shift = row.seq - written
        self._examine(row, written)

    def finish(self, last: int) -> None:
        """Settle what is open at the end; `last` is the number of the last row that must be there."""
        self._settle(max(last + 1, self.expected), at_end=True)

    def give_up(self) -> None:
        """Settle the rows that fit no number when there are more of them than anybody needs to hear of."""
        self._settle(self.expected + len(self._unplaced))

    @property
    def unplaced(self) -> int:
        """Return how many rows that fit no number wait for the next one that does."""
        return len(self._unplaced)

    def orphan(self, seq: int) -> None:
        """Take patients that belong to no row."""
        self._break(seq, Kind.SUBJECTS, "it has patients of no row")

    def _examine(self, row: Row, written: int) -> None:
        """Look at a genuine row in its place: what it follows, whom it covers, what was sealed."""
        if self.last_mac and row.previous_mac != self.last_mac:
            self._break(row.seq, Kind.REPLACED, "it does not follow the row before")
        elif chain.digest_of_texts(row.patients) != row.subjects_digest:
            self._break(row.seq, Kind.SUBJECTS, "the patients it covers were changed")
        seal = self.seals.get(written)
        if seal is not None and seal.mac != row.mac:
            self._break(row.seq, Kind.REPLACED, "it is not the row that was sealed")
        self._pass(written, row.mac)
        self.last_genuine = written

    def _pass(self, written: int, mac: str) -> None:
        self.expected, self.last_mac = written + 1, mac

    def _settle(self, written: int, *, at_end: bool = False) -> None:
        """Explain the rows that fit no number and the numbers that no row has, up to a row that is in its place."""
        free = list(range(self.expected, min(written, self.expected + len(self._unplaced))))
        for number, row in enumerate(self._unplaced):
            if number < len(free):
                self._break(row.seq, Kind.EDITED, "it was changed")
            else:
                self._break(row.seq, Kind.INSERTED, "it was inserted")
        first_missing = self.expected + len(free)
        if first_missing < written:
            if at_end:
                self._break(first_missing, Kind.CUT, f"{_rows(written - first_missing)} cut off the end")
            else:
                self._missing.update(range(first_missing, min(written, first_missing + 1000)))
                self._break(first_missing, Kind.DELETED, f"{_rows(written - first_missing)} missing")
        if self._unplaced or first_missing < written:
            self.last_mac = ""  # what stood before is not known
        self._unplaced = []
        self.expected = written

    def _moved(self, row: Row, written: int) -> None:
        """Take a genuine row that comes after its successors; the number it left was taken for missing."""
        if written in self._missing:
            self._missing.discard(written)
            left = next((b for b in self.breaks if b.kind is Kind.DELETED and b.seq == written), None)
            if left is not None:
                self.breaks.remove(left)
        self._break(written, Kind.MOVED, f"it was moved to row {row.seq}")

    def _place_of(self, row: Row) -> int | None:
        """Return the number a row was written with, when it is one near its place or one that is missing."""
        near = (row.seq - self._shift, *(row.seq + step for step in (-1, 1, -2, 2)))
        for place in dict.fromkeys([self.expected, *near, *sorted(self._missing)[:50]]):
            if _mac(row, place) == row.mac:
                return place
        return None

    def _break(self, seq: int, kind: Kind, reason: str) -> None:
        self.breaks.append(Broken(seq, kind, reason))


def _mac(row: Row, place: int) -> str | None:
    """Return the hash a row must carry at a place; of values nobody could have written, one that fits nothing."""
    try:
        return chain.values_mac(row.key_id, row.values if place == row.seq else [place, *row.values[1:]])
    except TypeError:
        return ""


def _rows(count: int) -> str:
    return "the row is" if count == 1 else f"{count:,} rows are"
