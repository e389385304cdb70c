"""Doors of a report's versions and forms: convert it, compare two of them."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reports import queries, services
from reports.forms import ConvertForm
from reports.models import Report
from reports.versions import comparing
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_POST
@requires(Permission.WRITE_REPORTS)
def convert(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Make a draft in another form from this report."""
    report = get_report(request, pk)
    form = ConvertForm(request.POST, user=request.user, report=report)
    if not form.is_valid():
        return render_page(request, "reports/convert.html", {"report": report}, form=form)
    values = form.cleaned_data
    converted = services.convert_report(
        report,
        values["template"],
        by=request.user,
        at=timezone.now(),
        report_type=values["report_type"] or None,
    )
    return redirect("reports:detail", pk=converted.pk)


@require_GET
@requires(Permission.VIEW_REPORTS)
def compare(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show another version of the session's reports beside this one; `with` names it, else the one it was made from."""
    report = get_report(request, pk)
    services.require_whole(report, by=request.user)
    others = queries.written_reports_of(request.user, report.session)
    other = _other(report, others, request.GET.get("with", ""))
    if other is not None:
        services.require_whole(other, by=request.user)
    record_read(request, target=report, patient_id=report.session.patient_id, detail={"part": "compare"})
    context = {
        "report": report,
        "other": other,
        "others": [one for one in others if one.pk != report.pk],
        "blocks": comparing.compare(other.structured_data, report.structured_data) if other else [],
    }
    return render_page(request, "reports/compare.html", context)


def _other(report: Report, others: list[Report], chosen: str) -> Report | None:
    """Return the version to stand on the left; 404 when the one named is not of this session."""
    rest = [one for one in others if one.pk != report.pk]
    if chosen:
        found = next((one for one in rest if str(one.pk) == chosen), None)
        if found is None:
            raise Http404
        return found
    source = report.converted_from_id or report.amends_id
    return next((one for one in rest if one.pk == source), rest[0] if rest else None)
