"""Report templates: the sections a report has, in every version they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped

if TYPE_CHECKING:
    from synapse.accounts.models import User


class ReportTemplateQuerySet(models.QuerySet["ReportTemplate"]):
    def visible_to(self, user: User) -> ReportTemplateQuerySet:
        """Return a doctor's own templates and public ones; for admins the clinic's."""
        if user.may(Permission.WRITE_TEMPLATES):
            return self.filter(Q(doctor=user) | Q(is_public=True))
        if user.may(Permission.MANAGE_CLINIC_TEMPLATES):
            return self.filter(doctor=None)
        return self.none()

    def active(self) -> ReportTemplateQuerySet:
        return self.filter(is_active=True)


ReportTemplateManager = models.Manager.from_queryset(ReportTemplateQuerySet)


class ReportTemplate(Timestamped):
    """The sections a report has and how they are asked for. Without a doctor it belongs to the clinic."""

    CONTENT = ("name", "description", "structure", "ai_prompt")  # what a version keeps

    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=400, blank=True, default="")
    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="report_templates"
    )
    structure = models.JSONField(help_text="Validated by reports.templating.structure.")
    ai_prompt = models.TextField(blank=True, default="")
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_public = models.BooleanField(default=False)
    usage_count = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    parent_version = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="The parent's version this one has taken in; a higher one is shown as a notice.",
    )
    shipped_digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="SHA-256 of the release's own content this row has taken in; empty for what did not come with one.",
    )

    objects = ReportTemplateManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["doctor", "slug"], name="template_slug_per_doctor", nulls_distinct=False),
            models.UniqueConstraint(
                fields=["doctor"],
                condition=Q(is_default=True),
                name="template_one_default_per_doctor",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """One saved version of a template. Rows are only added; the newest equals the template itself."""

    template = models.ForeignKey(ReportTemplate, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=400, blank=True, default="")
    structure = models.JSONField(help_text="Validated by reports.templating.structure.")
    ai_prompt = models.TextField(blank=True, default="")
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "version"], name="template_one_row_per_version")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"
