"""A tablet in the patient's hands: handed over by a colleague, answered once, and over after half an hour.

While it is out the colleague's browser session is locked, so the page behind the token is all that opens. The page
answers only in that session and only while it is locked: unlocking takes the tablet back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from patients import permissions
from patients.consents import services as consents
from patients.consents import signatures
from patients.consents import wording as consent_wording
from patients.consents.given import Given, is_minor
from patients.consents.texts import ConsentText
from patients.contact.languages import CODES
from patients.models import Consent, ConsentSitting, Patient
from synapse.accounts import locking
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError, InvalidTransition
from synapse.common.transitions import advance
from synapse.links.tokens import hash_token, new_token

Status = ConsentSitting.Status
SITTING_LASTS = timedelta(minutes=30)
LONGEST_NAME = 120
LONGEST_DRAFT = 60_000  # letters of what is kept of a sitting
TYPED = ("signer", "relation", "interpreter", "name")


class TabletGone(DomainError):
    """The tablet was answered, taken back, is over, or this is another browser."""

    code = "tablet_gone"
    status = 404

    def __init__(self) -> None:
        super().__init__("This page is closed.")


class Unfinished(DomainError):
    """Something is not answered or not signed; `missing` names what, in the words of the page."""

    code = "unfinished"

    def __init__(self, missing: list[str]) -> None:
        super().__init__("Something is still missing.")
        self.missing = missing


@dataclass(frozen=True)
class Sitting:
    """What the page shows: whose tablet it is, the questions in the chosen language, and what was done so far."""

    row: ConsentSitting
    language: str
    texts: list[ConsentText]
    for_minor: bool

    @property
    def draft(self) -> dict[str, Any]:
        kept: dict[str, Any] = self.row.draft
        return kept


def hand_over(
    patient: Patient, kinds: Collection[str], *, session: SessionBase, by: User, at: datetime
) -> tuple[ConsentSitting, str]:
    """Give the tablet to a patient with these questions, lock the session it runs in, and return the page's token.

    One that is still out for the patient is taken back. Raises NotAllowed, ArchivedRecord and DomainError.
    """
    permissions.check_can_record_consent(by, patient)
    asked = [kind for kind in Consent.Kind.values if kind in kinds]
    if not asked or set(kinds) - set(asked):
        raise DomainError("Choose what the patient is asked.", code="unknown_kind")
    if not session.session_key:
        raise DomainError("Sign in on the tablet first.", code="no_session")
    token, token_hash = new_token()
    with unit_of_work():
        locked = Patient.objects.select_for_update().get(pk=patient.pk)
        permissions.check_is_in_use(locked, before="you change it")
        for earlier in ConsentSitting.objects.filter(patient=patient, status=Status.OPEN):
            _end(earlier, Status.TAKEN_BACK, at=at)
        sitting = ConsentSitting.objects.create(
            patient=patient,
            kinds=asked,
            token_hash=token_hash,
            session_hash=hash_token(session.session_key),
            language=consent_wording.reading_language(patient),
            handed_by=by,
            expires_at=at + SITTING_LASTS,
        )
        detail = {"verb": "hand_over", "kinds": asked}
        record(Action.CONSENT, by=by, target=sitting, patient_id=patient.pk, detail=detail)
    locking.lock(session, at=at)
    return sitting, token


def find_sitting(token: str, *, session: SessionBase, at: datetime) -> ConsentSitting:
    """Return what a token stands for in the locked session it was made in. Raises TabletGone."""
    rows = ConsentSitting.objects.select_related("patient", "handed_by")
    sitting = rows.filter(token_hash=hash_token(token)).first()
    if (
        sitting is None
        or sitting.session_hash != hash_token(session.session_key or "")
        or not locking.is_locked(session, at=at)
        or not (sitting.is_open_at(at) or sitting.status == Status.ANSWERED)
        or sitting.expires_at <= at
    ):
        raise TabletGone
    return sitting


def read_sitting(row: ConsentSitting, *, at: datetime) -> Sitting:
    """Return what the page shows of an open sitting."""
    texts = consent_wording.texts_for(row.language, at=at)
    return Sitting(row, row.language, [texts[kind] for kind in row.kinds], is_minor(row.patient, at=at))


def keep_draft(sitting: ConsentSitting, sent: Mapping[str, Any], *, at: datetime) -> None:
    """Keep what was ticked, written and drawn so far, and the language; unreadable parts are left out."""
    if not sitting.is_open_at(at):
        raise TabletGone
    draft = _clean(sitting, sent)
    language = sent.get("language", "")
    sitting.language = language if language in CODES else sitting.language
    sitting.draft = draft
    sitting.save(update_fields=["draft", "language", "updated_at"])


def answer_sitting(sitting: ConsentSitting, sent: Mapping[str, Any], *, at: datetime) -> list[Consent]:
    """Store the answers and close the page. Raises Unfinished, TabletGone and what `answer_on_tablet` raises."""
    draft = _clean(sitting, sent)
    _check_finished(sitting, draft, at=at)
    given = Given(
        language=sitting.language,
        signer_name=draft["signer"] if draft["relation"] else "",
        signer_relation=draft["relation"],
        interpreter=draft["interpreter"],
    )
    with unit_of_work():
        try:
            _end(sitting, Status.ANSWERED, at=at)
        except InvalidTransition as error:
            raise TabletGone from error
        return [
            consents.answer_on_tablet(
                sitting.patient,
                kind,
                agreed=draft["answers"][kind] == "yes",
                by=sitting.handed_by,
                at=at,
                given=given,
                strokes=[] if draft["types"] else draft["strokes"],
                typed_name=draft["name"] if draft["types"] else "",
            )
            for kind in sitting.kinds
        ]


def expire_sittings(at: datetime) -> int:
    """End what nobody answered in time; return how many. A sweep runs it."""
    ended = 0
    for sitting in ConsentSitting.objects.filter(status=Status.OPEN, expires_at__lte=at):
        try:
            _end(sitting, Status.EXPIRED, at=at)
        except InvalidTransition:
            continue  # answered meanwhile
        ended += 1
    return ended


def _end(sitting: ConsentSitting, to: str, *, at: datetime) -> None:
    advance(sitting, to, at=at, ended_at=at, draft={})


def _clean(sitting: ConsentSitting, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a sent form: answers to what was asked, short words, and a drawing that can be read."""
    draft: dict[str, Any] = {name: " ".join(str(sent.get(name, "")).split())[:LONGEST_NAME] for name in TYPED}
    if draft["relation"] not in Consent.Relation.values:
        draft["relation"] = ""
    answers = {kind: sent.get(f"answer_{kind}") for kind in sitting.kinds}
    draft["answers"] = {kind: answer for kind, answer in answers.items() if answer in ("yes", "no")}
    draft["types"] = bool(sent.get("types"))
    try:
        draft["strokes"] = signatures.read_strokes(sent.get("strokes") or [])
    except signatures.UnusableSignature:
        draft["strokes"] = []
    return draft


def _check_finished(sitting: ConsentSitting, draft: Mapping[str, Any], *, at: datetime) -> None:
    """Raise Unfinished unless every question is answered, and a yes signed by whoever may give it."""
    missing = [kind for kind in sitting.kinds if kind not in draft["answers"]]
    if "yes" in draft["answers"].values():
        is_signed = draft["name"] if draft["types"] else signatures.is_drawn(draft["strokes"])
        if not is_signed:
            missing.append("signature")
        if not draft["relation"] and is_minor(sitting.patient, at=at):
            missing.append("relation")
    if draft["relation"] and not draft["signer"]:
        missing.append("signer")
    if missing:
        raise Unfinished(missing)
