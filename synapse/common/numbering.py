"""Visible numbers: PAT-20250001, SESS-20250001, INV-202509-000001."""

from datetime import date

from django.db import transaction

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


def _take(series: str, period: str) -> int:
    """Return the next number, holding the counter's row lock until the caller's transaction ends."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("A number is taken inside the transaction that uses it.")
    Counter.objects.get_or_create(series=series, period=period)
    counter = Counter.objects.select_for_update().get(series=series, period=period)
    counter.last += 1
    counter.save(update_fields=["last"])
    return counter.last
