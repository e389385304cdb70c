"""Doors of the note audit: one report's panel, and a doctor's caseload."""

from collections import Counter
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from reports.note_audit import load_rules, readings
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 25
STATES = (("", "All"), ("open", "Drafts"), ("signed", "Signed"))


@require_GET
@requires(Permission.WRITE_REPORTS)
def panel(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show which rules a draft or a signed report does not meet: a panel of its page."""
    report = get_report(request, pk)
    if not (report.is_draft or report.is_signed):
        raise Conflict("This report has not been written yet.")
    record_read(request, target=report, patient_id=report.session.patient_id, poll=True)
    context = {"report": report, "outcome": readings.audit_report(report, at=timezone.now())}
    return render_page(request, "reports/note_audit.html", context, fragment="reports/_note_audit.html")


@require_GET
@requires(Permission.WRITE_REPORTS)
def caseload(request: ClinicRequest) -> HttpResponse:
    """List the doctor's own reports with the rules they do not meet.

    `rule` keeps those that miss one, `state` the drafts (open) or the signed ones.
    """
    state = request.GET.get("state", "")
    audited = readings.audit_caseload(request.user, at=timezone.now())
    if state in ("open", "signed"):
        audited = [entry for entry in audited if entry.report.is_signed == (state == "signed")]
    chosen = request.GET.get("rule", "")
    missed = Counter(rule_id for entry in audited for rule_id in {unmet.rule.id for unmet in entry.outcome.unmet})
    shown = [
        entry
        for entry in audited
        if entry.outcome.unmet and (not chosen or any(unmet.rule.id == chosen for unmet in entry.outcome.unmet))
    ]
    page = Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page"))
    record_read(request, subjects=[entry.report.session.patient_id for entry in page], detail={"part": "note audit"})
    context = {
        "page": page,
        "chosen": chosen,
        "state": state,
        "states": STATES,
        "rules": [(rule, missed[rule.id]) for rule in load_rules() if missed[rule.id]],
        "total": len(audited),
        "clean": sum(not entry.outcome.unmet for entry in audited),
        "days": readings.CASELOAD_DAYS,
    }
    return render_page(request, "reports/caseload_audit.html", context)
