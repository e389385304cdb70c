"""The last figures of the public bench, for its page."""

from __future__ import annotations

from django.db import models

from synapse.common.models import Timestamped


class BenchRun(Timestamped):
    """One run of `bench_scribe`: synthetic sessions only, so nothing in it is about anybody."""

    engine = models.CharField(max_length=20)
    model = models.CharField(max_length=80, blank=True, default="")
    figures = models.JSONField(
        help_text="Totals and one entry a session: unsupported, missed, wrong speaker, invented."
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it runs.")
    error_code = models.CharField(max_length=60, blank=True, default="")
    seconds = models.FloatField()

    def __str__(self) -> str:
        return f"bench of {self.engine}"

    @property
    def is_running(self) -> bool:
        return self.finished_at is None
