"""Every change of a visit is told here once: to the audit trail, to open calendars, and to what follows from it.

What follows (messages, the waiting list) registers a handler in AppConfig.ready(), so that the services of visits need
not know it. Handlers run inside the unit of work of the change: they write rows and call nothing outside.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from scheduling.models import Appointment
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.models import Counter

_is_quiet: ContextVar[bool] = ContextVar("changes_are_quiet", default=False)
_REVISION = {"series": "calendar", "period": ""}


@dataclass(frozen=True)
class Change:
    """What happened to one visit.

    `verb` is one of schedule, confirm, cancel, reschedule, no_show, complete, start, unlink, arrive, show_in, seen,
    check_out, undo_stage, call, edit, ask, stand_again, take_in. `by` is None when the patient did it by a link, or the system by itself.
    """

    appointment: Appointment
    verb: str
    by: User | None
    at: datetime


Handler = Callable[[Change], None]
_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler` on every later change, in the change's own unit of work."""
    if handler not in _handlers:
        _handlers.append(handler)


def record_change(
    appointment: Appointment,
    verb: str,
    *,
    by: User | None,
    at: datetime,
    action: Action = Action.UPDATE,
    **detail: str,
) -> None:
    """Write a visit's change to the trail and tell whoever follows it; call it inside `unit_of_work()`."""
    audit.record(action, by=by, target=appointment, patient_id=appointment.patient_id, detail={"verb": verb, **detail})
    calendar_changed()
    if _is_quiet.get():
        return
    for handler in _handlers:
        handler(Change(appointment, verb, by, at))


@contextmanager
def quietly() -> Iterator[None]:
    """Let changes be written and shown without anything that follows from them: what is taken in from another system
    was told to the patient there. Reminders of visits to come are planned later, by their sweep.
    """
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def calendar_changed() -> None:
    """Make every open calendar look again; call it inside `unit_of_work()` of a change that a calendar shows."""
    if not Counter.objects.filter(**_REVISION).update(last=F("last") + 1):
        Counter.objects.create(**_REVISION, last=1)


def calendar_revision() -> int:
    """Return a number that is higher after every change a calendar shows."""
    return Counter.objects.filter(**_REVISION).values_list("last", flat=True).first() or 0
