"""Work on bills that waits for the worker."""

import logging
from itertools import islice

from django.utils import timezone

from billing.ledger.checking import find_faults
from synapse.common import jobs
from synapse.common.jobs import PermanentJobError
from synapse.common.models import Job

logger = logging.getLogger(__name__)

MOST_FAULTS = 200  # of one fault many may follow; the command lists all


@jobs.task()
def check_ledger(job: Job) -> None:
    """Check the ledger; faults are logged by number, without amounts, and end the job as failed work."""
    faults = list(islice(find_faults(timezone.now()), MOST_FAULTS))
    for fault in faults:
        logger.error("ledger: %s: %s", fault.where, fault.what)
    if faults:
        raise PermanentJobError("ledger_does_not_add_up")
