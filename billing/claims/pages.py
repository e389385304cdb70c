"""What the cards and pages of claims show, as plain rows."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.urls import reverse

from billing import permissions
from billing.claims import completeness, electronic, prefill
from billing.claims.boxes import load_form
from billing.claims.data_sheet import sheet_context
from billing.claims.superbill import why_left_out
from billing.ledger import owing
from billing.ledger.owing import Split
from billing.models import Bill, Claim
from billing.money import ZERO, format_money
from billing.services import claim_rules
from billing.services.insurance import Verified, verification_of
from synapse.accounts.models import User
from synapse.accounts.roles import Permission

Status = Claim.Status
BAR_WIDTH = 300
BAR_GAP = 2
SHOWN_OF_POLICY = 4
# What has become of a claim, in the words of the bill's card.
WORDS = {
    Status.PREPARED: "prepared, not sent yet",
    Status.SENT: "sent, no answer yet",
    Status.ACCEPTED: "accepted, not paid yet",
    Status.DENIED: "denied",
    Status.PAID: "paid",
    Status.TO_PATIENT: "answered with nothing, all of it is the patient's",
    Status.WITHDRAWN: "withdrawn",
}
CHIPS = {
    Verified.YES: ("ok", "shield-check"),
    Verified.AT_DESK: ("ok", "shield-check"),
    Verified.OTHER_POLICY: ("warn", "alert-triangle"),
    Verified.NO: ("", "shield-lock"),
}


@dataclass(frozen=True)
class Segment:
    """One part of the bar: whose money it is, how much, and where it is drawn."""

    name: str
    label: str
    amount: Decimal
    x: int
    width: int


@dataclass(frozen=True)
class Todo:
    """Something a claim lacks, with the address where it is filled in."""

    box: str
    words: str
    address: str
    link: str
    for_file: bool


def claim_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return what the card "Who pays" shows of a bill and offers to do."""
    claim = claim_rules.last_claim_of(bill)
    split = owing.split_one(bill)
    verification = verification_of(bill)
    payer = claim_rules.payer_of(bill)
    insurer = payer.name if payer else claim_rules.insurer_of(bill)
    may_work = user.may(Permission.RECORD_PAYMENTS)
    is_live = claim is not None and claim.is_live
    waits = claim is not None and claim.status == Status.DENIED
    why_not = "" if is_live or waits else claim_rules.why_not_claimed(bill)
    return {
        "claim": claim,
        "claim_words": _words_of(claim) if claim else "",
        "who_pays": bar_of(split, insurer),
        "who_pays_words": _words_of_bar(split, insurer, bill.currency),
        "insurer": insurer,
        "policy": masked(bill.insurance_policy_number or bill.patient.kept_record.insurance_policy_number),
        "covers": _covers(bill),
        "copay_words": _copay(bill, split),
        "verification": verification,
        "verification_look": CHIPS.get(verification.state),
        "can_verify": may_work and not bill.is_closed and bool(insurer) and verification.state != Verified.YES,
        "can_prepare_claim": may_work and not is_live and not waits and not why_not,
        "needs_payer": bool(insurer) and payer is None,
        "why_no_claim": why_not if insurer and not bill.is_closed else "",
        "diagnoses": [bill.primary_diagnosis_code, *bill.other_diagnosis_codes] if bill.primary_diagnosis_code else [],
        "can_superbill": not why_left_out(bill),
    }


def page_context(claim: Claim, user: User) -> dict[str, Any]:
    """Return what the page of one claim shows."""
    missing = electronic.missing_of(claim) if claim.can_be_edited or claim.status == Status.SENT else []
    may_work = user.may(Permission.RECORD_PAYMENTS)
    form = load_form(claim.form)
    successor = Claim.objects.filter(replaces=claim).first()
    todos = [_todo(each, claim, user) for each in missing]
    is_denied = claim.status == Status.DENIED
    return {
        "claim": claim,
        "bill": claim.bill,
        "form": form,
        "sheet": sheet_context(claim),
        "missing": [each for each in todos if not each.for_file],
        "missing_for_file": [each for each in todos if each.for_file],
        "left_off": prefill.left_off(claim.bill),
        "verification": verification_of(claim.bill),
        "successor": successor,
        "can_edit": may_work and claim.can_be_edited,
        "can_send": may_work and claim.can_be_edited and not any(not each.for_file for each in missing),
        "can_file": may_work and claim.status in (Status.PREPARED, Status.SENT) and not missing,
        "can_accept": may_work and claim.status == Status.SENT,
        "can_answer": may_work and claim.waits_for_insurer,
        "can_withdraw": may_work and claim.status in (Status.PREPARED, Status.SENT, Status.ACCEPTED),
        "can_take_back": may_work and claim.status == Status.TO_PATIENT and not claim.bill.is_closed,
        "can_resubmit": may_work and is_denied and successor is None,
    }


