"""Break the glass: open one patient's record to a doctor who does not treat them, for one hour, and judge it afterwards.

What it opens is for reading: the chart's clinical part and signed reports. Whatever would change the record, or open it
for longer (a session, a visit, a share), is refused by `permissions.check_is_in_care`; the doctor who goes on treating
the patient is given the record by its doctor or an administrator (ADR 0017).
"""

from datetime import date, datetime, timedelta

from django.db.models import Q

from patients import permissions
from patients.merging import accesses
from patients.models import EmergencyAccess, Patient, PatientAccess
from synapse.accounts import throttle
from synapse.accounts.models import User
from synapse.accounts.roles import CAPABILITIES, Permission
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.encryption import blind_index

LASTS = timedelta(hours=1)
SHORTEST_REASON = 20
COUNTED_BACK = timedelta(days=30)
# Enough for who mistypes, too few for who tries numbers.
MOST_TRIES = 10
PURPOSE = "emergency"


class BadEmergency(DomainError):
    """Something is missing; `field` says what."""

    code = "bad_emergency"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NoSuchPatient(DomainError):
    """Nobody fits, or the record needs no emergency; a doctor who tries sees no difference between who is not there."""

    code = "no_such_patient"
    status = 422


def find_patient(
    *, number: str = "", first_name: str = "", last_name: str = "", born: date | None = None, by: User, at: datetime
) -> Patient:
    """Return the one patient with this number, or with exactly this name and birth date.

    Each look is recorded, and only a few are answered in a quarter of an hour. Raises NotAllowed, TooManyTries,
    NoSuchPatient, and Conflict when `by` may open the record anyway.
    """
    permissions.check_can_open_in_emergency(by)
    throttle.take_try(PURPOSE, str(by.pk), None, at=at, limit=MOST_TRIES)
    found = _numbered(number) if number.strip() else _named(first_name, last_name, born)
    with unit_of_work():
        record(
            Action.EMERGENCY,
            by=by,
            target=found,
            patient_id=found.pk if found else None,
            outcome=Outcome.ALLOWED if found else Outcome.DENIED,
            detail={"verb": "look_up"},
        )
    if found is None:
        raise NoSuchPatient("Nobody fits. Check the number, or every letter of the name and the birth date.")
    _check_needs_emergency(by, found)
    return found


def open_record(patient: Patient, *, kind: str, reason: str, by: User, at: datetime) -> EmergencyAccess:
    """Open a record for an hour; the administrators and the patient's doctors are told. Opened already, return that.

    The caller has checked a moment ago who is there. Raises NotAllowed, BadEmergency, and Conflict when `by` may open
    the record anyway.
    """
    permissions.check_can_open_in_emergency(by)
    if kind not in EmergencyAccess.Kind.values:
        raise BadEmergency("kind", "Choose why you need the record")
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON:
        raise BadEmergency("reason", f"Say in a sentence why: at least {SHORTEST_REASON} characters")
    with unit_of_work():  # its lock lets one of many requests at a time see what the others did
        if (live := EmergencyAccess.objects.live(at).filter(patient=patient, doctor=by).first()) is not None:
            return live
        _check_needs_emergency(by, patient)
        emergency = EmergencyAccess.objects.create(
            patient=patient,
            doctor=by,
            kind=kind,
            reason=reason,
            earlier_count=EmergencyAccess.objects.filter(doctor=by, started_at__gt=at - COUNTED_BACK).count(),
            started_at=at,
            expires_at=at + LASTS,
        )
        for one in patient.records():
            accesses.close_expired(one, by, at=at)
            PatientAccess.objects.create(
                patient=one,
                doctor=by,
                source=PatientAccess.Source.EMERGENCY,
                granted_at=at,
                granted_by=by,
                expires_at=emergency.expires_at,
                emergency=emergency,
            )
        detail = {"verb": "open", "kind": kind, "earlier": emergency.earlier_count}
        _record(emergency, by=by, **detail)
        jobs.enqueue("patients.tasks.mail_emergency", emergency.pk, by_id=by.pk)
    return emergency


