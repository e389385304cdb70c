"""Tasks for the tests of the job queue; each leaves a line in `log`."""

from synapse.common import jobs
from synapse.common.models import Job

log: list[tuple[str, object]] = []


@jobs.task()
def succeed(job: Job) -> None:
    log.append(("ran", job.object_id))


def note_failure(object_id, *, code, at) -> None:
    log.append(("failed", code))


@jobs.task(on_failure=note_failure)
def leak(job: Job) -> None:
    raise ValueError("patient Jane Doe has F32.1")


@jobs.task(on_failure=note_failure)
def busy(job: Job) -> None:
    raise jobs.TransientJobError("provider_busy")


@jobs.task(on_failure=note_failure)
def refuse(job: Job) -> None:
    raise jobs.PermanentJobError("consent_missing")


@jobs.task(on_failure=note_failure)
def be_interrupted(job: Job) -> None:
    raise SystemExit


@jobs.task()
def progress(job: Job) -> None:
    jobs.set_progress(job, 2, 5, "Assessment")
    log.append(
        ("progress", Job.objects.values_list("progress_done", "progress_total", "progress_label").get(pk=job.pk))
    )


def not_a_task(job: Job) -> None:
    pass


def broken_handler(object_id, *, code, at) -> None:
    raise RuntimeError("the handler is broken")


@jobs.task(on_failure=broken_handler)
def refuse_with_broken_handler(job: Job) -> None:
    raise jobs.PermanentJobError("no")
