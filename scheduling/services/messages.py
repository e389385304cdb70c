"""What patients are told about their visits: planned here as rows, sent by `sending`.

A row is planned in the unit of work of the change it tells about, two minutes ahead, so that what is undone at once
is never told. Every rule is asked again when the row is sent.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from patients import permissions as patient_permissions
from patients.choices import MessageChannel
from patients.contact.reaching import CannotSend, address_of, channels_of, reader_of
from patients.models import Patient
from scheduling import permissions
from scheduling.changes import Change, calendar_changed
from scheduling.messages.quiet import due_before, due_now, quiet_hours_of
from scheduling.models import Appointment, AppointmentMessage, AppointmentSeries, SlotOffer
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict
from synapse.common.transitions import advance
from synapse.notifications.outgoing import SMS

SETTLING = timedelta(minutes=2)
APART = timedelta(hours=2)  # a reminder nearer to the last thing said than this says nothing new
AHEAD = timedelta(days=1)  # how long before a reminder's time the sweep plans what is missing

Kind = AppointmentMessage.Kind
Status = AppointmentMessage.Status
SkipReason = AppointmentMessage.SkipReason
ANNOUNCEMENTS = (Kind.BOOKED, Kind.MOVED)
# A wish can change back: such a reminder is planned anew.
TAKEN_BACK = (SkipReason.OPTED_OUT, SkipReason.NOT_WANTED)
_PLANNED_FROM = (
    "scheduled_at",
    "is_walk_in",
    "created_at",
    "patient__message_channel",
    "patient__messages_stopped_at",
    "patient__merged_into__message_channel",
    "patient__merged_into__messages_stopped_at",
)


def wish_of(patient: Patient) -> str:
    """Return what a patient said about messages: a channel, none, or nothing, and then the clinic's way holds."""
    return MessageChannel.NONE if patient.messages_stopped_at is not None else patient.message_channel


def set_preference(patient: Patient, *, channel: str, by: User, at: datetime) -> None:
    """Keep how a patient wants to hear about visits; NONE drops what is planned. Raises NotAllowed."""
    patient_permissions.check_can_edit(by, patient)
    with audit.unit_of_work():
        stopped_at = (patient.messages_stopped_at or at) if channel == MessageChannel.NONE else None
        _store_preference(patient, channel=channel, stopped_at=stopped_at, at=at)
        detail = {"fields": ["message_channel", "messages_stopped_at"]}
        audit.record(Action.UPDATE, by=by, target=patient, patient_id=patient.pk, detail=detail)


def stop_messages(patient: Patient, *, at: datetime) -> None:
    """Write to a patient no more, as they asked by a link; call it inside `unit_of_work()`."""
    reader = reader_of(patient)
    _store_preference(reader, channel=reader.message_channel, stopped_at=at, at=at)
    detail = {"verb": "stop_messages", "fields": ["messages_stopped_at"]}
    audit.record(Action.UPDATE, by=None, target=reader, patient_id=reader.pk, detail=detail)


def _store_preference(patient: Patient, *, channel: str, stopped_at: datetime | None, at: datetime) -> None:
    patient.message_channel, patient.messages_stopped_at, patient.updated_at = channel, stopped_at, at
    patient.save(update_fields=["message_channel", "messages_stopped_at", "updated_at"])
    if stopped_at is not None:
        mine = AppointmentMessage.objects.filter(patient__in=patient.records())
        _skip(mine, SkipReason.OPTED_OUT, at=at)


def follow_change(change: Change) -> None:
    """Plan what a patient is told about a change, and drop what it makes untrue; a handler of `changes`."""
    visit, at = change.appointment, change.at
    if change.verb == "schedule":
        _plan_for_new(visit, at=at)
    elif change.verb == "reschedule":
        _drop(visit, at=at)
    elif change.verb == "cancel":
        _plan_for_cancelled(visit, at=at)
    elif change.verb in {"complete", "no_show", "start", "arrive"}:
        _drop(visit, at=at)


