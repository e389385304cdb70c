"""The waiting list: who waits for what, on a page of its own and beside the calendar."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.models import Patient
from scheduling.models import Appointment, WaitingEntry
from scheduling.services import waiting
from scheduling.services.waiting_figures import fill_figures
from scheduling.waiting import queries as waiting_queries
from scheduling.waiting.forms import EntryForm, WishForm
from scheduling.waiting.ranking import waiting_words, window_words
from scheduling.waiting.slot_views import clinic_context, open_times
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, next_page_of, render_page

FIGURES_OVER = timedelta(days=30)
MOST_BESIDE = 6
# The most urgent first, as the list is offered down.
ORDER = {"urgent": 0, "high": 1, "normal": 2, "low": 3}


@require_GET
@requires(Permission.VIEW_CALENDAR)
def waiting_list(request: ClinicRequest) -> HttpResponse:
    """Show who waits, what came free, and how well the list fills it."""
    now = timezone.now()
    rows = _rows(request)
    times = open_times(request, at=now)
    doctor = request.user if request.user.is_doctor else None
    context = {
        "rows": rows,
        "times": times,
        "figures": fill_figures(now - FIGURES_OVER, now, doctor),
        "days": FIGURES_OVER.days,
        "removed": request.session.pop("waiting_removed", None),
    } | clinic_context(now)
    shown = {row["entry"].patient_id for row in rows} | {person for each in times for person in each.patient_ids}
    record_read(request, target=("waiting list", "all"), subjects=shown)
    return render_page(request, "scheduling/waiting/list.html", context)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def waiting_side(request: ClinicRequest) -> HttpResponse:
    """Show the top of the list beside the calendar."""
    rows = _rows(request)
    shown = rows[:MOST_BESIDE]
    record_read(
        request,
        target=("waiting list", "side"),
        subjects={row["entry"].patient_id for row in shown},
        poll=True,
    )
    context = {"rows": shown, "count": len(rows), "more": len(rows) - len(shown)}
    return render_page(request, "scheduling/waiting/_side.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def waiting_add(request: ClinicRequest) -> HttpResponse:
    """Put a patient on the list; the address may name the patient, or the visit they would give up."""
    visit = _visit_of(request)
    form = EntryForm(request.POST or None, user=request.user, initial=_initial(request, visit))
    if request.method == "POST" and form.is_valid():
        wishes = dict(form.cleaned_data)
        patient, current = wishes.pop("patient"), wishes.pop("visit")
        try:
            waiting.add_entry(patient, current_appointment=current, by=request.user, at=timezone.now(), **wishes)
        except waiting.BadWindow as error:
            form.add_error(error.field, str(error))
        except waiting.AlreadyWaiting as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "On the waiting list.")
            return redirect("scheduling:waiting_list")
    patient = _patient_of(request, form)
    if patient is not None:
        record_read(request, target=patient, patient_id=patient.pk)
    return render_page(request, "scheduling/waiting/add.html", {"patient": patient, "visit": visit}, form=form)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def come_earlier(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Lead from a visit to the form that puts its patient on the list for an earlier one."""
    return redirect(f"{reverse('scheduling:waiting_add')}?{urlencode({'visit': pk})}")


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def waiting_edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change what a patient waits for."""
    entry = _entry(request, pk)
    initial = {name: getattr(entry, name) for name in waiting.WISHES}
    form = WishForm(request.POST or None, user=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            waiting.change_entry(entry, by=request.user, at=timezone.now(), **form.cleaned_data)
        except waiting.BadWindow as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, "Changed.")
            return redirect("scheduling:waiting_list")
    record_read(request, target=entry, patient_id=entry.patient_id)
    return render_page(request, "scheduling/waiting/edit.html", {"entry": entry}, form=form)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def waiting_remove(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take a patient off the list."""
    entry = waiting.remove_entry(_entry(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Taken off the waiting list.")
    request.session["waiting_removed"] = str(entry.pk)
    return redirect("scheduling:waiting_list")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def waiting_put_back(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Put a patient back on the list."""
    waiting.put_back(_entry(request, pk), by=request.user, at=timezone.now())
    request.session.pop("waiting_removed", None)
    messages.success(request, "Back on the waiting list.")
    return redirect(next_page_of(request) if "next" in request.POST else "scheduling:waiting_list")


def _rows(request: ClinicRequest) -> list[dict[str, Any]]:
    """Return who waits, the most urgent and then the longest waiting first, with what is said of each."""
    now, clinic = timezone.now(), ClinicSettings.load()
    zone, today = clinic.zone, clinic.date_of(timezone.now())
    rows = [
        {
            "entry": entry,
            "window": window_words(entry),
            "since": waiting_words(entry, at=now, zone=zone),
            "is_over": entry.latest_day is not None and entry.latest_day < today,
        }
        for entry in waiting_queries.list_waiting(request.user)
    ]
    return sorted(rows, key=lambda row: ORDER[row["entry"].priority])


def _entry(request: ClinicRequest, pk: UUID) -> WaitingEntry:
    entries = WaitingEntry.objects.visible_to(request.user).select_related("patient", "doctor", "current_appointment")
    return get_object_or_404(entries, pk=pk)


def _visit_of(request: ClinicRequest) -> Appointment | None:
    try:
        pk = UUID(request.POST.get("visit") or request.GET.get("visit", ""))
    except ValueError:
        return None
    visits = Appointment.objects.visible_to(request.user).open().select_related("patient", "doctor")
    return visits.filter(pk=pk, scheduled_at__gt=timezone.now()).first()


def _initial(request: ClinicRequest, visit: Appointment | None) -> dict[str, Any]:
    if visit is not None:
        return {
            "patient": visit.patient.kept_id,
            "visit": visit.pk,
            "doctor": visit.doctor_id,
            "appointment_type": visit.appointment_type,
            "duration_minutes": visit.duration_minutes,
            "priority": visit.priority,
        }
    initial: dict[str, Any] = {"doctor": request.user.pk} if request.user.is_doctor else {}
    for name in ("patient", "doctor"):
        try:
            initial[name] = UUID(request.GET.get(name, ""))
        except ValueError:
            continue
    return initial


def _patient_of(request: ClinicRequest, form: EntryForm) -> Patient | None:
    try:
        pk = UUID(str(form["patient"].value()))
    except ValueError:
        return None
    return Patient.objects.visible_to(request.user).active().filter(pk=pk).first()