def bar_of(split: Split, insurer: str) -> list[Segment]:
    """Return the parts of the bar, each as wide as its share; parts of nothing are left out."""
    parts = [
        ("info", insurer or "Insurance", split.insurance),
        ("brand", "Paid by patient", split.patient_paid),
        ("warn", "Patient owes", split.patient_owes),
        ("line", "Written off", split.written_off),
    ]
    shown = [part for part in parts if part[2] > ZERO]
    whole = sum((amount for _, _, amount in shown), ZERO)
    room = BAR_WIDTH - BAR_GAP * max(0, len(shown) - 1)
    segments, x = [], 0
    for place, (name, label, amount) in enumerate(shown):
        is_last = place == len(shown) - 1
        width = BAR_WIDTH - x if is_last else max(1, int(room * amount / whole))
        segments.append(Segment(name, label, amount, x, width))
        x += width + BAR_GAP
    return segments


def masked(number: str) -> str:
    """Return a policy number with only its last letters to be read."""
    return f"••{number[-SHOWN_OF_POLICY:]}" if len(number) > SHOWN_OF_POLICY else number


def _words_of(claim: Claim) -> str:
    words = WORDS[Status(claim.status)]
    if claim.status == Status.PAID and claim.payment is not None:
        return f"paid {format_money(claim.payment.amount, claim.payment.currency)}"
    return words


def _words_of_bar(split: Split, insurer: str, currency: str) -> str:
    return ", ".join(f"{part.label} {format_money(part.amount, currency)}" for part in bar_of(split, insurer))


def _covers(bill: Bill) -> str:
    covered = bill.insurance_covered_amount
    if covered == ZERO and bill.deductible_amount:
        return f"Nothing of the bill, deductible {format_money(bill.deductible_amount, bill.currency)}"
    if not covered or not bill.total_amount:
        return ""
    words = f"{covered / bill.total_amount * 100:.0f}% of the bill, {format_money(covered, bill.currency)}"
    if bill.deductible_amount:
        return f"{words}, deductible {format_money(bill.deductible_amount, bill.currency)}"
    return words if bill.deductible_amount is None else f"{words}, the deductible is used up"


def _copay(bill: Bill, split: Split) -> str:
    if not bill.copay_amount:
        return ""
    words = format_money(bill.copay_amount, bill.currency)
    return f"{words}, taken at the desk" if split.patient_paid >= bill.copay_amount else f"{words}, not paid yet"


def _todo(missing: completeness.Missing, claim: Claim, user: User) -> Todo:
    """Return what is missing with a link to where this person fills it in; no link where somebody else has to."""
    address, link = "", ""
    if missing.where == completeness.FORM and missing.key:
        address, link = f"{reverse('billing:claim_edit', args=[claim.pk])}#id_{missing.key}", "Fill in the box"
    elif missing.where == completeness.PATIENT:
        address, link = reverse("patients:edit", args=[claim.bill.patient.kept_id]), "Open the patient's record"
    elif missing.where == completeness.BILL:
        address, link = reverse("billing:detail", args=[claim.bill_id]), "Open the bill"
    elif missing.where == completeness.PAYER:
        address, link = reverse("billing:payer", args=[claim.payer_id]), "Open the insurer"
    elif missing.where == completeness.PROFILE and user.pk == claim.bill.doctor_id:
        address, link = reverse("accounts:profile"), "Open your profile"
    elif missing.where == completeness.CLINIC and user.may(Permission.MANAGE_CLINIC):
        address, link = reverse("accounts:clinic"), "Open the clinic's settings"
    elif missing.where == completeness.SETTINGS and user.may(Permission.MANAGE_CLINIC):
        address, link = reverse("billing:billing_settings"), "Open the billing settings"
    if not address and missing.key and claim.can_be_edited:
        address, link = f"{reverse('billing:claim_edit', args=[claim.pk])}#id_{missing.key}", "Fill in the box"
    return Todo(missing.box, missing.words, address, link, missing.for_file)


def can_adjust(user: User, claim: Claim) -> bool:
    """Tell whether this person may take the agreed reduction off the bill."""
    return permissions.can_give_back(user, claim.bill)
