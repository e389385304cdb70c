"""What stands out in new audit rows, one function a rule. Names are compared in memory and never kept."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from patients.models import Patient, PatientAccess
from synapse.accounts.models import User
from synapse.accounts.roles import CAPABILITIES, Permission
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.encryption import blind_index
from synapse.oversight.models import AlertSettings
from synapse.oversight.models.alerts import Rule

HOUR = timedelta(hours=1)
# A person who read at night on so many other days of the last month works at night.
HABIT_NIGHTS, HABIT = 3, timedelta(days=30)
READS = (Action.READ, Action.PLAY, Action.EXPORT, Action.PRINT)
TAKEN_OUT = (Action.EXPORT, Action.PRINT, Action.SHARE)


@dataclass(frozen=True)
class Finding:
    """One thing that stands out; `key` is the same whenever it is found again."""

    rule: Rule
    key: str
    events: tuple[AuditEvent, ...]
    number: int = 1
    patient_id: UUID | None = None
    address: str | None = None

    @property
    def actor(self) -> tuple[UUID | None, str]:
        first = self.events[0]
        return (None, "") if self.address else (first.actor_id, first.actor_label)


@dataclass
class Batch:
    """The new rows, and what several rules ask about them."""

    events: Sequence[AuditEvent]
    rules: AlertSettings
    zone: ZoneInfo
    _people: dict[UUID, User] = field(default_factory=dict)
    _patients: dict[UUID, Patient] = field(default_factory=dict)

    def __post_init__(self) -> None:
        reads = self.reads
        self._people = User.objects.in_bulk({event.actor_id for event in self.events if event.actor_id})
        wanted = {event.patient_id for event in reads if event.patient_id}
        columns = ("last_name", "phone_hash", "email_hash", "merged_into")
        self._patients = Patient.objects.only(*columns).in_bulk(wanted)

    @property
    def reads(self) -> list[AuditEvent]:
        """The openings of one patient's data by somebody who signs in."""
        return [
            event
            for event in self.events
            if event.action in READS and event.outcome == Outcome.ALLOWED and event.patient_id and event.actor_id
        ]

    def readings(self) -> Iterator[tuple[AuditEvent, User, Patient]]:
        """Yield each opening with who opened and whose record."""
        for event in self.reads:
            person, patient = self._people.get(event.actor_id), self._patients.get(event.patient_id)  # type: ignore[arg-type]  # `reads` have both
            if person is not None and patient is not None:
                yield event, person, patient

    def person(self, user_id: UUID | None) -> User | None:
        return self._people.get(user_id) if user_id else None


def find(batch: Batch) -> list[Finding]:
    """Return what stands out by every rule that is on."""
    return [finding for rule in RULES for finding in rule(batch)]


def _many_patients(batch: Batch) -> Iterable[Finding]:
    for events in _hours_of(batch, Q(action__in=READS, outcome=Outcome.ALLOWED, patient_id__isnull=False)):
        number = len({event.patient_id for event in events})
        if number >= batch.rules.patients_an_hour:
            yield _hourly(Rule.MANY_PATIENTS, events, number)


def _refusals(batch: Batch) -> Iterable[Finding]:
    for events in _hours_of(batch, Q(outcome=Outcome.DENIED) & ~Q(action=Action.SIGN_IN_FAILED)):
        if len(events) >= batch.rules.refusals_an_hour:
            yield _hourly(Rule.REFUSALS, events, len(events))


def _exports(batch: Batch) -> Iterable[Finding]:
    for events in _hours_of(batch, Q(action__in=TAKEN_OUT, outcome=Outcome.ALLOWED)):
        if len(events) >= batch.rules.exports_an_hour:
            yield _hourly(Rule.EXPORTS, events, len(events))


def _sign_ins(batch: Batch) -> Iterable[Finding]:
    touched = {(event.ip, _hour(event.at)) for event in batch.events if event.action == Action.SIGN_IN_FAILED}
    for address, hour in sorted(touched, key=str):
        tries = AuditEvent.objects.filter(at__gte=hour, at__lt=hour + HOUR, action=Action.SIGN_IN_FAILED, ip=address)
        events = tuple(tries.order_by("seq"))
        if len(events) >= batch.rules.sign_ins_an_hour:
            key = f"{Rule.SIGN_INS}:{address}:{hour:%Y%m%d%H}"
            yield Finding(Rule.SIGN_INS, key, events, len(events), address=address or "0.0.0.0")  # noqa: S104  (unknown)


def _hours_of(batch: Batch, chosen: Q) -> Iterator[tuple[AuditEvent, ...]]:
    """Yield, of each person and hour the new rows lie in, all rows of a kind: also those looked at before."""
    touched = {(event.actor_id, _hour(event.at)) for event in batch.events if event.actor_id}
    for actor_id, hour in sorted(touched, key=str):
        events = AuditEvent.objects.filter(chosen, actor_id=actor_id, at__gte=hour, at__lt=hour + HOUR)
        found = tuple(events.order_by("seq"))
        if found:
            yield found


def _hourly(rule: Rule, events: tuple[AuditEvent, ...], number: int) -> Finding:
    first = events[0]
    return Finding(rule, f"{rule}:{first.actor_id}:{_hour(first.at):%Y%m%d%H}", events, number)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _same_name(batch: Batch) -> Iterable[Finding]:
    if not batch.rules.watches_names:
        return []
    found: dict[tuple[UUID, UUID], list[AuditEvent]] = defaultdict(list)
    for event, person, patient in batch.readings():
        if person.last_name and blind_index.normalise_name(person.last_name) == blind_index.normalise_name(
            patient.last_name
        ):
            found[person.pk, patient.kept_id].append(event)
    return [_pair(Rule.SAME_NAME, pair, events) for pair, events in found.items()]


