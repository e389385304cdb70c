"""Code tables that wait for the worker."""

from django.utils import timezone

from billing.services import codes
from synapse.common import jobs
from synapse.common.models import Job


@jobs.task()
def take_codes_in(job: Job) -> None:
    """Take the codes of one file in."""
    codes.apply(job.object_id, at=timezone.now())
