"""Signs of life: when worker and speech last did something, in the database every process sees."""

from datetime import datetime, timedelta

from django.utils import timezone

from synapse.common.models import Job, SweepRun

WORKER = "heartbeat:worker"
SPEECH = "heartbeat:speech"
EVERY = timedelta(seconds=20)
STALE_AFTER = timedelta(seconds=90)


def beat(name: str = WORKER) -> None:
    """Say that a process works; the worker's beat goes through the queue, so it proves the queue too."""
    now = timezone.now()
    SweepRun.objects.update_or_create(name=name, defaults={"started_at": now, "finished_at": now, "outcome": "ok"})


def last_beat(name: str) -> datetime | None:
    """Return the last sign of life, or None when there was never one."""
    return SweepRun.objects.filter(name=name).values_list("started_at", flat=True).first()


def is_alive(name: str, at: datetime) -> bool:
    last = last_beat(name)
    return last is not None and at - last <= STALE_AFTER


def worker_is_hung(at: datetime, *, running_since: datetime, slots: int) -> bool:
    """Tell whether the worker has to be started again.

    Its beat waits in the queue behind the jobs, so silence counts only while fewer than all `slots` are at work.
    """
    last = max(filter(None, (last_beat(WORKER), running_since)))
    if at - last <= STALE_AFTER:
        return False
    at_work = Job.objects.filter(runner=Job.Runner.WORKER, state=Job.State.RUNNING, lease_until__gt=at).count()
    return at_work < slots
