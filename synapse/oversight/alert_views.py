"""Pages about access that stands out, for administrators."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import AuditEvent
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.oversight import alerts, trail
from synapse.oversight.forms import RulesForm
from synapse.oversight.models import AccessAlert, AlertSettings
from synapse.web.http import ClinicRequest, render_page

PAGE = 25
CHOICES = (("waiting", "Waiting"), ("escalated", "Escalated"), ("explained", "Explained"), ("all", "All"))


@require_GET
@requires(Permission.VIEW_AUDIT)
def alert_list(request: ClinicRequest) -> HttpResponse:
    """List the findings, those that wait unless asked otherwise, or those that rest on one sign-in."""
    chosen, sign_in = request.GET.get("show", "waiting"), trail.as_id(request.GET.get("sign_in", ""))
    found = AccessAlert.objects.visible_to(request.user).order_by("-ended_at")
    if sign_in is not None:
        found, chosen = found.resting_on(sign_in), "all"
    if chosen in {"escalated", "explained"}:
        found = found.filter(status=chosen)
    elif chosen != "all":
        found = found.waiting()
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    subjects = {alert.patient_id for alert in page if alert.patient_id}
    record_read(request, target=("oversight.AccessAlert", ""), subjects=subjects)
    context = {
        "page": page,
        "shown": alerts.describe(page),
        "choices": CHOICES,
        "chosen": chosen,
        "sign_in": sign_in,
    }
    return render_page(request, "oversight/alerts.html", context)


@require_GET
@requires(Permission.VIEW_AUDIT)
def alert_detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one finding with the audit rows it rests on."""
    alert = get_object_or_404(AccessAlert.objects.visible_to(request.user), pk=pk)
    return _detail(request, alert)


@require_POST
@requires(Permission.VIEW_AUDIT)
def decide(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take note of a finding: seen, explained or escalated."""
    alert = get_object_or_404(AccessAlert.objects.visible_to(request.user), pk=pk)
    to = request.POST.get("to", "")
    if to not in AccessAlert.Status.values:
        to = AccessAlert.Status.SEEN
    note = request.POST.get("note", "")[:2000]
    try:
        alerts.decide(alert, to, note=note, by=request.user, at=timezone.now())
    except DomainError as error:
        return _detail(request, alert, error=error.message, note=note)
    messages.success(request, f"Marked as {alert.get_status_display().lower()}.")
    return redirect("oversight:alerts")


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_AUDIT)
def rules(request: ClinicRequest) -> HttpResponse:
    """Show and change from when on access stands out."""
    form = RulesForm(request.POST or None, instance=AlertSettings.load())
    if form.is_valid():
        alerts.update_rules(form.cleaned_data, by=request.user)
        messages.success(request, "Saved. It holds from the next look on, in a few minutes.")
        return redirect("oversight:alert_rules")
    return render_page(request, "oversight/alert_rules.html", form=form)


def _detail(request: ClinicRequest, alert: AccessAlert, *, error: str = "", note: str = "") -> HttpResponse:
    events = list(AuditEvent.objects.filter(seq__in=alert.events).order_by("-seq"))
    subjects = {event.patient_id for event in events if event.patient_id}
    record_read(request, target=alert, patient_id=alert.patient_id, subjects=subjects)
    context = {
        "alert": alert,
        "shown": alerts.describe([alert])[0],
        "rows": trail.describe(events),
        "error": error,
        "note": note or alert.note,
        "may_decide": alert.actor_id != request.user.pk,
        "targets": AccessAlert.TRANSITIONS[AccessAlert.Status(alert.status)],
    }
    return render_page(request, "oversight/alert.html", context, status=422 if error else 200)
