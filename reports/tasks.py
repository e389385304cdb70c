"""Background work of reports."""

from django.utils import timezone

from reports.services import benching, drafting, refreshing, section_writing
from synapse.common import jobs
from synapse.common.models import Job


@jobs.task(on_failure=drafting.fail_generation)
def generate(job: Job) -> None:
    """Write one report."""
    drafting.generate_report(job.object_id, job=job, clock=timezone.now)


@jobs.task(on_failure=refreshing.refresh_with_built_in)
def refresh(job: Job) -> None:
    """Write the untouched lines of a provisional report again, from the finished transcript."""
    refreshing.refresh_report(job.object_id, job=job, clock=timezone.now)


@jobs.task(on_failure=section_writing.fail_rewrite)
def rewrite_section(job: Job) -> None:
    """Write one section of a draft again."""
    section_writing.run_rewrite(job.object_id, job=job, clock=timezone.now)


@jobs.task(on_failure=benching.end_bench)
def bench(job: Job) -> None:
    """Write and score the synthetic sessions of the bench."""
    benching.run_bench(job.object_id, job=job, clock=timezone.now)
