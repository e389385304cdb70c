"""What staff see of the messages to patients and of what patients answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from patients.models import Patient
from scheduling.models import Appointment, AppointmentMessage, AppointmentQuerySet
from synapse.accounts.models import User

Kind = AppointmentMessage.Kind
Status = AppointmentMessage.Status
SkipReason = AppointmentMessage.SkipReason


@dataclass(frozen=True)
class MessageState:
    """How a visit stands with its messages: a chip's word, its colour and its icon; `at` is since or until when."""

    word: str
    kind: str
    icon: str
    at: datetime


def message_states(appointments: Iterable[Appointment]) -> dict[UUID, MessageState]:
    """Return what to show of the messages of many visits, by their ids; a visit without messages is not in it."""
    untold = [SkipReason.VISIT_CHANGED, SkipReason.CONFIRMED, SkipReason.TOO_LATE]
    rows = AppointmentMessage.objects.filter(appointment__in=[visit.pk for visit in appointments])
    states: dict[UUID, tuple[tuple[bool, float], MessageState]] = {}
    for row in rows.exclude(skip_reason__in=untold):
        assert row.appointment_id is not None
        state = state_of(row)
        # What happened counts before what is planned; then the latest of it, or the next to go.
        is_done = row.status not in {Status.DUE, Status.SENDING}
        rank = (is_done, state.at.timestamp() if is_done else -state.at.timestamp())
        if row.appointment_id not in states or rank > states[row.appointment_id][0]:
            states[row.appointment_id] = (rank, state)
    return {pk: state for pk, (_, state) in states.items()}


def state_of(row: AppointmentMessage) -> MessageState:
    """Return the look of one message."""
    noun = "Reminder" if row.kind == Kind.REMINDER else row.get_kind_display()
    if row.status == Status.SENT:
        return MessageState(f"{noun}: sent", "ok", "mail", row.sent_at or row.due_at)
    if row.status == Status.FAILED:
        return MessageState(f"{noun}: not delivered", "rec", "alert-triangle", row.updated_at)
    if row.status == Status.UNKNOWN:
        return MessageState(f"{noun}: perhaps sent", "warn", "alert-triangle", row.updated_at)
    if row.status == Status.SKIPPED:
        words = {SkipReason.OPTED_OUT: "wants no messages", SkipReason.NO_ADDRESS: "no address"}
        word = words.get(SkipReason(row.skip_reason), "not sent")
        return MessageState(f"{noun}: {word}", "warn", "ban", row.due_at)
    return MessageState(f"{noun}: planned", "", "clock", row.due_at)


def list_messages(user: User, patient: Patient) -> QuerySet[AppointmentMessage]:
    """Return a patient's messages this person may see, the latest first."""
    rows = AppointmentMessage.objects.visible_to(user).filter(patient__in=patient.records())
    rows = rows.select_related("appointment", "offer", "requested_by")
    return rows.order_by("-due_at", "-created_at")


def list_requests(user: User, *, at: datetime) -> AppointmentQuerySet:
    """Return the coming visits this person may see whose patients asked for another time, the longest waiting first."""
    return (
        Appointment.objects.visible_to(user)
        .open()
        .filter(patient_asked_at__isnull=False, scheduled_at__gt=at)
        .select_related("patient", "doctor")
        .order_by("patient_asked_at")
    )
