"""What a source of the worklist is made of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from synapse.accounts.models import User
from synapse.accounts.roles import Permission


@dataclass(frozen=True)
class Reader:
    """Who looks, when, and in which time zone. `read` keeps what several sources read from the settings."""

    user: User
    at: datetime
    zone: ZoneInfo
    read: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def sees_all(self) -> bool:
        """Whether the person works for every clinician, so that a row says whose it is."""
        return self.user.may(Permission.VIEW_ALL_PATIENTS)


@dataclass(frozen=True)
class Act:
    """Something done to a row in place. `run(row, by=, at=)` calls one service and raises its DomainErrors.

    `key` is the letter that does it, `done` what is said afterwards, `undone_by` the act that takes it back; an act that
    only takes back (`is_offered` off) is no button of a row. `can_be_undone(row, reader)` says whether it still could be.
    """

    name: str
    label: str
    key: str
    icon: str
    run: Callable[..., object]
    done: str
    undone_by: str = ""
    is_offered: bool = True
    can_be_undone: Callable[[Any, Reader], bool] = lambda row, reader: True


@dataclass(frozen=True)
class Item:
    """One row as it reads. `acts` are the names of what can be done with this one, the first one the usual."""

    pk: UUID
    title: str
    text: str
    link: str
    link_label: str
    patient_id: UUID | None
    acts: tuple[str, ...] = ()
    who: str = ""
    chip: str = ""
    chip_kind: str = ""


@dataclass(frozen=True)
class Source:
    """One kind of thing that waits.

    `rows` returns what waits, the most urgent first; `describe` turns a page of them into items with a fixed number of
    queries; `before_undo` are the rows an undo may find (those the act took off the list). `title` stands over all of
    them, `one` over a single row.
    """

    name: str
    title: str
    icon: str
    permissions: tuple[Permission, ...]
    rows: Callable[[Reader], QuerySet[Any]]
    describe: Callable[[Sequence[Any], Reader], Iterable[Item]]
    acts: tuple[Act, ...] = ()
    before_undo: Callable[[Reader], QuerySet[Any]] | None = None
    can_set_aside: bool = False
    needs_attention: bool = False
    one: str = ""

    @property
    def title_of_one(self) -> str:
        return self.one or self.title

    def is_for(self, user: User) -> bool:
        return all(user.may(permission) for permission in self.permissions)

    def act(self, name: str) -> Act | None:
        return next((act for act in self.acts if act.name == name), None)


@dataclass(frozen=True)
class Row:
    """An item with what can be done with it, resolved."""

    item: Item
    acts: list[Act]


@dataclass(frozen=True)
class Group:
    """The rows of one source; `total` counts all of them, also those beyond the page."""

    source: Source
    rows: list[Row]
    total: int

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True)
class Worklist:
    """What waits for one person."""

    groups: list[Group] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(group.total for group in self.groups)

    @property
    def patient_ids(self) -> set[UUID]:
        """Return whose data the list shows."""
        items = (row.item for group in self.groups for row in group.rows)
        return {item.patient_id for item in items if item.patient_id is not None}
