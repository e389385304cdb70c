"""The calendar, its revision, its print and one visit of it."""

from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from patients.models import Patient
from scheduling import changes, queries
from scheduling.calendar.day_lists import agenda_days
from scheduling.calendar.page import draw, read_page, surroundings
from scheduling.doors import get_visit
from scheduling.models import Appointment
from scheduling.series import queries as series_queries
from scheduling.visits.window import visit_context
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.VIEW_CALENDAR)
def calendar(request: ClinicRequest) -> HttpResponse:
    """Show a day, a week, a day by doctor, a month or the coming days; htmx gets what changes in them."""
    # Read before the visits: what changes in between is looked for again.
    revision = changes.calendar_revision()
    page = read_page(request, now=timezone.now())
    context, patient_ids = draw(page)
    # A page that refreshes itself names the same people again; opening it is a reading of its own.
    record_read(request, target=page.target, subjects=patient_ids, poll=bool(request.htmx))
    return render_page(
        request,
        "scheduling/calendar.html",
        # Under WSGI nobody answers a socket: the page asks in between instead.
        {**surroundings(page, revision=revision), **context, "has_socket": hasattr(request, "scope")},
        fragment="scheduling/_live.html",
    )


@require_GET
@requires(Permission.VIEW_CALENDAR)
def revision(request: ClinicRequest) -> HttpResponse:
    """Say which revision the calendar has, or nothing when it is the one the page has seen."""
    current = changes.calendar_revision()
    if request.GET.get("seen") == str(current):
        return HttpResponse(status=204)
    return JsonResponse({"revision": current})


@require_GET
@requires(Permission.VIEW_CALENDAR)
def print_list(request: ClinicRequest) -> HttpResponse:
    """Show the days of the view as a list for paper."""
    page = read_page(request, now=timezone.now())
    first, last = page.days
    days = [day for day in agenda_days(page.asked, first, last) if day.visits or day.notes]
    subjects = {visit.appointment.patient_id for day in days for visit in day.visits}
    record_read(request, action=Action.PRINT, target=page.target, subjects=subjects)
    context = {**surroundings(page, revision=0), "agenda": days, "asked": page.asked}
    return render_page(request, "scheduling/print.html", context)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one visit: as a page, or as a small window over the calendar."""
    visit = get_visit(request, pk)
    record_read(request, target=visit, patient_id=visit.patient_id)
    context = visit_context(request.user, visit, at=timezone.now())
    return render_page(request, "scheduling/detail.html", context, fragment="scheduling/_window.html")


@require_GET
@requires(Permission.VIEW_CALENDAR)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show a patient's visits: a panel of the patient's page."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    visits = list(queries.list_patient_appointments(request.user, patient))
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "appointments"}, poll=True)
    now = timezone.now()
    coming = [visit for visit in reversed(visits) if visit.ends_at >= now and visit.status in Appointment.OPEN]
    context = {
        "patient": patient,
        "series": series_queries.list_patient_series(request.user, patient, at=now),
        "coming": coming,
        "past": [visit for visit in visits if visit not in coming],
    }
    return render_page(request, "scheduling/for_patient.html", context, fragment="scheduling/_for_patient.html")
