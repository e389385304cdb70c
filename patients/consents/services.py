"""Write down what a patient agreed to, declined or took back, in the room or by a link.

What is asked by link waits as a pending row with the text of that day; one kind waits once. An answer in the room takes
its place, and a link whose row waits no more is dead.
"""

from datetime import datetime, timedelta

from patients import permissions, queries
from patients.consents import signatures
from patients.consents import wording as consent_wording
from patients.consents.given import PLAIN, Given, check_signer
from patients.contact import reaching
from patients.models import Consent, ConsentLink, ConsentSignature, Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance
from synapse.links.tokens import new_token

Kind = Consent.Kind
Method = Consent.Method
Status = Consent.Status

# Agreed to once; the others are asked again after the clinic's time.
WITHOUT_END = frozenset({Kind.TREATMENT, Kind.HIPAA_NOTICE})
LINK_LASTS = timedelta(days=7)
IN_THE_ROOM = frozenset({Method.VERBAL, Method.WRITTEN})


def record_consent(
    patient: Patient, kind: str, *, method: str, by: User, at: datetime, given: Given = PLAIN
) -> Consent:
    """Store that the patient agreed to today's text, said in the room or signed on paper.

    A live consent of the kind ends with the new one. Raises NotAllowed, ArchivedRecord, GuardianNeeded for a child
    nobody answers for, and DomainError.
    """
    permissions.check_can_record_consent(by, patient)
    _check_answer(kind, method)
    check_signer(patient, given, at=at)
    with unit_of_work():
        live = _live_of(patient, kind)
        if live is not None:
            advance(live, Status.EXPIRED, at=at, expires_at=at)
        end_requests(patient, kind, by=by, at=at)
        consent = _store(
            patient,
            kind,
            status=Status.LIVE,
            method=method,
            by=by,
            at=at,
            given=given,
            given_at=at,
            expires_at=_end_of(kind, at),
        )
        _record(consent, "give", by=by)
    return consent


def decline_consent(
    patient: Patient, kind: str, *, method: str, by: User, at: datetime, given: Given = PLAIN
) -> Consent:
    """Store that the patient was asked and said no. Raises Conflict when a live consent has to be withdrawn instead."""
    permissions.check_can_record_consent(by, patient)
    _check_answer(kind, method)
    with unit_of_work():
        live = _live_of(patient, kind)
        if queries.has_live_consent(patient.pk, kind, at=at):
            raise Conflict("The patient has agreed to this. Withdraw that consent instead.", code="consent_live")
        if live is not None:
            advance(live, Status.EXPIRED, at=at)
        end_requests(patient, kind, by=by, at=at)
        consent = _store(
            patient, kind, status=Status.DECLINED, method=method, by=by, at=at, given=given, declined_at=at
        )
        _record(consent, "decline", by=by)
    return consent


def answer_on_tablet(
    patient: Patient,
    kind: str,
    *,
    agreed: bool,
    by: User,
    at: datetime,
    given: Given,
    strokes: signatures.Strokes,
    typed_name: str,
) -> Consent:
    """Store what the patient answered with their own hand; `by` gave them the tablet. Call it inside `unit_of_work()`.

    A yes takes the place of the live consent, a no ends it. Raises NotAllowed, ArchivedRecord and GuardianNeeded.
    """
    permissions.check_can_record_consent(by, patient)
    _check_kind(kind)
    live = _live_of(patient, kind)
    end_requests(patient, kind, by=by, at=at)
    if agreed:
        check_signer(patient, given, at=at)
        if live is not None:
            advance(live, Status.EXPIRED, at=at, expires_at=at)
        times = {"given_at": at, "expires_at": _end_of(kind, at)}
    else:
        times = {"declined_at": at}
    status = Status.LIVE if agreed else Status.DECLINED
    consent = _store(patient, kind, status=status, method=Method.WRITTEN, by=by, at=at, given=given, **times)
    if strokes or typed_name:
        _sign(consent, strokes=strokes, typed_name=typed_name, at=at)
    _record(consent, "give" if agreed else "decline", by=None)
    if not agreed:
        _withdraw_all(consent, by=None, at=at)
    return consent


def ask_by_link(patient: Patient, kind: str, *, by: User, at: datetime) -> Consent:
    """Ask the patient with a link to today's text and return the waiting row; it takes the place of an earlier one.

    Raises NotAllowed, ArchivedRecord, DomainError for an unknown kind, and CannotSend when there is no way to write to
    the patient.
    """
    permissions.check_can_record_consent(by, patient)
    _check_kind(kind)
    channel = reaching.link_channel_of(patient, ClinicSettings.load())
    with unit_of_work():
        _live_of(patient, kind)
        end_requests(patient, kind, by=by, at=at)
        consent = _store(
            patient, kind, status=Status.PENDING, method=Method.LINK, by=by, at=at, expires_at=at + LINK_LASTS
        )
        # The token is made when the message is sent; until then the hash is of one nobody keeps.
        ConsentLink.objects.create(consent=consent, channel=channel, token_hash=new_token().token_hash, due_at=at)
        _record(consent, "ask", by=by)
    return consent