def _colleagues(batch: Batch) -> Iterable[Finding]:
    """Find openings of the record of somebody who works here: the same e-mail address or telephone number."""
    if not batch.rules.watches_colleagues or not batch.reads:
        return []
    emails: dict[str, UUID] = {}
    phones: dict[str, UUID] = {}
    for person in User.objects.filter(is_active=True).select_related("profile"):
        emails[blind_index.hash_email(person.email)] = person.pk
        profile = getattr(person, "profile", None)
        if profile is not None and profile.phone:
            phones[blind_index.hash_phone(profile.phone)] = person.pk
    found: dict[tuple[UUID, UUID], list[AuditEvent]] = defaultdict(list)
    for event, person, patient in batch.readings():
        is_colleague = (patient.email_hash and patient.email_hash in emails) or (
            patient.phone_hash and patient.phone_hash in phones
        )
        if is_colleague:
            found[person.pk, patient.kept_id].append(event)
    return [_pair(Rule.COLLEAGUE, pair, events) for pair, events in found.items()]


def _nights(batch: Batch) -> Iterable[Finding]:
    """Find openings at night by people who do not work at night."""
    if not batch.rules.watches_nights:
        return []
    found: dict[tuple[UUID, str], list[AuditEvent]] = defaultdict(list)
    for event, person, _ in batch.readings():
        if _is_night(event.at, batch):
            # A night begins in the evening and is named after it.
            evening = event.at.astimezone(batch.zone) - timedelta(hours=batch.rules.night_until_hour)
            found[person.pk, f"{evening:%Y%m%d}"].append(event)
    return [
        Finding(Rule.NIGHT, f"{Rule.NIGHT}:{person_id}:{night}", tuple(events), len(events))
        for (person_id, night), events in found.items()
        if not _works_at_night(person_id, events[0].at, batch)
    ]


def _is_night(at: datetime, batch: Batch) -> bool:
    hour, first, last = at.astimezone(batch.zone).hour, batch.rules.night_from_hour, batch.rules.night_until_hour
    return (hour >= first or hour < last) if first > last else first <= hour < last


def _works_at_night(person_id: UUID, before: datetime, batch: Batch) -> bool:
    """Whether the person opened records at night on several of the last days before this night."""
    until = before - timedelta(hours=12)
    moments = AuditEvent.objects.filter(
        actor_id=person_id, action__in=READS, patient_id__isnull=False, at__gte=until - HABIT, at__lt=until
    ).values_list("at", flat=True)
    return len({at.astimezone(batch.zone).date() for at in moments if _is_night(at, batch)}) >= HABIT_NIGHTS


def _after_end(batch: Batch) -> Iterable[Finding]:
    """Find doctors who opened, or tried to open, a record after their access to it had ended."""
    tried: dict[tuple[UUID, UUID], list[AuditEvent]] = defaultdict(list)
    for event in batch.events:
        person = batch.person(event.actor_id)
        patient_id = event.patient_id if event.outcome == Outcome.ALLOWED else _denied_patient(event)
        if person is None or patient_id is None or Permission.VIEW_ALL_PATIENTS in CAPABILITIES.get(person.role, ()):
            continue
        tried[person.pk, patient_id].append(event)
    ended = _ended_accesses(tried)
    found = []
    for (person_id, patient_id), events in tried.items():
        spans = ended.get((person_id, patient_id), [])
        late = tuple(event for event in events if spans and _is_after(event.at, spans))
        if late:
            day = late[0].at.astimezone(batch.zone)
            key = f"{Rule.AFTER_END}:{person_id}:{patient_id}:{day:%Y%m%d}"
            found.append(Finding(Rule.AFTER_END, key, late, len(late), patient_id=patient_id))
    return found


def _denied_patient(event: AuditEvent) -> UUID | None:
    if event.outcome != Outcome.DENIED:
        return None
    if event.patient_id is not None:
        return event.patient_id
    try:
        return UUID(event.target_id) if event.target_type == "patients.Patient" else None
    except ValueError:
        return None


def _ended_accesses(
    tried: Iterable[tuple[UUID, UUID]],
) -> dict[tuple[UUID, UUID], list[tuple[datetime, datetime | None]]]:
    """Return from when to when these people could open these records; the end is None while it is open."""
    pairs = set(tried)
    spans: dict[tuple[UUID, UUID], list[tuple[datetime, datetime | None]]] = defaultdict(list)
    accesses = PatientAccess.objects.filter(doctor__in={a for a, _ in pairs}, patient__in={b for _, b in pairs})
    for access in accesses:
        ends = [end for end in (access.ended_at, access.expires_at) if end is not None]
        spans[access.doctor_id, access.patient_id].append((access.granted_at, min(ends, default=None)))
    return spans


def _is_after(at: datetime, spans: list[tuple[datetime, datetime | None]]) -> bool:
    """Whether a moment lies behind an access that ended and within none."""
    if any(start <= at and (end is None or at <= end) for start, end in spans):
        return False
    return any(end is not None and end < at for _, end in spans)


def _pair(rule: Rule, pair: tuple[UUID, UUID], events: list[AuditEvent]) -> Finding:
    person_id, patient_id = pair
    return Finding(rule, f"{rule}:{person_id}:{patient_id}", tuple(events), len(events), patient_id=patient_id)


RULES: tuple[Callable[[Batch], Iterable[Finding]], ...] = (
    _many_patients,
    _refusals,
    _exports,
    _sign_ins,
    _same_name,
    _colleagues,
    _nights,
    _after_end,
)
