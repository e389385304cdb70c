"""Where a template came from, and what changed there since: its parent, or the product's own release."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.models import ReportTemplate, TemplateVersion
from reports.shipped import digest_of, load_shipped
from reports.templating.diff import Comparison, compare_contents
from synapse.accounts.models import User


@dataclass(frozen=True)
class ChangedOrigin:
    """A source that changed after it was taken in: what it was then, what it is now, and the columns that note it."""

    name: str
    before: dict[str, Any]
    now: dict[str, Any]
    comparison: Comparison
    taken_in: Mapping[str, Any]
    is_shipped: bool


def changed_origin(template: ReportTemplate, user: User) -> ChangedOrigin | None:
    """Return the parent or release this template comes from, when it changed and this person may see it."""
    if template.parent_id is not None:
        return _changed_parent(template, user)
    if template.doctor_id is None and template.slug in load_shipped():
        return _changed_release(template)
    return None


def content_of(source: ReportTemplate | TemplateVersion) -> dict[str, Any]:
    """Return what a version holds, as comparisons take it."""
    return {field: getattr(source, field) for field in ReportTemplate.CONTENT}


def _changed_parent(template: ReportTemplate, user: User) -> ChangedOrigin | None:
    parents = ReportTemplate.objects.active().visible_to(user)
    parent = parents.filter(children=template).first()
    if parent is None or parent.version <= (template.parent_version or 0):
        return None
    known = parent.versions.filter(version__gte=template.parent_version or 1).order_by("version").first()
    if known is None:
        return None
    return _origin(parent.name, content_of(known), content_of(parent), {"parent_version": parent.version})


def _changed_release(template: ReportTemplate) -> ChangedOrigin | None:
    shipped = load_shipped()[template.slug]
    digest = digest_of(shipped)
    if template.shipped_digest == digest:
        return None
    versions = list(template.versions.order_by("version"))
    known = next((old for old in versions if digest_of(content_of(old)) == template.shipped_digest), None)
    before = content_of(known or (versions[0] if versions else template))
    now = {field: shipped[field] for field in ReportTemplate.CONTENT}
    return _origin(shipped["name"], before, now, {"shipped_digest": digest}, is_shipped=True)


def _origin(
    name: str,
    before: dict[str, Any],
    now: dict[str, Any],
    taken_in: Mapping[str, Any],
    *,
    is_shipped: bool = False,
) -> ChangedOrigin | None:
    comparison = compare_contents(before, now)
    return ChangedOrigin(name, before, now, comparison, taken_in, is_shipped) if comparison.count else None
