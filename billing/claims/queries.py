"""What the pages of claims show. Amounts and insurers' names on bills are ciphertext: they are read in memory."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q

from billing.models import Bill, Claim, ClaimQuerySet
from billing.money import ZERO
from synapse.accounts.models import ClinicSettings, User

Status = Claim.Status
# What a tab of the list holds. A denied claim that was resubmitted is over.
SHOWN = {
    "to_send": Q(status=Status.PREPARED),
    "with_insurer": Q(status__in=Claim.WAITING),
    "denied": Q(status=Status.DENIED, replaced_by=None),
    "paid": Q(status=Status.PAID),
    "to_patient": Q(status=Status.TO_PATIENT),
    "withdrawn": Q(status=Status.WITHDRAWN),
    "all": Q(),
}
# Days since a claim was sent: the first day of an age and its last.
AGES = {
    "30": ("Up to 30 days", 0, 30),
    "60": ("31 to 60", 31, 60),
    "90": ("61 to 90", 61, 90),
    "older": ("Over 90", 91, None),
}


@dataclass
class AgeOfClaims:
    """Claims an insurer has had for so long."""

    key: str
    label: str
    count: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)


def list_claims(user: User) -> ClaimQuerySet:
    """Return the claims this person may see with what a row shows, those sent first at the top."""
    related = ("bill__patient__merged_into", "bill__doctor", "payer", "replaces")
    return Claim.objects.visible_to(user).select_related(*related).order_by("sent_at", "created_at", "control_number")


def filter_claims(
    claims: ClaimQuerySet, *, show: str, age: str = "", payer: UUID | None = None, at: datetime
) -> ClaimQuerySet:
    """Return the claims of one tab, of one age since sending, of one insurer."""
    claims = claims.filter(SHOWN.get(show, Q()))
    if payer is not None:
        claims = claims.filter(payer=payer)
    if age in AGES:
        _, first, last = AGES[age]
        today = ClinicSettings.load().date_of(at)
        claims = claims.filter(sent_at__lt=_start_of(today - timedelta(days=first - 1)))
        if last is not None:
            claims = claims.filter(sent_at__gte=_start_of(today - timedelta(days=last)))
    return claims


def count_by_tab(user: User) -> dict[str, int]:
    """Return how many claims each tab holds, in one query."""
    counts = {name: Count("pk", filter=condition) for name, condition in SHOWN.items() if name != "all"}
    return Claim.objects.visible_to(user).aggregate(all=Count("pk"), **counts)


def sum_claims(claims: ClaimQuerySet) -> dict[str, Decimal]:
    """Return what these claims ask for, by currency."""
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for amount, currency in claims.order_by().values_list("claimed_amount", "bill__currency"):
        sums[currency] += amount or ZERO
    return dict(sums)


def ages_of(user: User, *, at: datetime) -> list[AgeOfClaims]:
    """Return how long insurers have had the claims they have not answered for good."""
    clinic = ClinicSettings.load()
    today = clinic.date_of(at)
    ages = {key: AgeOfClaims(key, label) for key, (label, _, _) in AGES.items()}
    claims = Claim.objects.visible_to(user).filter(SHOWN["with_insurer"], sent_at__isnull=False)
    for sent_at, amount, currency in claims.values_list("sent_at", "claimed_amount", "bill__currency"):
        if sent_at is None:
            continue
        days = (today - clinic.date_of(sent_at)).days
        age = ages[next(key for key, (_, _, last) in AGES.items() if last is None or days <= last)]
        age.count += 1
        age.amounts[currency] = age.amounts.get(currency, ZERO) + (amount or ZERO)
    return list(ages.values())


def unclaimed_bills(user: User) -> list[Bill]:
    """Return open bills of insured patients that nothing was claimed for yet, the oldest first."""
    bills = (
        Bill.objects.visible_to(user)
        .filter(status__in=Bill.OWING, purpose=Bill.Purpose.VISIT)
        .exclude(claims__status__in=Claim.LIVE)
        .exclude(claims__status=Status.DENIED)
        .select_related("patient__merged_into", "doctor")
        .order_by("bill_date", "bill_number")
    )
    return [bill for bill in bills if bill.insurance_provider or bill.patient.kept_record.insurance_provider]


def replaced(claims: Iterable[Claim]) -> set[UUID]:
    """Return which of these claims a later one replaces."""
    return set(Claim.objects.filter(replaces__in=list(claims)).values_list("replaces_id", flat=True))


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=ClinicSettings.load().zone)
