"""What can be told to a program outside, who may be told it, and whether somebody sees the object it is about."""

from uuid import UUID

from django.db import models

from synapse.accounts.models import User
from synapse.accounts.roles import Permission


class Kind(models.TextChoices):
    """Something that happened. `ping` is the test event; nobody subscribes to it."""

    SESSION_COMPLETED = "session.completed", "A session is completed"
    TRANSCRIPTION_READY = "transcription.ready", "A transcript is ready"
    REPORT_SIGNED = "report.signed", "A report is signed"
    APPOINTMENT_BOOKED = "appointment.booked", "An appointment is booked"
    APPOINTMENT_MOVED = "appointment.moved", "An appointment is moved"
    APPOINTMENT_CANCELLED = "appointment.cancelled", "An appointment is cancelled"
    BILL_ISSUED = "bill.issued", "A bill is issued"
    BILL_PAID = "bill.paid", "A bill is paid"
    PING = "ping", "Test event"


P = Permission
# What somebody needs to subscribe: the capability that opens the objects themselves.
NEEDS: dict[str, Permission] = {
    Kind.SESSION_COMPLETED: P.VIEW_SESSIONS,
    Kind.TRANSCRIPTION_READY: P.CONDUCT_SESSIONS,
    Kind.REPORT_SIGNED: P.VIEW_REPORTS,
    Kind.APPOINTMENT_BOOKED: P.VIEW_CALENDAR,
    Kind.APPOINTMENT_MOVED: P.VIEW_CALENDAR,
    Kind.APPOINTMENT_CANCELLED: P.VIEW_CALENDAR,
    Kind.BILL_ISSUED: P.VIEW_BILLS,
    Kind.BILL_PAID: P.VIEW_BILLS,
}
PING_OBJECT = "webhook"

_models: dict[str, type[models.Model]] = {}


def register(model: type[models.Model], *kinds: Kind) -> None:
    """Say which rows these kinds are about; the model's manager has `visible_to`. Called from an app's `ready`."""
    for kind in kinds:
        _models[kind] = model


def kinds_for(user: User) -> list[Kind]:
    """Return the kinds a person may subscribe to by their role."""
    return [Kind(kind) for kind, permission in NEEDS.items() if user.may(permission)]


def may_subscribe(user: User, kind: str) -> bool:
    return kind in NEEDS and user.may(NEEDS[kind])


def object_type_of(kind: str) -> str:
    """Return the word the payload has for what an event is about."""
    return PING_OBJECT if kind == Kind.PING else kind.partition(".")[0]


def is_visible(kind: str, object_id: UUID, owner: User) -> bool:
    """Tell whether a person sees the object of an event now; False for somebody deactivated."""
    if kind == Kind.PING:
        return owner.is_active
    if not may_subscribe(owner, kind):
        return False
    visible: models.QuerySet[models.Model] = _models[kind]._default_manager.visible_to(owner)  # type: ignore[attr-defined]  # see `register`
    return visible.filter(pk=object_id).exists()
