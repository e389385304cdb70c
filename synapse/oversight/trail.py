"""What the audit page shows: rows of the trail by filter and in order, in words."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.text import capfirst

from patients.models import Patient
from synapse.accounts.models import User
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.audit.queries import about_patients

PAGE = 50

# What the report can be sorted by. The number is the order in time.
SORTS = {
    "time": "seq",
    "who": "actor_label",
    "did": "action",
    "outcome": "outcome",
    "what": "target_label",
    "from": "ip",
}
NULLABLE = {"ip"}

# Colour and icon of what was done.
LOOKS: dict[str, tuple[str, str]] = {
    Action.CREATE: ("info", "plus"),
    Action.READ: ("slate", "eye"),
    Action.UPDATE: ("info", "pencil"),
    Action.ARCHIVE: ("slate", "archive"),
    Action.DELETE: ("slate", "trash"),
    Action.EXPORT: ("warn", "download"),
    Action.PRINT: ("warn", "printer"),
    Action.PLAY: ("slate", "headphones"),
    Action.SEARCH: ("slate", "search"),
    Action.SHARE: ("warn", "link"),
    Action.SIGN: ("ok", "writing-sign"),
    Action.CONSENT: ("ok", "circle-check"),
    Action.EMERGENCY: ("rec", "alert-octagon"),
    Action.DENY: ("rec", "ban"),
    Action.SIGN_IN: ("ok", "door-enter"),
    Action.SIGN_IN_FAILED: ("rec", "ban"),
    Action.SIGN_OUT: ("slate", "logout"),
    Action.ADMINISTER: ("info", "settings"),
    Action.SYSTEM: ("slate", "clock"),
}


VERBS: dict[str, str] = {
    Action.CREATE: "created",
    Action.READ: "opened",
    Action.UPDATE: "changed",
    Action.ARCHIVE: "archived",
    Action.DELETE: "deleted",
    Action.EXPORT: "took out",
    Action.PRINT: "printed",
    Action.PLAY: "listened to",
    Action.SEARCH: "searched",
    Action.SHARE: "shared",
    Action.SIGN: "signed",
    Action.CONSENT: "noted a consent of",
    Action.DENY: "was refused",
    Action.SIGN_IN: "signed in:",
    Action.SIGN_IN_FAILED: "could not sign in:",
    Action.SIGN_OUT: "signed out:",
    Action.ADMINISTER: "administered",
    Action.SYSTEM: "ran",
}


@dataclass(frozen=True)
class Row:
    """One event in words."""

    event: AuditEvent
    who: str
    role: str
    kind: str
    icon: str
    did: str
    what: str
    more: str

    @property
    def sentence(self) -> str:
        """Say in one line who did what to which record."""
        said = f"{self.who} {VERBS.get(self.event.action, 'did something with')} {self.what}"
        if self.event.outcome == Outcome.DENIED and self.event.action != Action.SIGN_IN_FAILED:
            said = f"{self.who} was refused {self.what}"
        return f"{said} ({self.more})" if self.more else said


def find_events(*, text: str, since: datetime | None, action: str, outcome: str = "") -> QuerySet[AuditEvent]:
    """Return the events of a filter, in no order.

    `text` is a visible number, a network address, the id of a sign-in, or part of a colleague's name.
    """
    events = AuditEvent.objects.all()
    if since is not None:
        events = events.filter(at__gte=since)
    if action:
        events = events.filter(action=action)
    if outcome:
        events = events.filter(outcome=outcome)
    return events.filter(_matching(text.strip())) if text.strip() else events


def in_order(events: QuerySet[AuditEvent], *, by: str, after: int | None = None) -> QuerySet[AuditEvent]:
    """Sort events by a column of SORTS ("-" for the other way), beginning after the row with a number.

    Where to go on is asked of that row itself, so that no address holds what is sorted by.
    """
    field, falls = SORTS[by.removeprefix("-")], by.startswith("-")
    sign = "-" if falls else ""
    events = events.order_by(*dict.fromkeys([f"{sign}{field}", f"{sign}seq"]))
    last = AuditEvent.objects.filter(pk=after).values(field).first() if after else None
    return events.filter(_behind(field, last[field], after, falls=falls)) if last is not None else events


def _behind(field: str, value: Any, seq: int | None, *, falls: bool) -> Q:
    """Return the condition of the rows behind one, each database with its own place for what is missing."""
    way = "lt" if falls else "gt"
    later = Q(**{f"seq__{way}": seq})
    if field == "seq":
        return later
    missing = Q(**{f"{field}__isnull": True})
    missing_is_behind = (connection.vendor == "postgresql") != falls
    if value is None:
        return (missing & later) if missing_is_behind else (missing & later) | ~missing
    # The first half alone is what an index can be entered by.
    behind = Q(**{f"{field}__{way}e": value}) & (Q(**{f"{field}__{way}": value}) | later)
    return behind | missing if field in NULLABLE and missing_is_behind else behind


def describe(events: Iterable[AuditEvent]) -> list[Row]:
    """Put events into words, with two queries whatever their number."""
    events = list(events)
    people = User.objects.in_bulk({event.actor_id for event in events if event.actor_id})
    patients = Patient.objects.only("patient_id").in_bulk({event.patient_id for event in events if event.patient_id})
    return [_row(event, people, patients) for event in events]


def _matching(text: str) -> Q:
    try:
        return Q(ip=str(ipaddress.ip_address(text)))
    except ValueError:
        pass
    if sign_in_id := as_id(text):
        return Q(sign_in_id=sign_in_id)
    found = Q(target_label__iexact=text) | Q(actor_label__iexact=text) | Q(actor_id__in=_people_called(text))
    patient = Patient.objects.filter(patient_id__iexact=text).only("merged_into").first()
    if patient is not None:
        records = list(patient.records().values_list("pk", flat=True))
        found |= about_patients(records)
    return found


def _people_called(text: str) -> list[UUID]:
    people = User.objects.all()
    for word in text.split():
        people = people.filter(Q(first_name__icontains=word) | Q(last_name__icontains=word) | Q(username__iexact=word))
    return list(people.values_list("pk", flat=True))


def _row(event: AuditEvent, people: dict[UUID, User], patients: dict[UUID, Patient]) -> Row:
    person = people.get(event.actor_id) if event.actor_id else None
    patient = patients.get(event.patient_id) if event.patient_id else None
    kind, icon = ("rec", "ban") if event.outcome == Outcome.DENIED else LOOKS.get(event.action, ("slate", "clock"))
    noun = capfirst(_words(event.target_type.rpartition(".")[2]))
    label = _label(event) or (patient.patient_id if patient else "")
    return Row(
        event=event,
        who=person.display_name if person else capfirst(event.actor_label),
        role=person.get_role_display() if person else "",
        kind=kind,
        icon=icon,
        did=event.get_action_display(),
        what=capfirst(label) or noun or "The application",
        more="; ".join(filter(None, [noun if label else "", *_details(event, patient)])),
    )


def _label(event: AuditEvent) -> str:
    """Return what a target is called; what has an id for a name is called by its kind."""
    return "" if as_id(event.target_label.rpartition(" ")[2]) else event.target_label


def _details(event: AuditEvent, patient: Patient | None) -> list[str]:
    detail = dict(event.detail)
    said = [_words(str(detail.pop("verb")))] if "verb" in detail else []
    fields = detail.pop("fields", [])
    if fields:
        said.append(f"fields: {', '.join(_words(str(name)) for name in fields)}")
    said += [f"{_words(name)}: {_words(str(value))}" for name, value in detail.items() if value and not as_id(value)]
    if patient is not None and _label(event) not in {"", patient.patient_id}:
        said.append(patient.patient_id)
    return said


def _words(name: str) -> str:
    """Return a code name as words: "no_consent" and "ConsultationSession" read as text."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() and name.isidentifier() else letter for letter in name)
    return spaced.replace("_", " ").strip()


def as_id(value: object) -> UUID | None:
    """Return the id a text is, None for any other text."""
    try:
        return UUID(str(value).strip())
    except ValueError:
        return None
