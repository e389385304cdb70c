"""Incidents: what was opened by whom in a window, the assessment, and the papers that follow from it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, QuerySet

from billing.documents import sheets as documents
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action, AuditEvent, AuditSubject, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.numbering import next_incident_number
from synapse.common.transitions import advance
from synapse.oversight.disclosing import letterhead
from synapse.oversight.models import Incident, IncidentPatient
from synapse.oversight.models.incidents import MANY_PEOPLE

Status = Incident.Status
MOST_EVENTS = 200_000
ASSESSMENT = ("nature", "person", "acquired", "mitigated", "is_breach", "happened", "done", "advice")

# What a table holds, in words a patient understands.
KINDS = {
    "patients.Patient": "name, contact and record",
    "sessions_app.ConsultationSession": "sessions",
    "sessions_app.Transcription": "words of sessions",
    "reports.Report": "reports",
    "billing.Bill": "bills",
    "billing.Claim": "insurance claims",
    "scheduling.Appointment": "visits",
}
OTHER_KIND = "other records"
LIST_KIND = "name in a list"


@dataclass
class Touched:
    """What was opened of one patient."""

    first_at: datetime
    last_at: datetime
    kinds: set[str] = field(default_factory=set)
    events: int = 0


def events_of(
    *, first: datetime, until: datetime, actor_id: UUID | None, address: str | None, sign_in_id: UUID | None
) -> QuerySet[AuditEvent]:
    """Return what an account, a network address or one sign-in did in a window and was let do."""
    events = AuditEvent.objects.filter(at__gte=first, at__lt=until, outcome=Outcome.ALLOWED)
    if actor_id is not None:
        events = events.filter(actor_id=actor_id)
    if sign_in_id is not None:
        events = events.filter(sign_in_id=sign_in_id)
    return events.filter(ip=address) if address else events


def open_incident(
    *,
    title: str,
    discovered_on: date,
    first: datetime,
    until: datetime,
    person: User | None,
    address: str | None,
    sign_in_id: UUID | None = None,
    by: User,
    at: datetime,
) -> Incident:
    """Look into a window and keep whose data was opened as it stands now. Raises NotAllowed and DomainError.

    Beyond MOST_EVENTS the later rows are left out, and the incident says how many.
    """
    _check(by)
    if person is None and not address and sign_in_id is None:
        raise DomainError("Choose an account, a network address or a sign-in.", code="nothing_chosen")
    if discovered_on > ClinicSettings.load().date_of(at):
        raise DomainError("An incident is discovered today or was before.", code="in_the_future")
    where: dict[str, Any] = {
        "actor_id": person.pk if person else None,
        "address": address or None,
        "sign_in_id": sign_in_id,
    }
    events = events_of(first=first, until=until, **where)
    last_seq, left_out = _bounds_of(events)
    # Rows do not change, and what is written meanwhile lies behind the last one: no writer has to wait for the reading.
    number, touched = _touched(events.filter(seq__lte=last_seq))
    with unit_of_work():
        incident = Incident.objects.create(
            number=next_incident_number(discovered_on),
            title=title,
            discovered_on=discovered_on,
            from_at=first,
            until_at=until,
            **where,
            actor_label=person.get_username() if person else "",
            events=number,
            last_seq=last_seq,
            left_out=left_out,
            opened_by=by,
        )
        patients = _keep_patients(incident, touched)
        detail = {"verb": "open_incident", "events": number, "left_out": left_out, "patients": patients}
        record(Action.ADMINISTER, by=by, target=incident, detail=detail)
    return incident


def assess(incident: Incident, values: dict[str, Any], *, by: User, at: datetime) -> Incident:
    """Write the risk assessment down and conclude. Raises NotAllowed, Conflict and InvalidTransition."""
    _check(by)
    words = {name: values[name] for name in ASSESSMENT}
    with unit_of_work():
        if incident.status == Status.ASSESSED:
            advance(incident, Status.OPEN, at=at)
        advance(incident, Status.ASSESSED, at=at, assessed_by=by, assessed_at=at, **words)
        detail = {"verb": "assess", "breach": words["is_breach"], "fields": sorted(words)}
        record(Action.ADMINISTER, by=by, target=incident, detail=detail)
    return incident


def mark_notified(incident: Incident, *, by: User, at: datetime) -> Incident:
    """Note that the patients, and whom the law names besides, were told. Raises NotAllowed and InvalidTransition."""
    _check(by)
    if not incident.is_breach:
        raise Conflict("This was assessed as no breach: there is nobody to tell.")
    with unit_of_work():
        advance(incident, Status.NOTIFIED, at=at, notified_at=at)
        record(Action.ADMINISTER, by=by, target=incident, detail={"verb": "notify"})
    return incident


def close(incident: Incident, *, by: User, at: datetime) -> Incident:
    """Close an incident: patients were told, or it was no breach. Raises NotAllowed, Conflict and InvalidTransition."""
    _check(by)
    if incident.status == Status.ASSESSED and incident.is_breach:
        raise Conflict("Tell the patients first, then close the incident.")
    with unit_of_work():
        advance(incident, Status.CLOSED, at=at, closed_at=at)
        record(Action.ADMINISTER, by=by, target=incident, detail={"verb": "close"})
    return incident


def letters(incident: Incident, *, by: User, at: datetime) -> bytes:
    """Render the letters to all affected patients, one after the other. Raises NotAllowed and Conflict."""
    _check_assessed(incident, by)
    affected = list(incident.patients.select_related("patient__merged_into").order_by("patient__patient_id"))
    if not affected:
        raise Conflict("No patient's data was opened in this window.")
    clinic = ClinicSettings.load()
    context = {
        **letterhead(clinic, at),
        "incident": incident,
        "people": [(row, row.patient.kept_record, ", ".join(row.kinds)) for row in affected],
        "from_on": incident.from_at.astimezone(clinic.zone).date(),
    }
    content = documents.to_pdf(
        documents.Sheet("breach_letters", f"Letters {incident.number}", f"{incident.number}.pdf", context)
    )
    with unit_of_work():
        incident.patients.filter(letter_at=None).update(letter_at=at)
        subjects = [row.patient_id for row in affected]
        record(Action.PRINT, by=by, target=incident, subjects=subjects, detail={"verb": "letters"})
    return content


def summary(incident: Incident, *, by: User, at: datetime) -> bytes:
    """Render the summary for the supervising authority, without a patient's name. Raises NotAllowed and Conflict."""
    _check_assessed(incident, by)
    clinic = ClinicSettings.load()
    context = {
        **letterhead(clinic, at),
        "incident": incident,
        "number": incident.patients.count(),
        "kinds": kinds_of(incident),
        "tells_media": tells_media(incident),
        "zone": clinic.zone,
    }
    content = documents.to_pdf(
        documents.Sheet("breach_summary", f"Summary {incident.number}", f"{incident.number}-summary.pdf", context)
    )
    with unit_of_work():
        record(Action.PRINT, by=by, target=incident, detail={"verb": "summary"})
    return content


