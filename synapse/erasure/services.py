"""Erase a person: ask, think it over, carry it out in one transaction, and remove the files until none is left."""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import erasures, jobs
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.transitions import advance
from synapse.erasure import certificates, compacting, gates, register
from synapse.erasure.models import Erasure, ErasureCertificate

logger = logging.getLogger(__name__)

Status = Erasure.Status
REMOVE_FILES = "synapse.erasure.tasks.remove_files"


class NotNow(Conflict):
    """Something stands against it; the message says all of it."""

    def __init__(self, refusals: list[gates.Refusal]) -> None:
        super().__init__(" ".join(refusal.sentence for refusal in refusals), code=refusals[0].obstacle.value)


def request_erasure(
    patient: Patient, *, asked_by: str, reason: str, order: str = "", by: User | None, at: datetime
) -> Erasure:
    """Note that somebody is to be erased, at whose wish and why; nothing goes yet.

    `order` names what a court or an authority decided, and is needed while the law still asks for the record. `by` is
    None at the console. Raises NotAllowed, NotNow, Conflict for a second request and DomainError without a reason.
    """
    check_may_erase(by)
    if asked_by not in Erasure.AskedBy.values or not reason.strip():
        raise DomainError("Say who asks for the erasure, and why.", code="reason_missing")
    with unit_of_work():
        patient = Patient.objects.select_for_update().get(pk=patient.pk)
        if patient.erased_at is not None:
            raise Conflict("This record was erased before.", code="erased")
        _check_stands_alone(patient)
        if Erasure.objects.open().filter(patient=patient).exists():
            raise Conflict("The erasure was asked for before.", code="asked_before")
        _check_nothing_against(patient, order=order, at=at)
        erasure = Erasure.objects.create(
            patient=patient,
            asked_by=asked_by,
            reason=reason.strip(),
            order=order.strip(),
            requested_by=by,
            requested_at=at,
            not_before=at + timedelta(days=ClinicSettings.load().erasure_cool_off_days),
        )
        _record(erasure, "request_erasure", by=by, asked_by=asked_by, by_order=bool(order.strip()))
    return erasure


def withdraw_erasure(erasure: Erasure, *, by: User, at: datetime) -> Erasure:
    """Take a request back. Raises NotAllowed and InvalidTransition."""
    check_may_erase(by)
    with unit_of_work():
        erasure = _locked(erasure.pk)
        advance(erasure, Status.WITHDRAWN, at=at, withdrawn_by=by, withdrawn_at=at)
        _record(erasure, "withdraw_erasure", by=by)
    return erasure


def carry_out(erasure: Erasure, *, by: User | None, at: datetime) -> ErasureCertificate:
    """Destroy everything about the person, all or nothing; files follow by a job. May be asked for twice.

    Whoever asked waits until the time to think it over has passed; a second person need not. Raises NotAllowed,
    Conflict and NotNow.
    """
    check_may_erase(by)
    with unit_of_work():
        erasure = _locked(erasure.pk)
        if erasure.status in (Status.CARRIED_OUT, Status.COMPLETED):
            return erasure.certificate
        if by is not None and by.pk == erasure.requested_by_id and not erasure.is_cool(at):
            raise Conflict(
                "You asked for this erasure. Somebody else carries it out, or you do when the time to think it over "
                "has passed.",
                code="too_early",
            )
        kept = Patient.objects.select_for_update().get(pk=erasure.patient_id)
        _check_stands_alone(kept)
        _check_nothing_against(kept, order=erasure.order, at=at)
        return _destroy(erasure, kept, by=by, at=at)


def erase_at_once(patient: Patient, *, asked_by: str, reason: str, order: str = "", at: datetime) -> ErasureCertificate:
    """Ask for an erasure and carry it out, as whoever works at the machine itself. May be run twice.

    Raises NotNow and Conflict.
    """
    patient = patient.kept_record
    done = Erasure.objects.filter(patient=patient, status__in=[Status.CARRIED_OUT, Status.COMPLETED]).first()
    if done is not None:
        return done.certificate
    with unit_of_work():
        erasure = Erasure.objects.open().filter(patient=patient).first() or request_erasure(
            patient, asked_by=asked_by, reason=reason, order=order, by=None, at=at
        )
        return carry_out(erasure, by=None, at=at)


