"""Doors of the template editor: change a template, and see what a change would write."""

from typing import Any, TypeAlias
from uuid import UUID

from django.contrib import messages
from django.forms import BaseFormSet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from reports import permissions, services
from reports.generation.base import GenerationError
from reports.models import ReportTemplate
from reports.templating.diff import Comparison, compare_contents
from reports.templating.editor import VARIABLE_WORDS, editor_rows, sent_place, sent_rows, unbound_forms
from reports.templating.forms import PREFIX, SectionForm, SectionFormSet, TemplateForm, structure_of
from reports.templating.origin import changed_origin, content_of
from reports.templating.preview import SAMPLE_CHOICE, Preview, choice_words, choices_for, session_for, write_preview
from reports.templating.scope import template_in_scope
from reports.templating.steps import take_step
from reports.templating.structure import StructureError, parse_structure
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

COMPARE, PREVIEW = "compare", "preview"  # steps that look at what was sent and change nothing
Sections: TypeAlias = "BaseFormSet[SectionForm]"


@require_http_methods(["GET", "POST"])
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change a template. A button named `step` adds, removes or moves a section and saves nothing yet."""
    template = template_in_scope(request, pk)
    permissions.check_can_edit_template(request.user, template)
    if request.method == "GET":
        form, sections = unbound_forms(template)
        return _editor(request, template, form, sections, chosen=0)
    step, chosen = request.POST.get("step", ""), sent_place(request.POST)
    form, sections = TemplateForm(request.POST), SectionFormSet(request.POST, prefix=PREFIX)
    if step in (COMPARE, PREVIEW):
        return _looked_at(request, template, form, sections, step=step, chosen=chosen)
    if step:
        taken = take_step(step, sent_rows(sections), chosen)
        moved = SectionFormSet(initial=taken.rows, prefix=PREFIX)
        kept = TemplateForm(initial=request.POST.dict())
        return _editor(request, template, kept, moved, chosen=taken.chosen, is_changed=True, said=taken.said)
    if form.is_valid() and sections.is_valid():
        try:
            saved = services.save_template(
                template,
                **form.cleaned_data,
                structure=_structure(sections, template),
                by=request.user,
                at=timezone.now(),
            )
        except StructureError as error:
            form.add_error(None, str(error))
        except services.StaleTemplate:
            return _both(request, pk, form, sections, chosen=chosen)
        else:
            messages.success(request, f"Saved as version {saved.version}. Reports that are written keep theirs.")
            return redirect(f"{reverse('report_templates:edit', args=[pk])}?saved")
    return _editor(request, template, form, sections, chosen=chosen, is_changed=True, status=422)


@require_POST
def preview(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what the built-in writer makes of a past transcript with the template as it stands in the form."""
    template = template_in_scope(request, pk)
    permissions.check_can_edit_template(request.user, template)
    form, sections = TemplateForm(request.POST), SectionFormSet(request.POST, prefix=PREFIX)
    chosen = sent_place(request.POST)
    context = {
        "oob_rows": editor_rows(SectionFormSet(initial=sent_rows(sections), prefix=PREFIX), chosen),
        **_preview_context(request, template, form, sections),
    }
    return render_page(request, "reports/templates/_preview.html", context)


def _looked_at(
    request: ClinicRequest,
    template: ReportTemplate,
    form: TemplateForm,
    sections: Sections,
    *,
    step: str,
    chosen: int,
) -> HttpResponse:
    """Answer a button that only looks: the difference to the saved version, or the preview for a page without scripts."""
    if not (form.is_valid() and sections.is_valid()):
        return _editor(request, template, form, sections, chosen=chosen, is_changed=True, status=422)
    more: dict[str, Any] = {}
    if step == COMPARE:
        more["comparison"] = _comparison(template, form, sections)
    else:
        more = _preview_context(request, template, form, sections)
    return _editor(request, template, form, sections, chosen=chosen, is_changed=True, **more)


def _both(request: ClinicRequest, pk: UUID, form: TemplateForm, sections: Sections, *, chosen: int) -> HttpResponse:
    """Show a version saved elsewhere beside the one that was sent; saving again puts the sent one on top."""
    stored = template_in_scope(request, pk)
    data = QueryDict(mutable=True)
    data.update(request.POST)
    data["version"] = str(stored.version)
    latest = stored.versions.select_related("saved_by").get(version=stored.version)
    return _editor(
        request,
        stored,
        TemplateForm(data),
        sections,
        chosen=chosen,
        is_changed=True,
        status=409,
        comparison=_comparison(stored, form, sections),
        theirs=latest,
    )


def _editor(
    request: ClinicRequest,
    template: ReportTemplate,
    form: TemplateForm,
    sections: Sections,
    *,
    chosen: int,
    is_changed: bool = False,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    choices = choices_for(request.user)
    if choices:
        subjects = {session.patient_id for session in choices}
        record_read(
            request,
            target=("reports.ReportTemplate", str(template.pk)),
            subjects=subjects,
            detail={"part": "template_preview"},
            poll=True,
        )
    source = session_for(request.user, request.POST.get("source", ""), choices)
    context = {
        "template": template,
        "form": form,
        "sections": sections,
        "rows": editor_rows(sections, chosen),
        "is_changed": is_changed,
        "choices": [(str(session.pk), choice_words(session)) for session in choices],
        "source": str(source.pk) if source else SAMPLE_CHOICE,
        "sample": SAMPLE_CHOICE,
        "variables": VARIABLE_WORDS.items(),
        "next_version": template.version + 1,
        "is_saved": "saved" in request.GET,
        "origin": None if is_changed else changed_origin(template, request.user),
        **more,
    }
    return render_page(
        request, "reports/templates/edit.html", context, fragment="reports/templates/_editor.html", status=status
    )


def _preview_context(
    request: ClinicRequest, template: ReportTemplate, form: TemplateForm, sections: Sections
) -> dict[str, Any]:
    """Return the preview, or why there is none. A look at a transcript is recorded."""
    session = session_for(request.user, request.POST.get("source", ""), choices_for(request.user))
    if session is not None:
        detail = {"part": "template_preview"}
        record_read(request, target=session, patient_id=session.patient_id, detail=detail, poll=True)
    problems = _problems(form, sections)
    drafted: Preview | None = None
    if not problems:
        try:
            structure = _structure(sections, template)
            parse_structure(structure)
            tops = [index for index, row in enumerate(sections) if index == 0 or row.cleaned_data["depth"] == 0]
            drafted = write_preview(structure, before=template, session=session, rows=tops)
        except (StructureError, GenerationError) as error:
            problems = [str(error)]
    return {"preview": drafted, "problems": problems, "chosen_row": sent_place(request.POST)}


def _problems(form: TemplateForm, sections: Sections) -> list[str]:
    """Return what has to be put right first, each with the heading it is about."""
    problems = [str(error) for error in form.errors.get("ai_prompt", [])]
    if not sections.is_valid():
        problems.extend(str(error) for error in sections.non_form_errors())
        for section in sections:
            title = str(section["title"].value() or "").strip() or "New section"
            problems.extend(f"{title}: {error}" for errors in section.errors.values() for error in errors)
    return problems


def _structure(sections: Sections, template: ReportTemplate) -> dict[str, Any]:
    return structure_of([section.cleaned_data for section in sections], template.structure)


def _comparison(template: ReportTemplate, form: TemplateForm, sections: Sections) -> Comparison:
    sent = {name: form.cleaned_data[name] for name in ("name", "description", "ai_prompt")}
    return compare_contents(content_of(template), {**sent, "structure": _structure(sections, template)})
