"""Visits that want something: another time was asked for, a message did not arrive, nobody said how it ended."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from scheduling.models import Appointment, AppointmentMessage
from scheduling.services import answers, undoing
from scheduling.services import appointments as services
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.words import DOCTOR, PATIENT, columns, joined, when, whose

LATELY = timedelta(days=60)  # an open visit older than this is not closed by looking at it daily
_OVER = timedelta(minutes=15)  # after its end a visit may still be going on

Message = AppointmentMessage.Status


def _visits(reader: Reader) -> QuerySet[Appointment]:
    named = ("scheduled_at", "appointment_type", "status", "session", "arrived_at", *columns("patient", PATIENT))
    return (
        Appointment.objects.visible_to(reader.user)
        .open()
        .select_related("patient", "doctor")
        .only(*named, *columns("doctor", DOCTOR))
        .order_by("scheduled_at")
    )


def _missed(reader: Reader) -> QuerySet[Appointment]:
    return Appointment.objects.visible_to(reader.user).filter(status=Appointment.Status.NO_SHOW)


def _asked(reader: Reader) -> QuerySet[Appointment]:
    return _visits(reader).filter(patient_asked_at__isnull=False, ends_at__gt=reader.at)


def _describe_asked(rows: Sequence[Appointment], reader: Reader) -> Iterable[Item]:
    for row in rows:
        text = joined(f"Visit {when(row.scheduled_at, reader)}", "wants another time")
        yield _item(row, text, reader, link=_page(row), label="Open and move", acts=("settle",))


def _unreached(reader: Reader) -> QuerySet[Appointment]:
    """Return coming visits of which a message failed or may be lost, and no later one of the kind went out."""
    lost = AppointmentMessage.objects.filter(appointment=OuterRef("pk"), status__in=[Message.FAILED, Message.UNKNOWN])
    arrived = AppointmentMessage.objects.filter(
        appointment=OuterRef("appointment"),
        kind=OuterRef("kind"),
        status=Message.SENT,
        due_at__gte=OuterRef("due_at"),
    )
    return _visits(reader).filter(
        Exists(lost.filter(~Exists(arrived))), scheduled_at__gt=reader.at, status=Appointment.Status.SCHEDULED
    )


def _describe_unreached(rows: Sequence[Appointment], reader: Reader) -> Iterable[Item]:
    for row in rows:
        text = joined(f"Visit {when(row.scheduled_at, reader)}", "a message did not arrive: call the patient")
        yield _item(row, text, reader, link=_page(row), label="Open", acts=("confirm",))


def _open(reader: Reader) -> QuerySet[Appointment]:
    """Return past visits of which nobody said whether they took place; one with a live session is going on."""
    running = ConsultationSession.objects.live().filter(pk=OuterRef("session_id"))
    return _visits(reader).filter(~Exists(running), ends_at__lt=reader.at - _OVER, scheduled_at__gte=reader.at - LATELY)


def _describe_open(rows: Sequence[Appointment], reader: Reader) -> Iterable[Item]:
    for row in rows:
        text = joined(f"Visit {when(row.scheduled_at, reader)}", row.get_appointment_type_display())
        # Who was here, or whose session began, did come.
        did_come = row.session_id is not None or row.arrived_at is not None
        acts = ("took-place",) if did_come else ("took-place", "no-show")
        yield _item(row, text, reader, link=_page(row), label="Open", acts=acts)


def _item(row: Appointment, text: str, reader: Reader, *, link: str, label: str, acts: tuple[str, ...] = ()) -> Item:
    return Item(
        pk=row.pk,
        title=row.patient.full_name,
        text=text,
        who=whose(row.doctor, reader),
        link=link,
        link_label=label,
        patient_id=row.patient_id,
        acts=acts,
    )


def _page(row: Appointment) -> str:
    return reverse("scheduling:detail", args=[row.pk])


def _loaded(row: Appointment) -> Appointment:
    return Appointment.objects.select_related("patient", "doctor", "session").get(pk=row.pk)


def _confirm(row: Appointment, *, by: User, at: datetime) -> None:
    services.confirm_appointment(_loaded(row), by=by, at=at)


def _took_place(row: Appointment, *, by: User, at: datetime) -> None:
    services.complete_appointment(_loaded(row), by=by, at=at)


def _no_show(row: Appointment, *, by: User, at: datetime) -> None:
    services.mark_no_show(_loaded(row), by=by, at=at)


def _is_today(row: Appointment, reader: Reader) -> bool:
    days = (moment.astimezone(reader.zone).date() for moment in (row.scheduled_at, reader.at))
    return next(days) == next(days)


def _undo_no_show(row: Appointment, *, by: User, at: datetime) -> None:
    undoing.undo_no_show(_loaded(row), by=by, at=at)


def _settle(row: Appointment, *, by: User, at: datetime) -> None:
    answers.settle_request(_loaded(row), by=by, at=at)


ASKED = Source(
    name="asked",
    title="Wants another time",
    icon="message-2",
    permissions=(Permission.VIEW_CALENDAR,),
    rows=_asked,
    describe=_describe_asked,
    acts=(Act("settle", "Stays as it is", "y", "check", _settle, "Noted: the visit stays as it is."),),
    needs_attention=True,
)
UNREACHED = Source(
    name="unreached",
    title="Message not delivered",
    icon="mail",
    permissions=(Permission.VIEW_CALENDAR,),
    rows=_unreached,
    describe=_describe_unreached,
    acts=(Act("confirm", "Reached, confirmed", "c", "phone", _confirm, "The visit is confirmed."),),
    can_set_aside=True,
    needs_attention=True,
)
OPEN = Source(
    name="open-visits",
    title="Did these visits take place?",
    icon="calendar-event",
    permissions=(Permission.VIEW_CALENDAR,),
    rows=_open,
    describe=_describe_open,
    acts=(
        Act("took-place", "Took place", "t", "check", _took_place, "Noted that the visit took place."),
        Act(
            "no-show",
            "Did not come",
            "m",
            "user",
            _no_show,
            "Noted that nobody came.",
            undone_by="undo-no-show",
            can_be_undone=_is_today,
        ),
        Act("undo-no-show", "Undo", "", "arrow-back-up", _undo_no_show, "The visit is open again.", is_offered=False),
    ),
    before_undo=_missed,
)
