"""Rows every app shares: the abstract base, number counters, jobs and the last run of each sweep."""

import uuid

from django.db import models
from django.db.models import Q


class Timestamped(models.Model):
    """A row with an opaque key and the times it was made and last changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Counter(models.Model):
    """The last number given in a series and period; locked while the next one is taken."""

    series = models.CharField(max_length=20)
    period = models.CharField(max_length=10)
    last = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "period"], name="counter_one_row_per_period")]

    def __str__(self) -> str:
        return f"{self.series} {self.period}"


class Job(Timestamped):
    """One piece of background work, written in the transaction that asks for it.

    The queue carries only the id. Attempts are counted when a run starts, so a job that kills its worker ends too.
    """

    class Runner(models.TextChoices):
        WORKER = "worker"
        SPEECH = "speech"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        DEAD = "dead"

    kind = models.CharField(max_length=100, help_text="Dotted name of the task.")
    object_id = models.UUIDField()
    runner = models.CharField(max_length=10, choices=Runner.choices, default=Runner.WORKER)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    run_at = models.DateTimeField(help_text="Not before this time.")
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When the queue was last told.")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=120, unique=True, null=True, blank=True)
    requested_by_id = models.UUIDField(null=True, blank=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    progress_at = models.DateTimeField(null=True, blank=True, help_text="When it was last told how far the run is.")
    progress_label = models.CharField(max_length=80, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="When the present run took its lease.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "lease_until"], name="job_state_lease"),
            models.Index(fields=["kind", "object_id"], name="job_kind_object"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False, lease_token__isnull=False),
                name="job_running_has_lease",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class SweepRun(models.Model):
    """The last run of one recurring sweep, and the worker's heartbeat."""

    name = models.CharField(max_length=60, primary_key=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return self.name
