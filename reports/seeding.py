"""The shipped templates as rows of the clinic, after every migration."""

from typing import Any

from django.db import connections

from reports.models import ReportTemplate
from reports.shipped import load_shipped


def install_shipped_templates(using: str, **kwargs: Any) -> None:
    """Receive post_migrate: add the shipped templates that are not there yet.

    A row that is there is never touched: the clinic may have changed it. Runs after every migration, not in one, so
    that a new release brings new templates and an emptied test database has its own again.
    """
    if ReportTemplate._meta.db_table not in connections[using].introspection.table_names():
        return
    clinic = ReportTemplate.objects.using(using).filter(doctor=None)
    known = set(clinic.values_list("slug", flat=True))
    has_default = clinic.filter(is_default=True).exists()
    ReportTemplate.objects.using(using).bulk_create(
        ReportTemplate(
            slug=slug,
            name=shipped["name"],
            description=shipped["description"],
            structure=shipped["structure"],
            ai_prompt=shipped["ai_prompt"],
            is_default=shipped["is_default"] and not has_default,
            is_public=True,
        )
        for slug, shipped in load_shipped().items()
        if slug not in known
    )
