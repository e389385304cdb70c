"""Open the records of one person to the same doctors, and keep note of what only a merge opened."""

from datetime import datetime
from uuid import UUID

from patients.models import Patient, PatientAccess, PatientMerge
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record

Source = PatientAccess.Source


def align_accesses(patient: Patient, *, by: User, at: datetime) -> None:
    """Open every record of this person to whoever may open one, for the same reason and as long.

    What is opened is noted on a standing merge, so that undoing it closes it again. Does nothing for a single record.
    """
    records = list(patient.records())
    if len(records) == 1:
        return
    accesses = PatientAccess.objects.open().filter(patient__in=records).select_related("doctor").order_by("granted_at")
    held = {(access.patient_id, access.doctor_id, access.source) for access in accesses}
    granted = []
    for access in accesses:
        for record_ in records:
            key = (record_.pk, access.doctor_id, access.source)
            if key not in held:
                held.add(key)
                granted.append(_copy_to(record_, access, by=by, at=at))
    if granted:
        merge = _standing_merges(patient.kept_id)[0]
        merge.granted_accesses = [*merge.granted_accesses, *(str(access.pk) for access in granted)]
        merge.save(update_fields=["granted_accesses", "updated_at"])


def keep_access(access: PatientAccess) -> None:
    """Note that an access has a reason of its own now, so that undoing a merge leaves it open."""
    for merge in _standing_merges(access.patient.kept_id):
        if str(access.pk) in merge.granted_accesses:
            merge.granted_accesses = [pk for pk in merge.granted_accesses if pk != str(access.pk)]
            merge.save(update_fields=["granted_accesses", "updated_at"])


def close_granted(kept_id: UUID, *, by: User, at: datetime) -> None:
    """End everything the standing merges into a record opened."""
    for merge in _standing_merges(kept_id):
        granted = PatientAccess.objects.filter(pk__in=merge.granted_accesses, ended_at=None).select_related("patient")
        for access in granted:
            end(access, by=by, at=at)
        merge.granted_accesses = []
        merge.save(update_fields=["granted_accesses", "updated_at"])


def end(access: PatientAccess, *, by: User | None, at: datetime) -> None:
    """Close one access and write it into the trail; call it inside `unit_of_work()`."""
    access.ended_at = at
    access.save(update_fields=["ended_at", "updated_at"])
    record_access(access, "end", by=by)


def close_expired(patient: Patient, doctor: User, *, at: datetime) -> None:
    """End what is over but not swept yet: it would hold the place of the one open access of its source."""
    PatientAccess.objects.filter(patient=patient, doctor=doctor, ended_at=None, expires_at__lte=at).update(ended_at=at)


def record_access(access: PatientAccess, verb: str, *, by: User | None) -> None:
    """Write into the patient's trail who may open the record now, or no longer."""
    record(
        Action.SHARE,
        by=by,
        target=access.patient,
        patient_id=access.patient_id,
        detail={"verb": verb, "doctor": str(access.doctor_id), "source": access.source},
    )


def _copy_to(patient: Patient, access: PatientAccess, *, by: User, at: datetime) -> PatientAccess:
    close_expired(patient, access.doctor, at=at)
    copy = PatientAccess.objects.create(
        patient=patient,
        doctor=access.doctor,
        source=access.source,
        granted_at=at,
        granted_by=by,
        expires_at=access.expires_at,
        handover=access.handover,
        emergency=access.emergency,
    )
    record_access(copy, "grant", by=by)
    return copy


def _standing_merges(kept_id: UUID) -> list[PatientMerge]:
    return list(PatientMerge.objects.filter(kept=kept_id, undone_at=None).order_by("-merged_at"))
