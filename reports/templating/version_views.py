"""Doors of a template's past: its versions and what changed between them, and what changed where it came from."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reports import permissions, queries, services
from reports.models import TemplateVersion
from reports.templating.diff import compare_contents
from reports.templating.origin import changed_origin, content_of
from reports.templating.scope import template_in_scope
from reports.templating.structure import StructureError
from synapse.web.http import ClinicRequest, render_page

ALL, CHOSEN, KEEP = "all", "chosen", "keep"


@require_GET
def versions(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """List the versions of a template and compare two: the newest with the one before, or `before` with `after`."""
    template = template_in_scope(request, pk)
    rows = list(template.versions.select_related("saved_by").order_by("-version"))
    numbers = [row.version for row in rows]
    after = _number(request.GET.get("after", ""), numbers, numbers[0])
    before = _number(request.GET.get("before", ""), numbers, max((n for n in numbers if n < after), default=after))
    found = {row.version: row for row in rows}
    written = queries.count_by_version(template)
    context = {
        "template": template,
        "versions": [(row, written.get(row.version, 0)) for row in rows],
        "before": before,
        "after": after,
        "comparison": compare_contents(content_of(found[before]), content_of(found[after])),
        "reports_before": written.get(before, 0),
        "can_edit": permissions.can_edit_template(request.user, template),
        "origin": changed_origin(template, request.user),
    }
    return render_page(request, "reports/templates/versions.html", context)


@require_POST
def restore(request: ClinicRequest, pk: UUID, number: int) -> HttpResponse:
    """Make an old version the newest one again."""
    template = template_in_scope(request, pk)
    get_object_or_404(TemplateVersion, template=template, version=number)
    restored = services.restore_version(template, number, by=request.user, at=timezone.now())
    messages.success(request, f"Version {number} is back as version {restored.version}.")
    return redirect("report_templates:versions", pk=pk)


@require_http_methods(["GET", "POST"])
def origin(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what changed in the template this one comes from, and take it over: all, by section, or nothing."""
    template = template_in_scope(request, pk)
    permissions.check_can_edit_template(request.user, template)
    changed = changed_origin(template, request.user)
    if changed is None:
        raise Http404
    problem = ""
    if request.method == "POST":
        choice = request.POST.get("choice", "")
        chosen = {ALL: None, KEEP: set[str](), CHOSEN: set(request.POST.getlist("section"))}.get(choice, set[str]())
        if choice == CHOSEN and not chosen:
            problem = "Tick the changes you want, or keep yours as it is."
        else:
            try:
                saved = services.take_over_changes(template, chosen, by=request.user, at=timezone.now())
            except StructureError as error:
                problem = str(error)
            else:
                words = "Yours stays as it is." if saved.version == template.version else f"Version {saved.version}."
                messages.success(request, words)
                return redirect("report_templates:detail", pk=pk)
    ours = compare_contents(changed.before, content_of(template))
    context = {
        "template": template,
        "origin": changed,
        "comparison": changed.comparison,
        "own_changes": {change.section_id for change in ours.sections},
        "problem": problem,
    }
    status = 422 if problem else 200
    return render_page(request, "reports/templates/origin.html", context, status=status)


def _number(sent: str, known: list[int], usual: int) -> int:
    return int(sent) if sent.isdecimal() and len(sent) < 6 and int(sent) in known else usual
