"""What pages and other apps ask about patients: consents in force, who may open a record, tags."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from patients.models import Consent, Patient, PatientAccess
from synapse.accounts.models import User
from synapse.accounts.roles import CAPABILITIES, Permission

Kind = Consent.Kind
Status = Consent.Status


@dataclass(frozen=True)
class ConsentState:
    """The latest answer to one kind of question; `consent` is None when it was never asked."""

    kind: str
    consent: Consent | None
    status: str

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


@dataclass(frozen=True)
class Opener:
    """A doctor who may open a record, and all the open reasons, oldest first."""

    doctor: User
    accesses: tuple[PatientAccess, ...]

    @property
    def is_registered(self) -> bool:
        return any(access.source == PatientAccess.Source.REGISTERED for access in self.accesses)

    @property
    def since(self) -> datetime:
        return self.accesses[0].granted_at

    @property
    def share(self) -> PatientAccess | None:
        """Return the access that can be ended by hand."""
        shares = {PatientAccess.Source.SHARED, PatientAccess.Source.HANDED_OVER}
        return next((access for access in self.accesses if access.source in shares), None)


def live_consent(patient_id: UUID, kind: str, *, at: datetime) -> Consent | None:
    """Return the patient's consent of a kind that holds at a moment."""
    return (
        Consent.objects.filter(patient_id=patient_id, kind=kind, status=Status.LIVE)
        .filter(Q(expires_at=None) | Q(expires_at__gt=at))
        .first()
    )


def has_live_consent(patient_id: UUID, kind: str, *, at: datetime) -> bool:
    """Tell whether the patient's consent of a kind holds at a moment."""
    return live_consent(patient_id, kind, at=at) is not None


def consent_states(patient: Patient, *, at: datetime) -> list[ConsentState]:
    """Return the latest answer to every kind of question, in the order they are asked."""
    latest = {
        consent.kind: consent for consent in patient.consents.select_related("recorded_by").order_by("created_at")
    }
    return [_state_of(kind, latest.get(kind), at) for kind in Kind.values]


def recording_states(patients: Collection[Patient], *, at: datetime) -> dict[UUID, ConsentState]:
    """Return the latest answer about recording for each of these patients, in one query."""
    answers = Consent.objects.filter(patient__in=[patient.pk for patient in patients], kind=Kind.RECORDING)
    latest = {consent.patient_id: consent for consent in answers.order_by("created_at")}
    return {patient.pk: _state_of(Kind.RECORDING, latest.get(patient.pk), at) for patient in patients}


def _state_of(kind: str, consent: Consent | None, at: datetime) -> ConsentState:
    if consent is None:
        return ConsentState(kind, None, "")
    # The sweep runs now and then; a consent ends at its time.
    is_over = consent.status == Status.LIVE and consent.expires_at is not None and consent.expires_at <= at
    return ConsentState(kind, consent, Status.EXPIRED if is_over else consent.status)


def openers_of(patient: Patient) -> list[Opener]:
    """Return the doctors who may open the record now, the one who registered the patient first."""
    accesses: dict[User, list[PatientAccess]] = {}
    for access in patient.accesses.filter(ended_at=None).select_related("doctor").order_by("granted_at"):
        accesses.setdefault(access.doctor, []).append(access)
    openers = [Opener(doctor, tuple(reasons)) for doctor, reasons in accesses.items()]
    return sorted(openers, key=lambda opener: not opener.is_registered)


def doctors() -> QuerySet[User]:
    """Return those who treat patients here, by name."""
    roles = [role for role, held in CAPABILITIES.items() if Permission.CONDUCT_SESSIONS in held]
    return User.objects.filter(role__in=roles, is_active=True).order_by("last_name", "first_name", "username")


def doctors_without_access(patient: Patient) -> QuerySet[User]:
    """Return the doctors who may not open the record yet."""
    return doctors().exclude(pk__in=patient.accesses.filter(ended_at=None).values("doctor_id"))
