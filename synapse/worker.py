"""The worker process: a django-q2 cluster, its heartbeat, the sweeps' schedule and the care for lost jobs."""

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, connections
from django.utils import timezone

from synapse.common import heartbeat, jobs, sweeps

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
JOB_SWEEP_EVERY = timedelta(seconds=15)
SWEEPS_EVERY = timedelta(seconds=5)


def ask_for_beat(at: datetime) -> None:
    """Send the heartbeat through the queue: it then proves queue, pusher and a worker at once."""
    from django_q.tasks import async_task

    async_task("synapse.common.heartbeat.beat", save=False)


def start_due_sweeps(at: datetime) -> None:
    from django_q.tasks import async_task

    for sweep in sweeps.claim_due(at):
        async_task("synapse.common.sweeps.run", sweep.name, save=False)


@dataclass
class Chore:
    """Something the worker's own loop does every so often."""

    every: timedelta
    run: Callable[[datetime], None]
    last: datetime | None = field(default=None)

    def run_when_due(self, at: datetime) -> None:
        if self.last is None or at - self.last >= self.every:
            self.last = at
            self.run(at)


def chores() -> list[Chore]:
    return [
        Chore(heartbeat.EVERY, ask_for_beat),
        Chore(JOB_SWEEP_EVERY, jobs.sweep),
        Chore(SWEEPS_EVERY, start_due_sweeps),
    ]


class ClusterDied(Exception):
    """The queue's guardian is gone; whoever supervises this process starts it again."""


def serve() -> None:
    """Work until SIGTERM or Ctrl-C. Raises ClusterDied."""
    from django_q.cluster import Cluster

    stop = threading.Event()
    connections.close_all()  # the cluster forks
    cluster = Cluster()
    # The cluster's own handler joins its child from inside the signal, which can deadlock.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    cluster.start()
    todo = chores()
    while not stop.wait(TICK_SECONDS):
        if not cluster.sentinel.is_alive():
            raise ClusterDied("The queue's guardian process ended.")
        _tick(todo)
    cluster.stop()


def _tick(todo: list[Chore]) -> None:
    try:
        for chore in todo:
            chore.run_when_due(timezone.now())
    except DatabaseError as error:
        logger.error("the worker's loop lost the database: %s", type(error).__name__)
        connections.close_all()