def _plan_for_new(visit: Appointment, *, at: datetime) -> None:
    if visit.is_walk_in or visit.scheduled_at <= at:
        return
    clinic = ClinicSettings.load()
    known = _known_before(visit)
    if known is not None and known.status == Appointment.Status.CANCELLED and not _take_back(known, at=at):
        known = None  # told that it is off, so this one is news
    if known is None:
        _announce(visit, Kind.BOOKED, clinic, at=at)
    elif known.scheduled_at != visit.scheduled_at:
        _announce(visit, Kind.MOVED, clinic, at=at)
    plan_reminders([visit], clinic, at=at)


def _plan_for_cancelled(visit: Appointment, *, at: datetime) -> None:
    dropped = _drop(visit, at=at)
    if visit.is_walk_in or visit.scheduled_at <= at:
        return
    clinic = ClinicSettings.load()
    if any(row.kind in ANNOUNCEMENTS for row in dropped) and visit.series_id:
        _announce_the_rest(visit, dropped, clinic, at=at)
    if _was_told(visit) or _known_before(visit) is not None:
        _announce(visit, Kind.CANCELLED, clinic, at=at)


def _take_back(cancelled: Appointment, *, at: datetime) -> bool:
    """Drop the news of a cancellation that was undone; return whether none of it had gone out."""
    _drop(cancelled, at=at)
    news = cancelled.messages.filter(kind=Kind.CANCELLED)
    return not news.exclude(status=Status.SKIPPED).exists()


def _announce(visit: Appointment, kind: str, clinic: ClinicSettings, *, at: datetime) -> None:
    """Plan one message about a visit; visits of a series changed together share one, which the first of them carries.

    A series is announced once: what it is carried on by later is no news, its reminders come all the same.
    """
    due = due_now(at + SETTLING, visit_at=visit.scheduled_at, quiet=quiet_hours_of(clinic))
    for channel in channels_of(visit.patient, clinic):
        if visit.series is not None and _is_said_of_series(visit, visit.series, kind, channel, due, at=at):
            continue
        AppointmentMessage.objects.create(
            appointment=visit, patient=visit.patient, kind=kind, channel=channel, due_at=due
        )


def _is_said_of_series(
    visit: Appointment, series: AppointmentSeries, kind: str, channel: str, due: datetime, *, at: datetime
) -> bool:
    """Tell whether a message that is planned, or was sent, speaks for this visit as well."""
    rows = AppointmentMessage.objects.filter(
        appointment__series__in=_parts_of(series), kind=kind, channel=channel, again=0
    ).exclude(status=Status.SKIPPED)
    # What was said of a visit before it became the first of a series says nothing of the others.
    rows = rows.exclude(~Q(status=Status.DUE), created_at__lt=F("appointment__series__created_at"))
    rows = rows if kind == Kind.BOOKED else rows.filter(status=Status.DUE, due_at=due)
    row = rows.select_related("appointment").first()
    if row is None:
        return False
    if row.status == Status.DUE and row.appointment is not None and visit.scheduled_at < row.appointment.scheduled_at:
        row.appointment, row.updated_at = visit, at
        row.save(update_fields=["appointment", "updated_at"])
    return True


def _parts_of(series: AppointmentSeries) -> list[UUID]:
    """Return the ids of a series and of those it carries on."""
    parts, part = [series.pk], series.continues
    while part is not None:
        parts.append(part.pk)
        part = part.continues
    return parts


def _announce_the_rest(
    visit: Appointment, dropped: Iterable[AppointmentMessage], clinic: ClinicSettings, *, at: datetime
) -> None:
    """Let another visit of a series carry the message that the cancelled one carried for all of them."""
    rest = Appointment.objects.open().filter(series=visit.series_id, scheduled_at__gt=at).order_by("scheduled_at")
    following = rest.select_related("patient").first()
    if following is None:
        return
    for kind in {row.kind for row in dropped if row.kind in ANNOUNCEMENTS}:
        if kind == Kind.BOOKED or not following.messages.filter(kind=kind).exists():
            _announce(following, kind, clinic, at=at)


