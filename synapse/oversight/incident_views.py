"""Pages about incidents, for administrators."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max, Min
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.models import Action, AuditEvent
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.oversight import incidents, trail
from synapse.oversight.forms import AssessmentForm, LookForm
from synapse.oversight.models import AccessAlert, Incident, IncidentPatient
from synapse.web.csv import csv_response
from synapse.web.http import ClinicRequest, render_page

PAGE = 50
STEPS = {"notified": incidents.mark_notified, "closed": incidents.close}


@require_GET
@requires(Permission.VIEW_AUDIT)
def incident_list(request: ClinicRequest) -> HttpResponse:
    """List the incidents, the newest first."""
    today = ClinicSettings.load().date_of(timezone.now())
    rows = [
        (incident, incidents.days_left(incident, today=today))
        for incident in Incident.objects.visible_to(request.user).order_by("-discovered_on", "-number")
    ]
    return render_page(request, "oversight/incidents.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_AUDIT)
def new(request: ClinicRequest) -> HttpResponse:
    """Choose what to look into and open the incident."""
    form = LookForm(request.POST or None, initial=_proposed(request))
    if form.is_valid():
        first, until = form.window()
        data = form.cleaned_data
        try:
            incident = incidents.open_incident(
                title=data["title"],
                discovered_on=data["discovered_on"],
                first=first,
                until=until,
                person=data["person"],
                address=data["address"],
                sign_in_id=data["sign_in"],
                by=request.user,
                at=timezone.now(),
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return redirect("oversight:incident", incident.pk)
    return render_page(request, "oversight/incident_new.html", form=form)


@require_GET
@requires(Permission.VIEW_AUDIT)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one incident: its clock, what was opened of whom, and what there is to do."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    affected = incident.patients.select_related("patient").order_by("patient__patient_id")
    page = Paginator(affected, PAGE).get_page(request.GET.get("page"))
    record_read(request, target=incident, subjects=[row.patient_id for row in page])
    today = ClinicSettings.load().date_of(timezone.now())
    person = User.objects.filter(pk=incident.actor_id).first() if incident.actor_id else None
    context = {
        "incident": incident,
        "person": person,
        "page": page,
        "total": page.paginator.count,
        "kinds": incidents.kinds_of(incident),
        "people": incidents.people_of(incident),
        "days_left": incidents.days_left(incident, today=today),
        "tells_media": incidents.tells_media(incident),
        "may_assess": incident.status in (Incident.Status.OPEN, Incident.Status.ASSESSED),
    }
    return render_page(request, "oversight/incident.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_AUDIT)
def assess(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Write the four factors down and conclude."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    stored = {name: getattr(incident, name) for name in incidents.ASSESSMENT}
    stored["is_breach"] = {True: "1", False: "0"}.get(stored["is_breach"])
    form = AssessmentForm(request.POST or None, initial=stored)
    if form.is_valid():
        incidents.assess(incident, form.cleaned_data, by=request.user, at=timezone.now())
        messages.success(request, "The assessment is written down.")
        return redirect("oversight:incident", incident.pk)
    return render_page(request, "oversight/incident_assess.html", {"incident": incident}, form=form)


@require_POST
@requires(Permission.VIEW_AUDIT)
def advance(request: ClinicRequest, pk: UUID, to: str) -> HttpResponse:
    """Mark the patients as told, or close the incident."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    step = STEPS.get(to)
    if step is not None:
        step(incident, by=request.user, at=timezone.now())
        messages.success(request, f"{incident.number} is {incident.get_status_display().lower()}.")
    return redirect("oversight:incident", incident.pk)


@require_POST
@requires(Permission.VIEW_AUDIT)
@fresh_proof_required
def letters(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the letters to the patients as one PDF."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    return _pdf(incidents.letters(incident, by=request.user, at=timezone.now()), f"{incident.number}-letters")


@require_POST
@requires(Permission.VIEW_AUDIT)
def summary(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the summary for the authority as a PDF."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    return _pdf(incidents.summary(incident, by=request.user, at=timezone.now()), f"{incident.number}-summary")


@require_POST
@requires(Permission.VIEW_AUDIT)
@fresh_proof_required
def affected(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the affected patients as CSV: for a mail merge, with names and addresses."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    rows = list(incident.patients.select_related("patient").order_by("patient__patient_id"))
    record_read(request, target=incident, action=Action.EXPORT, subjects=[row.patient_id for row in rows])
    columns = ("patient_id", "name", "address", "email", "opened_first", "opened_last", "times", "kinds")
    return csv_response(f"{incident.number}-affected", columns, [_cells(row) for row in rows])


def _cells(row: IncidentPatient) -> list[Any]:
    patient = row.patient
    return [
        *(patient.patient_id, patient.full_name, patient.address, patient.email),
        *(row.first_at, row.last_at, row.events, "; ".join(row.kinds)),
    ]


def _pdf(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def _proposed(request: ClinicRequest) -> dict[str, Any]:
    """Return what the form begins with: today, or the days a finding or a sign-in is about."""
    zone = ClinicSettings.load().zone
    today = timezone.now().astimezone(zone).date()
    proposed: dict[str, Any] = {"discovered_on": today, "first": today, "last": today}
    sign_in = trail.as_id(request.GET.get("sign_in", ""))
    ends = AuditEvent.objects.filter(sign_in_id=sign_in).aggregate(first=Min("at"), last=Max("at")) if sign_in else {}
    if ends.get("first"):
        days = {name: at.astimezone(zone).date() for name, at in ends.items()}
        return proposed | days | {"sign_in": sign_in}
    alert_id = trail.as_id(request.GET.get("alert", ""))
    alert = AccessAlert.objects.visible_to(request.user).filter(pk=alert_id).first() if alert_id else None
    if alert is not None:
        proposed |= {
            "title": alert.get_rule_display(),
            "first": alert.started_at.astimezone(zone).date(),
            "last": alert.ended_at.astimezone(zone).date(),
            "person": alert.actor_id,
            "address": alert.address,
        }
    return proposed
