"""Background work that survives a killed worker, a lost message and a hung queue.

The Job row is written in the transaction that asks for the work; the queue carries only its id. A run takes a lease
and counts an attempt before it starts, so a job that kills its worker ends as `dead` after three starts. Every later
write names the lease, so a run that was given up as lost cannot overwrite its successor.
"""

import logging
from collections.abc import Callable, Collection
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from synapse.common import quiet_errors
from synapse.common.errors import Conflict
from synapse.common.models import Job

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
# The queue ends a task after 120 s (Q_CLUSTER timeout); the lease outlives that, so two runs never overlap.
WORKER_LEASE = timedelta(seconds=150)
SPEECH_LEASE_SECONDS = 300.0  # one block read on a busy machine
BACKOFF = timedelta(seconds=20)  # doubled with each attempt
RING_AGAIN_AFTER = timedelta(seconds=60)
GUESS_SECONDS = 4.0  # a pace measured over less is noise
KEEP_FINISHED = timedelta(days=30)

State = Job.State
Runner = Job.Runner


class FailureHandler(Protocol):
    """Bring the job's object to a terminal state; may run twice."""

    def __call__(self, object_id: UUID, /, *, code: str, at: datetime) -> object: ...


class JobError(Exception):
    """A run failed; `code` is stored and shown, so it holds no patient data."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TransientJobError(JobError):
    """Worth another attempt: a time-out, a busy provider."""


class PermanentJobError(JobError):
    """Another attempt would fail the same way."""


class LeaseLost(Exception):
    """Another run holds this job now; stop and write nothing."""


@dataclass(frozen=True)
class Task:
    """A function the queue may run, and what to do when all its attempts have failed."""

    run: Callable[[Job], object]
    on_failure: FailureHandler | None

    def __call__(self, job: Job) -> object:
        return self.run(job)


def task(*, on_failure: FailureHandler | None = None) -> Callable[[Callable[[Job], object]], Task]:
    """Mark a function of an app's `tasks.py` as runnable; it gets the Job and may run twice without harm."""

    def mark(run: Callable[[Job], object]) -> Task:
        return Task(run=run, on_failure=on_failure)

    return mark


def get_task(kind: str) -> Task:
    """Return the task a dotted name stands for; raises ImportError when there is none."""
    found = import_string(kind)
    if not isinstance(found, Task):
        raise ImportError(f"{kind} is not a @jobs.task")  # noqa: TRY004  the name is wrong, not its type
    return found


def enqueue(
    kind: str,
    object_id: UUID,
    *,
    runner: str = Runner.WORKER,
    by_id: UUID | None = None,
    key: str | None = None,
    run_at: datetime | None = None,
) -> Job:
    """Write a job in the caller's transaction and ring the queue when it commits.

    `kind` is the dotted name of a task of the calling app. With `key` there is never a second job of the same key:
    the first one is returned. Raises ImportError for an unknown task.
    """
    get_task(kind)
    values = {
        "kind": kind,
        "object_id": object_id,
        "runner": runner,
        "run_at": run_at or timezone.now(),
        "requested_by_id": by_id,
    }
    if key is None:
        job, is_new = Job.objects.create(**values), True
    else:
        job, is_new = Job.objects.get_or_create(idempotency_key=key, defaults=values)
    if is_new and runner == Runner.WORKER:
        transaction.on_commit(lambda: _ring(job))
    return job


def is_waiting(kind: str, object_id: UUID) -> bool:
    """Tell whether a job of this kind for this object has not started yet."""
    return Job.objects.filter(kind=kind, object_id=object_id, state=State.QUEUED).exists()


def start_again(job: Job, *, at: datetime) -> None:
    """Give work that was given up three more starts, in the caller's transaction. Raises Conflict when it was not."""
    given_up = Job.objects.filter(pk=job.pk, state__in=[State.FAILED, State.DEAD])
    if not given_up.update(state=State.QUEUED, attempts=0, run_at=at, error_code="", finished_at=None, updated_at=at):
        raise Conflict("This work is not given up. Reload the page to see where it stands.")
    job.refresh_from_db()
    if job.runner == Runner.WORKER:
        transaction.on_commit(lambda: _ring(job))


