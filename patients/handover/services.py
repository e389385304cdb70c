"""Give patients to a colleague: until a leave is over, or for good."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from patients import permissions
from patients.merging import accesses
from patients.models import Handover, Patient, PatientAccess, PatientQuerySet
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import User
from synapse.accounts.services import notify
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError

Source = PatientAccess.Source


class BadHandover(DomainError):
    """What was asked for cannot be handed over like this."""

    code = "bad_handover"


@dataclass(frozen=True)
class Cover:
    """A handover that holds now, as one of its two doctors sees it."""

    handover: Handover
    is_given: bool
    count: int


def own_patients(doctor: User) -> PatientQuerySet:
    """Return the patients a doctor is in charge of: neither only shared with them nor covered for a colleague."""
    own = PatientAccess.objects.open().filter(doctor=doctor, expires_at=None).exclude(source=Source.SHARED)
    return Patient.objects.active().filter(pk__in=own.values("patient_id"))


def hand_over(
    patients: Iterable[Patient] | None,
    *,
    from_doctor: User,
    to_doctor: User,
    ends_at: datetime | None,
    reason: str,
    by: User,
    at: datetime,
    still_booked: Collection[UUID] = (),
) -> Handover:
    """Open patients to a colleague from now on: until `ends_at`, or for good when there is no end.

    None for `patients` means all of the doctor's; those registered for the doctor during the cover are opened as well.
    For good, the giver's own accesses end, except those by a booking of `still_booked` patients; sessions the giver
    held and reports the giver signed stay readable to them. Raises NotAllowed, BadHandover and ArchivedRecord.
    """
    permissions.check_can_hand_over(by, from_doctor)
    permissions.check_is_doctor(to_doctor)
    if from_doctor.pk == to_doctor.pk:
        raise BadHandover("Choose a colleague: these are the patients of this doctor already.")
    if not reason.strip():
        raise BadHandover("Say why the patients are handed over.")
    if ends_at is not None and ends_at <= at:
        raise BadHandover("The end lies in the past. Choose a later day.")
    with unit_of_work():
        given = list(own_patients(from_doctor) if patients is None else patients)
        if not given:
            raise BadHandover("There are no patients to hand over.")
        for patient in given:
            permissions.check_is_in_use(patient, before="you hand it over")
            _check_may_give(patient, from_doctor, ends_at=ends_at)
        handover = Handover.objects.create(
            from_doctor=from_doctor,
            to_doctor=to_doctor,
            starts_at=at,
            ends_at=ends_at,
            all_patients=patients is None,
            reason=reason.strip(),
            handed_over_by=by,
        )
        for patient in given:
            _open(patient, handover, by=by, at=at)
            if ends_at is None:
                _let_go(patient, from_doctor, keep_booked=patient.pk in still_booked, by=by, at=at)
        notify(to_doctor, NotificationEvent.PATIENT_SHARED)
    return handover


def end_handover(handover: Handover, *, by: User, at: datetime) -> Handover:
    """End a cover before its time. Raises NotAllowed, and Conflict when it is over or was for good."""
    permissions.check_can_hand_over(by, handover.from_doctor)
    with unit_of_work():
        handover = Handover.objects.select_for_update(of=("self",)).get(pk=handover.pk)
        if handover.ends_at is None:
            raise Conflict("These patients were handed over for good. Have them handed back.", code="for_good")
        if handover.ended_at is not None or handover.ends_at <= at:
            raise Conflict("This cover is over already.", code="ended")
        _close(handover, by=by, at=at)
    return handover


def close_ended(at: datetime) -> int:
    """End the covers whose time is over; return how many. The sweep runs it: they open nothing since their end."""
    due = list(Handover.objects.filter(ended_at=None, ends_at__lte=at).values_list("pk", flat=True))
    for pk in due:
        with unit_of_work():
            handover = Handover.objects.select_for_update(of=("self",)).get(pk=pk)
            if handover.ended_at is None:
                _close(handover, by=None, at=at)
    with unit_of_work():
        # A visit or session within a cover opens the record as long as the cover does.
        left = PatientAccess.objects.filter(ended_at=None, expires_at__lte=at).select_related("patient")
        for access in left:
            accesses.end(access, by=None, at=at)
    return len(due)


def follow_registration(patient: Patient, doctor: User, *, by: User, at: datetime) -> None:
    """Open a new patient to who stands in for all patients of its doctor; call it inside `unit_of_work()`."""
    for handover in Handover.objects.covering(at).filter(from_doctor=doctor, all_patients=True):
        _open(patient, handover, by=by, at=at)


def covers_of(doctor: User, *, at: datetime) -> list[Cover]:
    """Return the covers a doctor gave or took that hold now, the one that ends first at the front."""
    found = Handover.objects.covering(at).filter(Q(from_doctor=doctor) | Q(to_doctor=doctor)).order_by("ends_at")
    return [
        Cover(
            handover,
            is_given=handover.from_doctor_id == doctor.pk,
            count=handover.accesses.open().filter(patient__merged_into=None).count(),
        )
        for handover in found.select_related("from_doctor", "to_doctor")
    ]


def _check_may_give(patient: Patient, doctor: User, *, ends_at: datetime | None) -> None:
    """Raise BadHandover unless a doctor has a record to give, until then: who covers it gives it no longer than that."""
    ends = list(patient.accesses.treating().filter(doctor=doctor).values_list("expires_at", flat=True))
    if not ends:
        raise BadHandover(f"{patient.patient_id} is not a patient of {doctor.display_name}.")
    longest = max((end for end in ends if end is not None), default=None)
    if None not in ends and longest is not None and (ends_at is None or ends_at > longest):
        raise BadHandover(
            f"{doctor.display_name} covers {patient.patient_id} for a time only. Hand it over until then at most."
        )


def _open(patient: Patient, handover: Handover, *, by: User, at: datetime) -> None:
    """Open one patient to the colleague; a longer handover that holds already is left as it is."""
    doctor = handover.to_doctor
    accesses.close_expired(patient, doctor, at=at)
    held = patient.accesses.filter(doctor=doctor, source=Source.HANDED_OVER, ended_at=None).first()
    if held is not None:
        if held.expires_at is None or (handover.ends_at is not None and held.expires_at >= handover.ends_at):
            return
        accesses.end(held, by=by, at=at)
    access = PatientAccess.objects.create(
        patient=patient,
        doctor=doctor,
        source=Source.HANDED_OVER,
        granted_at=at,
        granted_by=by,
        expires_at=handover.ends_at,
        handover=handover,
    )
    accesses.record_access(access, "hand_over", by=by)
    accesses.align_accesses(patient, by=by, at=at)


def _let_go(patient: Patient, doctor: User, *, keep_booked: bool, by: User, at: datetime) -> None:
    own = PatientAccess.objects.filter(patient__in=patient.records(), doctor=doctor, ended_at=None)
    for access in own.select_related("patient"):
        if not (keep_booked and access.source == Source.BOOKED):
            accesses.end(access, by=by, at=at)


def _close(handover: Handover, *, by: User | None, at: datetime) -> None:
    handover.ended_at = at
    handover.save(update_fields=["ended_at", "updated_at"])
    for access in handover.accesses.filter(ended_at=None).select_related("patient"):
        accesses.end(access, by=by, at=at)
        _end_with_cover(access, by=by, at=at)
    detail = {"verb": "end_cover", "doctor": str(handover.to_doctor_id)}
    record(Action.SHARE, by=by, target=handover, detail=detail)


def _end_with_cover(cover: PatientAccess, *, by: User | None, at: datetime) -> None:
    """End what a visit or session within the cover opened, which has the cover's end."""
    within = PatientAccess.objects.filter(
        patient=cover.patient_id, doctor=cover.doctor_id, ended_at=None, expires_at=cover.expires_at
    )
    for access in within.select_related("patient"):
        accesses.end(access, by=by, at=at)
