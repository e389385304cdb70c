"""Legal holds: as long as one stands, nothing of a person is erased, on whichever of their records it was placed."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from patients.models import LegalHold, Patient
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed


class OnHold(Conflict):
    """A legal hold stands on the record."""

    code = "legal_hold"

    def __init__(self) -> None:
        super().__init__("A legal hold stands on this record: nothing of it is erased until the hold is released.")


def place_hold(patient: Patient, *, reason: str, by: User, at: datetime) -> LegalHold:
    """Keep a record from being destroyed; one that stands for this reason already is returned, however often it is asked.

    Raises NotAllowed, and DomainError without a reason.
    """
    _check_may(by)
    reason = reason.strip()
    if not reason:
        raise DomainError("Say who wants the record kept, and why.", code="reason_missing")
    with unit_of_work():  # its lock lets one of many requests at a time see what the others did
        # Reasons are encrypted: no constraint can compare them.
        for standing in LegalHold.objects.standing().filter(patient=patient):
            if _is_same(standing.reason, reason):
                return standing
        hold = LegalHold.objects.create(patient=patient, reason=reason, placed_by=by, placed_at=at)
        detail = {"verb": "place_hold", "hold": str(hold.pk)}
        record(Action.UPDATE, by=by, target=patient, patient_id=patient.pk, detail=detail)
    return hold


def release_hold(hold: LegalHold, *, by: User, at: datetime) -> LegalHold:
    """End a hold. Raises NotAllowed, and Conflict when it was released before."""
    _check_may(by)
    with unit_of_work():
        hold = LegalHold.objects.select_for_update(of=("self",)).select_related("patient").get(pk=hold.pk)
        if not hold.is_standing:
            raise Conflict("This hold was released before. Reload the page to see what stands.", code="released")
        hold.released_at, hold.released_by = at, by
        hold.save(update_fields=["released_at", "released_by", "updated_at"])
        detail = {"verb": "release_hold", "hold": str(hold.pk)}
        record(Action.UPDATE, by=by, target=hold.patient, patient_id=hold.patient_id, detail=detail)
    return hold


def is_held(patient_id: UUID) -> bool:
    """Tell whether a hold stands on any record of a person."""
    return LegalHold.objects.standing().filter(patient__in=Patient.objects.records_of(patient_id)).exists()


def held_of(patient_ids: Iterable[UUID]) -> set[UUID]:
    """Return which of these records a hold stands on, or on another record of the same person."""
    held = LegalHold.objects.standing().values("patient_id")
    own = Patient.objects.filter(pk__in=held).values_list("pk", "merged_into_id")
    kept = {kept_id or pk for pk, kept_id in own}
    rows = Patient.objects.filter(pk__in=list(patient_ids)).values_list("pk", "merged_into_id")
    return {pk for pk, kept_id in rows if (kept_id or pk) in kept}


def check_not_held(patient_id: UUID) -> None:
    """Raise OnHold while a hold stands."""
    if is_held(patient_id):
        raise OnHold


def _is_same(one: str, other: str) -> bool:
    return one.split() == other.split()


def _check_may(by: User) -> None:
    if not by.may(Permission.ERASE_PATIENTS):
        raise NotAllowed("Only an administrator places and releases legal holds.")
