"""When and where visits can be: the settings of hours, time off, holidays, rooms and lengths."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from scheduling import permissions
from scheduling.availability import slots
from scheduling.availability.forms import (
    HolidayForm,
    ImportHolidaysForm,
    RoomForm,
    TimeOffForm,
    VisitDefaultForm,
    WeekForm,
    copy_monday,
    days_of,
)
from scheduling.availability.rules import Span
from scheduling.models import Appointment, Holiday, Room, TimeOff, VisitDefault
from scheduling.queries import list_doctors_for
from scheduling.services import closures, rooms
from scheduling.services import hours as hours_services
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import Conflict, DomainError
from synapse.web.http import ClinicRequest, render_page

LOOK_AHEAD = timedelta(days=90)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def start(request: ClinicRequest) -> HttpResponse:
    """Lead a doctor to the own hours, others to everybody's."""
    if request.user.is_doctor:
        return redirect("availability:hours", request.user.pk)
    everybody = list(list_doctors_for(request.user))
    with_hours = set(
        User.objects.filter(working_hours__isnull=False, pk__in=[doctor.pk for doctor in everybody]).values_list(
            "pk", flat=True
        )
    )
    context = {"doctors": [(doctor, doctor.pk in with_hours) for doctor in everybody]}
    return render_page(request, "scheduling/availability/doctors.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def hours(request: ClinicRequest, doctor_pk: UUID) -> HttpResponse:
    """Show and set a doctor's week; `from` in the address names the day whose week is shown."""
    doctor = get_object_or_404(list_doctors_for(request.user), pk=doctor_pk)
    today = timezone.localdate()
    shown = _read_day(request.GET.get("from", ""), today)
    rows = list(doctor.working_hours.select_related("room"))
    current = [row for row in rows if row.valid_from <= shown and (row.valid_until is None or row.valid_until >= shown)]
    is_copy = "copy_monday" in request.POST
    data = copy_monday(request.POST) if is_copy else request.POST or None
    week = WeekForm(data, initial={"valid_from": shown})
    days = days_of(current, data)
    if request.method == "POST" and not is_copy and all([week.is_valid(), *(day.is_valid() for day in days)]):
        try:
            hours_services.set_week(
                doctor,
                [line for day in days for line in day.lines()],
                **week.cleaned_data,
                by=request.user,
                at=timezone.now(),
            )
        except hours_services.BadHours as error:
            week.add_error(None, str(error))
        else:
            messages.success(request, "The hours are saved.")
            return redirect("availability:hours", doctor.pk)
    has_errors = request.method == "POST" and not is_copy
    context = {
        "doctor": doctor,
        "week": week,
        "days": days,
        "forms": [week, *days] if has_errors else [],
        "has_errors": has_errors,
        "periods": sorted({(row.valid_from, row.valid_until) for row in rows}, key=lambda period: period[0]),
        "shown": shown,
        "has_rooms": Room.objects.filter(is_active=True).exists(),
        "in_the_way": _in_the_way(request, [doctor]),
    }
    return render_page(request, "scheduling/availability/hours.html", context, status=422 if has_errors else None)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def clear_hours(request: ClinicRequest, doctor_pk: UUID) -> HttpResponse:
    """Let the clinic's opening hours count for a doctor again."""
    doctor = get_object_or_404(list_doctors_for(request.user), pk=doctor_pk)
    hours_services.clear_hours(doctor, by=request.user, at=timezone.now())
    messages.success(request, "The clinic’s opening hours count again.")
    return redirect("availability:hours", doctor.pk)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def time_off(request: ClinicRequest) -> HttpResponse:
    """List coming time off and add some; visits that stand in it are named."""
    doctors = list(list_doctors_for(request.user))
    form = TimeOffForm(request.POST or None, user=request.user)
    if form.is_valid():
        data = form.cleaned_data
        closures.add_time_off(
            data["doctor"],
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            kind=data["kind"],
            title=data["title"],
            by=request.user,
            at=timezone.now(),
        )
        messages.success(request, "Time off is in the calendar.")
        return redirect("availability:time_off")
    rows = _coming_time_off(doctors)
    context = {
        "entries": [(entry, _may_plan(request.user, entry.doctor) and entry.calendar_id is None) for entry in rows],
        "in_the_way": _in_the_way(request, doctors),
        "names_doctors": len(doctors) > 1 or not request.user.is_doctor,
    }
    return render_page(request, "scheduling/availability/time_off.html", context, form=form)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def remove_time_off(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Offer a time again."""
    doctors = list(list_doctors_for(request.user))
    entry = get_object_or_404(_time_off_of(doctors), pk=pk, calendar=None)
    closures.remove_time_off(entry, by=request.user, at=timezone.now())
    messages.success(request, "The time is offered again.")
    return redirect("availability:time_off")


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_ALL_APPOINTMENTS)
def holidays(request: ClinicRequest) -> HttpResponse:
    """List the days the clinic is closed; an administrator adds one."""
    form = HolidayForm(request.POST or None)
    if form.is_valid():
        try:
            closures.add_holiday(**form.cleaned_data, by=request.user, at=timezone.now())
        except Conflict as error:
            form.add_error("day", str(error))
        else:
            messages.success(request, "The day is on the list.")
            return redirect("availability:holidays")
    return _holidays_page(request, form=form)


@require_POST
@requires(Permission.MANAGE_CLINIC)
def import_holidays(request: ClinicRequest) -> HttpResponse:
    """Take over a year's public holidays."""
    form = ImportHolidaysForm(request.POST)
    if form.is_valid():
        try:
            count = closures.import_holidays(**form.cleaned_data, by=request.user, at=timezone.now())
        except closures.NoSuchCountry as error:
            form.add_error("subdivision", str(error))
        else:
            messages.success(request, f"{count} new days are on the list." if count else "Every day was there already.")
            return redirect("availability:holidays")
    return _holidays_page(request, import_form=form)


@require_POST
@requires(Permission.MANAGE_CLINIC)
def change_holiday(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Close on a listed day, work on it all the same, or take it off the list."""
    holiday = get_object_or_404(Holiday, pk=pk)
    if request.POST.get("do") == "remove":
        closures.remove_holiday(holiday, by=request.user, at=timezone.now())
    else:
        closed = request.POST.get("do") == "close"
        closures.set_holiday_closed(holiday, closed=closed, by=request.user, at=timezone.now())
    return redirect("availability:holidays")


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_ALL_APPOINTMENTS)
def room_list(request: ClinicRequest) -> HttpResponse:
    """List the rooms; an administrator adds one."""
    form = RoomForm(request.POST or None)
    if form.is_valid():
        try:
            rooms.add_room(form.cleaned_data["name"], by=request.user, at=timezone.now())
        except Conflict as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "The room is added.")
            return redirect("availability:rooms")
    every = [(room, RoomForm(initial={"name": room.name}, prefix=str(room.pk))) for room in Room.objects.all()]
    context = {"rooms": every, "may_change": request.user.may(Permission.MANAGE_CLINIC)}
    return render_page(request, "scheduling/availability/rooms.html", context, form=form)


@require_POST
@requires(Permission.MANAGE_CLINIC)
def change_room(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Rename a room, or take it out of use or into use again."""
    room = get_object_or_404(Room, pk=pk)
    form = RoomForm({f"{room.pk}-name": room.name, **request.POST.dict()}, prefix=str(room.pk))
    if not form.is_valid():
        messages.error(request, f"The room keeps its name. {form.errors['name'].as_data()[0].messages[0]}")
        return redirect("availability:rooms")
    name = form.cleaned_data["name"]
    is_active = request.POST.get("is_active", "1" if room.is_active else "0") == "1"
    rooms.change_room(room, name=name, is_active=is_active, by=request.user, at=timezone.now())
    messages.success(request, "The room is changed.")
    return redirect("availability:rooms")


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def lengths(request: ClinicRequest) -> HttpResponse:
    """Show how long each type of visit is: an administrator sets the clinic's, a doctor the own."""
    user = request.user
    doctor = user if user.is_doctor else None
    may_change = doctor is not None or user.may(Permission.MANAGE_CLINIC)
    if request.method == "POST" and not may_change:
        permissions.check_can_plan_clinic(user)
    stored = {
        (row.doctor_id, row.appointment_type): row
        for row in VisitDefault.objects.filter(Q(doctor=None) | Q(doctor=doctor))
    }
    key = doctor.pk if doctor else None
    forms = [
        VisitDefaultForm(
            request.POST or None,
            appointment_type=kind,
            initial=_length_of(stored.get((key, kind)), is_own=key is not None),
        )
        for kind in Appointment.Type.values
    ]
    if request.method == "POST" and all(form.is_valid() for form in forms):
        for form in forms:
            _store_length(form, doctor, by=user, at=timezone.now())
        messages.success(request, "The lengths are saved. Visits that are booked keep theirs.")
        return redirect("availability:lengths")
    usual = {kind: slots.VisitLength() for kind in Appointment.Type.values} | {
        kind: slots.VisitLength(row.duration_minutes, row.buffer_minutes, row.preparation_instructions)
        for (owner, kind), row in stored.items()
        if owner is None
    }
    context = {
        "forms": forms,
        "rows": [(form, usual[form.appointment_type]) for form in forms],
        "is_own": doctor is not None,
        "may_change": may_change,
        "has_errors": request.method == "POST",
    }
    status = 422 if request.method == "POST" else None
    return render_page(request, "scheduling/availability/lengths.html", context, status=status)


def _holidays_page(
    request: ClinicRequest, *, form: HolidayForm | None = None, import_form: ImportHolidaysForm | None = None
) -> HttpResponse:
    clinic = ClinicSettings.load()
    country, _, subdivision = (clinic.holiday_country or clinic.region).partition("-")
    today = timezone.localdate()
    context = {
        "form": form or HolidayForm(),
        "import_form": import_form or ImportHolidaysForm(initial={"country": country, "subdivision": subdivision}),
        "holidays": Holiday.objects.filter(day__gte=today),
        "today": today,
        "may_change": request.user.may(Permission.MANAGE_CLINIC),
        "in_the_way": _in_the_way(request, list_doctors_for(request.user)),
        "has_errors": bool((form and form.errors) or (import_form and import_form.errors)),
    }
    status = 422 if context["has_errors"] else None
    return render_page(request, "scheduling/availability/holidays.html", context, status=status)


def _in_the_way(request: ClinicRequest, doctors: Iterable[User]) -> list[slots.InTheWay]:
    now = timezone.now()
    found = slots.visits_in_the_way(request.user, doctors, Span(now, now + LOOK_AHEAD))
    if found:
        record_read(request, subjects=[each.visit.patient_id for each in found], detail={"verb": "visits_in_the_way"})
    return found


def _time_off_of(doctors: Iterable[User]) -> Any:
    return TimeOff.objects.filter(Q(doctor=None) | Q(doctor__in=list(doctors))).select_related("doctor")


def _coming_time_off(doctors: Iterable[User]) -> list[TimeOff]:
    return list(_time_off_of(doctors).filter(ends_at__gt=timezone.now()).order_by("starts_at")[:200])


def _may_plan(user: User, doctor: User | None) -> bool:
    try:
        permissions.check_can_plan(user, doctor)
    except DomainError:
        return False
    return True


def _length_of(row: VisitDefault | None, *, is_own: bool) -> dict[str, Any]:
    if row is None:
        return {} if is_own else {"duration_minutes": slots.USUAL_MINUTES, "buffer_minutes": 0}
    names = ("duration_minutes", "buffer_minutes", "preparation_instructions")
    return {name: getattr(row, name) for name in names}


def _store_length(form: VisitDefaultForm, doctor: User | None, *, by: User, at: datetime) -> None:
    """Store what was changed; an empty length of one's own is the clinic's."""
    if not form.has_changed():
        return
    data = form.cleaned_data
    if doctor is not None and data["duration_minutes"] is None:
        rooms.clear_visit_default(form.appointment_type, doctor=doctor, by=by, at=at)
        return
    rooms.set_visit_default(
        form.appointment_type,
        doctor=doctor,
        duration_minutes=data["duration_minutes"] or slots.USUAL_MINUTES,
        buffer_minutes=data["buffer_minutes"] or 0,
        preparation_instructions=data["preparation_instructions"],
        by=by,
        at=at,
    )


def _read_day(text: str, today: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return today
