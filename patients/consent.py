"""Write down what a patient agreed to, declined or took back."""

from datetime import datetime, timedelta

from patients import permissions
from patients.consent_texts import CURRENT
from patients.models import Consent, Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance

Kind = Consent.Kind
Method = Consent.Method
Status = Consent.Status

# Agreed to once; the others are asked again after the clinic's time.
WITHOUT_END = frozenset({Kind.TREATMENT, Kind.HIPAA_NOTICE})
IN_THE_ROOM = frozenset({Method.VERBAL, Method.WRITTEN})


def record_consent(patient: Patient, kind: str, *, method: str, by: User, at: datetime) -> Consent:
    """Store that the patient agreed to today's text, said in the room or signed on paper.

    A live consent of the kind ends with the new one. Raises NotAllowed, ArchivedRecord and DomainError.
    """
    permissions.check_can_record_consent(by, patient)
    _check_answer(kind, method)
    with unit_of_work():
        live = _live_of(patient, kind)
        if live is not None:
            advance(live, Status.EXPIRED, at=at, expires_at=at)
        days = ClinicSettings.load().consent_valid_days
        consent = _store(
            patient,
            kind,
            status=Status.LIVE,
            method=method,
            by=by,
            given_at=at,
            expires_at=None if kind in WITHOUT_END else at + timedelta(days=days),
        )
        _record(consent, "give", by=by)
    return consent


def decline_consent(patient: Patient, kind: str, *, method: str, by: User, at: datetime) -> Consent:
    """Store that the patient was asked and said no. Raises Conflict when a live consent has to be withdrawn instead."""
    permissions.check_can_record_consent(by, patient)
    _check_answer(kind, method)
    with unit_of_work():
        live = _live_of(patient, kind)
        if live is not None and (live.expires_at is None or live.expires_at > at):
            raise Conflict("The patient has agreed to this. Withdraw that consent instead.", code="consent_live")
        if live is not None:
            advance(live, Status.EXPIRED, at=at)
        consent = _store(patient, kind, status=Status.DECLINED, method=method, by=by)
        _record(consent, "decline", by=by)
    return consent


def withdraw_consent(consent: Consent, *, by: User, at: datetime) -> Consent:
    """End a live consent at once; whoever records reads this row. Raises NotAllowed and InvalidTransition."""
    permissions.check_can_withdraw_consent(by, consent.patient)
    with unit_of_work():
        advance(consent, Status.WITHDRAWN, at=at, withdrawn_at=at, withdrawn_by=by)
        _record(consent, "withdraw", by=by)
    return consent


def expire_consents(at: datetime) -> int:
    """End the consents whose time is over; return how many. The sweep runs it."""
    over = list(Consent.objects.filter(status=Status.LIVE, expires_at__lte=at).values_list("pk", flat=True))
    ended = 0
    for pk in over:
        with unit_of_work():
            consent = Consent.objects.select_for_update().get(pk=pk)
            if consent.status == Status.LIVE:
                advance(consent, Status.EXPIRED, at=at)
                _record(consent, "expire", by=None)
                ended += 1
    return ended


def _check_answer(kind: str, method: str) -> None:
    if kind not in Kind.values:
        raise DomainError("Choose what the patient was asked.", code="unknown_kind")
    if method not in IN_THE_ROOM:
        raise DomainError("Say whether the patient said it in the room or signed on paper.", code="unknown_method")


def _live_of(patient: Patient, kind: str) -> Consent | None:
    """Return the live row, with the patient locked so that two answers at once do not meet."""
    Patient.objects.select_for_update().get(pk=patient.pk)
    return Consent.objects.filter(patient=patient, kind=kind, status=Status.LIVE).first()


def _store(
    patient: Patient,
    kind: str,
    *,
    status: str,
    method: str,
    by: User,
    given_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Consent:
    text = CURRENT[kind]
    return Consent.objects.create(
        patient=patient,
        kind=kind,
        method=method,
        status=status,
        text_version=text.version,
        text_hash=text.hash,
        given_at=given_at,
        expires_at=expires_at,
        recorded_by=by,
    )


def _record(consent: Consent, verb: str, *, by: User | None) -> None:
    record(
        Action.CONSENT,
        by=by,
        target=consent,
        patient_id=consent.patient_id,
        detail={"verb": verb, "kind": consent.kind, "method": consent.method, "version": consent.text_version},
    )
