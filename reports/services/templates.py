"""Verbs of report templates: create, copy, save as the next version, restore one, make the default, retire."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils.text import slugify

from reports import permissions
from reports.generation.prompts import UnknownVariable, check_prompt
from reports.models import ReportTemplate, TemplateVersion
from reports.templating.structure import MAXIMUM_PLACES, Section, StructureError, parse_structure
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed

MAXIMUM_LENGTHS = {"name": 120, "description": 400, "ai_prompt": 2000}


class StaleTemplate(Conflict):
    """The template was saved by somebody else after it was opened."""

    code = "stale_template"


class SlugTaken(DomainError):
    """Another template of the same owner has this slug."""

    code = "slug_taken"
    field = "slug"

    def __init__(self) -> None:
        super().__init__("You have a template by this slug already. Choose another one.")


def create_template(
    *,
    name: str,
    structure: dict[str, Any],
    by: User,
    at: datetime,
    description: str = "",
    ai_prompt: str = "",
    slug: str = "",
    is_public: bool = False,
    is_default: bool = False,
    is_active: bool = True,
) -> ReportTemplate:
    """Make a template of the doctor's own, or the clinic's for an administrator, whose templates are all public.

    Without a slug one is made from the name. Raises NotAllowed, StructureError and SlugTaken, and Conflict for a default
    that is switched off.
    """
    owner = _owner_for(by)
    values: dict[str, Any] = {"name": name, "description": description, "structure": structure, "ai_prompt": ai_prompt}
    check_content(**values)
    with unit_of_work():
        if slug and ReportTemplate.objects.filter(doctor=owner, slug=slug).exists():
            raise SlugTaken
        template = ReportTemplate.objects.create(
            slug=slug or _free_slug(name, owner), doctor=owner, is_public=is_public or owner is None, **values
        )
        keep_version(template, by=by, at=at)
        record(Action.CREATE, by=by, target=_target(template))
        if is_default:
            template = set_default_template(template, by=by, at=at)
        if not is_active:
            template = retire_template(template, is_active=False, by=by, at=at)
    return template


def copy_template(
    template: ReportTemplate, *, by: User, at: datetime, changes: Mapping[str, Any] | None = None
) -> ReportTemplate:
    """Copy a template the person may see into their own; the copy knows which version it was made from.

    `changes` are fields of the copy as `change_template` takes them, and a `slug`. Raises NotAllowed, and with changes
    as `create_template`.
    """
    owner = _owner_for(by)
    changes = dict(changes or {})
    with unit_of_work():
        slug = changes.pop("slug", "")
        if slug and ReportTemplate.objects.filter(doctor=owner, slug=slug).exists():
            raise SlugTaken
        copy = ReportTemplate.objects.create(
            slug=slug or _free_slug(template.slug, owner),
            doctor=owner,
            is_public=owner is None,
            parent=template,
            parent_version=template.version,
            **{field: getattr(template, field) for field in ReportTemplate.CONTENT},
        )
        keep_version(copy, by=by, at=at)
        record(Action.CREATE, by=by, target=_target(copy), detail={"verb": "copy", "parent": str(template.pk)})
        if changes:
            copy = change_template(copy, changes, by=by, at=at)
    return copy


def change_template(template: ReportTemplate, changes: Mapping[str, Any], *, by: User, at: datetime) -> ReportTemplate:
    """Change some fields of a template, all or none: its content, `is_public`, `is_active` and `is_default`.

    Raises as `save_template`, and Conflict for what cannot be switched off.
    """
    with unit_of_work():
        stored = lock_template(template, by=by)
        if stored.is_default and changes.get("is_default") is False:
            raise Conflict(
                "New reports need a template. Make another one their default instead.", code="default_template"
            )
        if stored.doctor_id is None and changes.get("is_public") is False:
            raise Conflict("The clinic's templates are there for everybody.", code="clinic_template")
        if "is_active" in changes and changes["is_active"] != stored.is_active:
            stored = retire_template(stored, is_active=changes["is_active"], by=by, at=at)
        content = {field: changes.get(field, getattr(stored, field)) for field in ReportTemplate.CONTENT}
        return save_template(
            stored,
            **content,
            is_public=changes.get("is_public", stored.is_public),
            is_default=changes.get("is_default", False),
            by=by,
            at=at,
        )


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
    is_default: bool = False,
) -> ReportTemplate:
    """Store changed content as the next version; reports keep the version they were written with.

    `version` is the one the change is based on; with `is_default` new reports are written with it from now on.
    Raises NotAllowed, StructureError and StaleTemplate.
    """
    values = {"name": name, "description": description, "structure": structure, "ai_prompt": ai_prompt}
    with unit_of_work():
        stored = lock_template(template, by=by)
        if version is not None and stored.version != version:
            raise StaleTemplate("This template was saved elsewhere in the meantime. Reload it, then change it again.")
        stored.is_public = is_public or stored.doctor_id is None
        stored.save(update_fields=["is_public", "updated_at"])
        store_content(stored, values, by=by, at=at)
        if is_default and not stored.is_default:
            stored = set_default_template(stored, by=by, at=at)
    return stored


def restore_version(template: ReportTemplate, number: int, *, by: User, at: datetime) -> ReportTemplate:
    """Make an old version the newest one again; nothing between is lost. Raises NotAllowed and DoesNotExist."""
    old = TemplateVersion.objects.get(template=template, version=number)
    with unit_of_work():
        stored = lock_template(template, by=by)
        values = {field: getattr(old, field) for field in ReportTemplate.CONTENT}
        store_content(stored, values, by=by, at=at, detail={"verb": "restore", "from": number})
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
        former = ReportTemplate.objects.filter(doctor=owner, is_default=True).exclude(pk=template.pk)
        former.update(is_default=False, updated_at=at)
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


def check_content(*, name: str, description: str, structure: Any, ai_prompt: str) -> tuple[Section, ...]:
    """Return the parsed sections of what a template shall hold; raise StructureError naming every problem.

    A prompt is data: besides plain words only the listed `{{variables}}` may stand in it.
    """
    fields: dict[str, list[str]] = {}
    for field, text in (("name", name), ("description", description), ("ai_prompt", ai_prompt)):
        if len(text) > MAXIMUM_LENGTHS[field]:
            words = field.replace("ai_prompt", "general instruction")
            fields[field] = [f"The {words} has at most {MAXIMUM_LENGTHS[field]} characters."]
    if not name.strip():
        fields["name"] = ["The template has no name."]
    sections: tuple[Section, ...] = ()
    try:
        sections = parse_structure(structure)
    except StructureError as error:
        fields["structure"] = list(error.problems)
    if sum(1 + len(section.subsections) for section in sections) > MAXIMUM_PLACES:
        problem = f"A template has at most {MAXIMUM_PLACES} sections and parts together."
        fields.setdefault("structure", []).append(problem)
    prompts = [("ai_prompt", ai_prompt), *(("structure", text) for text in _instructions(sections))]
    for field, text in prompts:
        try:
            check_prompt(text)
        except UnknownVariable as error:
            fields.setdefault(field, []).append(str(error))
    if fields:
        raise StructureError([problem for problems in fields.values() for problem in problems], fields)
    return sections


def lock_template(template: ReportTemplate, *, by: User) -> ReportTemplate:
    """Return the stored template, locked for a change inside the caller's transaction. Raises NotAllowed."""
    permissions.check_can_edit_template(by, template)
    return ReportTemplate.objects.select_for_update().get(pk=template.pk)


