"""Money that lies still: credit nobody used for months, and days whose money was not counted."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Max, QuerySet
from django.urls import reverse

from billing.ledger.entries import ON_CREDIT
from billing.models import DayClose, LedgerEntry, PatientAccount
from billing.money import ZERO, format_money
from billing.services import day_close
from patients.models import Patient
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Item, Reader, Source
from synapse.dashboard.worklist.words import PATIENT, joined

# Long enough that the patient may not come again; unclaimed credit is owed back.
LONG_KEPT = timedelta(days=90)
WORK = (Permission.VIEW_BILLS, Permission.RECORD_PAYMENTS, Permission.VIEW_ALL_PATIENTS)


def _kept_credit(reader: Reader) -> QuerySet[Patient]:
    """Return patients whose credit did not move for long. Amounts are ciphertext: those few rows are read."""
    return (
        Patient.objects.visible_to(reader.user)
        .filter(pk__in=list(_credits(reader)))
        .only(*PATIENT)
        .order_by("patient_id")
    )


def _credits(reader: Reader) -> dict[UUID, list[str]]:
    """Return the credits that did not move for long, written out, by their patients."""
    kinds = list(ON_CREDIT)
    moved = LedgerEntry.objects.filter(kind__in=kinds) | LedgerEntry.objects.filter(reverses__kind__in=kinds)
    still = moved.values_list("patient_id", "currency").annotate(last=Max("at")).filter(last__lt=reader.at - LONG_KEPT)
    pairs = {(patient, currency) for patient, currency, _ in still}
    found: dict[UUID, list[str]] = defaultdict(list)
    if pairs:
        for account in PatientAccount.objects.filter(patient__in={patient for patient, _ in pairs}):
            if (account.patient_id, account.currency) in pairs and account.credit > ZERO:
                found[account.patient_id].append(format_money(Decimal(account.credit), account.currency))
    return found


def _describe_credit(rows: Sequence[Patient], reader: Reader) -> Iterable[Item]:
    kept = _credits(reader)
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.full_name,
            text=joined(f"{' and '.join(kept[row.pk])} of credit, untouched for {LONG_KEPT.days} days"),
            link=reverse("billing:account", args=[row.pk]),
            link_label="Use it or pay it out",
            patient_id=row.pk,
        )


def _open_days(reader: Reader) -> QuerySet[LedgerEntry]:
    """Return the first entry of each past day whose money was not counted, where the clinic counts at all."""
    if not DayClose.objects.exists():
        return LedgerEntry.objects.none()
    firsts: list[UUID] = []
    for day, currency in day_close.missing_days(reader.at):
        entries = LedgerEntry.objects.filter(booked_on=day, currency=currency)
        firsts.extend(entries.order_by("at", "pk").values_list("pk", flat=True)[:1])
    return LedgerEntry.objects.filter(pk__in=firsts).only("booked_on", "currency").order_by("at")


def _describe_days(rows: Sequence[LedgerEntry], reader: Reader) -> Iterable[Item]:
    own = ClinicSettings.load().currency
    for row in rows:
        day, is_own = row.booked_on, row.currency == own
        query = {"day": day.isoformat()} | ({} if is_own else {"currency": row.currency})
        yield Item(
            pk=row.pk,
            title=f"{day:%A, %-d %B}",
            text=f"What was taken on this day{'' if is_own else f' in {row.currency}'} was not counted",
            link=f"{reverse('billing:day_close')}?{urlencode(query)}",
            link_label="Close the day",
            patient_id=None,
        )


CREDIT = Source(
    name="kept-credit",
    title="Credit kept for long",
    icon="cash",
    permissions=WORK,
    rows=_kept_credit,
    describe=_describe_credit,
    can_set_aside=True,
)
OPEN_DAYS = Source(
    name="open-days",
    title="Days not closed",
    icon="cash",
    permissions=WORK,
    rows=_open_days,
    describe=_describe_days,
    can_set_aside=True,
)
