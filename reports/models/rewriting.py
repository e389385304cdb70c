"""Sections that were written again by instruction."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from reports.models.report import Report
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField


class SectionRewrite(Timestamped):
    """One wish about one section of a draft, and what came of it. The lines it replaced are in the report's corrections."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        RUNNING = "running", "Being written"
        COMPLETED = "completed", "Written"
        FAILED = "failed", "Failed"

    TRANSITIONS = {
        Status.PENDING: {Status.RUNNING, Status.COMPLETED, Status.FAILED},
        Status.RUNNING: {Status.COMPLETED, Status.FAILED},
        Status.COMPLETED: set(),
        Status.FAILED: set(),
    }
    UNFINISHED = (Status.PENDING, Status.RUNNING)

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="rewrites")
    section_id = models.CharField(max_length=60)
    instruction = EncryptedTextField()
    include_own = models.BooleanField(
        default=False, help_text="Lines the doctor wrote, changed or confirmed may be replaced as well."
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)
    engine = models.CharField(max_length=20, blank=True, default="")
    ai_model = models.CharField(max_length=80, blank=True, default="")
    prompt_version = models.CharField(max_length=40, blank=True, default="")
    token_usage = models.JSONField(default=dict, blank=True, help_text="Counts, and the list price in US dollars.")
    error_code = models.CharField(max_length=60, blank=True, default="")
    fallback_code = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["report", "section_id"],
                condition=Q(status__in=["pending", "running"]),
                name="rewrite_one_unfinished_per_section",
            ),
        ]

    def __str__(self) -> str:
        return f"rewrite {self.pk}"

    @property
    def is_running(self) -> bool:
        return self.status in self.UNFINISHED

    @property
    def has_failed(self) -> bool:
        return self.status == self.Status.FAILED
