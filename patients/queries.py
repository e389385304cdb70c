"""What pages and other apps ask about patients: consents in force, who may open a record, tags."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from patients.models import Consent, Handover, Patient, PatientAccess
from synapse.accounts.models import User
from synapse.accounts.roles import CAPABILITIES, Permission

Kind = Consent.Kind
Status = Consent.Status
Key = TypeVar("Key")
# What a state is told by; the words and names beside an answer stay where they are.
STATE_COLUMNS = (
    "patient",
    "kind",
    "method",
    "status",
    "created_at",
    "given_at",
    "declined_at",
    "expires_at",
    "withdrawn_at",
)


@dataclass(frozen=True)
class ConsentState:
    """The latest answer to one kind of question; `consent` is None when there is none.

    `request` is what the patient was asked by link and may still answer; the last answer counts until then.
    """

    kind: str
    consent: Consent | None
    status: str
    request: Consent | None = None

    @property
    def label(self) -> str:
        return str(Kind(self.kind).label)

    @property
    def is_live(self) -> bool:
        return self.status == Status.LIVE

    @property
    def is_refused(self) -> bool:
        return self.status in {Status.DECLINED, Status.WITHDRAWN}

    @property
    def is_expired(self) -> bool:
        return self.status == Status.EXPIRED

    @property
    def is_asked(self) -> bool:
        """Whether an answer is missing and a link to the question is out."""
        return self.request is not None and not self.is_live and not self.is_refused


@dataclass(frozen=True)
class Opener:
    """A doctor who may open a record, and all the open reasons, oldest first."""

    doctor: User
    accesses: tuple[PatientAccess, ...]

    @property
    def is_responsible(self) -> bool:
        """Whether the patient was registered for this doctor, or handed over to them for good."""
        return any(
            access.source == PatientAccess.Source.REGISTERED
            or (access.source == PatientAccess.Source.HANDED_OVER and access.expires_at is None)
            for access in self.accesses
        )

    @property
    def is_emergency(self) -> bool:
        """Whether an emergency alone opens the record to this doctor."""
        return all(access.source == PatientAccess.Source.EMERGENCY for access in self.accesses)

    @property
    def since(self) -> datetime:
        return self.accesses[0].granted_at

    @property
    def share(self) -> PatientAccess | None:
        """Return the access that can be ended by hand."""
        return next((access for access in self.accesses if access.can_be_ended), None)

    @property
    def cover(self) -> Handover | None:
        """Return the leave cover by which this doctor opens the record."""
        covers = (access.handover for access in self.accesses if access.expires_at is not None)
        return next((handover for handover in covers if handover is not None), None)


def live_consent(patient_id: UUID, kind: str, *, at: datetime) -> Consent | None:
    """Return the patient's consent of a kind that holds at a moment, on whichever record of theirs it was given."""
    records = Patient.objects.records_of(patient_id).values("pk")
    return Consent.objects.holding(at).filter(patient__in=records, kind=kind).order_by("-given_at").first()


def has_live_consent(patient_id: UUID, kind: str, *, at: datetime) -> bool:
    """Tell whether the patient's consent of a kind holds at a moment."""
    return live_consent(patient_id, kind, at=at) is not None


def consent_states(patient: Patient, *, at: datetime) -> list[ConsentState]:
    """Return the latest answer to every kind of question, in the order they are asked."""
    rows = list(Consent.objects.filter(patient__in=patient.records()).select_related("recorded_by", "link"))
    latest = _latest((consent.kind, consent) for consent in rows if consent.was_answered)
    waiting = {consent.kind: consent for consent in rows if consent.waits_at(at)}
    return [replace(_state_of(kind, latest.get(kind), at), request=waiting.get(kind)) for kind in Kind.values]


def recording_states(patients: Collection[Patient], *, at: datetime) -> dict[UUID, ConsentState]:
    """Return the latest answer about recording for each of these patients, in one query."""
    states = answer_states(patients, [Kind.RECORDING], at=at)
    return {patient.pk: states[patient.pk, Kind.RECORDING] for patient in patients}


