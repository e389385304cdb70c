"""Recurring work: what runs how often, and when each last ran. Every sweep may run twice without harm."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.module_loading import import_string

from synapse.common import quiet_errors
from synapse.common.models import SweepRun

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sweep:
    """A function `at -> anything` under a name, called about every `every`."""

    name: str
    every: timedelta
    function: str

    def load(self) -> Callable[[datetime], object]:
        found: Callable[[datetime], object] = import_string(self.function)
        return found


_registry: dict[str, Sweep] = {}


def register(*sweeps: Sweep) -> None:
    """Add sweeps to the worker's schedule; called from an app's `ready`."""
    for sweep in sweeps:
        _registry[sweep.name] = sweep


def registered() -> list[Sweep]:
    return sorted(_registry.values(), key=lambda sweep: sweep.name)


def claim_due(at: datetime) -> list[Sweep]:
    """Return the sweeps to run now; each is claimed, so two workers never both start one."""
    last = {run.name: run.started_at for run in SweepRun.objects.all()}
    return [sweep for sweep in registered() if _claim(sweep, last.get(sweep.name), at)]


def _claim(sweep: Sweep, started_at: datetime | None, at: datetime) -> bool:
    if started_at is None:
        return SweepRun.objects.get_or_create(name=sweep.name, defaults={"started_at": at})[1]
    if started_at + sweep.every > at:
        return False
    rows = SweepRun.objects.filter(name=sweep.name, started_at=started_at)
    return bool(rows.update(started_at=at, finished_at=None, outcome=""))


@quiet_errors.alone()
def run(name: str) -> None:
    """Run one sweep by name and store how it ended; the queue's entry."""
    sweep = _registry[name]
    try:
        sweep.load()(timezone.now())
        outcome = "ok"
    except Exception as error:  # noqa: BLE001  the next run tries again; the page shows that this one failed
        outcome = type(error).__name__
        logger.error("sweep %s failed: %s", name, outcome)
    SweepRun.objects.filter(name=name).update(finished_at=timezone.now(), outcome=outcome)
