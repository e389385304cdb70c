"""Claim a bill from an insurer, and follow what comes of it."""

from datetime import date, datetime, time
from decimal import Decimal

from billing import permissions
from billing.claims import electronic
from billing.claims.boxes import REPLACEMENT, ClaimForm, load_form
from billing.claims.prefill import fill_empty_boxes, fill_form, follow_bill
from billing.errors import ClaimIncomplete
from billing.models import Bill, Claim, Payer
from billing.services.claim_rules import check_can_claim, live_claim_of, payer_of
from billing.services.claim_withdrawal import advance_to_withdrawn
from billing.services.rows import check_reason, lock
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError, InvalidTransition, NotAllowed
from synapse.common.numbering import next_claim_number
from synapse.common.transitions import advance

Status = Claim.Status


def prepare_claim(bill: Bill, *, by: User, at: datetime, payer: Payer | None = None) -> Claim:
    """Prepare the claim of an issued bill with its boxes filled in, or return the live one it has.

    Raises NotClaimable, and DomainError with the code `no_payer` when the clinic has no insurer of that name.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        lock(bill)
        live = live_claim_of(bill)
        if live is not None:
            return live
        check_can_claim(bill)
        payer = payer or payer_of(bill)
        if payer is None:
            raise DomainError(
                "This insurer is not on the clinic's list yet. Add it, then prepare the claim.", "no_payer"
            )
        if Claim.objects.filter(bill=bill, status=Status.DENIED, replaced_by=None).exists():
            raise Conflict("A claim of this bill was denied. Resubmit that one, so that the insurer can match them.")
        number = next_claim_number()
        form = fill_form(bill, payer, control_number=number)
        claim = _create(bill, payer, number, form, by=by)
        record(claim, "prepare", by=by, action=Action.CREATE)
    return claim


def edit_claim(claim: Claim, form: ClaimForm, *, by: User, at: datetime, seen_at: datetime | None = None) -> Claim:
    """Store the boxes of a claim that has not gone out.

    Diagnoses are the clinician's to change. Raises NotAllowed, and Conflict when it went out, or when somebody changed
    it after `seen_at`.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        _lock(claim)
        check_editable(claim)
        if seen_at is not None and claim.updated_at != seen_at:
            raise Conflict("Somebody else changed this claim in the meantime. Open it again, then make your change.")
        before = load_form(claim.form)
        if form.diagnoses != before.diagnoses and not can_change_diagnoses(by, claim):
            raise NotAllowed("The diagnoses are the clinician's to change.")
        _store(claim, form, at=at)
        changed = sorted(key for key in form.boxes.keys() | before.boxes.keys() if form.get(key) != before.get(key))
        record(claim, "edit", by=by, boxes=" ".join(changed))
    return claim


def fill_again(claim: Claim, *, by: User, at: datetime, replace_all: bool = False) -> Claim:
    """Fill empty boxes from the records as they are now, or all of them anew. Raises Conflict once it went out."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        _lock(claim)
        check_editable(claim)
        form = load_form(claim.form)
        fresh = fill_form(claim.bill, claim.payer, control_number=claim.control_number)
        if replace_all:
            for key in ("frequency", "original_reference"):
                fresh.boxes[key] = form.get(key)
            form = fresh
        else:
            fill_empty_boxes(form, fresh)
        _store(claim, form, at=at)
        record(claim, "fill", by=by)
    return claim


def mark_sent(claim: Claim, *, via: str, by: User, at: datetime, on: date | None = None) -> Claim:
    """Note that a claim went to the insurer on a day, and how.

    Raises ClaimIncomplete while boxes lack something, NotClaimable when the bill was called off since.
    """
    permissions.check_can_work_with_bills(by)
    clinic = ClinicSettings.load()
    if on is not None and on > clinic.date_of(at):
        raise DomainError("The day it was sent lies in the future.", code="bad_date")
    with audit.unit_of_work():
        _lock(claim)
        if claim.status == Status.SENT:
            return claim
        _check_not_paid(claim)
        check_can_claim(claim.bill)
        check_complete(claim, for_file=via == Claim.Via.FILE)
        sent_at = at
        if on is not None and on != clinic.date_of(at):
            sent_at = datetime.combine(on, time(12), tzinfo=clinic.zone)
        advance(claim, Status.SENT, at=at, sent_at=sent_at, sent_via=via)
        record(claim, "send", by=by, via=via)
    return claim


def mark_accepted(claim: Claim, *, claim_number: str, by: User, at: datetime) -> Claim:
    """Note that the insurer took the claim in, under its own number. Raises InvalidTransition."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        _lock(claim)
        number = claim_number.strip()
        if claim.status == Status.ACCEPTED and claim.claim_number == number:
            return claim
        if not number:
            raise DomainError("Enter the number the insurer gave the claim.", code="number_missing")
        _check_not_paid(claim)
        advance(claim, Status.ACCEPTED, at=at, accepted_at=at, claim_number=number)
        _number_on_bill(claim, number)
        record(claim, "accept", by=by)
    return claim