def answer_request(
    consent: Consent, *, agreed: bool, at: datetime, typed_name: str = "", given: Given = PLAIN
) -> Consent:
    """Take the patient's own answer to what they were asked by link; it counts once, a name under it is kept.

    A yes takes the place of the live consent, a no ends it. Raises InvalidTransition when the row waits no more,
    GuardianNeeded, and Conflict when its record takes nothing new.
    """
    with unit_of_work():
        live = _live_of(consent.patient, consent.kind)
        if agreed:
            check_signer(consent.patient, given, at=at)
            if live is not None:
                advance(live, Status.EXPIRED, at=at, expires_at=at)
            times = {"given_at": at, "expires_at": _end_of(consent.kind, at)}
            advance(consent, Status.LIVE, at=at, **times, **given.fields())
            if typed_name:
                _sign(consent, strokes=[], typed_name=typed_name, at=at)
            _record(consent, "give", by=None)
        else:
            advance(consent, Status.DECLINED, at=at, declined_at=at, expires_at=None)
            _record(consent, "decline", by=None)
            _withdraw_all(consent, by=None, at=at)
    return consent


def withdraw_consent(consent: Consent, *, by: User, at: datetime) -> Consent:
    """End a live consent at once; whoever records reads this row. Raises NotAllowed and InvalidTransition.

    What the same person agreed to of this kind on another record of theirs ends with it: parting the records again
    must not revive it. What still waits for an answer by link is taken back, and its link is dead.
    """
    permissions.check_can_withdraw_consent(by, consent.patient)
    with unit_of_work():
        if consent.is_pending:
            _end_request(consent, by=by, at=at)
            return consent
        advance(consent, Status.WITHDRAWN, at=at, withdrawn_at=at, withdrawn_by=by)
        _record(consent, "withdraw", by=by)
        _withdraw_all(consent, by=by, at=at)
    return consent


def end_requests(patient: Patient, kind: str = "", *, by: User, at: datetime) -> None:
    """Let a record's questions by link wait no more, those of one kind or all; call it inside `unit_of_work()`."""
    waiting = Consent.objects.filter(patient=patient, status=Status.PENDING)
    for consent in waiting.filter(kind=kind) if kind else waiting:
        _end_request(consent, by=by, at=at)


def expire_consents(at: datetime) -> int:
    """End the consents and questions whose time is over; return how many. The sweep runs it."""
    ending = (Status.LIVE, Status.PENDING)
    over = list(Consent.objects.filter(status__in=ending, expires_at__lte=at).values_list("pk", flat=True))
    ended = 0
    for pk in over:
        with unit_of_work():
            consent = Consent.objects.select_for_update().get(pk=pk)
            if consent.status in ending:
                advance(consent, Status.EXPIRED, at=at)
                _record(consent, "expire", by=None)
                ended += 1
    return ended


def _end_of(kind: str, at: datetime) -> datetime | None:
    """Return until when a yes of now holds."""
    return None if kind in WITHOUT_END else at + timedelta(days=ClinicSettings.load().consent_valid_days)


def _end_request(consent: Consent, *, by: User, at: datetime) -> None:
    advance(consent, Status.EXPIRED, at=at, expires_at=at)
    _record(consent, "take_back", by=by)


def _withdraw_all(consent: Consent, *, by: User | None, at: datetime) -> None:
    """End what the person still agrees to of this kind, on whichever record of theirs."""
    for row in Consent.objects.filter(
        patient__in=consent.patient.records(), kind=consent.kind, status=Status.LIVE
    ).exclude(pk=consent.pk):
        advance(row, Status.WITHDRAWN, at=at, withdrawn_at=at, withdrawn_by=by)
        _record(row, "withdraw", by=by)


def _check_kind(kind: str) -> None:
    if kind not in Kind.values:
        raise DomainError("Choose what the patient was asked.", code="unknown_kind")


def _check_answer(kind: str, method: str) -> None:
    _check_kind(kind)
    if method not in IN_THE_ROOM:
        raise DomainError("Say whether the patient said it in the room or signed on paper.", code="unknown_method")


def _live_of(patient: Patient, kind: str) -> Consent | None:
    """Return the live row, with the patient locked so that two answers at once do not meet.

    Raises MergedRecord when the record gave way to another meanwhile.
    """
    permissions.check_is_in_use(Patient.objects.select_for_update().get(pk=patient.pk), before="you change it")
    return Consent.objects.filter(patient=patient, kind=kind, status=Status.LIVE).first()


def _store(
    patient: Patient,
    kind: str,
    *,
    status: str,
    method: str,
    by: User,
    at: datetime,
    given: Given = PLAIN,
    **times: datetime | None,
) -> Consent:
    text = consent_wording.text_for(patient, kind, at=at, language=given.language)
    return Consent.objects.create(
        patient=patient,
        kind=kind,
        method=method,
        status=status,
        text_version=text.version,
        text_hash=text.hash,
        text_language=text.language,
        text_title=text.title,
        text_words=text.text,
        recorded_by=by,
        **given.fields(),
        **times,
    )


def _sign(consent: Consent, *, strokes: signatures.Strokes, typed_name: str, at: datetime) -> None:
    signature = ConsentSignature(consent=consent, strokes=strokes, typed_name=typed_name, signed_at=at)
    signature.save()
    consent.signature_hash = signatures.hash_of(signature)
    consent.save(update_fields=["signature_hash", "updated_at"])


def _record(consent: Consent, verb: str, *, by: User | None) -> None:
    detail = {"verb": verb, "kind": consent.kind, "method": consent.method, "version": consent.text_version}
    if consent.is_signed:
        detail["signature"] = consent.signature_hash
    record(Action.CONSENT, by=by, target=consent, patient_id=consent.patient_id, detail=detail)