def _known_before(visit: Appointment) -> Appointment | None:
    """Return the latest earlier time of a moved visit that its patient was told of."""
    known = visit.rescheduled_from
    while known is not None and not _was_told(known):
        known = known.rescheduled_from
    return known


def _was_told(visit: Appointment) -> bool:
    """Tell whether the patient knows of a visit: all but those whose announcement was dropped before it went out."""
    announcements = [row for row in visit.messages.all() if row.kind in ANNOUNCEMENTS and row.again == 0]
    if announcements:
        return any(row.skip_reason != SkipReason.VISIT_CHANGED for row in announcements)
    if visit.series_id:
        waiting = {"kind": Kind.BOOKED, "status": Status.DUE, "again": 0}
        return not AppointmentMessage.objects.filter(appointment__series=visit.series_id, **waiting).exists()
    return True


def _drop(visit: Appointment, *, at: datetime) -> list[AppointmentMessage]:
    return _skip(visit.messages.all(), SkipReason.VISIT_CHANGED, at=at)


def _skip(rows: QuerySet[AppointmentMessage], reason: str, *, at: datetime) -> list[AppointmentMessage]:
    """Take what was not sent yet out of the plan, and return it."""
    dropped = list(rows.filter(status=Status.DUE))
    for row in dropped:
        advance(row, Status.SKIPPED, at=at, skip_reason=reason)
    return dropped


def plan_reminders(visits: Iterable[Appointment], clinic: ClinicSettings, *, at: datetime) -> int:
    """Write the reminders of visits that are missing, and return how many; call it inside `unit_of_work()`."""
    visits = list(visits)
    written = AppointmentMessage.objects.filter(
        appointment__in=visits, kind=Kind.REMINDER, hours_before__isnull=False
    ).values_list("appointment_id", "channel", "hours_before", "again", "skip_reason")
    standing = {row[:3] for row in written if row[4] not in TAKEN_BACK}
    times = Counter(row[:3] for row in written)
    rows = [
        AppointmentMessage(
            appointment=visit,
            patient=visit.patient,
            kind=Kind.REMINDER,
            channel=channel,
            hours_before=hours,
            due_at=due,
            again=times[visit.pk, channel, hours],
        )
        for visit in visits
        for hours, due in _reminder_times(visit, clinic, at=at)
        for channel in channels_of(visit.patient, clinic)
        if (visit.pk, channel, hours) not in standing
    ]
    return len(AppointmentMessage.objects.bulk_create(rows))


def _reminder_times(visit: Appointment, clinic: ClinicSettings, *, at: datetime) -> list[tuple[int, datetime]]:
    """Return hours and moment of the reminders that still make sense, two of them never close together."""
    if visit.is_walk_in:
        return []
    quiet = quiet_hours_of(clinic)
    earliest = max(at, min(visit.created_at, at) + APART)
    times: list[tuple[int, datetime]] = []
    for hours in sorted(set(clinic.reminder_hours)):
        due = due_before(visit.scheduled_at, hours, quiet=quiet)
        if due >= earliest and all(other - due >= APART for _, other in times):
            times.append((hours, due))
    return times


def plan_missing_reminders(at: datetime) -> int:
    """Plan what the visits of the next days lack since a wish, a number or the clinic's times changed; a sweep."""
    clinic = ClinicSettings.load()
    if not clinic.reminder_hours:
        return 0
    until = at + timedelta(hours=max(clinic.reminder_hours)) + AHEAD
    coming = Appointment.objects.open().filter(scheduled_at__gt=at, scheduled_at__lte=until, is_walk_in=False)
    # Nothing encrypted is read: this looks at many visits every few minutes.
    visits = list(coming.select_related("patient__merged_into").only(*_PLANNED_FROM))
    with audit.unit_of_work():
        planned = plan_reminders(visits, clinic, at=at)
        if planned:
            audit.record(Action.SYSTEM, by=None, detail={"verb": "plan_reminders", "count": planned})
    return planned


