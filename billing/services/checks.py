"""Ask for the check of the ledger once a night."""

from datetime import datetime, time
from uuid import UUID

from django.db import transaction

from synapse.accounts.models import ClinicSettings
from synapse.common import jobs

# The ledger is one; a job needs the id of what it is about.
LEDGER = UUID("1ed9e21e-d000-4000-8000-000000000001")
NIGHT = time(2, 0)


def ask_for_check(at: datetime) -> None:
    """Have the ledger checked at two by the clinic's clock, once a day; what it finds is told as failed work."""
    clinic = ClinicSettings.load()
    today = clinic.date_of(at)
    with transaction.atomic():
        jobs.enqueue(
            "billing.tasks.check_ledger",
            LEDGER,
            key=f"check_ledger {today}",
            run_at=datetime.combine(today, NIGHT, clinic.zone),
        )
