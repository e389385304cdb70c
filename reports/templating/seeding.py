"""The shipped templates as rows of the clinic, after every migration."""

from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.utils import timezone

from reports.models import ReportTemplate, TemplateVersion
from reports.shipped import digest_of, load_shipped
from reports.templating.origin import content_of


def install_shipped_templates(using: str, **kwargs: Any) -> None:
    """Receive post_migrate: add the shipped templates that are missing, renew those the clinic never changed.

    Runs after every migration, not in one, so that a new release brings its templates and an emptied test database
    has its own again. A row the clinic changed is never touched: its page says that the shipped one changed.
    """
    tables = connections[using].introspection.table_names()
    if TemplateVersion._meta.db_table not in tables:
        return
    now = timezone.now()
    with transaction.atomic(using=using):
        _add_missing(using, at=now)
        _renew_unchanged(using, at=now)


def _add_missing(using: str, *, at: datetime) -> None:
    clinic = ReportTemplate.objects.using(using).filter(doctor=None)
    known = set(clinic.values_list("slug", flat=True))
    has_default = clinic.filter(is_default=True).exists()
    added = ReportTemplate.objects.using(using).bulk_create(
        ReportTemplate(
            slug=slug,
            is_default=shipped["is_default"] and not has_default,
            is_public=True,
            shipped_digest=digest_of(shipped),
            **{field: shipped[field] for field in ReportTemplate.CONTENT},
        )
        for slug, shipped in load_shipped().items()
        if slug not in known
    )
    _keep_versions(added, using, at=at)


def _renew_unchanged(using: str, *, at: datetime) -> None:
    """Give rows that still hold a former release's content this release's, as their next version."""
    clinic = ReportTemplate.objects.using(using).filter(doctor=None, slug__in=load_shipped())
    renewed = []
    for row in clinic.select_for_update():
        shipped = load_shipped()[row.slug]
        digest, own = digest_of(shipped), digest_of(content_of(row))
        if row.shipped_digest == digest:
            continue
        # Rows older than the digest: a clinic's change would have raised their version.
        is_unchanged = own == row.shipped_digest if row.shipped_digest else row.version == 1
        if own != digest:
            if not is_unchanged:
                continue
            for field in ReportTemplate.CONTENT:
                setattr(row, field, shipped[field])
            row.version += 1
            renewed.append(row)
        row.shipped_digest = digest
        row.save(using=using, update_fields=[*ReportTemplate.CONTENT, "version", "shipped_digest", "updated_at"])
    _keep_versions(renewed, using, at=at)


def _keep_versions(templates: list[ReportTemplate], using: str, *, at: datetime) -> None:
    TemplateVersion.objects.using(using).bulk_create(
        TemplateVersion(
            template=template,
            version=template.version,
            saved_at=at,
            **{field: getattr(template, field) for field in ReportTemplate.CONTENT},
        )
        for template in templates
    )
