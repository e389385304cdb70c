"""What the audit page shows: rows of the trail by filter, in words, and what stands out."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncHour
from django.utils import timezone
from django.utils.text import capfirst

from patients.models import Patient
from synapse.accounts.models import User
from synapse.audit.models import Action, AuditEvent, AuditSubject, Outcome

PAGE = 50
MANY_CHARTS_AN_HOUR = 40
MANY_FAILED_SIGN_INS = 5
MANY_REFUSALS = 10

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
    Action.DENY: ("rec", "ban"),
    Action.SIGN_IN: ("ok", "door-enter"),
    Action.SIGN_IN_FAILED: ("rec", "ban"),
    Action.SIGN_OUT: ("slate", "logout"),
    Action.ADMINISTER: ("info", "settings"),
    Action.SYSTEM: ("slate", "clock"),
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


@dataclass(frozen=True)
class Oddity:
    """Something an administrator may want to look at; `query` finds it in the log."""

    title: str
    text: str
    query: str


def find_events(*, text: str, since: datetime | None, action: str) -> QuerySet[AuditEvent]:
    """Return the events of a filter, newest first.

    `text` is a visible number, a network address, or part of a colleague's name.
    """
    events = AuditEvent.objects.order_by("-seq")
    if since is not None:
        events = events.filter(at__gte=since)
    if action:
        events = events.filter(action=action)
    return events.filter(_matching(text.strip())) if text.strip() else events


def describe(events: Iterable[AuditEvent]) -> list[Row]:
    """Put events into words, with two queries whatever their number."""
    events = list(events)
    people = User.objects.in_bulk({event.actor_id for event in events if event.actor_id})
    patients = Patient.objects.only("patient_id").in_bulk({event.patient_id for event in events if event.patient_id})
    return [_row(event, people, patients) for event in events]


def find_oddities(now: datetime) -> list[Oddity]:
    """Return what stands out in the last day: many charts, failed sign-ins or refusals within one hour."""
    by_hour = AuditEvent.objects.filter(at__gte=now - timedelta(days=1)).annotate(hour=TruncHour("at"))
    charts = (
        by_hour.filter(action=Action.READ, patient_id__isnull=False)
        .values("actor_label", "hour")
        .annotate(number=Count("patient_id", distinct=True))
        .filter(number__gte=MANY_CHARTS_AN_HOUR)
    )
    failures = (
        by_hour.filter(action=Action.SIGN_IN_FAILED)
        .values("ip", "hour")
        .annotate(number=Count("seq"))
        .filter(number__gte=MANY_FAILED_SIGN_INS)
    )
    refusals = (
        by_hour.filter(outcome=Outcome.DENIED, actor_id__isnull=False)
        .exclude(action=Action.SIGN_IN_FAILED)
        .values("actor_label", "hour")
        .annotate(number=Count("seq"))
        .filter(number__gte=MANY_REFUSALS)
    )
    return [
        *(_oddity("charts opened in an hour", row, row["actor_label"]) for row in charts.order_by("-number")),
        *(_oddity("failed sign-ins", row, row["ip"] or "") for row in failures.order_by("-number")),
        *(_oddity("refusals", row, row["actor_label"]) for row in refusals.order_by("-number")),
    ]


def _oddity(what: str, row: Mapping[str, Any], who: str) -> Oddity:
    text = f"{who or 'Unknown address'}, from {timezone.localtime(row['hour']):%H:%M}"
    return Oddity(f"{row['number']} {what}", text, who)


def _matching(text: str) -> Q:
    try:
        return Q(ip=str(ipaddress.ip_address(text)))
    except ValueError:
        pass
    found = Q(target_label__iexact=text) | Q(actor_label__iexact=text) | Q(actor_id__in=_people_called(text))
    patient_id = Patient.objects.filter(patient_id__iexact=text).values_list("pk", flat=True).first()
    if patient_id is not None:
        shown = AuditSubject.objects.filter(patient_id=patient_id).values("event_seq")
        found |= Q(patient_id=patient_id) | Q(seq__in=shown)
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
    label = event.target_label or (patient.patient_id if patient else "")
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


def _details(event: AuditEvent, patient: Patient | None) -> list[str]:
    detail = dict(event.detail)
    said = [_words(str(detail.pop("verb")))] if "verb" in detail else []
    fields = detail.pop("fields", [])
    if fields:
        said.append(f"fields: {', '.join(_words(str(name)) for name in fields)}")
    said += [f"{_words(name)}: {_words(str(value))}" for name, value in detail.items() if value and not _is_id(value)]
    if patient is not None and event.target_label not in {"", patient.patient_id}:
        said.append(patient.patient_id)
    return said


def _words(name: str) -> str:
    """Return a code name as words: "no_consent" and "ConsultationSession" read as text."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() and name.isidentifier() else letter for letter in name)
    return spaced.replace("_", " ").strip()


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
