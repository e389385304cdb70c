"""Doors of drafts that are not final yet: the one that grows while a session runs, the one that waits for its transcript."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from reports.pages import live_draft
from reports.views import get_report
from sessions_app.models import ConsultationSession
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.figures import read_whole_number
from synapse.web.http import ClinicRequest, render_page

NOTHING_NEW = 204


@require_GET
@requires(Permission.WRITE_REPORTS)
def while_recording(request: ClinicRequest, session_pk: UUID) -> HttpResponse:
    """Show how far the sections of a running session are filled; `seen` says what the page shows already."""
    sessions = ConsultationSession.objects.visible_to(request.user).select_related("doctor", "patient")
    session = get_object_or_404(sessions, pk=session_pk)
    seen = request.GET.get("seen", "")
    draft = live_draft.live_draft(session, seen=read_whole_number(seen) or 0)
    if draft is None:
        return HttpResponse(status=NOTHING_NEW)
    record_read(request, target=session, patient_id=session.patient_id, detail={"part": "live_draft"}, poll=True)
    return render_page(request, "reports/_live_draft.html", {"session": session, "draft": draft})


@require_GET
@requires(Permission.VIEW_REPORTS)
def provisional(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Say that a draft from live words became final; nothing while it has not."""
    report = get_report(request, pk)
    record_read(request, target=report, patient_id=report.session.patient_id, poll=True)
    if report.is_provisional:
        return HttpResponse(status=NOTHING_NEW)
    return render_page(request, "reports/_final.html", {"report": report})
