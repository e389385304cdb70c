"""Doors of report templates: the list, reading one, copying, changing, choosing the one for new reports."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import BaseFormSet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reports import permissions, queries, services
from reports.models import ReportTemplate
from reports.structure import StructureError, parse_structure
from reports.template_forms import SectionForm, SectionFormSet, TemplateForm, rows_of, structure_of
from synapse.accounts.roles import Permission
from synapse.audit.services import record_denial
from synapse.web.http import ClinicRequest, render_page

PREFIX = "sections"
NEW_SECTION: dict[str, Any] = {
    "id": "",
    "title": "",
    "required": False,
    "topics": [],
    "instructions": "",
    "parts": "",
}
FIRST_STRUCTURE = {
    "sections": [
        {"id": "assessment", "title": "Assessment", "required": True, "type": "text"},
        {"id": "plan", "title": "Plan", "required": True, "type": "text"},
    ]
}


@require_GET
def template_list(request: ClinicRequest) -> HttpResponse:
    """List the templates this person may use or keep."""
    _check_may_keep(request)
    templates = list(queries.listed_templates(request.user))
    context = {
        "own": [template for template in templates if permissions.can_edit_template(request.user, template)],
        "others": [template for template in templates if not permissions.can_edit_template(request.user, template)],
        "default": queries.default_template(request.user),
        "is_clinic": request.user.may(Permission.MANAGE_CLINIC_TEMPLATES),
    }
    return render_page(request, "reports/templates/list.html", context)


@require_GET
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show a template as an empty report."""
    template = _get_template(request, pk)
    context = {
        "template": template,
        "sections": parse_structure(template.structure),
        "can_edit": permissions.can_edit_template(request.user, template),
        "is_default": queries.default_template(request.user).pk == template.pk,
    }
    return render_page(request, "reports/templates/detail.html", context)


@require_POST
def create(request: ClinicRequest) -> HttpResponse:
    """Make a template with two sections and open it for changing."""
    _check_may_keep(request)
    template = services.create_template(
        name="New template", structure=FIRST_STRUCTURE, by=request.user, at=timezone.now()
    )
    return redirect("report_templates:edit", pk=template.pk)


@require_POST
def copy(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Copy a template and open the copy for changing."""
    made = services.copy_template(_get_template(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "This is your copy. The other template stays as it is.")
    return redirect("report_templates:edit", pk=made.pk)


@require_POST
def set_default(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Use a template for new reports."""
    services.set_default_template(_get_template(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "New reports are written with this template.")
    return redirect("report_templates:list")


@require_POST
def set_active(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Switch a template off or on."""
    services.retire_template(
        _get_template(request, pk), is_active="active" in request.POST, by=request.user, at=timezone.now()
    )
    return redirect("report_templates:list")


@require_http_methods(["GET", "POST"])
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change a template. A button named `step` adds, removes or moves a section and saves nothing yet."""
    template = _get_template(request, pk)
    permissions.check_can_edit_template(request.user, template)
    if request.method == "GET":
        form, sections = _unbound(template)
        return _editor(request, template, form, sections)
    step = request.POST.get("step", "")
    form = TemplateForm(request.POST)
    sections = SectionFormSet(request.POST, prefix=PREFIX)
    if step:
        moved = SectionFormSet(initial=_after(step, _sent_rows(sections)), prefix=PREFIX)
        return _editor(request, template, TemplateForm(initial=request.POST.dict()), moved, is_changed=True)
    if form.is_valid() and sections.is_valid():
        try:
            rows = [section.cleaned_data for section in sections]
            saved = services.save_template(
                template,
                **form.cleaned_data,
                structure=structure_of(rows, template.structure),
                by=request.user,
                at=timezone.now(),
            )
        except StructureError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Saved as version {saved.version}.")
            return redirect("report_templates:detail", pk=pk)
    return _editor(request, template, form, sections, is_changed=True, status=422)


def _editor(
    request: ClinicRequest,
    template: ReportTemplate,
    form: TemplateForm,
    sections: "BaseFormSet[SectionForm]",
    *,
    is_changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {"template": template, "form": form, "sections": sections, "is_changed": is_changed}
    return render_page(
        request, "reports/templates/edit.html", context, fragment="reports/templates/_editor.html", status=status
    )


def _unbound(template: ReportTemplate) -> "tuple[TemplateForm, BaseFormSet[SectionForm]]":
    fields = ("name", "description", "ai_prompt", "is_public", "version")
    form = TemplateForm(initial={name: getattr(template, name) for name in fields})
    return form, SectionFormSet(initial=rows_of(template.structure), prefix=PREFIX)


def _sent_rows(sections: "BaseFormSet[SectionForm]") -> list[dict[str, Any]]:
    """Return the sections as they were sent, valid or not."""
    return [{name: section[name].value() for name in NEW_SECTION} for section in sections]


def _after(step: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows after a step: `add`, `remove-2`, `up-2` or `down-2`; an unknown step changes nothing."""
    verb, _, number = step.partition("-")
    if verb == "add":
        return [*rows, dict(NEW_SECTION)]
    if not number.isdigit() or int(number) >= len(rows):
        return rows
    place = int(number)
    row = rows.pop(place)
    if verb != "remove":
        rows.insert(max(0, place - 1) if verb == "up" else place + 1 if verb == "down" else place, row)
    return rows


def _get_template(request: ClinicRequest, pk: UUID) -> ReportTemplate:
    _check_may_keep(request)
    return get_object_or_404(ReportTemplate.objects.visible_to(request.user), pk=pk)


def _check_may_keep(request: ClinicRequest) -> None:
    """Templates are kept by doctors and by administrators, each with a capability of their own."""
    user = request.user
    if not (user.may(Permission.WRITE_TEMPLATES) or user.may(Permission.MANAGE_CLINIC_TEMPLATES)):
        record_denial(request, reason=Permission.WRITE_TEMPLATES.value)
        raise PermissionDenied