def end_early(emergency: EmergencyAccess, *, by: User, at: datetime) -> None:
    """Close a record before its hour is over: the doctor who opened it, or who reviews it. Twice changes nothing."""
    if by.pk != emergency.doctor_id and not by.may(Permission.REVIEW_EMERGENCIES):
        raise NotAllowed("Only the doctor who opened the record or an administrator closes it.")
    with unit_of_work():
        if EmergencyAccess.objects.live(at).filter(pk=emergency.pk).update(ended_at=at):
            emergency.accesses.filter(ended_at=None).update(ended_at=at)
            _record(emergency, by=by, verb="end")


def review(emergency: EmergencyAccess, *, verdict: str, note: str, by: User, at: datetime) -> None:
    """Judge an emergency access that is over. Raises NotAllowed, BadEmergency, and Conflict when it was judged."""
    if not by.may(Permission.REVIEW_EMERGENCIES) or by.pk == emergency.doctor_id:
        raise NotAllowed("An administrator who did not open the record reviews it.")
    if verdict not in EmergencyAccess.Verdict.values:
        raise BadEmergency("verdict", "Choose whether it was justified")
    if verdict == EmergencyAccess.Verdict.NOT_JUSTIFIED and not note.strip():
        raise BadEmergency("note", "Say why, and what follows from it")
    with unit_of_work():
        if EmergencyAccess.objects.live(at).filter(pk=emergency.pk).exists():
            raise Conflict("The record is still open. Close it first, or wait until the hour is over.")
        waiting = EmergencyAccess.objects.filter(pk=emergency.pk, reviewed_at=None)
        values = {"verdict": verdict, "reviewed_at": at, "reviewed_by": by}
        if not waiting.update(**values):
            raise Conflict("Somebody has reviewed this already.")
        emergency.refresh_from_db()
        emergency.review_note = note.strip()
        emergency.save(update_fields=["review_note", "updated_at"])
        _record(emergency, by=by, verb="review", verdict=verdict)


def people_to_tell(emergency: EmergencyAccess) -> list[User]:
    """Return who hears of it at once: whoever reviews such things, and the doctors the patient is in the care of."""
    reviewers = [role for role, held in CAPABILITIES.items() if Permission.REVIEW_EMERGENCIES in held]
    treating = PatientAccess.objects.treating().filter(patient__in=emergency.patient.records())
    people = User.objects.filter(Q(role__in=reviewers) | Q(pk__in=treating.values("doctor_id")), is_active=True)
    return list(people.exclude(pk=emergency.doctor_id).order_by("username"))


def opened_by(user: User, *, at: datetime) -> list[EmergencyAccess]:
    """Return the emergencies by which a doctor has records open now."""
    live = EmergencyAccess.objects.live(at).filter(doctor=user)
    return list(live.select_related("patient").only("doctor", "expires_at", "ended_at", "patient__patient_id"))


def _check_needs_emergency(by: User, patient: Patient) -> None:
    if Patient.objects.in_care_of(by).filter(pk=patient.pk).exists():
        raise Conflict("This patient is in your care: open the chart from your list.", code="in_care")


def _numbered(number: str) -> Patient | None:
    found = Patient.objects.active().filter(patient_id__iexact=number.strip()).first()
    return found or _kept_of(
        Patient.objects.filter(patient_id__iexact=number.strip(), merged_into__isnull=False).first()
    )


def _named(first_name: str, last_name: str, born: date | None) -> Patient | None:
    if not (first_name.strip() and last_name.strip() and born):
        return None
    same_name = Patient.objects.active().filter(name_hash=blind_index.hash_name(first_name, last_name))
    fitting = [patient for patient in same_name if patient.date_of_birth == born]
    # Of two who cannot be told apart neither is opened.
    return fitting[0] if len(fitting) == 1 else None


def _kept_of(merged: Patient | None) -> Patient | None:
    return merged.merged_into if merged is not None else None


def _record(emergency: EmergencyAccess, *, by: User, **detail: object) -> None:
    record(
        Action.EMERGENCY,
        by=by,
        target=("patients.EmergencyAccess", str(emergency.pk)),
        patient_id=emergency.patient_id,
        detail=detail,
    )
