"""Background work of reports."""

from django.utils import timezone

from reports.services import drafting
from synapse.common import jobs
from synapse.common.models import Job


@jobs.task(on_failure=drafting.fail_generation)
def generate(job: Job) -> None:
    """Write one report."""
    drafting.generate_report(job.object_id, job=job, clock=timezone.now)