def remove_files(erasure_id: UUID, *, at: datetime) -> int:
    """Remove what is left of files, and finish the erasure when nothing is; return how many are still there."""
    erasure = Erasure.objects.select_related("patient", "certificate").get(pk=erasure_id)
    if erasure.status != Status.CARRIED_OUT:
        return 0
    register.note(erasure.certificate)
    left = sum(remove(pk) for pk in _record_ids(erasure) for remove in erasures.file_removers().values())
    if left:
        return left
    compacting.let_go_of_old_pages()
    with unit_of_work():
        erasure = _locked(erasure_id)
        advance(erasure, Status.COMPLETED, at=at, completed_at=at)
        _record(erasure, "remove_files", by=None)
    return 0


def repeat(entry: Mapping[str, Any], *, at: datetime) -> bool:
    """Erase again whom a restored backup brought back; tell whether anybody was. An entry nobody sealed does nothing.

    Nothing stands against it any more: it was decided and carried out before.
    """
    if not certificates.is_sealed(entry["facts"], entry["hash"], entry["signature"]):
        logger.error("an entry of the list of erasures is not sealed by this installation: it is passed over")
        return False
    ids = [UUID(each["id"]) for each in entry["facts"]["records"]]
    with unit_of_work():
        back = list(Patient.objects.select_for_update().filter(pk__in=ids, erased_at=None))
        if not back:
            return False
        for patient in back:
            Erasure.objects.open().filter(patient=patient).delete()
        erasure = Erasure.objects.create(
            patient=next((patient for patient in back if patient.merged_into_id is None), back[0]),
            asked_by=entry["facts"]["asked_by"],
            reason="Restored from a backup.",
            order=f"Repeats {entry['number']}.",
            requested_at=at,
            not_before=at,
        )
        certificate = _destroy_records(erasure, back, by=None, at=at)
    remove_files(certificate.erasure_id, at=at)
    return True


def check_may_erase(by: User | None) -> None:
    """Raise NotAllowed unless the person erases records; None is whoever works at the machine itself."""
    if by is not None and not by.may(Permission.ERASE_PATIENTS):
        raise NotAllowed("Only an administrator erases records.")


def _destroy(erasure: Erasure, kept: Patient, *, by: User | None, at: datetime) -> ErasureCertificate:
    return _destroy_records(
        erasure, [*Patient.objects.filter(merged_into=kept).order_by("patient_id"), kept], by=by, at=at
    )


def _destroy_records(erasure: Erasure, records: list[Patient], *, by: User | None, at: datetime) -> ErasureCertificate:
    counts: Counter[str] = Counter()
    for name, step in erasures.registered().items():
        for each in records:
            counts.update(step(each.pk, at))
        logger.info("erasure %s: %s is done", erasure.pk, name)
    certificate = certificates.make(erasure, records, counts, by=by, at=at)
    advance(erasure, Status.CARRIED_OUT, at=at, carried_out_by=by, carried_out_at=at)
    for each in records:
        detail = {"verb": "erase", "certificate": certificate.number, "hash": certificate.content_hash}
        record(Action.DELETE, by=by, target=each, patient_id=each.pk, detail=detail)
    jobs.enqueue(REMOVE_FILES, erasure.pk, by_id=by.pk if by else None, key=f"erase files {erasure.pk}")
    transaction.on_commit(lambda: register.note(certificate), robust=True)
    return certificate


def _check_stands_alone(patient: Patient) -> None:
    """Raise Conflict for a record that another one stands for: what was taken over from it would stay there."""
    if patient.merged_into_id is not None:
        raise Conflict("This record was merged into another one. Erase that one: it takes this one along.")


def _check_nothing_against(patient: Patient, *, order: str, at: datetime) -> None:
    if found := gates.refusals(patient, at, has_order=bool(order.strip())):
        raise NotNow(found)


def _record_ids(erasure: Erasure) -> list[UUID]:
    return [UUID(each["id"]) for each in erasure.certificate.facts["records"]]


def _locked(pk: UUID) -> Erasure:
    return Erasure.objects.select_for_update(of=("self",)).select_related("patient", "requested_by").get(pk=pk)


def _record(erasure: Erasure, verb: str, *, by: User | None, **detail: object) -> None:
    detail = {"verb": verb, "erasure": str(erasure.pk), **detail}
    record(Action.UPDATE, by=by, target=erasure.patient, patient_id=erasure.patient_id, detail=detail)
