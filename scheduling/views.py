"""The calendar, one visit, and what is done with it."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients import queries as patient_queries
from patients.models import Patient
from patients.search import search_patients
from scheduling import boards, permissions, queries, services
from scheduling.calendar import NoSuchTime, at_wall_clock, free_starts, month_weeks, week_of
from scheduling.forms import BookingForm, CancelForm, FreeTimesForm, MoveForm, current_zone
from scheduling.models import Appointment
from sessions_app.services import SessionLive
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page

VIEWS = {"day": "Day", "week": "Week"}
MOST_FREE_TIMES = 16
MOST_FOUND = 8


@require_GET
@requires(Permission.VIEW_CALENDAR)
def calendar(request: ClinicRequest) -> HttpResponse:
    """Show a week, or a day with a column for each clinician."""
    now, zone = timezone.now(), current_zone()
    today = now.astimezone(zone).date()
    day = _read_day(request.GET.get("day"), today)
    view = _read_view(request)
    everybody = list(patient_queries.doctors())
    may_see_all = request.user.may(Permission.MANAGE_ALL_APPOINTMENTS)
    # A colleague's day is free or busy; a week of that would say nothing.
    offered = everybody if may_see_all or view == "day" else [request.user]
    chosen = [doctor for doctor in offered if str(doctor.pk) in request.GET.getlist("doctor")] or offered
    draw = boards.week_board if view == "week" else boards.day_board
    board = draw(request.user, day, chosen, zone=zone, now=now)
    record_read(request, target=("calendar", day.isoformat()), subjects=board.patient_ids)
    days = week_of(day)
    step = 7 if view == "week" else 1
    context = {
        "board": board,
        "day": day,
        "today": today,
        "view": view,
        "views": list(VIEWS.items()),
        "previous": date.fromordinal(day.toordinal() - step),
        "next": date.fromordinal(day.toordinal() + step),
        "first": days[0],
        "last": board.columns[-1].day,
        "days": days,
        "weeks": month_weeks(day),
        "doctors": [(doctor, boards.TONES[index % 3], doctor in chosen) for index, doctor in enumerate(offered)],
        "may_filter": len(offered) > 1,
        "now": now,
    }
    return render_page(request, "scheduling/calendar.html", context)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one visit: as a page, or as a small window over the calendar."""
    visit = _get_visit(request, pk)
    record_read(request, target=visit, patient_id=visit.patient_id)
    return render_page(
        request, "scheduling/detail.html", _visit_context(request.user, visit), fragment="scheduling/_window.html"
    )


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def book(request: ClinicRequest) -> HttpResponse:
    """Book a visit; the address may name patient, doctor, day and time."""
    form = BookingForm(request.POST or None, user=request.user, initial=_booking_initial(request))
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        for name in ("day", "clock"):
            data.pop(name)
        try:
            visit = services.schedule_appointment(data.pop("patient"), by=request.user, at=timezone.now(), **data)
        except DomainError as error:
            form.add_error("clock" if isinstance(error, services.SlotTaken | services.BadTime) else None, str(error))
        else:
            messages.success(request, f"Booked for {_local(visit.scheduled_at):%-d %B, %H:%M}.")
            return redirect(_calendar_of(visit))
    patient = _chosen_patient(request, form)
    return render_page(request, "scheduling/book.html", {"patient": patient}, form=form)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def find_patient(request: ClinicRequest) -> HttpResponse:
    """Offer patients for the booking form; what was typed stays out of addresses and logs."""
    text = request.POST.get("query", "").strip()
    clinic = ClinicSettings.load()
    today = clinic.date_of(timezone.now())
    hits = search_patients(text, by=request.user, region=clinic.region, today=today, limit=MOST_FOUND) if text else []
    patients = [hit.patient for hit in hits]
    record_read(request, action=Action.SEARCH, subjects=[patient.pk for patient in patients])
    context = {"patients": patients, "has_text": bool(text), "region": clinic.region}
    return render_page(request, "scheduling/_found.html", context)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def free_times(request: ClinicRequest) -> HttpResponse:
    """Offer the free quarter hours of a doctor's day, as buttons that fill the form."""
    form = FreeTimesForm(request.GET, user=request.user)
    times: list[datetime] = []
    if form.is_valid():
        clinic, zone = ClinicSettings.load(), current_zone()
        try:
            start = at_wall_clock(form.cleaned_data["day"], time(clinic.opening_hour), zone)
            end = at_wall_clock(form.cleaned_data["day"], time(clinic.closing_hour), zone)
        except (NoSuchTime, ValueError):
            start = end = timezone.now()
        taken = queries.list_day_of_doctor(form.cleaned_data["doctor"], start, end)
        free = free_starts(taken, start=start, end=end, minutes=form.cleaned_data["duration_minutes"])
        times = [moment for moment in free if moment > timezone.now()]
    context = {"times": _spread(times), "is_asked": form.is_valid()}
    return render_page(request, "scheduling/_free_times.html", context)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def confirm(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient will come."""
    visit = services.confirm_appointment(_get_visit(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Visit confirmed.")
    return redirect(_calendar_of(visit))


@require_POST
@requires(Permission.VIEW_CALENDAR)
def no_show(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient did not come."""
    visit = services.mark_no_show(_get_visit(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Noted that nobody came.")
    return redirect(_calendar_of(visit))


@require_POST
@requires(Permission.VIEW_CALENDAR)
def complete(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that a visit took place without a session here."""
    visit = services.complete_appointment(_get_visit(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Visit completed.")
    return redirect(_calendar_of(visit))


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def cancel(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Call a visit off, with the reason."""
    visit = _get_visit(request, pk)
    permissions.check_can_change(request.user, visit)
    form = CancelForm(request.POST or None)
    if form.is_valid():
        services.cancel_appointment(visit, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        messages.success(request, "Visit cancelled. The time is free again.")
        return redirect(_calendar_of(visit))
    return render_page(request, "scheduling/cancel.html", {"visit": visit}, form=form)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def move(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give a visit another time."""
    visit = _get_visit(request, pk)
    permissions.check_can_change(request.user, visit)
    local = _local(visit.scheduled_at)
    initial = {"day": local.date(), "clock": local.time(), "duration_minutes": visit.duration_minutes}
    form = MoveForm(request.POST or None, initial=initial)
    if form.is_valid():
        data = form.cleaned_data
        try:
            moved = services.reschedule_appointment(
                visit,
                scheduled_at=data["scheduled_at"],
                duration_minutes=data["duration_minutes"],
                reason=data["reason"],
                by=request.user,
                at=timezone.now(),
            )
        except (services.SlotTaken, services.BadTime) as error:
            form.add_error("clock", str(error))
        else:
            messages.success(request, f"Moved to {_local(moved.scheduled_at):%-d %B, %H:%M}.")
            return redirect(_calendar_of(moved))
    return render_page(request, "scheduling/move.html", {"visit": visit}, form=form)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def start(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Begin the consultation of a visit, recorded unless the form says otherwise; an open session comes first."""
    visit = _get_visit(request, pk)
    try:
        session = workflows.start_consultation(
            visit.patient_id,
            visit.pk,
            by=request.user,
            at=timezone.now(),
            with_recording="without_recording" not in request.POST,
        )
    except SessionLive as error:
        messages.error(request, error.message)
        return redirect("sessions:detail", error.session_id)
    return redirect("sessions:detail", session.pk)


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
        "coming": coming,
        "past": [visit for visit in visits if visit not in coming],
    }
    return render_page(request, "scheduling/for_patient.html", context, fragment="scheduling/_for_patient.html")


def _get_visit(request: ClinicRequest, pk: UUID) -> Appointment:
    visits = Appointment.objects.visible_to(request.user).select_related("patient", "doctor", "session")
    return get_object_or_404(visits, pk=pk)


def _visit_context(user: User, visit: Appointment) -> dict[str, Any]:
    now = timezone.now()
    may_change = permissions.can_change(user, visit) and visit.status in Appointment.OPEN
    has_begun = visit.session is not None and not services.can_start(visit)
    is_own = user.pk == visit.doctor_id
    return {
        "visit": visit,
        "region": ClinicSettings.load().region,
        "session": visit.session,
        "consent": patient_queries.recording_states([visit.patient], at=now)[visit.patient_id],
        "can_start": is_own and services.can_start(visit),
        "can_confirm": may_change and visit.status == Appointment.Status.SCHEDULED and not has_begun,
        "can_move": may_change and not has_begun,
        "can_close": may_change and not has_begun and visit.scheduled_at <= now,
        "may_open_session": visit.session is not None and user.may(Permission.VIEW_SESSIONS),
        "may_open_chart": Patient.objects.visible_to(user).filter(pk=visit.patient_id).exists(),
        "calendar_address": _calendar_of(visit),
    }


def _booking_initial(request: ClinicRequest) -> dict[str, Any]:
    """Read what the address offers; anything unreadable is left out."""
    initial: dict[str, Any] = {}
    for name in ("patient", "doctor"):
        try:
            initial[name] = UUID(request.GET.get(name, ""))
        except ValueError:
            continue
    try:
        initial["day"] = date.fromisoformat(request.GET.get("day", ""))
        initial["clock"] = time.fromisoformat(request.GET.get("time", ""))
    except ValueError:
        initial.setdefault("day", timezone.localdate())
    return initial | _follow_up_initial(request)


def _follow_up_initial(request: ClinicRequest) -> dict[str, Any]:
    """Read what the signed report named in the address says about the next visit."""
    try:
        wanted = workflows.suggest_follow_up(UUID(request.GET.get("report", "")), by=request.user)
    except ValueError:
        return {}
    if wanted is None:
        return {}
    found = {"patient": wanted.patient_id, "doctor": wanted.doctor_id, "chief_complaint": wanted.reason}
    return found | ({"day": wanted.day} if wanted.day else {})


def _chosen_patient(request: ClinicRequest, form: BookingForm) -> Patient | None:
    chosen = form["patient"].value()
    try:
        return Patient.objects.visible_to(request.user).active().filter(pk=UUID(str(chosen))).first()
    except ValueError:
        return None


def _read_day(text: str | None, today: date) -> date:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return today
    # The ends of the calendar have no week around them.
    return day if 1900 <= day.year <= 2200 else today


def _read_view(request: ClinicRequest) -> str:
    """Return the view asked for, else the one looked at last, else the role's: the desk works by the day."""
    asked = request.GET.get("view", "")
    if asked in VIEWS:
        request.session["calendar_view"] = asked
        return asked
    usual = "day" if request.user.may(Permission.MANAGE_ALL_APPOINTMENTS) else "week"
    remembered = request.session.get("calendar_view", usual)
    return remembered if remembered in VIEWS else usual


def _spread(times: list[datetime]) -> list[datetime]:
    """Return at most a screenful: full and half hours first, in the order of the day."""
    if len(times) <= MOST_FREE_TIMES:
        return times
    round_times = [moment for moment in times if _local(moment).minute in (0, 30)]
    return round_times[:MOST_FREE_TIMES] or times[:MOST_FREE_TIMES]


def _local(moment: datetime) -> datetime:
    return moment.astimezone(current_zone())


def _calendar_of(visit: Appointment) -> str:
    return f"{reverse('scheduling:calendar')}?day={_local(visit.scheduled_at).date().isoformat()}"
