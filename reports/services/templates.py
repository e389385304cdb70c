"""Verbs of report templates: create, copy, save as the next version, make the default, retire."""

from datetime import datetime
from typing import Any

from django.utils.text import slugify

from reports import permissions
from reports.models import ReportTemplate
from reports.structure import validate_structure
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, NotAllowed

CONTENT = ("name", "description", "structure", "ai_prompt")


class StaleTemplate(Conflict):
    """The template was saved by somebody else after it was opened."""

    code = "stale_template"


def create_template(
    *, name: str, structure: dict[str, Any], by: User, at: datetime, description: str = "", ai_prompt: str = ""
) -> ReportTemplate:
    """Make a template of the doctor's own, or the clinic's for an administrator. Raises NotAllowed, StructureError."""
    validate_structure(structure)
    with unit_of_work():
        template = ReportTemplate.objects.create(
            slug=_free_slug(name, _owner_for(by)),
            name=name,
            description=description,
            structure=structure,
            ai_prompt=ai_prompt,
            doctor=_owner_for(by),
            is_public=_owner_for(by) is None,
        )
        record(Action.CREATE, by=by, target=_target(template))
    return template


def copy_template(template: ReportTemplate, *, by: User, at: datetime) -> ReportTemplate:
    """Copy a template the person may see into their own. Raises NotAllowed."""
    owner = _owner_for(by)
    with unit_of_work():
        copy = ReportTemplate.objects.create(
            slug=_free_slug(template.slug, owner),
            name=template.name,
            description=template.description,
            structure=template.structure,
            ai_prompt=template.ai_prompt,
            doctor=owner,
            is_public=owner is None,
            parent=template,
        )
        record(Action.CREATE, by=by, target=_target(copy), detail={"verb": "copy", "parent": str(template.pk)})
    return copy


def save_template(
    template: ReportTemplate,
    *,
    name: str,
    description: str,
    structure: dict[str, Any],
    ai_prompt: str,
    is_public: bool,
    by: User,
    at: datetime,
    version: int | None = None,
) -> ReportTemplate:
    """Store changed content as the next version; reports keep the version they were written with.

    `version` is the one the change is based on. Raises NotAllowed, StructureError and StaleTemplate.
    """
    permissions.check_can_edit_template(by, template)
    validate_structure(structure)
    with unit_of_work():
        stored = ReportTemplate.objects.select_for_update().get(pk=template.pk)
        if version is not None and stored.version != version:
            raise StaleTemplate("This template was saved elsewhere in the meantime. Reload it, then change it again.")
        values = {"name": name, "description": description, "structure": structure, "ai_prompt": ai_prompt}
        changed = [field for field in CONTENT if getattr(stored, field) != values[field]]
        for field in changed:
            setattr(stored, field, values[field])
        if changed:
            stored.version += 1
        stored.is_public = is_public or stored.doctor_id is None
        stored.save(update_fields=[*CONTENT, "version", "is_public", "updated_at"])
        record(Action.UPDATE, by=by, target=_target(stored), detail={"fields": changed, "version": stored.version})
    return stored


def set_default_template(template: ReportTemplate, *, by: User, at: datetime) -> ReportTemplate:
    """Use a template for new reports. A doctor who picks somebody else's gets a copy of it, which is returned.

    Raises NotAllowed, and Conflict for a retired one.
    """
    if not template.is_active:
        raise Conflict("This template is switched off. Switch it on first.")
    owner = _owner_for(by)
    with unit_of_work():
        if template.doctor_id != (owner.pk if owner else None):
            template = copy_template(template, by=by, at=at)
        ReportTemplate.objects.filter(doctor=owner, is_default=True).exclude(pk=template.pk).update(is_default=False)
        template.is_default = True
        template.save(update_fields=["is_default", "updated_at"])
        record(Action.UPDATE, by=by, target=_target(template), detail={"verb": "set_default"})
    return template


def retire_template(template: ReportTemplate, *, is_active: bool, by: User, at: datetime) -> ReportTemplate:
    """Switch a template off, or on again; reports written with it stay. Raises NotAllowed and Conflict."""
    permissions.check_can_edit_template(by, template)
    if template.is_default and not is_active:
        raise Conflict("This is the template for new reports. Choose another one for them first.")
    with unit_of_work():
        template.is_active = is_active
        template.save(update_fields=["is_active", "updated_at"])
        record(Action.UPDATE, by=by, target=_target(template), detail={"verb": "activate" if is_active else "retire"})
    return template


def _owner_for(user: User) -> User | None:
    """Return whose a person's new templates are: a doctor's own, the clinic's for an administrator."""
    if user.may(Permission.WRITE_TEMPLATES):
        return user
    if user.may(Permission.MANAGE_CLINIC_TEMPLATES):
        return None
    raise NotAllowed("Only doctors and administrators keep templates.")


def _free_slug(name: str, owner: User | None) -> str:
    """Return a slug the owner has not used."""
    base = slugify(name).replace("-", "_")[:50] or "template"
    taken = set(ReportTemplate.objects.filter(doctor=owner, slug__startswith=base).values_list("slug", flat=True))
    number, slug = 1, base
    while slug in taken:
        number += 1
        slug = f"{base}_{number}"
    return slug


def _target(template: ReportTemplate) -> tuple[str, str]:
    """Name a template in the audit trail by its id: its title is free text."""
    return ("reports.ReportTemplate", str(template.pk))
