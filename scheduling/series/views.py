"""The pages of visits that repeat: book a series, see it, change it, carry it on, let it end."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.models import Patient
from scheduling import permissions
from scheduling.doors import calendar_of, get_visit, local
from scheduling.models import Appointment, AppointmentSeries
from scheduling.queries import timezone_name_of
from scheduling.series import queries as series_queries
from scheduling.series.forms import (
    ChangeForm,
    ExtendForm,
    SeriesForm,
    details_of,
    read_decisions,
    read_scope,
    repeat_initial,
)
from scheduling.series.pages import DateList, list_dates, list_left_out
from scheduling.series.plan import Decision
from scheduling.series.recurrence import Rule
from scheduling.services import series as services
from scheduling.services import series_changes as changes
from scheduling.services import series_extension as extension
from scheduling.services.series_cancelling import Scope
from scheduling.services.series_changes import SAME, SeriesChange
from synapse.accounts.decorators import requires
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, next_page_of, render_page

Value = TypeVar("Value")
LOOK_AGAIN = "The dates have changed since you saw them. Look at them once more."


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def new(request: ClinicRequest) -> HttpResponse:
    """Book visits that repeat: the form, its dates with what stands in their way, and the booking.

    A POST of the booking form brings what was typed there; the address may name patient, doctor, day and time, or the
    visit that is to be the first one.
    """
    is_sent = "interval" in request.POST
    first_visit = _first_visit(request)
    if first_visit is not None and not is_sent:
        initial = _initial_from(first_visit)
        record_read(request, target=first_visit, patient_id=first_visit.patient_id)
    else:
        initial = _initial_of(request.POST if request.method == "POST" else request.GET)
    form = SeriesForm(request.POST if is_sent else None, user=request.user, initial=initial)
    dates: DateList | None = None
    if is_sent and form.is_valid():
        data = form.cleaned_data
        wish = _wish_of(data, first_visit)
        decisions = read_decisions(request.POST, zone=ZoneInfo(timezone_name_of(wish.doctor)))
        try:
            if _may_book(request):
                booked = _book(request, wish, decisions, data["overbooking_reason"])
                if booked is not None:
                    return booked
            plan = services.preview_series(wish, decisions=decisions, by=request.user, at=timezone.now())
            record_read(request, subjects=plan.names, detail={"verb": "preview_series"})
            dates = list_dates(plan, decisions=decisions, typed=request.POST)
            _complain(request, form, dates)
        except DomainError as error:
            form.add_error(None, str(error))
    context: dict[str, Any] = {"dates": dates, "patient": _chosen_patient(request.user, form), "verb": "Book"}
    context |= {"first_visit": first_visit, "back_address": reverse("scheduling:calendar")}
    if first_visit is not None:
        context |= {"verb": "Make it", "back_address": calendar_of(first_visit)}
    return render_page(
        request,
        "scheduling/series/new.html",
        context,
        form=form,
        fragment="scheduling/series/_dates.html" if request.POST.get("action") == "dates" else None,
        status=200 if request.htmx else None,
    )


@require_GET
@requires(Permission.VIEW_CALENDAR)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show a series: its rule in words, its visits to come and past, what was left out, and what can be done."""
    series = _get_series(request, pk)
    record_read(request, target=series, patient_id=series.patient_id)
    now = timezone.now()
    visits = list(series_queries.list_visits(series).select_related("session", "room").order_by("scheduled_at"))
    coming = [visit for visit in visits if visit.status in Appointment.OPEN and visit.ends_at > now]
    may_change = permissions.can_book(request.user, series.doctor)
    after = AppointmentSeries.objects.filter(continues=series).first()
    is_over = series.ended_at is not None or after is not None
    context = {
        "series": series,
        "coming": coming,
        "past": [visit for visit in reversed(visits) if visit not in coming],
        "left_out": list_left_out(series),
        "after": after,
        "next": next((visit for visit in coming if visit.scheduled_at > now), None) if may_change else None,
        "form": ExtendForm() if may_change and not is_over and not series.is_open_ended else None,
        "may_end": series.end_noticed_at is None,
        "may_open_chart": Patient.objects.visible_to(request.user).filter(pk=series.patient_id).exists(),
    }
    return render_page(request, "scheduling/series/detail.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def change(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change the visits of a series from one on, or all to come; `pk` is the visit's. The address may name the time."""
    visit = get_visit(request, pk)
    series = get_object_or_404(AppointmentSeries.objects.visible_to(request.user), pk=visit.series_id)
    permissions.check_can_change(request.user, visit)
    initial = _change_initial(request, visit, series)
    form = ChangeForm(request.POST or None, user=request.user, initial=initial)
    dates: DateList | None = None
    if form.is_valid():
        data = form.cleaned_data
        decisions = read_decisions(request.POST, zone=ZoneInfo(timezone_name_of(data["doctor"])))
        wanted: dict[str, Any] = {
            "scope": Scope(data["scope"]),
            "includes_changed": data["includes_changed"],
            "decisions": decisions,
            "by": request.user,
            "at": timezone.now(),
        }
        asked = _change_of(data, series)
        try:
            plan = changes.preview_change(visit, asked, **wanted)
            dates = list_dates(plan.plan, decisions=decisions, typed=request.POST, standing=plan.standing)
            if _may_book(request) and not dates.undecided and dates.digest == request.POST.get("seen"):
                reasons = {"reason": data["reason"], "overbooking_reason": data["overbooking_reason"]}
                changed = changes.change_series(visit, asked, **wanted, **reasons)
                messages.success(request, f"Changed: {changed.in_words}.")
                return redirect("scheduling:series_detail", changed.pk)
            record_read(request, target=series, patient_id=series.patient_id, subjects=plan.plan.names)
            _complain(request, form, dates)
        except services.ReasonMissing as error:
            form.add_error("overbooking_reason", str(error))
        except DomainError as error:
            form.add_error(None, str(error))
    context = {"visit": visit, "series": series, "dates": dates, "verb": "Change"}
    context["back_address"] = reverse("scheduling:series_detail", args=[series.pk])
    return render_page(
        request,
        "scheduling/series/change.html",
        context,
        form=form,
        fragment="scheduling/series/_dates.html" if request.POST.get("action") == "dates" else None,
        status=200 if request.htmx else None,
    )


@require_POST
@requires(Permission.VIEW_CALENDAR)
def extend(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Add visits after a series' last one; what is taken is left out and made up for."""
    form = ExtendForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Enter how many visits to add.")
        return _back(request, pk)
    series = _get_series(request, pk)
    plan = extension.extend_series(series, count=form.cleaned_data["count"], by=request.user, at=timezone.now())
    last = local(max(day.starts_at for day in plan.booked if day.starts_at))
    text = f"{len(plan.booked)} visits added, the last on {last:%-d %B %Y}."
    left_out = [day for day in plan.days if day.is_left_out]
    if left_out:
        text += f" Left out: {', '.join(f'{day.day:%-d %B}' for day in left_out)}."
    messages.success(request, text)
    return _back(request, pk)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def let_end(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that a series may end."""
    extension.let_series_end(_get_series(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Noted: this series ends with its last visit.")
    return _back(request, pk)


def change_address(request: ClinicRequest, visit: Appointment, data: Mapping[str, Any]) -> str | None:
    """Return where a move that means more than this one visit goes on; None for this one alone."""
    scope = read_scope(request.POST)
    if visit.series_id is None or scope == Scope.THIS:
        return None
    query = {"scope": scope.value}
    for name in ("day", "clock", "duration_minutes"):
        if data.get(name):
            query[name] = data[name].strftime("%H:%M") if name == "clock" else str(data[name])
    for name in ("doctor", "room"):
        if data.get(name):
            query[name] = str(data[name].pk)
    return f"{reverse('scheduling:series_change', args=[visit.pk])}?{urlencode(query)}"


def _get_series(request: ClinicRequest, pk: UUID) -> AppointmentSeries:
    found = AppointmentSeries.objects.visible_to(request.user).select_related("patient", "doctor", "room", "continues")
    return get_object_or_404(found, pk=pk)


def _back(request: ClinicRequest, pk: UUID) -> HttpResponse:
    if "next" in request.POST:
        return redirect(next_page_of(request))
    return redirect("scheduling:series_detail", pk)


def _may_book(request: ClinicRequest) -> bool:
    return request.POST.get("action") == "book"


def _book(
    request: ClinicRequest, wish: services.SeriesWish, decisions: Mapping[date, Decision], reason: str
) -> HttpResponse | None:
    """Book a series if its dates are those that were seen and nothing is left to decide."""
    plan = services.preview_series(wish, decisions=decisions, by=request.user, at=timezone.now())
    dates = list_dates(plan, decisions=decisions, typed=request.POST)
    if dates.undecided or dates.digest != request.POST.get("seen") or (dates.needs_reason and not reason.strip()):
        return None
    series = services.create_series(
        wish, decisions=decisions, overbooking_reason=reason, by=request.user, at=timezone.now()
    )
    words = "The visit repeats" if wish.first_visit else f"{dates.booked} visits booked"
    messages.success(request, f"{words}: {series.in_words}.")
    return redirect("scheduling:series_detail", series.pk)


def _complain(request: ClinicRequest, form: SeriesForm | ChangeForm, dates: DateList) -> None:
    """Say why what was to be booked is not, after the dates were laid out again."""
    if not _may_book(request):
        return
    if dates.undecided:
        form.add_error(None, "Decide about the marked dates first.")
    elif dates.needs_reason and not form.cleaned_data["overbooking_reason"].strip():
        form.add_error("overbooking_reason", "Say why visits are booked at times that are not offered")
    else:
        form.add_error(None, LOOK_AGAIN)


def _wish_of(data: Mapping[str, Any], first_visit: Appointment | None) -> services.SeriesWish:
    return services.SeriesWish(
        patient=data["patient"],
        doctor=data["doctor"],
        rule=data["rule"],
        first_day=data["first_day"],
        clock=data["series_clock"],
        duration_minutes=data["duration_minutes"] or 50,
        appointment_type=data["appointment_type"],
        room=data["room"],
        holiday_rule=data["holiday_rule"],
        keeps_number=data["keeps_number"],
        details=details_of(data),
        first_visit=first_visit,
    )


def _change_of(data: Mapping[str, Any], series: AppointmentSeries) -> SeriesChange:
    """Return what differs from the series; day and time are turned to the wall clock of its zone."""
    doctor = data["doctor"] if data["doctor"] != series.doctor else None
    zone = ZoneInfo(timezone_name_of(doctor) if doctor else series.timezone)
    there = data["scheduled_at"].astimezone(zone)
    details = {
        name: data[name]
        for name in ("location", "preparation_instructions", "notes")
        if data[name] != getattr(series, name)
    }
    return SeriesChange(
        day=there.date(),
        clock=there.time(),
        rule=data.get("rule") if data["another_rule"] else None,
        doctor=doctor,
        room=data["room"] if data["room"] != series.room else SAME,
        duration_minutes=_if_other(data["duration_minutes"] or None, series.duration_minutes),
        appointment_type=_if_other(data["appointment_type"], series.appointment_type),
        details=details,
    )


def _if_other(value: Value, known: Value) -> Value | None:
    return value if value != known else None


def _initial_of(typed: QueryDict) -> dict[str, Any]:
    """Return what the booking form, or an address, says of the first visit; what cannot be read is left out."""
    initial: dict[str, Any] = {name: value for name, value in typed.items() if name in SeriesForm.base_fields and value}
    try:
        initial["day"] = date.fromisoformat(typed.get("day", ""))
    except ValueError:
        initial["day"] = timezone.localdate()
    try:
        initial["clock"] = time.fromisoformat(typed.get("clock") or typed.get("time", ""))
    except ValueError:
        initial.pop("clock", None)
    return initial


def _first_visit(request: ClinicRequest) -> Appointment | None:
    """Return the visit named as the first one of a new series. Raises Http404 and NotAllowed."""
    named = request.POST.get("visit") or request.GET.get("visit")
    if not named:
        return None
    try:
        visit = get_visit(request, UUID(named))
    except ValueError:
        raise Http404 from None
    permissions.check_can_change(request.user, visit)
    return visit


def _initial_from(visit: Appointment) -> dict[str, Any]:
    """Return what the form of a series shows of the visit it begins with."""
    start = local(visit.scheduled_at)
    fields = ("appointment_type", "duration_minutes", *services.DETAILS)
    return {
        **{name: getattr(visit, name) for name in fields},
        "patient": visit.patient_id,
        "doctor": visit.doctor_id,
        "room": visit.room_id,
        "day": start.date(),
        "clock": start.time(),
    }


def _change_initial(request: ClinicRequest, visit: Appointment, series: AppointmentSeries) -> dict[str, Any]:
    start = local(visit.scheduled_at)
    initial: dict[str, Any] = {
        "scope": Scope.FOLLOWING,
        "day": start.date(),
        "clock": start.time(),
        "duration_minutes": series.duration_minutes,
        "doctor": series.doctor_id,
        "room": series.room_id,
        **{
            name: getattr(series, name)
            for name in ("appointment_type", "location", "preparation_instructions", "notes")
        },
        **repeat_initial(Rule.parse(series.rule)),
    }
    if initial["times"]:
        initial["times"] = series_queries.list_visits(series).filter(series_day__gte=visit.series_day).count()
    given = {
        name: request.GET[name]
        for name in ("scope", "day", "clock", "duration_minutes", "doctor", "room")
        if name in request.GET
    }
    return initial | given


def _chosen_patient(user: User, form: SeriesForm) -> Patient | None:
    try:
        chosen = UUID(str(form["patient"].value()))
    except ValueError:
        return None
    return Patient.objects.visible_to(user).active().filter(pk=chosen).first()
