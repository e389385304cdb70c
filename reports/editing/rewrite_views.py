"""Doors of a section that is written again as the doctor asks: ask, wait, compare."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reports import permissions, services
from reports.editing.review_views import changed_section, detail_address, section_context, top_id, top_section
from reports.forms import RewriteForm
from reports.models import Report, SectionRewrite
from reports.pages import engine_words
from reports.services import history
from reports.services.section_writing import VERB
from reports.views import get_report
from sessions_app.transcripts import wording
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page

NOTHING_NEW = 204


@dataclass(frozen=True)
class Rewritten:
    """What was asked for, and the section's words before and after, side by side."""

    instruction: str
    parts: list[wording.Part]


@require_POST
@requires(Permission.WRITE_REPORTS)
def rewrite_section(request: ClinicRequest, pk: UUID, section_id: str) -> HttpResponse:
    """Have a section written again as the doctor says."""
    report = get_report(request, pk)
    form = RewriteForm(request.POST)
    form.is_valid()
    rewrite = services.rewrite_section(
        report, section_id, form.cleaned_data.get("instruction", ""), by=request.user, at=timezone.now()
    )
    return _answer(request, report, rewrite)


@require_GET
@requires(Permission.WRITE_REPORTS)
def rewrite_state(request: ClinicRequest, pk: UUID, rewrite_pk: UUID) -> HttpResponse:
    """Say how a rewrite ended; nothing while it runs."""
    report = get_report(request, pk)
    permissions.check_can_edit(request.user, report)
    rewrite = get_object_or_404(SectionRewrite.objects.filter(report=report), pk=rewrite_pk)
    record_read(request, target=report, patient_id=report.session.patient_id, poll=True)
    if rewrite.is_running:
        return HttpResponse(status=NOTHING_NEW)
    return _answer(request, report, rewrite)


def _answer(request: ClinicRequest, report: Report, rewrite: SectionRewrite) -> HttpResponse:
    section_id = top_id(report, rewrite.section_id)
    if not request.htmx:
        return redirect(f"{detail_address(report)}#section-{section_id}")
    if rewrite.is_running:
        chosen = top_section(report, section_id)
        context = {**section_context(request, report, chosen), "rewriting": rewrite}
        return render_page(request, "reports/_section.html", context)
    if rewrite.status == SectionRewrite.Status.FAILED:
        raise Conflict(engine_words.of_rewrite(rewrite.error_code), code="rewrite_failed")
    report = get_report(request, report.pk)
    return changed_section(request, report, section_id, rewritten=_compared(report, rewrite))


def _compared(report: Report, rewrite: SectionRewrite) -> Rewritten | None:
    """Return the words of the last step when that was this rewrite: undo takes back no other."""
    done, _ = history.stacks(report.manual_corrections)
    if not done or done[-1][0]["verb"] != VERB:
        return None
    before = [entry for entry in done[-1] if entry["before"]]
    after = [entry for entry in done[-1] if entry["after"]]
    old = " ".join(entry["before"]["text"] for entry in sorted(before, key=lambda entry: entry["index"]))
    new = " ".join(entry["after"]["text"] for entry in sorted(after, key=lambda entry: entry["index"]))
    return Rewritten(rewrite.instruction, wording.compare(old, new))
