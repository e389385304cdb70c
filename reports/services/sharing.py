"""Giving a signed report, or its summary, to somebody outside: links that expire, are counted and can be ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F, QuerySet
from django.urls import reverse

from patients.models import Consent, Patient
from patients.queries import has_live_consent
from reports import permissions
from reports.models import PatientSummary, Report, ReportShare, ShareOpening
from reports.services.sealing import require_whole
from synapse.accounts.models import User
from synapse.audit import context
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError
from synapse.links.errors import LinkGone, WrongPin
from synapse.links.tokens import hash_token, new_token

SHORTEST_HOURS = 1
LONGEST_HOURS = 30 * 24
MOST_USES = 20
MOST_WRONG_PINS = 5
SHORTEST_PIN = 6
LONGEST_PIN = 32
LONGEST_DEVICE = 120
LONGEST_SHARE_REASON = 300

Audience = ReportShare.Audience
DocumentKind = ReportShare.Document


class UnusableShare(DomainError):
    """What was asked for cannot be shared like this; `field` names what to change."""

    code = "unusable_share"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class NewShare:
    """A new link and the one time its path is known."""

    share: ReportShare
    path: str


def share_report(
    report: Report,
    *,
    audience: str,
    document: str,
    email: str,
    expires_in_hours: int,
    by: User,
    at: datetime,
    uses: int = 1,
    pin: str = "",
    reason: str = "",
) -> NewShare:
    """Make a link to a signed report or its ticked summary; the path is known only now.

    A provider gets it with the patient's live consent to sharing, or with a reason written down. Raises NotAllowed,
    Conflict, SealBroken and UnusableShare.
    """
    email = email.strip()
    reason = " ".join(reason.split())
    permissions.check_can_share(by, report)
    require_whole(report, by=by)
    _check_terms(audience, document, email, expires_in_hours, uses, pin)
    pin_hash = make_password(pin) if pin else ""  # slow on purpose: before the lock
    token, token_hash = new_token()
    patient_id = report.session.patient_id
    with unit_of_work():
        locked = Report.objects.select_for_update(of=("self",)).select_related("session__patient").get(pk=report.pk)
        if document == DocumentKind.SUMMARY:
            _check_summary(locked)
        has_consent = has_live_consent(patient_id, Consent.Kind.DATA_SHARING, at=at)
        if audience == Audience.PROVIDER and not has_consent and not reason:
            raise UnusableShare(
                "reason",
                "The patient has not agreed to sharing reports. Record the consent first, or say why you share it.",
            )
        share = ReportShare.objects.create(
            report=locked,
            audience=audience,
            document=document,
            email=email,
            token_hash=token_hash,
            pin_hash=pin_hash,
            reason="" if has_consent or audience == Audience.PATIENT else reason,
            expires_at=at + timedelta(hours=expires_in_hours),
            uses_left=uses,
            shared_by=by,
        )
        _remember(locked, share, at=at)
        detail = {
            "verb": "share",
            "share": str(share.pk),
            "with": audience,
            "document": document,
            "version": locked.version,
            "uses": uses,
            "hours": expires_in_hours,
            "pin": bool(pin),
            "consent": has_consent,
        }
        record(Action.SHARE, by=by, target=locked, patient_id=patient_id, detail=detail)
    report.shared_with = locked.shared_with
    return NewShare(share, reverse("shared:open", args=[token]))


def note_mailed(share: ReportShare, *, by: User, at: datetime) -> None:
    """Keep when the link was mailed."""
    with unit_of_work():
        ReportShare.objects.filter(pk=share.pk).update(mailed_at=at, updated_at=at)
        detail = {"verb": "mail", "share": str(share.pk)}
        record(Action.SHARE, by=by, target=share.report, patient_id=share.report.session.patient_id, detail=detail)
    share.mailed_at = at


def revoke_share(share: ReportShare, *, by: User, at: datetime) -> None:
    """End a link at once, also for who has just opened it; ending it twice changes nothing. Raises NotAllowed."""
    permissions.check_can_end_share(by)
    with unit_of_work():
        open_one = ReportShare.objects.filter(pk=share.pk, revoked_at=None)
        if open_one.update(revoked_at=at, revoked_by=by, updated_at=at):
            detail = {"verb": "revoke", "share": str(share.pk)}
            record(Action.SHARE, by=by, target=share.report, patient_id=share.report.session.patient_id, detail=detail)
    share.refresh_from_db()


def close_provider_links(patient: Patient, *, by: User | None, at: datetime) -> int:
    """End every link of a person's reports that rests on their consent to sharing; return how many.

    A link with a reason of its own did not rest on consent and stays; call it inside `unit_of_work()`.
    """
    rows = ReportShare.objects.filter(
        report__session__patient__in=patient.records(), audience=Audience.PROVIDER, revoked_at=None, expires_at__gt=at
    )
    closed = 0
    for share in rows.select_related("report"):
        if not share.reason and ReportShare.objects.filter(pk=share.pk, revoked_at=None).update(
            revoked_at=at, revoked_by=by, updated_at=at
        ):
            detail = {"verb": "revoke", "share": str(share.pk), "reason": "consent_withdrawn"}
            record(Action.SHARE, by=by, target=share.report, patient_id=patient.pk, detail=detail)
            closed += 1
    return closed


def find_share(token: str, *, at: datetime) -> ReportShare:
    """Return the link a token stands for while it can be opened. Raises LinkGone."""
    return _showable(_live(at).filter(token_hash=hash_token(token), wrong_pins__lt=MOST_WRONG_PINS).first())


def open_share(token: str, *, pin: str, device: str, at: datetime) -> ShareOpening:
    """Use a link up once and write down who opened it. Raises LinkGone and WrongPin."""
    share = find_share(token, at=at)
    if share.pin_hash:
        _check_pin(share, pin)
    with unit_of_work():
        if not _live(at).filter(pk=share.pk).update(uses_left=F("uses_left") - 1, updated_at=at):
            raise LinkGone  # somebody was faster, or it was ended in between
        opening = ShareOpening.objects.create(
            share=share, opened_at=at, device=device[:LONGEST_DEVICE], address=context.current().ip or ""
        )
        _record_disclosure(share, {"verb": "open", "opening": opening.pk})
    return opening


def opened_share(token: str, opening_id: str, *, verb: str) -> ReportShare:
    """Return what a browser opened a moment ago, for reading or downloading it. Raises LinkGone once it was ended."""
    opened = ShareOpening.objects.filter(pk=opening_id) if opening_id.isdigit() else ShareOpening.objects.none()
    found = (
        _with_report()
        .filter(token_hash=hash_token(token), openings__in=opened, revoked_at=None, report__erased_at=None)
        .first()
    )
    share = _showable(found)
    with unit_of_work():
        _record_disclosure(share, {"verb": verb, "opening": int(opening_id)})
    return share


def _showable(share: ReportShare | None) -> ReportShare:
    """Return the link when what it stands for may be shown now: ticked, and as it was signed."""
    if share is None or not permissions.is_document_ready(share):
        raise LinkGone
    try:
        require_whole(share.report, by=None)
    except permissions.SealBroken:
        raise LinkGone from None
    return share


def _with_report() -> QuerySet[ReportShare]:
    return ReportShare.objects.select_related(
        "report__session__patient", "report__session__doctor", "report__signed_by"
    )


def _live(at: datetime) -> QuerySet[ReportShare]:
    return _with_report().filter(revoked_at=None, expires_at__gt=at, uses_left__gt=0, report__erased_at=None)


def _check_pin(share: ReportShare, pin: str) -> None:
    """Count the try before it is judged, so that many at once are no more than five."""
    mine = ReportShare.objects.filter(pk=share.pk)
    if not mine.filter(wrong_pins__lt=MOST_WRONG_PINS).update(wrong_pins=F("wrong_pins") + 1):
        raise LinkGone
    if check_password(pin.strip(), share.pin_hash):
        mine.update(wrong_pins=0)
        return
    share.refresh_from_db(fields=["wrong_pins"])
    with unit_of_work():
        _record_disclosure(share, {"verb": "open", "reason": "wrong_pin"}, outcome=Outcome.DENIED)
    left = MOST_WRONG_PINS - share.wrong_pins
    if left <= 0:
        raise LinkGone
    raise WrongPin(left)


def _record_disclosure(share: ReportShare, detail: dict[str, object], outcome: Outcome = Outcome.ALLOWED) -> None:
    record(
        Action.SHARE,
        by=None,
        target=share.report,
        patient_id=share.report.session.patient_id,
        outcome=outcome,
        detail={"share": str(share.pk), "document": share.document, **detail},
    )


def _check_terms(audience: str, document: str, email: str, hours: int, uses: int, pin: str) -> None:
    if audience not in Audience.values:
        raise UnusableShare("with", "Say who it is for: the patient or a provider.")
    if document not in DocumentKind.values:
        raise UnusableShare("document", "Choose the report or its summary.")
    if audience == Audience.PROVIDER and document == DocumentKind.SUMMARY:
        raise UnusableShare("document", "The summary in plain words is for the patient. Share the report.")
    try:
        validate_email(email)
    except ValidationError:
        raise UnusableShare("email", "Enter the e-mail address of who receives it, like name@example.org.") from None
    if not SHORTEST_HOURS <= hours <= LONGEST_HOURS:
        raise UnusableShare("expires_in_hours", "A link lives for 1 hour to 30 days.")
    if not 1 <= uses <= MOST_USES:
        raise UnusableShare("uses", f"A link can be opened once, or up to {MOST_USES} times.")
    if pin and not SHORTEST_PIN <= len(pin) <= LONGEST_PIN:
        raise UnusableShare("pin", f"A PIN has {SHORTEST_PIN} to {LONGEST_PIN} characters.")


def _check_summary(report: Report) -> None:
    if not PatientSummary.objects.filter(report=report, ticked_at__isnull=False).exists():
        raise Conflict("Read the summary and tick it before you share it.", code="summary_not_ticked")


def _remember(report: Report, share: ReportShare, *, at: datetime) -> None:
    """Keep the list of recipients with the report."""
    entry = {
        "share": str(share.pk),
        "with": share.audience,
        "document": share.document,
        "email": share.email,
        "at": at.isoformat(),
    }
    report.shared_with = [*report.shared_with, entry]
    Report.objects.filter(pk=report.pk).update(shared_with=report.shared_with, updated_at=at)