def store_content(
    stored: ReportTemplate,
    values: dict[str, Any],
    *,
    by: User,
    at: datetime,
    detail: dict[str, Any] | None = None,
) -> None:
    """Put content into a locked template, as the next version when it differs. Raises StructureError."""
    check_content(**values)
    changed = [field for field in ReportTemplate.CONTENT if getattr(stored, field) != values[field]]
    for field in changed:
        setattr(stored, field, values[field])
    if changed:
        stored.version += 1
        stored.save(update_fields=[*changed, "version", "updated_at"])
        keep_version(stored, by=by, at=at)
    detail = {**(detail or {}), "fields": changed, "version": stored.version}
    record(Action.UPDATE, by=by, target=_target(stored), detail=detail)


def keep_version(template: ReportTemplate, *, by: User | None, at: datetime) -> TemplateVersion:
    """Keep what a template holds now under its version number; `by` is None for a new release of the product."""
    return TemplateVersion.objects.create(
        template=template,
        version=template.version,
        saved_by=by,
        saved_at=at,
        **{field: getattr(template, field) for field in ReportTemplate.CONTENT},
    )


def _instructions(sections: tuple[Section, ...]) -> Iterator[str]:
    for section in sections:
        yield section.instructions
        yield from _instructions(section.subsections)


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