def _ring(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(rung_at=timezone.now())
    import_string(settings.JOB_DOORBELL)(str(job.pk))


def ring_queue(job_id: str) -> None:
    """Put a job's id into the queue."""
    from django_q.tasks import async_task

    async_task("synapse.common.jobs.run_job", job_id, save=False)


@quiet_errors.alone()
def run_job(job_id: str) -> None:
    """Run a job by its id; the queue's only entry. Does nothing when it is done, not due or leased."""
    now = timezone.now()
    job = _lease(Job.objects.filter(pk=UUID(job_id), runner=Runner.WORKER), at=now, duration=WORKER_LEASE)
    if job is not None:
        run_leased(job)


def lease_next(runner: str, kinds: Collection[str], at: datetime, lease_seconds: float) -> Job | None:
    """Take the oldest due job of these kinds for a runner that leases by itself, or return None."""
    due = Job.objects.filter(runner=runner, kind__in=kinds).filter(_startable(at)).order_by("run_at", "created_at")
    for job_id in due.values_list("pk", flat=True)[:20]:
        job = _lease(Job.objects.filter(pk=job_id), at=at, duration=timedelta(seconds=lease_seconds))
        if job is not None:
            return job
    return None


def run_leased(job: Job) -> None:
    """Run the task of a leased job and bring the job to its next state; no error of the task comes out."""
    try:
        get_task(job.kind)(job)
    except LeaseLost:
        logger.warning("job %s (%s) lost its lease", job.pk, job.kind)
    except JobError as error:
        _after_failure(job, error.code, may_retry=isinstance(error, TransientJobError))
    except Exception as error:  # noqa: BLE001  whatever a task raises must end in a state
        # The text of an unexpected error may hold patient data: only its type is kept.
        logger.error("job %s (%s) raised %s", job.pk, job.kind, type(error).__name__)
        _after_failure(job, "unexpected_error", may_retry=True)
    except BaseException:
        _after_failure(job, "interrupted", may_retry=True)
        raise
    else:
        complete(job)


def complete(job: Job) -> None:
    """End a job that did its work; says nothing when another run took it over."""
    _write(job, state=State.DONE, lease_until=None, lease_token=None, error_code="", finished_at=timezone.now())


def set_progress(job: Job, done: int, total: int, label: str = "") -> None:
    """Show how far a run is; `label` is a section's or step's name. Raises LeaseLost."""
    if not _write(job, progress_done=done, progress_total=total, progress_label=label[:80], progress_at=timezone.now()):
        raise LeaseLost


def extend_lease(job: Job, *, at: datetime, lease_seconds: float) -> None:
    """Keep a job for longer than its lease. Raises LeaseLost."""
    if not _write(job, lease_until=at + timedelta(seconds=lease_seconds)):
        raise LeaseLost


def give_back(job: Job, *, at: datetime) -> None:
    """Return an unfinished job when its runner shuts down: it may start again at once and the attempt does not count.

    The caller's copy keeps its lease token, so whatever a run still writes is refused.
    """
    _write(
        copy(job),
        state=State.QUEUED,
        attempts=job.attempts - 1,
        run_at=at,
        lease_until=None,
        lease_token=None,
    )


def call_off(object_ids: Collection[UUID], *, code: str, at: datetime) -> int:
    """End all work for these objects, what runs included: without its lease whatever a run still stores is refused."""
    open_jobs = Job.objects.filter(object_id__in=object_ids, state__in=[State.QUEUED, State.RUNNING])
    ended = {"state": State.DONE, "error_code": code, "lease_token": None, "lease_until": None, "finished_at": at}
    return open_jobs.update(**ended, updated_at=at)


def assert_held(job: Job) -> None:
    """Lock the job's row for the transaction that stores its result. Raises LeaseLost."""
    if not Job.objects.select_for_update().filter(pk=job.pk, lease_token=job.lease_token).exists():
        raise LeaseLost


def _startable(at: datetime) -> Q:
    fresh = Q(state=State.QUEUED, run_at__lte=at)
    abandoned = Q(state=State.RUNNING, lease_until__lt=at)
    return (fresh | abandoned) & Q(attempts__lt=MAX_ATTEMPTS)


def _lease(jobs: QuerySet[Job], *, at: datetime, duration: timedelta) -> Job | None:
    """Take one job in a single conditional UPDATE, counting the attempt; None when it cannot be started."""
    token = uuid4()
    taken = jobs.filter(_startable(at)).update(
        state=State.RUNNING,
        attempts=F("attempts") + 1,
        lease_until=at + duration,
        lease_token=token,
        started_at=at,
        progress_done=0,
        updated_at=at,
    )
    return Job.objects.get(lease_token=token) if taken else None


def _write(job: Job, **values: Any) -> bool:
    """Change the row while this run holds it, and the copy with it."""
    values["updated_at"] = timezone.now()
    if not Job.objects.filter(pk=job.pk, lease_token=job.lease_token).update(**values):
        return False
    for name, value in values.items():
        setattr(job, name, value)
    return True


def _after_failure(job: Job, code: str, *, may_retry: bool) -> None:
    now = timezone.now()
    if may_retry and job.attempts < MAX_ATTEMPTS:
        later = now + BACKOFF * 2 ** (job.attempts - 1)
        _write(job, state=State.QUEUED, run_at=later, lease_until=None, lease_token=None, error_code=code)
    else:
        _give_up(job, State.FAILED, code, at=now)


def _give_up(job: Job, state: str, code: str, *, at: datetime) -> None:
    """End a job for good; its object comes first, so a crash in between repeats both."""
    try:
        handler = get_task(job.kind).on_failure
        if handler is not None:
            handler(job.object_id, code=code, at=at)
    except Exception as error:  # noqa: BLE001  the sweep comes back to this job; the others go on
        logger.error("job %s (%s) could not be ended: %s", job.pk, job.kind, type(error).__name__)
        return
    _write(job, state=state, lease_until=None, lease_token=None, error_code=code, finished_at=at)
    logger.error("job %s (%s) ended as %s: %s", job.pk, job.kind, state, code)


def seconds_left(job: Job, at: datetime) -> int | None:
    """Return how long a run will still take at the pace it has had, in s; None while that is a guess."""
    if job.state != State.RUNNING or job.started_at is None or job.progress_at is None or job.progress_done <= 0:
        return None
    taken = (job.progress_at - job.started_at).total_seconds()
    if taken < GUESS_SECONDS:
        return None
    left = taken * (job.progress_total - job.progress_done) / job.progress_done
    return max(0, round(left - (at - job.progress_at).total_seconds()))


def sweep(at: datetime) -> None:
    """Ring again for due jobs nobody runs, and bury those whose third run never came back."""
    lost = Job.objects.filter(state=State.RUNNING, lease_until__lt=at, attempts__gte=MAX_ATTEMPTS)
    for job in lost:
        _give_up(job, State.DEAD, "worker_lost", at=at)
    waiting = Job.objects.filter(_startable(at), runner=Runner.WORKER).filter(
        Q(rung_at=None) | Q(rung_at__lt=at - RING_AGAIN_AFTER) | Q(rung_at__lt=F("run_at"))
    )
    for job in waiting:
        _ring(job)


def purge_finished(at: datetime) -> int:
    """Delete jobs that ended more than 30 days ago, except dead and failed ones; return how many."""
    return Job.objects.filter(state=State.DONE, finished_at__lt=at - KEEP_FINISHED).delete()[0]