def answer_states(
    patients: Collection[Patient], kinds: Collection[str], *, at: datetime
) -> dict[tuple[UUID, str], ConsentState]:
    """Return each patient's latest answer to each kind of question, and what is out by link, in one query."""
    kept = {patient.kept_id for patient in patients}
    records = Patient.objects.filter(Q(pk__in=kept) | Q(merged_into__in=kept))
    rows = list(
        Consent.objects.filter(patient__in=records.values("pk"), kind__in=kinds)
        .exclude(status=Status.EXPIRED, given_at=None)
        .annotate(kept_id=Coalesce("patient__merged_into_id", "patient_id"))
        .only(*STATE_COLUMNS)
    )
    keyed = [((consent.kept_id, consent.kind), consent) for consent in rows]  # type: ignore[attr-defined]  # annotated
    latest = _latest((key, consent) for key, consent in keyed if consent.was_answered)
    waiting = {key: consent for key, consent in keyed if consent.waits_at(at)}
    return {
        (patient.pk, kind): replace(
            _state_of(kind, latest.get((patient.kept_id, kind)), at), request=waiting.get((patient.kept_id, kind))
        )
        for patient in patients
        for kind in kinds
    }


def _latest(answers: Iterable[tuple[Key, Consent]]) -> dict[Key, Consent]:
    """Return the answer that counts for each key: the last row of each record, of these the one answered last."""
    last: dict[tuple[Key, UUID], Consent] = {}
    for key, consent in sorted(answers, key=lambda answer: answer[1].created_at):
        last[key, consent.patient_id] = consent
    counting: dict[Key, Consent] = {}
    # Of a yes and a no at the same moment the no counts, as in `ConsentQuerySet.holding`.
    for (key, _), consent in sorted(last.items(), key=lambda item: (item[1].answered_at, not item[1].is_live)):
        counting[key] = consent
    return counting


def _state_of(kind: str, consent: Consent | None, at: datetime) -> ConsentState:
    if consent is None:
        return ConsentState(kind, None, "")
    # The sweep runs now and then; a consent ends at its time.
    is_over = consent.status == Status.LIVE and consent.expires_at is not None and consent.expires_at <= at
    return ConsentState(kind, consent, Status.EXPIRED if is_over else consent.status)


def openers_of(patient: Patient) -> list[Opener]:
    """Return the doctors who may open the record now, the responsible one first."""
    accesses: dict[User, list[PatientAccess]] = {}
    for access in patient.accesses.open().select_related("doctor", "handover__from_doctor").order_by("granted_at"):
        accesses.setdefault(access.doctor, []).append(access)
    openers = [Opener(doctor, tuple(reasons)) for doctor, reasons in accesses.items()]
    return sorted(openers, key=lambda opener: not opener.is_responsible)


def doctors() -> QuerySet[User]:
    """Return those who treat patients here, by name."""
    roles = [role for role, held in CAPABILITIES.items() if Permission.CONDUCT_SESSIONS in held]
    return User.objects.filter(role__in=roles, is_active=True).order_by("last_name", "first_name", "username")


def hearers() -> QuerySet[User]:
    """Return the colleagues who may hear what a patient says to a question."""
    roles = [role for role, capabilities in CAPABILITIES.items() if Permission.RECORD_CONSENT in capabilities]
    return User.objects.filter(role__in=roles, is_active=True).order_by("last_name", "first_name", "username")


def clinicians() -> QuerySet[User]:
    """Return whoever records may name as the one who treats: doctors, also those who left or have another role now."""
    roles = [role for role, held in CAPABILITIES.items() if Permission.CONDUCT_SESSIONS in held]
    treated = PatientAccess.objects.filter(doctor=OuterRef("pk"))
    return User.objects.filter(Q(role__in=roles) | Exists(treated))


def doctors_without_access(patient: Patient) -> QuerySet[User]:
    """Return the doctors who may not open the record yet."""
    return doctors().exclude(pk__in=patient.accesses.treating().values("doctor_id"))
