"""Times that came free: whom to offer them to, on the desk's page and on one of their own."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.models import Patient
from scheduling.models import Appointment, FreedSlot, SlotOffer
from scheduling.services import offers
from scheduling.waiting import queries as waiting_queries
from scheduling.waiting.forms import OfferForm, SlotForm
from scheduling.waiting.ranking import Match
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, next_page_of, render_page

MOST_TIMES = 4
LIST_TARGET = ("waiting list", "free times")


@dataclass(frozen=True)
class Asked:
    """An offer as a reader may see it: the desk offers a doctor's time to patients of colleagues, too."""

    offer: SlotOffer
    is_named: bool

    @property
    def name(self) -> str:
        return self.offer.entry.patient.full_name if self.is_named else "a patient of a colleague"


@dataclass(frozen=True)
class OpenTime:
    """A free time as a card shows it: who is first in line, or who has been asked."""

    slot: FreedSlot
    first: Match | None
    others: int
    asked: Asked | None

    @property
    def patient_ids(self) -> list[UUID]:
        freed_by = [self.slot.freed_by.patient_id] if self.slot.freed_by else []
        asked = [self.asked.offer.entry.patient_id] if self.asked and self.asked.is_named else []
        return freed_by + asked + ([self.first.entry.patient_id] if self.first else [])


def open_times(request: ClinicRequest, *, at: datetime) -> list[OpenTime]:
    """Return the soonest free times with the first in line for each."""
    return [_open_time(request, slot, at) for slot in waiting_queries.list_open_slots(request.user, at=at)[:MOST_TIMES]]


@require_GET
@requires(Permission.VIEW_CALENDAR)
def freed_slots(request: ClinicRequest) -> HttpResponse:
    """Show the times that came free, for the desk's page."""
    return _freed(request)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def slot(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show everybody who waits for a time, and who was asked about it."""
    free, now = _slot(request, pk), timezone.now()
    matches = offers.matches_for(free, by=request.user, at=now)
    asked = _as_seen_by(request, free.offers.select_related("entry__patient", "entry__doctor").order_by("created_at"))
    context = {
        "slot": free,
        "matches": matches,
        "asked": asked,
        "held": next((each for each in asked if each.offer.status == SlotOffer.Status.HELD), None),
        "is_open": free.status in waiting_queries.STILL_FREE and free.starts_at > now,
    } | clinic_context(now)
    shown = [match.entry.patient_id for match in matches]
    shown += [each.offer.entry.patient_id for each in asked if each.is_named]
    record_read(request, target=free, subjects=shown)
    return render_page(request, "scheduling/waiting/slot.html", context)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def offer(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Offer a time to one who waits."""
    free = _slot(request, pk)
    form = OfferForm(request.POST, user=request.user)
    if not form.is_valid():
        raise offers.DoesNotFit("This patient is off the list. Look at it again.")
    made = offers.offer_slot(
        free, form.cleaned_data["entry"], by=request.user, at=timezone.now(), goes_on=form.cleaned_data["goes_on"]
    )
    until = made.held_until.astimezone(timezone.get_current_timezone())
    messages.success(request, f"Offered. The time is held until {until:%-H:%M}.")
    return _done(request)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def leave_open(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Offer a time to nobody."""
    offers.leave_open(_slot(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Left open.")
    return _done(request)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def stop_going_on(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Ask nobody else by itself."""
    offers.stop_going_on(_slot(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Nobody else is asked by itself.")
    return _done(request)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def withdraw(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take an offer back."""
    held = SlotOffer.objects.filter(slot__in=FreedSlot.objects.visible_to(request.user)).select_related(
        "slot__doctor", "doctor", "entry"
    )
    offers.withdraw_offer(get_object_or_404(held, pk=pk), by=request.user, at=timezone.now())
    messages.success(request, "Taken back. The link in the message opens nothing any more.")
    return _done(request)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def slot_new(request: ClinicRequest) -> HttpResponse:
    """Put a free time picked by hand before the list."""
    initial = {"doctor": request.GET.get("doctor"), "day": request.GET.get("day"), "clock": request.GET.get("time")}
    form = SlotForm(
        request.POST or None, user=request.user, initial={name: value for name, value in initial.items() if value}
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        start = data["scheduled_at"]
        try:
            made = offers.open_slot(
                data["doctor"],
                starts_at=start,
                ends_at=Appointment.end_of(start, data["duration_minutes"]),
                by=request.user,
                at=timezone.now(),
            )
        except offers.SlotGone as error:
            form.add_error("clock", str(error))
        else:
            return redirect("scheduling:slot", made.pk)
    return render_page(request, "scheduling/waiting/slot_new.html", form=form)


def _slot(request: ClinicRequest, pk: UUID) -> FreedSlot:
    slots = FreedSlot.objects.visible_to(request.user).select_related(
        "doctor", "room", "freed_by__patient", "goes_on_for"
    )
    return get_object_or_404(slots, pk=pk)


def _open_time(request: ClinicRequest, free: FreedSlot, at: datetime) -> OpenTime:
    held = waiting_queries.held_offer_of(free)
    matches = [] if held else offers.matches_for(free, by=request.user, at=at)
    asked = next(iter(_as_seen_by(request, [held] if held else [])), None)
    return OpenTime(free, matches[0] if matches else None, max(0, len(matches) - 1), asked)


def _as_seen_by(request: ClinicRequest, offered: Iterable[SlotOffer]) -> list[Asked]:
    made = list(offered)
    asked = {offer.entry.patient_id for offer in made}
    known = set(Patient.objects.visible_to(request.user).filter(pk__in=asked).values_list("pk", flat=True))
    return [Asked(offer, offer.entry.patient_id in known) for offer in made]


def _freed(request: ClinicRequest) -> HttpResponse:
    now = timezone.now()
    times = open_times(request, at=now)
    if times:
        shown = {person for each in times for person in each.patient_ids}
        record_read(request, target=LIST_TARGET, subjects=shown, poll=True)
    return render_page(request, "scheduling/waiting/_freed.html", {"times": times} | clinic_context(now))


def clinic_context(now: datetime) -> dict[str, Any]:
    """Return what every card of a free time says of the clinic."""
    clinic = ClinicSettings.load()
    return {"minutes": clinic.waiting_offer_minutes, "is_quiet": offers.is_quiet(now), "region": clinic.region}


def _done(request: ClinicRequest) -> HttpResponse:
    """Answer a press: the card again for htmx, else the page it was on."""
    if request.htmx:
        return _freed(request)
    return redirect(next_page_of(request) if "next" in request.POST else "scheduling:waiting_list")
