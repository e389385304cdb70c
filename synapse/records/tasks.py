"""Background work of imports."""

from django.utils import timezone

from synapse.common import jobs
from synapse.common.models import Job
from synapse.records import services
from synapse.records.exports import services as exports


@jobs.task(on_failure=services.fail_import)
def run_import(job: Job) -> None:
    """Take the rows of one file in."""
    services.run_import(job.object_id, job=job, clock=timezone.now)


@jobs.task(on_failure=exports.fail_export)
def make_export(job: Job) -> None:
    """Put everything about one patient into a file."""
    exports.make_export(job.object_id, job=job, clock=timezone.now)
