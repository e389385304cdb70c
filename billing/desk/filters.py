"""Which bills the list shows and in which order: read from its address, so that a view can be kept and sent.

No name is ever in it: patients stand there by their opaque id.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict

from billing.looks import AT_INSURER
from billing.models import Bill, BillQuerySet, BillType, Claim
from patients.models import Patient
from synapse.accounts.models import User

Status = Bill.Status
MOST_PATIENTS = 50
_MONTH = re.compile(r"^\d{4}(0[1-9]|1[0-2])$")

OPEN, DRAFT, INSURER, DISPUTED, OVERDUE, PAID, ALL = "open", "draft", "insurer", "disputed", "overdue", "paid", "all"
STATES = {
    OPEN: "Open",
    DRAFT: "To send",
    INSURER: "With insurer",
    DISPUTED: "Disputed",
    OVERDUE: "Overdue",
    PAID: "Paid",
    ALL: "All",
}
SORTS = {"due": "due date", "patient": "patient", "amount": "amount", "open": "open amount"}
# Payers a bill can have besides one insurer by its id.
ANY_INSURER, NO_INSURER = "insurers", "patients"


@dataclass(frozen=True)
class BillFilter:
    """What somebody asked the list for. `month` is such as 202510; `age` the key of a bucket of `billing.queries`."""

    show: str = OPEN
    age: str = ""
    month: str = ""
    doctor_id: UUID | None = None
    bill_type: str = ""
    payer: str = ""
    patient_ids: tuple[UUID, ...] = ()
    sort: str = ""
    descending: bool = False

    @property
    def is_narrowed(self) -> bool:
        return bool(self.age or self.month or self.doctor_id or self.bill_type or self.payer or self.patient_ids)

    def query(self, **changes: object) -> str:
        """Return the query of an address that asks for this, with changes."""
        wanted = replace(self, **changes)  # type: ignore[arg-type]  # the caller names fields of this class
        pairs: list[tuple[str, str]] = [("show", wanted.show)]
        pairs += [(name, value) for name in ("age", "month", "payer") if (value := getattr(wanted, name))]
        if wanted.doctor_id:
            pairs.append(("doctor", str(wanted.doctor_id)))
        if wanted.bill_type:
            pairs.append(("type", wanted.bill_type))
        pairs += [("patient", str(key)) for key in wanted.patient_ids]
        if wanted.sort:
            pairs.append(("sort", f"{'-' if wanted.descending else ''}{wanted.sort}"))
        return f"?{urlencode(pairs)}"


def read_filter(data: QueryDict) -> BillFilter:
    """Return what an address asks for; what makes no sense in it is left out."""
    show = data.get("show", OPEN)
    sort = data.get("sort", "")
    month, bill_type, payer = data.get("month", ""), data.get("type", ""), data.get("payer", "")
    return BillFilter(
        show=show if show in STATES else OPEN,
        age=data.get("age", "") if show == OPEN else "",
        month=month if _MONTH.match(month) else "",
        doctor_id=_uuid(data.get("doctor", "")),
        bill_type=bill_type if bill_type in BillType.values else "",
        payer=payer if payer in (ANY_INSURER, NO_INSURER) or _uuid(payer) else "",
        patient_ids=tuple(key for text in data.getlist("patient")[:MOST_PATIENTS] if (key := _uuid(text))),
        sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "",
        descending=sort.startswith("-"),
    )


def visible_bills(user: User, wanted: BillFilter) -> BillQuerySet:
    """Return the bills this person may see under everything asked for but the state and the age."""
    bills = Bill.objects.visible_to(user)
    if wanted.month:
        first, following = month_bounds(wanted.month)
        bills = bills.filter(bill_date__gte=first, bill_date__lt=following)
    if wanted.doctor_id:
        bills = bills.filter(doctor=wanted.doctor_id)
    if wanted.bill_type:
        bills = bills.filter(bill_type=wanted.bill_type)
    if wanted.payer:
        claims = Claim.objects.filter(bill=OuterRef("pk"), status__in=Claim.LIVE)
        if key := _uuid(wanted.payer):
            bills = bills.filter(Exists(claims.filter(payer=key)))
        else:
            bills = bills.filter(Exists(claims) if wanted.payer == ANY_INSURER else ~Exists(claims))
    if wanted.patient_ids:
        bills = bills.filter(patient__in=Patient.objects.records_of_all(wanted.patient_ids).values("pk"))
    return bills


def in_state(show: str) -> Q:
    """Return the condition of one state of the list."""
    owing = Q(status__in=Bill.OWING)
    return {
        OPEN: owing,
        DRAFT: Q(status=Status.PENDING),
        INSURER: owing & Q(Exists(Claim.objects.filter(bill=OuterRef("pk"), status__in=AT_INSURER))),
        DISPUTED: owing & Q(collection_status=Bill.Collection.DISPUTED),
        OVERDUE: Q(status=Status.OVERDUE),
        PAID: Q(status=Status.PAID),
        ALL: Q(),
    }[show]


def month_bounds(month: str) -> tuple[date, date]:
    """Return the first day of a month such as 202510 and of the month after it."""
    year, number = int(month[:4]), int(month[4:])
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
