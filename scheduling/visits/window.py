"""What the window and the page of one visit show, and what may be done from there."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse

from patients import queries as patient_queries
from patients.choices import MessageChannel
from patients.models import Patient
from scheduling import permissions
from scheduling.calendar.looks import ASKED, look_of
from scheduling.doors import calendar_of, local
from scheduling.messages import queries as message_queries
from scheduling.models import Appointment
from scheduling.services import appointments as services
from scheduling.services import stages, undoing
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission

Status = Appointment.Status
WISHES = {
    MessageChannel.EMAIL: "prefers e-mail",
    MessageChannel.SMS: "prefers SMS",
    MessageChannel.BOTH: "e-mail and SMS",
    MessageChannel.NONE: "wants no messages",
}


@dataclass(frozen=True)
class Act:
    """One thing to do with the visit: a `post`, a `dialog` over the calendar, or a `link` that leads away."""

    label: str
    icon: str
    address: str
    kind: str
    hidden: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Chip:
    text: str
    kind: str = ""
    icon: str = ""


def visit_context(user: User, visit: Appointment, *, at: datetime) -> dict[str, Any]:
    """Return everything about a visit that this person may see, and the actions that are open to them now."""
    consent = patient_queries.recording_states([visit.patient], at=at)[visit.patient_id]
    clinic = ClinicSettings.load()
    has_cost = visit.estimated_cost is not None or visit.copay_amount is not None
    return {
        "visit": visit,
        "region": clinic.region,
        "currency": clinic.currency,
        "look": look_of(visit),
        "wish": _wish_of(visit.patient),
        "cost": visit.estimated_cost,
        "copay": visit.copay_amount if visit.copay_amount != Decimal(0) else None,
        "shows_money": has_cost or visit.insurance_verified or bool(visit.patient.insurance_provider),
        "chips": _chips(visit, consent, at=at),
        "acts": _acts(user, visit, is_consented=consent.is_live, at=at),
        "may_open_chart": Patient.objects.visible_to(user).filter(pk=visit.patient_id).exists(),
        "calendar_address": calendar_of(visit),
    }


def _wish_of(patient: Patient) -> str:
    if patient.messages_stopped_at is not None:
        return WISHES[MessageChannel.NONE]
    return WISHES.get(MessageChannel(patient.message_channel), "") if patient.message_channel else ""


def _chips(visit: Appointment, consent: patient_queries.ConsentState, *, at: datetime) -> list[Chip]:
    chips = []
    if visit.confirmed_at is not None:
        who = "by the patient" if visit.confirmed_by_patient else f"{local(visit.confirmed_at):%-d %b}"
        chips.append(Chip(f"Confirmed {who}", "info", "check"))
    if (minutes := stages.waiting_minutes(visit, at)) is not None:
        chips.append(Chip(f"Waiting {minutes} min", "brand", "clock"))
    if visit.patient_asked_at is not None and look_of(visit) is not ASKED:
        chips.append(Chip("Asked for another time", "warn", "message-2"))
    if visit.priority == Appointment.Priority.URGENT:
        chips.append(Chip("Urgent", "rec", "alert-triangle"))
    elif visit.priority == Appointment.Priority.HIGH:
        chips.append(Chip("High priority", "warn", "flag"))
    if visit.overbooked:
        chips.append(Chip("Overbooked", "warn", "copy"))
    if visit.patient.has_allergies:
        chips.append(Chip("Allergies: yes", "rec", "alert-triangle"))
    if consent.is_live:
        chips.append(Chip("Recording consent", "ok", "circle-check"))
    elif consent.is_refused:
        chips.append(Chip("No recording wanted", "slate", "ban"))
    else:
        chips.append(Chip("No recording consent yet", "warn", "clipboard-text"))
    if visit.series_id is not None:
        chips.append(Chip(_place_in_series(visit), "line", "repeat"))
    if told := message_queries.message_states([visit]).get(visit.pk):
        chips.append(Chip(told.word, told.kind, told.icon))
    return chips


def _place_in_series(visit: Appointment) -> str:
    """Return "3 of 10": the place among the visits of the series that stand."""
    stands = Appointment.objects.filter(series=visit.series_id).exclude(
        status__in=[Status.CANCELLED, Status.RESCHEDULED]
    )
    days = sorted(stands.values_list("scheduled_at", flat=True))
    place = sum(1 for moment in days if moment <= visit.scheduled_at)
    return f"Series, {place} of {len(days)}"


def _acts(user: User, visit: Appointment, *, is_consented: bool, at: datetime) -> list[Act]:
    """Return what this person may do with the visit now, the likeliest first."""
    acts = []
    is_open = visit.status in Appointment.OPEN
    has_begun = visit.session is not None and not services.can_start(visit)
    may_change = permissions.can_change(user, visit) and is_open and not has_begun
    if visit.session is not None and user.may(Permission.VIEW_SESSIONS):
        acts.append(_act("Open session", "microphone", "sessions:detail", visit.session_id, kind="link"))
    elif user.pk == visit.doctor_id and services.can_start(visit):
        label, icon = ("Start session", "microphone") if is_consented else ("Start without recording", "notes")
        hidden = () if is_consented else (("without_recording", "1"),)
        acts.append(_act(label, icon, "scheduling:start", visit.pk, kind="send", hidden=hidden))
    acts += _stage_acts(visit, at=at) if permissions.can_change(user, visit) else []
    if may_change:
        if visit.status == Status.SCHEDULED and visit.arrived_at is None:
            acts.append(_act("Confirm", "check", "scheduling:confirm", visit.pk))
        acts.append(_act("Move", "repeat", "scheduling:move", visit.pk, kind="dialog"))
        acts.append(_act("Edit", "pencil", "scheduling:edit", visit.pk, kind="dialog"))
        if visit.series_id is None:
            address = f"{reverse('scheduling:series_new')}?visit={visit.pk}"
            acts.append(Act("Make it repeat", "calendar-plus", address, "link"))
        if visit.patient_asked_at is not None:
            acts.append(_act("Request settled", "message-2", "scheduling:settle_request", visit.pk))
        if visit.scheduled_at > at:
            acts.append(_act("Send reminder", "send", "scheduling:send_reminder", visit.pk))
            acts.append(_act("Would come earlier", "list-check", "scheduling:come_earlier", visit.pk, kind="link"))
        else:
            acts.append(_act("Took place", "circle-check", "scheduling:complete", visit.pk))
            acts.append(_act("Did not attend", "x", "scheduling:no_show", visit.pk))
    is_to_verify = not visit.insurance_verified and bool(visit.patient.insurance_provider)
    if is_to_verify and visit.status in Appointment.ACTIVE and permissions.can_change(user, visit):
        verified = (("verified", "1"),)
        acts.append(_act("Insurance verified", "shield-check", "scheduling:insurance", visit.pk, hidden=verified))
    if visit.series_id is not None:
        acts.append(_act("Series", "repeat", "scheduling:series_detail", visit.series_id, kind="link"))
    if may_change:
        acts.append(_act("Cancel visit", "ban", "scheduling:cancel", visit.pk, kind="dialog"))
    if undoing.can_restore(visit, by=user, at=at):
        acts.append(_act("Let it stand again", "arrow-back-up", "scheduling:restore", visit.pk))
    return acts


def _stage_acts(visit: Appointment, *, at: datetime) -> list[Act]:
    """Return what the desk says of a patient who is here: the next stage, and the last one taken back."""
    acts = []
    stage = stages.stage_of(visit)
    is_open = visit.status in Appointment.OPEN
    if stage is None:
        if is_open and local(visit.scheduled_at).date() == local(at).date():
            acts.append(_act("Check in", "door-enter", "dashboard:check_in", visit.pk))
        return acts
    if stage == stages.ARRIVED and is_open:
        acts.append(_act("Show in", "stethoscope", "dashboard:show_in", visit.pk))
    if stage == stages.IN_ROOM and is_open:
        acts.append(_act("Seen", "clipboard-check", "dashboard:seen", visit.pk))
    if stage in {stages.IN_ROOM, stages.SEEN}:
        acts.append(_act("Check out", "logout", "dashboard:check_out", visit.pk, kind="link"))
    undo = (("stage", stage.verb),)
    acts.append(_act(f"Not {stage.word}", "arrow-back-up", "dashboard:undo_stage", visit.pk, hidden=undo))
    return acts


def _act(
    label: str,
    icon: str,
    route: str,
    pk: Any,
    *,
    kind: str = "post",
    hidden: tuple[tuple[str, str], ...] = (),
) -> Act:
    return Act(label, icon, reverse(route, args=[pk]), kind, hidden)
