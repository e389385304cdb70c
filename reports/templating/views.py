"""Doors of report templates: the list, reading one, making one, copying, exporting, choosing the one for new reports."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reports import permissions, queries, services
from reports.models import ReportTemplate
from reports.templating.files import UnreadableTemplate, as_file, file_name, read_file
from reports.templating.new_forms import DescriptionForm, ExampleForm, ImportForm
from reports.templating.origin import changed_origin
from reports.templating.outline import NothingRecognised, from_description, from_example
from reports.templating.scope import check_may_keep, template_in_scope
from reports.templating.structure import StructureError, parse_structure
from synapse.accounts.roles import Permission
from synapse.web.http import ClinicRequest, render_page

FIRST_STRUCTURE = {
    "sections": [
        {"id": "assessment", "title": "Assessment", "required": True, "type": "text"},
        {"id": "plan", "title": "Plan", "required": True, "type": "text"},
    ]
}


@require_GET
def template_list(request: ClinicRequest) -> HttpResponse:
    """List the templates this person may use or keep."""
    check_may_keep(request)
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
    template = template_in_scope(request, pk)
    can_edit = permissions.can_edit_template(request.user, template)
    context = {
        "template": template,
        "sections": parse_structure(template.structure),
        "can_edit": can_edit,
        "origin": changed_origin(template, request.user) if can_edit else None,
        "is_default": queries.default_template(request.user).pk == template.pk,
    }
    return render_page(request, "reports/templates/detail.html", context)


@require_http_methods(["GET", "POST"])
def create(request: ClinicRequest) -> HttpResponse:
    """Offer the ways to a new template; a POST makes one with two sections."""
    check_may_keep(request)
    if request.method == "GET":
        return _ways(request)
    return _made(request, name="New template", structure=FIRST_STRUCTURE)


@sensitive_post_parameters("text")
@require_POST
def create_from_example(request: ClinicRequest) -> HttpResponse:
    """Make a template with the headings of a pasted note; the note itself is not kept."""
    check_may_keep(request)
    form = ExampleForm(request.POST, prefix="example")
    if form.is_valid():
        try:
            return _made(request, name=form.cleaned_data["name"], structure=from_example(form.cleaned_data["text"]))
        except (NothingRecognised, StructureError) as error:
            form.add_error("text", str(error))
    return _ways(request, example=form, status=422)


@require_POST
def create_from_description(request: ClinicRequest) -> HttpResponse:
    """Make a template with the parts that a description names."""
    check_may_keep(request)
    form = DescriptionForm(request.POST, prefix="words")
    if form.is_valid():
        try:
            return _made(request, **from_description(form.cleaned_data["text"]))
        except (NothingRecognised, StructureError) as error:
            form.add_error("text", str(error))
    return _ways(request, words=form, status=422)


@require_POST
def create_from_file(request: ClinicRequest) -> HttpResponse:
    """Make a template from an exported file."""
    check_may_keep(request)
    form = ImportForm(request.POST, request.FILES, prefix="import")
    if form.is_valid():
        try:
            return _made(request, **read_file(form.cleaned_data["file"].read()))
        except (UnreadableTemplate, StructureError) as error:
            form.add_error("file", str(error))
    return _ways(request, file=form, status=422)


@require_GET
def export(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Download a template as JSON."""
    template = template_in_scope(request, pk)
    response = HttpResponse(as_file(template), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{file_name(template)}"'
    return response


@require_POST
def copy(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Copy a template and open the copy for changing."""
    made = services.copy_template(template_in_scope(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "This is your copy. The other template stays as it is.")
    return redirect("report_templates:edit", pk=made.pk)


@require_POST
def set_default(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Use a template for new reports."""
    services.set_default_template(template_in_scope(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "New reports are written with this template.")
    return redirect("report_templates:list")


@require_POST
def set_active(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Switch a template off or on."""
    services.retire_template(
        template_in_scope(request, pk), is_active="active" in request.POST, by=request.user, at=timezone.now()
    )
    return redirect("report_templates:list")


def _made(request: ClinicRequest, **content: Any) -> HttpResponse:
    """Store a new template and open it in the editor."""
    template: ReportTemplate = services.create_template(**content, by=request.user, at=timezone.now())
    return redirect("report_templates:edit", pk=template.pk)


def _ways(request: ClinicRequest, *, status: int = 200, **bound: Any) -> HttpResponse:
    context = {
        "example": ExampleForm(prefix="example"),
        "words": DescriptionForm(prefix="words"),
        "file": ImportForm(prefix="import"),
        **bound,
    }
    return render_page(request, "reports/templates/new.html", context, status=status)