def kinds_of(incident: Incident) -> list[tuple[str, int]]:
    """Return the kinds of data with how many patients each concerns, the most frequent first."""
    counted: dict[str, int] = defaultdict(int)
    for kinds in incident.patients.values_list("kinds", flat=True):
        for kind in kinds:
            counted[kind] += 1
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def tells_media(incident: Incident) -> bool:
    return incident.patients.count() >= MANY_PEOPLE


def days_left(incident: Incident, *, today: date) -> int:
    """Return how many days are left to tell the patients; below zero when it is late."""
    return (incident.notify_by - today).days


def people_of(incident: Incident) -> list[tuple[str, int]]:
    """Return the accounts that did something in the window, with how much."""
    events = events_of(
        first=incident.from_at,
        until=incident.until_at,
        actor_id=incident.actor_id,
        address=incident.address,
        sign_in_id=incident.sign_in_id,
    ).filter(seq__lte=incident.last_seq)
    counted = events.values_list("actor_label").annotate(number=Count("seq")).order_by("-number")
    return [(label or "nobody signed in", number) for label, number in counted]


def _keep_patients(incident: Incident, touched: dict[UUID, Touched]) -> int:
    """Write down whose data was opened, and return how many they are; ids of no record are none of a patient."""
    known = set(Patient.objects.filter(pk__in=touched).values_list("pk", flat=True))
    IncidentPatient.objects.bulk_create(
        IncidentPatient(
            incident=incident,
            patient_id=patient_id,
            kinds=sorted(found.kinds),
            events=found.events,
            first_at=found.first_at,
            last_at=found.last_at,
        )
        for patient_id, found in touched.items()
        if patient_id in known
    )
    return len(known)


def _bounds_of(events: QuerySet[AuditEvent]) -> tuple[int, int]:
    """Return the number of the last row that is looked at, and how many lie behind it."""
    numbers = events.order_by("seq").values_list("seq", flat=True)
    last: int = events.aggregate(last=Max("seq"))["last"] or 0
    first_left_out = numbers[MOST_EVENTS : MOST_EVENTS + 1].first()
    if first_left_out is None or first_left_out > last:
        return last, 0
    looked_at = numbers.filter(seq__lt=first_left_out).last() or 0
    return looked_at, events.filter(seq__gt=looked_at, seq__lte=last).count()


def _touched(events: QuerySet[AuditEvent]) -> tuple[int, dict[UUID, Touched]]:
    """Return how many events there are and what they opened of whom, lists included."""
    touched: dict[UUID, Touched] = {}
    count = 0
    for seq, at, kind, patient_id in _read(events):
        count += seq > 0
        found = touched.setdefault(patient_id, Touched(at, at)) if patient_id else None
        if found is not None:
            found.first_at, found.last_at = min(found.first_at, at), max(found.last_at, at)
            found.kinds.add(kind)
            found.events += 1
    return count, touched


def _read(events: QuerySet[AuditEvent]) -> Iterator[tuple[int, datetime, str, UUID | None]]:
    """Yield number, moment, kind and patient of each event; the patients of a list follow with the number 0."""
    found = events.order_by("seq").values_list("seq", "at", "target_type", "patient_id", "subjects_digest")
    lists: dict[int, datetime] = {}
    for seq, at, target_type, patient_id, digest in found.iterator(chunk_size=2000):
        yield seq, at, KINDS.get(target_type, OTHER_KIND), patient_id
        if digest:
            lists[seq] = at
    numbers = sorted(lists)
    for start in range(0, len(numbers), 500):
        shown = AuditSubject.objects.filter(event_seq__in=numbers[start : start + 500])
        for seq, patient_id in shown.values_list("event_seq", "patient_id"):
            yield 0, lists[seq], LIST_KIND, patient_id


def _check(by: User) -> None:
    if not by.may(Permission.VIEW_AUDIT):
        raise NotAllowed("Only administrators look after access.")


def _check_assessed(incident: Incident, by: User) -> None:
    _check(by)
    if incident.status == Status.OPEN:
        raise Conflict("Assess the incident first: the letters say what follows from it.")
