"""What is missing before somebody comes, today or tomorrow: one entry each, with what to press. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from scheduling.models import Appointment, AppointmentMessage
from synapse.dashboard.desk_rows import Row


class Press(StrEnum):
    """What an entry offers."""

    CONSENTS = "consents"
    INSURANCE = "insurance"
    CALL = "call"


@dataclass(frozen=True)
class Todo:
    """One thing to get before a visit."""

    visit: Appointment
    icon: str
    what: str
    text: str
    press: Press


def todo_of(row: Row, *, now: datetime, is_today: bool) -> Iterator[Todo]:
    """Return what is missing before the patient of a row comes; nothing once they are here."""
    visit, facts = row.visit, row.facts
    if not row.is_coming or visit.ends_at <= now:
        return
    start = timezone.localtime(visit.scheduled_at)
    when = f"{start:%-H:%M} {'today' if is_today else 'tomorrow'}"
    if facts.missing and all(state.is_asked for state in facts.missing):
        what = "consent" if len(facts.missing) == 1 else "consents"
        yield Todo(visit, "clipboard-text", what, f"{when}, asked by link, no answer yet", Press.CONSENTS)
    elif facts.missing == [facts.recording]:
        yield Todo(visit, "clipboard-text", "consent", f"{when}, nothing can be recorded without it", Press.CONSENTS)
    elif facts.missing:
        names = ", ".join(state.label.lower() for state in facts.missing)
        what = "consent" if len(facts.missing) == 1 else "consents"
        yield Todo(visit, "clipboard-text", what, f"{when}, {names}", Press.CONSENTS)
    if row.is_insurance_open:
        number = "" if visit.patient.insurance_policy_number else ", policy number missing"
        text = f"{when}, {visit.patient.insurance_provider}{number}"
        yield Todo(visit, "shield-lock", "insurance", text, Press.INSURANCE)
    if visit.patient_asked_at is not None:
        yield Todo(visit, "message-2", "another time", f"{when}, asked for another time", Press.CALL)
    elif row.is_unconfirmed:
        what = f"confirm {start:%-H:%M}" + ("" if is_today else " tomorrow")
        yield Todo(visit, "phone", what, _asked(row, now), Press.CALL)


def _asked(row: Row, now: datetime) -> str:
    told = row.facts.told
    if told is not None and told.status == AppointmentMessage.Status.FAILED:
        return f"{told.get_channel_display()} could not be delivered"
    if told is None or told.sent_at is None:
        return "Not asked yet"
    days = (timezone.localtime(now).date() - timezone.localtime(told.sent_at).date()).days
    when = {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
    return f"{told.get_channel_display()} sent {when}, no answer"
