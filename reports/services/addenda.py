"""Addenda: a text added after a report was signed, drafted, saved as it is typed, signed; the report stays as it is."""

from datetime import datetime

from django.db.models import Max

from reports import permissions
from reports.models import Addendum, Report, SealEntry
from reports.sealing import signing
from reports.sealing.signing import Facts
from reports.services import chaining
from reports.services.reauthentication import PasswordNotChecked
from reports.services.store import StaleRevision
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.transitions import advance

LONGEST_ADDENDUM = 10_000  # characters


class UnusableAddendum(DomainError):
    """An addendum without words, or with far too many."""

    code = "unusable_addendum"


class AddendumSigned(Conflict):
    """A signed addendum does not change."""

    code = "addendum_signed"

    def __init__(self) -> None:
        super().__init__("This addendum is signed and does not change. Write another one.")


def open_addendum(report: Report, *, by: User, at: datetime) -> Addendum:
    """Return this person's draft of an addendum to a signed report, begun now when there is none.

    Raises NotAllowed, Conflict and SealBroken.
    """
    with unit_of_work():
        report = Report.objects.select_for_update(of=("self",)).select_related("session").get(pk=report.pk)
        permissions.check_can_add(by, report)
        permissions.check_is_whole(report)
        draft = report.addenda.filter(author=by, status=Addendum.Status.DRAFT).first()
        if draft is not None:
            return draft
        last = report.addenda.aggregate(last=Max("number"))["last"] or 0
        draft = Addendum.objects.create(report=report, number=last + 1, author=by)
        _record(Action.CREATE, draft, by=by)
    return draft


def save_addendum(addendum: Addendum, text: str, *, by: User, at: datetime, revision: int | None = None) -> Addendum:
    """Store the draft as typed so far. Raises NotAllowed, AddendumSigned, StaleRevision and UnusableAddendum.

    `revision` is the one the text is based on; None takes any.
    """
    text = _cleaned(text)
    with unit_of_work():
        draft = _open_draft(addendum, by=by, revision=revision)
        if text != draft.text:
            draft.text = text
            draft.revision += 1
            draft.save(update_fields=["text", "revision", "updated_at"])
            _record(Action.UPDATE, draft, by=by, verb="save_addendum")
    return draft


def discard_addendum(addendum: Addendum, *, by: User, at: datetime) -> None:
    """Throw a draft away. Raises NotAllowed and AddendumSigned."""
    with unit_of_work():
        draft = _open_draft(addendum, by=by, revision=None)
        _record(Action.DELETE, draft, by=by)
        draft.delete()


def sign_addendum(
    addendum: Addendum, text: str, *, by: User, at: datetime, password_checked: bool, revision: int | None = None
) -> Addendum:
    """Seal an addendum with the words its author sees and give it its place in the patient's chain.

    `password_checked` says that `check_signing_password` passed in this request. Raises NotAllowed, Conflict,
    SealBroken, StaleRevision and UnusableAddendum.
    """
    if not password_checked:
        raise PasswordNotChecked
    text = _cleaned(text)
    if not text:
        raise UnusableAddendum("Write the addendum before you sign it.")
    with unit_of_work():
        report = Report.objects.select_for_update(of=("self",)).select_related("session").get(pk=addendum.report_id)
        draft = _open_draft(addendum, by=by, revision=revision)
        permissions.check_can_add(by, report)
        permissions.check_is_whole(report)
        draft.report = report
        draft.text = text
        draft.number = _take_number(draft)
        place = chaining.next_place(report.session.patient_id)
        facts = Facts(SealEntry.Kind.ADDENDUM, draft.pk, signing.digest_of(draft, place), by.pk, at)
        advance(
            draft,
            Addendum.Status.SIGNED,
            at=at,
            text=text,
            number=draft.number,
            signed_at=at,
            content_hash=facts.digest,
            signature=signing.make_signature(facts),
        )
        chaining.add_entry(draft, facts, place, by=by, at=at)
    return draft


def _open_draft(addendum: Addendum, *, by: User, revision: int | None) -> Addendum:
    """Return the draft as stored now, locked; its author alone changes it."""
    locked = Addendum.objects.select_for_update(of=("self",)).select_related("report__session", "author")
    draft = locked.get(pk=addendum.pk)
    permissions.check_can_write(by)
    if draft.author_id != by.pk:
        raise NotAllowed("Only its author changes an addendum.")
    if draft.is_signed:
        raise AddendumSigned
    if revision is not None and draft.revision != revision:
        raise StaleRevision
    return draft


def _take_number(draft: Addendum) -> int:
    """Return the next number of the signed ones; a colleague's draft that has it gets one behind them all."""
    siblings = draft.report.addenda.exclude(pk=draft.pk)
    number = siblings.signed().count() + 1
    last = max(draft.number, siblings.aggregate(last=Max("number"))["last"] or 0)
    siblings.filter(number=number).update(number=last + 1)
    return number


def _cleaned(text: str) -> str:
    """Return a text with its paragraphs kept; raise UnusableAddendum."""
    cleaned = "\n".join(line.rstrip() for line in text.splitlines()).strip()
    if len(cleaned) > LONGEST_ADDENDUM:
        raise UnusableAddendum(f"An addendum has at most {LONGEST_ADDENDUM} characters. Amend the report instead.")
    return cleaned


def _record(action: Action, draft: Addendum, *, by: User, verb: str = "") -> None:
    detail = {"report": str(draft.report_id)} | ({"verb": verb} if verb else {})
    record(action, by=by, target=draft, patient_id=draft.report.session.patient_id, detail=detail)
