"""Doors of the section editor: saves while typing, arranging lines, quotes, undo and redo."""

from collections.abc import Iterable
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import formats, timezone
from django.views.decorators.http import require_POST

from reports import permissions, services
from reports.content import Section, find_sentence
from reports.editing.forms import ArrangeForm, LayoutForm, LineForm, QuoteForm
from reports.editing.review_views import detail_address, section_context, top_id, top_section
from reports.forms import SectionEditForm, SignForm
from reports.models import Report
from reports.services import LineChanged, NotInReport, history
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.common.errors import Conflict, DomainError
from synapse.web.http import ClinicRequest, render_page


@require_POST
@requires(Permission.WRITE_REPORTS)
def save_line(request: ClinicRequest, pk: UUID, sentence_id: str) -> JsonResponse:
    """Save one line while it is typed; when another window changed it, answer with both wordings apart."""
    report = get_report(request, pk)
    form = LineForm(request.POST)
    if not form.is_valid():
        return _refused(form.first_error, status=422)
    values = form.cleaned_data
    try:
        report = services.edit_sentence(
            report,
            sentence_id,
            values["text"],
            by=request.user,
            at=timezone.now(),
            base=values["base"],
            continues=values["continues"],
        )
    except LineChanged as error:
        return _refused(str(error), status=error.status, theirs=error.text)
    except NotInReport:
        return _refused("This line was removed in another window.", status=409, removed=True)
    except DomainError as error:
        return _refused(str(error), status=error.status)
    return _saved(report, sentence_id)


@require_POST
@requires(Permission.WRITE_REPORTS)
def add_line(request: ClinicRequest, pk: UUID, section_id: str) -> JsonResponse:
    """Save a new line of a section while it is typed; a repeated `cid` adds nothing."""
    report = get_report(request, pk)
    form = LineForm(request.POST)
    if not form.is_valid() or not form.cleaned_data["cid"]:
        return _refused(form.first_error or "Reload the page, then try again.", status=422)
    values = form.cleaned_data
    try:
        report = services.add_sentence(
            report, section_id, values["text"], by=request.user, at=timezone.now(), cid=values["cid"]
        )
    except DomainError as error:
        return _refused(str(error), status=error.status)
    sentence_id = services.sentence_of_cid(report, values["cid"]) or ""
    return _saved(report, sentence_id)


@require_POST
@requires(Permission.WRITE_REPORTS)
def arrange(request: ClinicRequest, pk: UUID, sentence_id: str) -> HttpResponse:
    """Move a line up, down or to another section, cut it, or join it to the one before."""
    report = get_report(request, pk)
    permissions.check_can_edit(request.user, report)
    form = ArrangeForm(request.POST, report=report, sentence_id=sentence_id)
    place = find_sentence(report.structured_data, sentence_id)
    if place is None:
        raise NotInReport("line")
    if not form.is_valid():
        return HttpResponse(status=422)
    values, at = form.cleaned_data, timezone.now()
    section_id, index = place.section["id"], place.index
    touched = [section_id]
    if values["verb"] == "split":
        report = services.split_sentence(report, sentence_id, values["place"] or 0, by=request.user, at=at)
    elif values["verb"] == "merge":
        report = services.merge_with_previous(report, sentence_id, by=request.user, at=at)
    elif values["verb"] == "move":
        touched.append(values["section"])
        report = services.move_sentence(
            report, sentence_id, values["section"], len(place.section["sentences"]), by=request.user, at=at
        )
    else:
        index += -1 if values["verb"] == "up" else 1
        report = services.move_sentence(report, sentence_id, section_id, index, by=request.user, at=at)
    return changed_sections(request, report, touched, editing=values["editing"])


@require_POST
@requires(Permission.WRITE_REPORTS)
def set_layout(request: ClinicRequest, pk: UUID, section_id: str) -> HttpResponse:
    """Set a section as bullets or as running text."""
    report = get_report(request, pk)
    form = LayoutForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    values = form.cleaned_data
    report = services.set_layout(report, section_id, values["layout"], by=request.user, at=timezone.now())
    return changed_sections(request, report, [section_id], editing=values["editing"])


@require_POST
@requires(Permission.WRITE_REPORTS)
def insert_quote(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Put words of the transcript into a section, with their place."""
    report = get_report(request, pk)
    form = QuoteForm(request.POST, report=report)
    if not form.is_valid():
        return HttpResponse(status=422)
    values = form.cleaned_data
    report = services.insert_quote(
        report, values["section"], values["segments"], values["text"], by=request.user, at=timezone.now()
    )
    return changed_sections(request, report, [values["section"]])


@require_POST
@requires(Permission.WRITE_REPORTS)
def undo(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take the last change back."""
    report = get_report(request, pk)
    report = services.undo(report, by=request.user, at=timezone.now())
    _, undone = history.stacks(report.manual_corrections)
    return changed_sections(request, report, history.sections_of(undone[-1]))


@require_POST
@requires(Permission.WRITE_REPORTS)
def redo(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Make the change that was taken back again."""
    report = get_report(request, pk)
    report = services.redo(report, by=request.user, at=timezone.now())
    done, _ = history.stacks(report.manual_corrections)
    return changed_sections(request, report, history.sections_of(done[-1]))


def changed_sections(
    request: ClinicRequest, report: Report, section_ids: Iterable[str], *, editing: str = ""
) -> HttpResponse:
    """Answer a change of several sections: each takes its own place, and whatever follows from them too.

    `editing` is the section whose text boxes stay open.
    """
    ids = list(dict.fromkeys(top_id(report, section_id) for section_id in section_ids))
    if not request.htmx:
        return redirect(f"{detail_address(report)}#section-{ids[0]}")
    report = get_report(request, report.pk)
    first = top_section(report, ids[0])
    context = section_context(request, report, first)
    sections: list[Section] = report.structured_data
    views = {view.id: view for view in context["page"].sections}
    context["sections"] = [views[section["id"]] for section in sections if section["id"] in ids]
    context["sign_form"] = SignForm(signer=request.user, report=report)
    if editing in ids:
        context["editing"] = editing
        context["edit_form"] = SectionEditForm(section=top_section(report, editing), report=report)
    return render_page(request, "reports/_changed_sections.html", context)


def _saved(report: Report, sentence_id: str) -> JsonResponse:
    place = find_sentence(report.structured_data, sentence_id)
    if place is None:
        raise Conflict("This line was removed in another window.")
    return JsonResponse(
        {
            "id": sentence_id,
            "text": place.sentence["text"],
            "support": place.sentence["support"],
            "revision": report.revision,
            "saved_at": formats.time_format(timezone.localtime(), "G:i"),
        }
    )


def _refused(message: str, *, status: int, **more: object) -> JsonResponse:
    return JsonResponse({"message": message, **more}, status=status)