def mark_denied(claim: Claim, *, reason: str, by: User, at: datetime, claim_number: str = "") -> Claim:
    """Note that the insurer pays nothing for the claim, and why. Raises InvalidTransition, DomainError unexplained."""
    permissions.check_can_work_with_bills(by)
    reason = check_reason(reason)
    with audit.unit_of_work():
        _lock(claim)
        number = claim_number.strip() or claim.claim_number
        advance(claim, Status.DENIED, at=at, denied_at=at, denial_reason=reason, claim_number=number)
        _number_on_bill(claim, number)
        record(claim, "deny", by=by)
    return claim


def resubmit_claim(claim: Claim, *, by: User, at: datetime) -> Claim:
    """Prepare a claim that replaces a denied one, or return the one that does.

    It keeps the boxes and quotes the insurer's number of the denied one (resubmission code 7). Raises Conflict and
    NotClaimable.
    """
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        _lock(claim)
        successor = Claim.objects.filter(replaces=claim).first()
        if successor is not None:
            return successor
        if claim.status != Status.DENIED:
            raise Conflict("Only a denied claim is resubmitted.")
        if live_claim_of(claim.bill) is not None:
            raise Conflict("Another claim of this bill is open.")
        check_can_claim(claim.bill)
        number = next_claim_number()
        form = load_form(claim.form)
        follow_bill(form, fill_form(claim.bill, claim.payer, control_number=number))
        form.boxes |= {
            "frequency": REPLACEMENT,
            "original_reference": claim.claim_number,
            "account_number": number,
        }
        replacement = _create(claim.bill, claim.payer, number, form, by=by, replaces=claim)
        record(replacement, "resubmit", by=by, action=Action.CREATE, replaces=claim.control_number)
    return replacement


def withdraw_claim(claim: Claim, *, by: User, at: datetime) -> Claim:
    """Take back a claim the insurer has not answered for good. Raises InvalidTransition."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        _lock(claim)
        if claim.status == Status.WITHDRAWN:
            return claim
        advance_to_withdrawn(claim, by=by, at=at, because="by_hand")
    return claim


def check_editable(claim: Claim) -> None:
    """Raise Conflict once a claim has gone out."""
    if not claim.can_be_edited:
        raise Conflict("This claim has gone out. What was sent stays as it was sent.")


def check_complete(claim: Claim, *, for_file: bool) -> None:
    """Raise ClaimIncomplete, with the first thing to fill in, unless the claim may go out."""
    missing = electronic.missing_of(claim, for_file=for_file)
    if missing:
        more = f" {len(missing) - 1} more on the claim's page." if len(missing) > 1 else ""
        raise ClaimIncomplete(f"Claim {claim.control_number}, box {missing[0].box}: {missing[0].words}{more}")


def can_change_diagnoses(user: User, claim: Claim) -> bool:
    """Tell whether this person answers for the codes, as where they are confirmed."""
    return permissions.can_confirm_codes(user, claim.bill)


def record(claim: Claim, verb: str, *, by: User, action: Action = Action.UPDATE, **detail: str) -> None:
    """Write a claim's change to the audit trail."""
    audit.record(action, by=by, target=claim, patient_id=claim.bill.patient_id, detail={"verb": verb, **detail})


def _check_not_paid(claim: Claim) -> None:
    """Raise InvalidTransition for a claim the insurer has answered with money: only taking that back opens it again."""
    if claim.status == Status.PAID:
        raise InvalidTransition("This claim is paid. Reverse the insurer’s payment first, if it was recorded wrongly.")


def _create(
    bill: Bill, payer: Payer, number: str, form: ClaimForm, *, by: User, replaces: Claim | None = None
) -> Claim:
    claim = Claim(
        bill=bill,
        payer=payer,
        control_number=number,
        form=form.dump(),
        claimed_amount=Decimal(form.total),
        prepared_by=by,
        replaces=replaces,
    )
    claim.save(force_insert=True)
    return claim


def _store(claim: Claim, form: ClaimForm, *, at: datetime) -> None:
    claim.form = form.dump()
    claim.claimed_amount = form.total
    claim.updated_at = at
    claim.save(update_fields=["form", "claimed_amount", "updated_at"])


def _lock(claim: Claim) -> None:
    """Lock the bill's row, then the claim's, and read both again."""
    lock(claim.bill)
    bill = claim.bill
    claim.refresh_from_db(from_queryset=Claim.objects.select_for_update())
    claim.bill = bill


def _number_on_bill(claim: Claim, number: str) -> None:
    if number:
        claim.bill.insurance_claim_number = number
        claim.bill.save(update_fields=["insurance_claim_number"])
