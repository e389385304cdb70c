"""Doors of what is decided about risk: statements of the panel, items of a checklist."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from reports import services
from reports.content import all_sentences
from reports.editing.risk_forms import ItemForm, RiskForm
from reports.forms import SignForm
from reports.models import Report
from reports.pages import presenting
from reports.pages.risk import risk_panel
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.web.http import ClinicRequest, render_page


@require_POST
@requires(Permission.WRITE_REPORTS)
def decide(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note the decision about the risk statements that are named."""
    report = get_report(request, pk)
    form = RiskForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    services.decide_risk(
        report,
        request.POST.getlist("statement"),
        form.cleaned_data["disposition"],
        by=request.user,
        at=timezone.now(),
        revision=form.cleaned_data["revision"],
    )
    if not request.htmx:
        return redirect(f"{reverse('reports:detail', args=[pk])}#risk")
    report = get_report(request, pk)
    context = {**_page(request, report), "risk": risk_panel(report)}
    return render_page(request, "reports/_risk_changed.html", context)


@require_POST
@requires(Permission.WRITE_REPORTS)
def set_item(request: ClinicRequest, pk: UUID, sentence_id: str) -> HttpResponse:
    """Set the state of a checklist item by hand."""
    report = get_report(request, pk)
    form = ItemForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    report = services.set_item_state(
        report,
        sentence_id,
        form.cleaned_data["state"],
        words=form.cleaned_data["words"],
        by=request.user,
        at=timezone.now(),
        revision=form.cleaned_data["revision"],
    )
    section = next(
        section
        for section in report.structured_data
        if any(sentence["id"] == sentence_id for sentence in all_sentences([section]))
    )
    if not request.htmx:
        return redirect(f"{reverse('reports:detail', args=[pk])}#section-{section['id']}")
    report = get_report(request, pk)
    context = {**_page(request, report), "section": presenting.section_view(report, section)}
    return render_page(request, "reports/_changed.html", context)


def _page(request: ClinicRequest, report: Report) -> dict[str, object]:
    return {
        "report": report,
        "page": presenting.review_page(report, request.user),
        "sign_form": SignForm(signer=request.user, initial={"revision": report.revision}),
    }
