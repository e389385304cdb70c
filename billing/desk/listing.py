"""One page of the list of bills with its totals, the open money by age and how many bills wait in each state.

Amounts and names are ciphertext: the database neither adds nor sorts them. What a list adds up or sorts in memory is
therefore bounded: of a filter with more than `SUMMED_AT_MOST` bills the newest ones are listed, and the page says that
it has no total and that a month has one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, QuerySet, Subquery

from billing import queries
from billing.desk.filters import (
    DISPUTED,
    DRAFT,
    INSURER,
    OPEN,
    OVERDUE,
    BillFilter,
    in_state,
    visible_bills,
)
from billing.looks import AT_INSURER, look_of_bill
from billing.models import Bill, BillQuerySet, Claim
from billing.money import ZERO
from patients.models import Patient
from synapse.accounts.models import User
from synapse.encryption.blind_index import normalise_name
from synapse.web.status import Look

PAGE_SIZE = 25
SUMMED_AT_MOST = 6_000
# What is open is small by nature, however long a clinic works.
BOUNDED = (DRAFT, INSURER, DISPUTED)
NAMES_AT_ONCE = 5_000  # below what SQLite takes as parameters
NAME = ("first_name", "last_name")


class Owed(NamedTuple):
    """The little of an open bill that ages and counts need: one amount, and no more to decrypt."""

    status: str
    collection_status: str
    due_date: date | None
    currency: str
    outstanding_amount: Decimal


class Row(NamedTuple):
    """The little of a bill that sums and orders need."""

    status: str
    collection_status: str
    due_date: date | None
    currency: str
    outstanding_amount: Decimal
    total_amount: Decimal
    pk: UUID


@dataclass(frozen=True)
class Total:
    """What the bills of the filter add up to in one currency."""

    currency: str
    count: int
    amount: Decimal
    outstanding: Decimal


@dataclass(frozen=True)
class OpenElsewhere:
    """What is open in another currency than the clinic's."""

    currency: str
    count: int
    outstanding: Decimal


@dataclass(frozen=True)
class ListedBill:
    """A bill as a row of the list."""

    bill: Bill
    days_late: int
    look: Look

    @property
    def purpose(self) -> str:
        bill = self.bill
        return bill.get_bill_type_display() if bill.purpose == Bill.Purpose.VISIT else bill.get_purpose_display()


@dataclass(frozen=True)
class Listing:
    """What the page shows. `totals` is None when the bills are too many to be added up: the newest are listed then."""

    page: Page[Any]
    rows: list[ListedBill]
    aging: queries.Aging
    other_currencies: list[OpenElsewhere]
    counts: dict[str, int]
    totals: list[Total] | None


def list_page(user: User, wanted: BillFilter, *, today: date, currency: str, number: str | None) -> Listing:
    """Return a page of the bills asked for. The number of queries does not depend on the number of bills."""
    bills = visible_bills(user, wanted)
    listed = bills.filter(in_state(wanted.show))
    owing: list[Owed] | list[Row]
    chosen: list[Row] | None = None
    if wanted.show in (OPEN, OVERDUE):
        # What is overdue is open: nothing is decrypted twice.
        owing = rows = _rows(_owing(bills))
        chosen = [row for row in rows if _is_asked_for(row, wanted, today)]
    else:
        owing = [Owed(*values) for values in _owing(bills).values_list(*Owed._fields)]
        if wanted.show in BOUNDED or listed[: SUMMED_AT_MOST + 1].count() <= SUMMED_AT_MOST:
            chosen = _rows(listed.order_by(*_order(wanted)))
    keys: Any
    if chosen is None:
        keys = listed.order_by("-created_at").values_list("pk", flat=True)[:SUMMED_AT_MOST]
    else:
        _sort(chosen, wanted, listed)
        keys = [row.pk for row in chosen]
    paginator = Paginator(keys, PAGE_SIZE)
    # Known by now; the paginator would sort all of them to count.
    paginator.count = SUMMED_AT_MOST if chosen is None else len(chosen)
    page = paginator.get_page(number)
    return Listing(
        page=page,
        rows=_listed(list(page.object_list), today=today),
        aging=queries.sum_by_age((row for row in owing if row.currency == currency), today=today),
        other_currencies=_add_up_elsewhere(owing, currency),
        counts=_count_by_state(bills, owing),
        totals=None if chosen is None else add_up(chosen),
    )


def chosen_keys(user: User, wanted: BillFilter, *, today: date) -> list[UUID]:
    """Return the ids of every bill of a filter, for work on all of them."""
    bills = visible_bills(user, wanted).filter(in_state(wanted.show)).order_by("due_date", "bill_number", "created_at")
    if not wanted.age:
        return list(bills.values_list("pk", flat=True))
    return [pk for pk, due in bills.values_list("pk", "due_date") if queries.age_of(due, today) == wanted.age]


