"""Book a visit: the form, the patients it finds, the times it offers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.finding.search import search_patients
from patients.merging.duplicates import Likeness, find_likely_duplicates
from patients.models import Patient
from scheduling.availability import slots
from scheduling.calendar.layout import NoSuchTime, at_wall_clock, day_bounds
from scheduling.doors import changed, local
from scheduling.forms import BookingForm, FreeTimesForm, NewPatientForm, current_zone
from scheduling.models import Appointment
from scheduling.queries import list_doctors_for
from scheduling.services import appointments as services
from scheduling.services.new_patients import schedule_new_patient
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page

MOST_ON_THE_DAY = 16
MOST_ON_LATER_DAYS = 4
LATER_DAYS = 3
LOOK_AHEAD = timedelta(days=14)
MOST_FOUND = 8
# What stands for the patient when nobody on file is the one who was typed in.
NONE_OF_THEM = "new"


@dataclass
class Booking:
    """The form as it was sent: for whom on file or new, who that may be a double of, and why it was refused."""

    form: BookingForm
    new: NewPatientForm
    is_new: bool
    is_somebody_else: bool
    likely: list[Likeness] = field(default_factory=list)
    refusal: services.SlotTaken | services.NotAvailable | None = None

    def is_valid(self) -> bool:
        """Look at both forms, so that both say what they lack."""
        return all([self.form.is_valid(), not self.is_new or self.new.is_valid()])

    @property
    def status(self) -> int | None:
        if self.refusal or self.likely:
            return 409
        return 422 if self.is_new and self.new.errors else None


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def book(request: ClinicRequest) -> HttpResponse:
    """Book a visit, of a patient on file or a new one; the address may name patient, doctor, day and time."""
    booking = _read_booking(request)
    if request.method == "POST" and booking.is_valid():
        visit = _book(request, booking)
        if visit is not None:
            return changed(request, visit, f"Booked for {local(visit.scheduled_at):%-d %B, %H:%M}.")
    context = {
        "patient": _chosen_patient(request, booking.form),
        "new": booking.new,
        "currency": ClinicSettings.load().currency,
        "is_new": booking.is_new,
        "likely": booking.likely,
        "none_of_them": NONE_OF_THEM,
        "may_overbook": booking.refusal is not None and booking.refusal.may_be_overbooked,
        "has_errors": bool(booking.form.errors or booking.new.errors or booking.likely),
    }
    return render_page(
        request,
        "scheduling/book.html",
        context,
        form=booking.form,
        fragment="scheduling/_book.html",
        status=booking.status,
    )


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
    """Offer the free times of a day and of the next days that have some, as buttons that fill the form."""
    form = FreeTimesForm(request.GET, user=request.user)
    if not form.is_valid():
        return render_page(request, "scheduling/_free_times.html", {})
    asked, zone, now = form.cleaned_data, current_zone(), timezone.now()
    kind = asked["appointment_type"] or Appointment.Type.FOLLOWUP
    usual = slots.default_length(kind, doctor=asked["doctor"])
    minutes = asked["duration_minutes"] or usual.duration_minutes
    first_day = max(asked["day"] or now.astimezone(zone).date(), now.astimezone(zone).date())
    start = day_bounds(first_day, zone)[0]
    found = slots.free_slots(
        kind,
        doctors=[asked["doctor"]] if asked["doctor"] else list(list_doctors_for(request.user)),
        start=start,
        end=start + LOOK_AHEAD,
        at=now,
        room=asked["room"],
        patient=asked["patient"],
        duration_minutes=asked["duration_minutes"],
        excluding=asked["visit"],
    )
    by_day = {day: list(each) for day, each in groupby(found, key=lambda slot: slot.start.astimezone(zone).date())}
    that_day = by_day.pop(first_day, []) if asked["day"] in (None, first_day) else []
    context = {
        "is_asked": True,
        "day": asked["day"] or first_day,
        "that_day": _spread(that_day, MOST_ON_THE_DAY),
        "later": [(day, _spread(each, MOST_ON_LATER_DAYS)) for day, each in list(by_day.items())[:LATER_DAYS]],
        "with_anybody": asked["doctor"] is None,
        "usual": usual,
        "rooms": _free_rooms(asked, minutes),
        "clock": asked["clock"],
    }
    return render_page(request, "scheduling/_free_times.html", context)


def _read_booking(request: ClinicRequest) -> Booking:
    region = ClinicSettings.load().region
    data = request.POST.copy()
    is_somebody_else = data.get("patient") == NONE_OF_THEM
    if is_somebody_else:
        del data["patient"]
    new = NewPatientForm(data or None, user=request.user, region=region)
    is_new = new.is_begun and not data.get("patient")
    if not is_new:
        new = NewPatientForm(user=request.user, region=region)
    initial = _booking_initial(request)
    form = BookingForm(data or None, user=request.user, has_new_patient=is_new, initial=initial)
    return Booking(form, new, is_new, is_somebody_else)


def _book(request: ClinicRequest, booking: Booking) -> Appointment | None:
    """Book the visit; None when a likely double is to be looked at first, or when the form says why not."""
    if booking.is_new and not booking.is_somebody_else:
        booking.likely = find_likely_duplicates(booking.new.record_fields(), by=request.user)
        subjects = [found.patient.pk for found in booking.likely]
        record_read(request, subjects=subjects, detail={"verb": "warn_of_duplicates"})
    if booking.likely:
        return None
    form = booking.form
    try:
        return _schedule(request, form, booking.new if booking.is_new else None)
    except (services.SlotTaken, services.NotAvailable) as error:
        booking.refusal = error
        whose_room = isinstance(error, services.SlotTaken) and error.whose == "room"
        form.add_error("room" if whose_room else "clock", str(error))
    except DomainError as error:
        form.add_error("clock" if isinstance(error, services.BadTime) else None, str(error))
    return None


def _schedule(request: ClinicRequest, form: BookingForm, new: NewPatientForm | None) -> Appointment:
    data = dict(form.cleaned_data)
    for name in ("day", "clock"):
        data.pop(name)
    patient = data.pop("patient")
    kind, doctor = data["appointment_type"], data["doctor"]
    data["duration_minutes"] = data["duration_minutes"] or slots.default_length(kind, doctor=doctor).duration_minutes
    now = timezone.now()
    if new is not None:
        return schedule_new_patient(new.record_fields(), by=request.user, at=now, **data)
    return services.schedule_appointment(patient, by=request.user, at=now, **data)


def _free_rooms(asked: dict[str, Any], minutes: int) -> list[Any] | None:
    """Return the rooms free at the time asked for; None when no time is asked for."""
    if not asked["day"] or not asked["clock"]:
        return None
    try:
        start = at_wall_clock(asked["day"], asked["clock"], current_zone())
    except (NoSuchTime, OverflowError):
        return None
    return list(slots.free_rooms(start, Appointment.end_of(start, minutes), excluding=asked["visit"]))


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
    initial |= _follow_up_initial(request)
    usual = slots.default_length(Appointment.Type.FOLLOWUP, doctor=_doctor_named(request, initial))
    return {
        "duration_minutes": usual.duration_minutes,
        "preparation_instructions": usual.preparation_instructions,
        **initial,
    }


def _doctor_named(request: ClinicRequest, initial: dict[str, Any]) -> User | None:
    if request.user.is_doctor:
        return request.user
    named = initial.get("doctor")
    return list_doctors_for(request.user).filter(pk=named).first() if named else None


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


def _spread(found: Iterable[slots.Slot], most: int) -> list[slots.Slot]:
    """Return at most so many: full and half hours first, in the order of the day."""
    every = list(found)
    if len(every) <= most:
        return every
    round_times = [slot for slot in every if local(slot.start).minute in (0, 30)]
    return round_times[:most] or every[:most]