def send_reminder(appointment: Appointment, *, by: User, at: datetime) -> list[AppointmentMessage]:
    """Remind a patient of a visit now, whatever was sent before. Raises NotAllowed, CannotSend and Conflict."""
    permissions.check_can_change(by, appointment)
    if appointment.status not in Appointment.OPEN or appointment.scheduled_at <= at:
        raise Conflict("This visit is over or was cancelled, so there is nothing to remind of.")
    channels = _reachable(appointment.patient)
    with audit.unit_of_work():
        return [_plan_again(appointment, Kind.REMINDER, channel, None, by=by, at=at) for channel in channels]


def send_again(message: AppointmentMessage, *, by: User, at: datetime) -> AppointmentMessage:
    """Send a message once more on its own channel. Raises NotAllowed, CannotSend and Conflict."""
    visit = message.appointment
    if visit is None:
        raise Conflict("Offer the free time again from the waiting list.")
    permissions.check_can_change(by, visit)
    fits = visit.status == Appointment.Status.CANCELLED if message.kind == Kind.CANCELLED else _is_coming(visit, at)
    if not fits:
        raise Conflict("The visit has changed since, so this message would be wrong.")
    if message.channel not in _reachable(message.patient, only=message.channel):
        raise CannotSend("There is no address for this message. Add it to the patient's profile first.")
    with audit.unit_of_work():
        return _plan_again(visit, message.kind, message.channel, message.hours_before, by=by, at=at)


def _is_coming(visit: Appointment, at: datetime) -> bool:
    return visit.status in Appointment.OPEN and visit.scheduled_at > at


def _reachable(patient: Patient, *, only: str = "") -> list[str]:
    """Return the channels something can go to now. Raises CannotSend with what is missing."""
    reader = reader_of(patient)
    if reader.messages_stopped_at is not None:
        raise CannotSend("The patient wants no messages. Call instead, or ask and change that under Messages.")
    channels = (only,) if only else channels_of(patient, ClinicSettings.load())
    if not channels:
        raise CannotSend("Neither the clinic nor the patient chose how to be written to. Choose it under Messages.")
    reachable = [channel for channel in channels if address_of(patient, channel)]
    if not reachable:
        missing = "mobile number" if channels == (SMS,) else "e-mail address"
        raise CannotSend(f"The patient has no {missing}. Add it to the profile first.")
    return reachable


def _plan_again(
    visit: Appointment, kind: str, channel: str, hours_before: int | None, *, by: User, at: datetime
) -> AppointmentMessage:
    """Write a row that goes out at once. Raises Conflict while one of the kind is on its way."""
    same = visit.messages.filter(kind=kind, channel=channel, hours_before=hours_before)
    if visit.messages.filter(kind=kind, channel=channel, requested_by__isnull=False).filter(
        status__in=[Status.DUE, Status.SENDING]
    ):
        raise Conflict("This message is on its way already.")
    row = AppointmentMessage.objects.create(
        appointment=visit,
        patient=visit.patient,
        kind=kind,
        channel=channel,
        hours_before=hours_before,
        due_at=at,
        requested_by=by,
        again=(same.aggregate(last=Max("again"))["last"] or 0) + 1,
    )
    detail = {"verb": "send_again", "kind": kind, "channel": channel}
    audit.record(Action.UPDATE, by=by, target=visit, patient_id=visit.patient_id, detail=detail)
    calendar_changed()
    return row


def queue_offer_message(offer: SlotOffer, *, by: User | None, at: datetime) -> AppointmentMessage:
    """Plan the message of a free time held for a waiting patient; it goes out at once, also in quiet hours.

    Make the offer with the hash of a token nobody keeps (`new_token().token_hash`): the real token is made when the
    message is sent, and its hash replaces that one. It goes on one channel only, SMS where the patient has it, since a
    second one would have a second token. Call it inside `unit_of_work()`. Raises CannotSend.
    """
    patient = offer.entry.patient
    reachable = _reachable(patient)
    return AppointmentMessage.objects.create(
        offer=offer,
        patient=patient,
        kind=Kind.OFFER,
        channel=SMS if SMS in reachable else reachable[0],
        due_at=at,
        requested_by=by,
    )
