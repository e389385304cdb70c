"""Receive somebody who has no visit: found on file, registered on the spot, or without a name for now."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from patients.finding.search import search_patients
from patients.merging.duplicates import Likeness, find_likely_duplicates
from patients.models import Patient
from scheduling.availability import slots
from scheduling.availability.rules import Diary, Span, Why, obstacle
from scheduling.calendar.layout import day_bounds
from scheduling.doors import local
from scheduling.forms import current_zone
from scheduling.models import Appointment, WalkIn
from scheduling.services import desk
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.dashboard.desk_forms import NewcomerForm, NoNameForm, WalkInForm
from synapse.web.http import ClinicRequest, render_page

MOST_FOUND = 6
NEW = "new"
USUAL_MINUTES = 30
NOT_FREE = {
    Why.HOURS: "Not working now",
    Why.BREAK: "On a break",
    Why.HOLIDAY: "Closed today",
    Why.TIME_OFF: "Away",
    Why.HELD: "Held for the waiting list",
}


@dataclass(frozen=True)
class Choice:
    """A clinician as the form offers them: whether they can take somebody now, in words."""

    doctor: User
    is_free: bool
    words: str
    is_chosen: bool


@dataclass
class Reception:
    """The form as it was sent: who is to be received, and on file those it may be a double of."""

    form: WalkInForm
    newcomer: NewcomerForm
    is_new: bool
    came: WalkIn | None
    likely: list[Likeness] = field(default_factory=list)

    @property
    def status(self) -> int | None:
        if self.likely:
            return 409
        return 422 if self.form.errors or (self.is_new and self.newcomer.errors) else None


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_ALL_APPOINTMENTS)
def walk_in(request: ClinicRequest) -> HttpResponse:
    """Book a visit that begins now, for somebody on file or a new patient; the doubles are shown first."""
    now = timezone.now()
    reception = _read(request)
    if request.method == "POST" and reception.form.is_valid():
        receive = _receive_new if reception.is_new else _receive_known
        if said := receive(request, reception, at=now):
            messages.success(request, said)
            return redirect("dashboard:desk")
    context = {
        "newcomer": reception.newcomer,
        "no_name": NoNameForm(),
        "likely": reception.likely,
        "came": reception.came,
        "is_new": reception.is_new,
        "choices": _choices(reception.form, now),
        "patient": _chosen(reception.form),
    }
    return render_page(request, "dashboard/walk_in.html", context, form=reception.form, status=reception.status)


@require_POST
@requires(Permission.MANAGE_ALL_APPOINTMENTS)
def find(request: ClinicRequest) -> HttpResponse:
    """Offer patients for a walk-in, and say who of them is booked today."""
    text = request.POST.get("query", "").strip()
    clinic, now = ClinicSettings.load(), timezone.now()
    hits = (
        search_patients(text, by=request.user, region=clinic.region, today=clinic.date_of(now), limit=MOST_FOUND)
        if text
        else []
    )
    found = [hit.patient for hit in hits]
    record_read(request, action=Action.SEARCH, subjects=[patient.pk for patient in found])
    start, end = day_bounds(local(now).date(), current_zone())
    records = Patient.objects.records_of_all(patient.pk for patient in found).values("pk")
    booked = {
        visit.patient.kept_id: visit
        for visit in Appointment.objects.visible_to(request.user)
        .open()
        .filter(patient__in=records, arrived_at=None, scheduled_at__gte=start, scheduled_at__lt=end)
        .select_related("doctor", "patient")
        .order_by("-scheduled_at")
    }
    rows = [(patient, booked.get(patient.pk)) for patient in found]
    return render_page(
        request, "dashboard/_walk_in_found.html", {"rows": rows, "has_text": bool(text), "region": clinic.region}
    )


@require_POST
@requires(Permission.MANAGE_ALL_APPOINTMENTS)
def no_name(request: ClinicRequest) -> HttpResponse:
    """Put somebody on the sheet before their name is taken."""
    form = NoNameForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    desk.note_walk_in(note=note, by=request.user, at=timezone.now())
    messages.success(request, "On the sheet. Take the name when there is time.")
    return redirect("dashboard:desk")


def _read(request: ClinicRequest) -> Reception:
    # A likely double may be chosen instead of registering anew; who was found before somebody said "new" is nobody.
    is_new = request.POST.get("who") == NEW and "double" not in request.POST
    data = request.POST.copy()
    data["patient"] = "" if is_new else data.get("double") or data.get("patient", "")
    region = ClinicSettings.load().region
    return Reception(
        form=WalkInForm(data if request.method == "POST" else None, user=request.user),
        newcomer=NewcomerForm(request.POST if is_new else None, user=request.user, region=region),
        is_new=is_new,
        came=_came(request),
    )


def _receive_new(request: ClinicRequest, reception: Reception, *, at: datetime) -> str:
    """Register and receive somebody new, and say so; nothing is said while the form or a likely double is in the way."""
    if not reception.newcomer.is_valid():
        return ""
    fields = reception.newcomer.record_fields()
    if "register_anyway" not in request.POST:
        reception.likely = find_likely_duplicates(fields, by=request.user)
    if reception.likely:
        subjects = [found.patient.pk for found in reception.likely]
        record_read(request, subjects=subjects, detail={"verb": "warn_of_duplicates"})
        return ""
    visit = _visit_fields(reception.form)
    workflows.receive_new_patient(fields, **visit, walk_in=reception.came, by=request.user, at=at)
    return "Registered and checked in."


def _receive_known(request: ClinicRequest, reception: Reception, *, at: datetime) -> str:
    """Receive somebody on file, and say so; nothing is said when the form tells why not."""
    form = reception.form
    patient = form.cleaned_data["patient"]
    if patient is None:
        form.add_error("patient", "Choose the patient, or register a new one")
        return ""
    try:
        desk.receive_walk_in(patient, **_visit_fields(form), walk_in=reception.came, by=request.user, at=at)
    except desk.HasVisitToday as error:
        form.add_error("patient", error.message)
        return ""
    return "Checked in."


def _visit_fields(form: WalkInForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("doctor", "appointment_type", "duration_minutes")}


def _came(request: ClinicRequest) -> WalkIn | None:
    """Return the walk-in without a name whom this is about, if the address names one that still waits."""
    try:
        pk = UUID(request.GET.get("came", ""))
    except ValueError:
        return None
    return WalkIn.objects.visible_to(request.user).filter(pk=pk, appointment=None, left_at=None).first()


def _chosen(form: WalkInForm) -> Patient | None:
    if not form.is_bound:
        return None
    chosen = form.cleaned_data.get("patient") if form.is_valid() else None
    return chosen if isinstance(chosen, Patient) else None


def _choices(form: WalkInForm, now: datetime) -> list[Choice]:
    """Return the clinicians, those who are free now first."""
    end = day_bounds(local(now).date(), current_zone())[1]
    doctors: list[User] = list(form.fields["doctor"].queryset)  # type: ignore[attr-defined]
    diaries = slots.load_diaries(doctors, Span(now, end), at=now)
    following: dict[UUID, datetime] = {}
    for slot in slots.free_slots(
        Appointment.Type.CONSULTATION, doctors=doctors, start=now, end=end, at=now, duration_minutes=USUAL_MINUTES
    ):
        following.setdefault(slot.doctor.pk, slot.start)
    chosen = str(form["doctor"].value() or "")
    choices = []
    for doctor in doctors:
        is_free, words = _in_words(diaries[doctor.pk], following.get(doctor.pk), now)
        choices.append(Choice(doctor, is_free, words, str(doctor.pk) == chosen))
    return sorted(choices, key=lambda choice: not choice.is_free)


def _in_words(diary: Diary, next_free: datetime | None, now: datetime) -> tuple[bool, str]:
    """Say whether somebody could take a walk-in now and until when, else why not and from when."""
    found = obstacle(diary, Span(now, now + timedelta(minutes=1)))
    if found is None:
        coming = min((visit.start for visit in diary.visits if visit.start > now), default=None)
        return True, f"Free now until {local(coming):%-H:%M}" if coming else "Free now"
    why = NOT_FREE.get(found.why, "With a patient")
    return False, f"{why}, next free {local(next_free):%-H:%M}" if next_free else f"{why}, nothing free today"