def add_up(rows: list[Row]) -> list[Total]:
    """Return the totals of rows by currency."""
    sums: dict[str, list[Any]] = {}
    for row in rows:
        kept = sums.setdefault(row.currency, [0, ZERO, ZERO])
        kept[0] += 1
        kept[1] += row.total_amount
        kept[2] += row.outstanding_amount
    return [Total(currency, *kept) for currency, kept in sorted(sums.items())]


def _owing(bills: BillQuerySet) -> QuerySet[Bill]:
    """Return the open bills, those due first at the top.

    Their order is what makes SQLite read them by their status: without it, it takes them for three of four bills and
    reads the whole table.
    """
    return bills.filter(in_state(OPEN)).order_by("due_date", "bill_number")


def _rows(bills: QuerySet[Bill]) -> list[Row]:
    return [Row(*values) for values in bills.values_list(*Row._fields)]


def _is_asked_for(row: Row, wanted: BillFilter, today: date) -> bool:
    if wanted.show == OVERDUE:
        return row.status == Bill.Status.OVERDUE
    return not wanted.age or queries.age_key(row, today) == wanted.age


def _add_up_elsewhere(owing: Iterable[Owed | Row], currency: str) -> list[OpenElsewhere]:
    """Return what is open in each other currency."""
    sums: dict[str, list[Any]] = {}
    for row in owing:
        if row.currency != currency:
            kept = sums.setdefault(row.currency, [0, ZERO])
            kept[0] += 1
            kept[1] += row.outstanding_amount
    return [OpenElsewhere(other, *kept) for other, kept in sorted(sums.items())]


def _order(wanted: BillFilter) -> tuple[str, ...]:
    return ("due_date", "bill_number") if wanted.show in (INSURER, DISPUTED) else ("-created_at",)


def _sort(rows: list[Row], wanted: BillFilter, listed: BillQuerySet) -> None:
    """Sort in memory by what was asked for; without a wish the order of the query stays."""
    if not wanted.sort:
        return
    names = _names(listed) if wanted.sort == "patient" else {}
    keys: dict[str, Callable[[Row], Any]] = {
        "patient": lambda row: names[row.pk],
        "due": lambda row: row.due_date or date.max,
        "amount": lambda row: row.total_amount,
        "open": lambda row: row.outstanding_amount,
    }
    rows.sort(key=keys[wanted.sort], reverse=wanted.descending)


def _names(bills: BillQuerySet) -> dict[UUID, str]:
    """Return the names bills are sorted by, as they stand in the list."""
    patients = dict(bills.values_list("pk", "patient_id"))
    names: dict[UUID, str] = {}
    keys = list(set(patients.values()))
    for start in range(0, len(keys), NAMES_AT_ONCE):
        found = Patient.objects.filter(pk__in=keys[start : start + NAMES_AT_ONCE]).values_list("pk", *NAME)
        names |= {pk: normalise_name(f"{first} {last}") for pk, first, last in found}
    return {pk: names[patient] for pk, patient in patients.items()}


def _count_by_state(bills: BillQuerySet, owing: Sequence[Owed | Row]) -> dict[str, int]:
    """Return how many bills wait in each state: from what is open where it says so, it is read already."""
    # At most one claim of a bill waits.
    at_insurer = Claim.objects.filter(status__in=AT_INSURER, bill__in=bills.filter(in_state(OPEN)))
    return {
        OPEN: len(owing),
        DRAFT: bills.filter(in_state(DRAFT)).count(),
        INSURER: at_insurer.count(),
        DISPUTED: sum(row.collection_status == Bill.Collection.DISPUTED for row in owing),
        OVERDUE: sum(row.status == Bill.Status.OVERDUE for row in owing),
    }


def _listed(keys: list[UUID], *, today: date) -> list[ListedBill]:
    """Load the bills of one page in the order of their keys."""
    at_insurer = Claim.objects.filter(bill=OuterRef("pk"), status__in=AT_INSURER).values("status")[:1]
    bills = (
        Bill.objects.filter(pk__in=keys)
        .select_related("patient", "doctor")
        .only(
            *("bill_number", "bill_type", "purpose", "status", "collection_status", "currency", "due_date"),
            *("total_amount", "outstanding_amount", "reminder_sent_count", "last_reminder_sent_at"),
            *(f"patient__{name}" for name in NAME),
            *(f"doctor__{name}" for name in ("first_name", "last_name", "username", "role")),
        )
        .annotate(at_insurer=Subquery(at_insurer))
    )
    by_key = {bill.pk: bill for bill in bills}
    return [
        ListedBill(bill, _days_late(bill, today), _look(bill)) for key in keys if (bill := by_key.get(key)) is not None
    ]


def _days_late(bill: Bill, today: date) -> int:
    if bill.due_date is None or bill.status not in Bill.OWING:
        return 0
    return max((today - bill.due_date).days, 0)


def _look(bill: Bill) -> Look:
    return look_of_bill(bill, is_at_insurer=bool(bill.at_insurer))  # type: ignore[attr-defined]  # annotated by `_listed`
