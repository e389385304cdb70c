"""Visible numbers: PAT-20250001, SESS-20250001, INV-202509-000001, RCP-202509-000001."""

from datetime import date

from django.db import transaction
from django.db.models import F

from synapse.common.models import Counter


def next_patient_number(on: date) -> str:
    """Take the next patient number of the year `on` lies in; `on` is the clinic's date."""
    return f"PAT-{on.year}{_take('PAT', f'{on:%Y}'):04d}"


def next_session_number(on: date) -> str:
    """Take the next session number of the year `on` lies in; `on` is the clinic's date."""
    return f"SESS-{on.year}{_take('SESS', f'{on:%Y}'):04d}"


def next_bill_number(on: date) -> str:
    """Take the next invoice number of the month `on` lies in; `on` is the clinic's date.

    Call it in the transaction that issues the bill: a roll-back gives the number back, so the series has no gap.
    """
    return f"INV-{on:%Y%m}-{_take('INV', f'{on:%Y%m}'):06d}"


def next_receipt_number(on: date) -> str:
    """Take the next receipt number of the month `on` lies in, as `next_bill_number` does."""
    return f"RCP-{on:%Y%m}-{_take('RCP', f'{on:%Y%m}'):06d}"


def next_claim_number() -> str:
    """Take the next number of a claim: ours, quoted in every file about it."""
    return f"CLM-{_take('CLM', ''):06d}"


def next_erasure_number(on: date) -> str:
    """Take the next number of a certificate of erasure; `on` is the clinic's date."""
    return f"ERA-{on.year}{_take('ERA', f'{on:%Y}'):04d}"


def next_incident_number(on: date) -> str:
    """Take the next number of an incident in the year `on` lies in."""
    return f"INC-{on.year}-{_take('INC', f'{on:%Y}'):03d}"


def next_interchange_number() -> int:
    """Take the next control number of a claim file: a clearing house refuses one it has seen."""
    return _take("ISA", "")


def _take(series: str, period: str) -> int:
    """Return the next number, holding the counter's row lock until the caller's transaction ends."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("A number is taken inside the transaction that uses it.")
    counter = Counter.objects.filter(series=series, period=period)
    if not counter.update(last=F("last") + 1):
        Counter.objects.get_or_create(series=series, period=period)
        counter.update(last=F("last") + 1)
    return counter.values_list("last", flat=True).get()
