"""Which bills can be claimed from an insurer, and why not."""

from billing.codes.lookup import is_procedure
from billing.errors import NotClaimable
from billing.models import Bill, Claim, Payer
from billing.services.payers import find_payer

Status = Bill.Status


def check_can_claim(bill: Bill) -> None:
    """Raise NotClaimable, with what to do, unless a claim may be made of this bill."""
    if bill.purpose != Bill.Purpose.VISIT:
        raise NotClaimable("A fee for a late cancellation or a missed visit is never claimed from an insurer.")
    if bill.status == Status.PENDING:
        raise NotClaimable("Issue the bill first: a claim asks for what was charged.")
    if bill.is_closed:
        raise NotClaimable(f"This bill is {bill.get_status_display().lower()}. Nothing is claimed for it.")
    if bill.codes_confirmed_at is None:
        raise NotClaimable("The clinician has not confirmed the codes of this bill yet.")
    if not bill.primary_diagnosis_code:
        raise NotClaimable("The bill has no diagnosis. An insurer asks for one.")
    if not any(is_procedure(line.get("cpt_code", "")) for line in bill.line_items):
        raise NotClaimable("No line of this bill has a procedure code.")
    if not insurer_of(bill):
        raise NotClaimable("No insurer is on the patient's record. Enter the policy there first.")


def why_not_claimed(bill: Bill) -> str:
    """Return what keeps a bill from being claimed; nothing when it may be."""
    try:
        check_can_claim(bill)
    except NotClaimable as error:
        return str(error)
    return ""


def insurer_of(bill: Bill) -> str:
    """Return the insurer's name in the words of the bill, else of the patient's record."""
    return bill.insurance_provider or bill.patient.kept_record.insurance_provider


def payer_of(bill: Bill) -> Payer | None:
    """Return the insurer claims of this bill go to; None while its name is no insurer of the clinic's."""
    return find_payer(insurer_of(bill))


def live_claim_of(bill: Bill) -> Claim | None:
    return bill.claims.filter(status__in=Claim.LIVE).select_related("payer").first()


def last_claim_of(bill: Bill) -> Claim | None:
    """Return the claim that says how things stand with the insurer: the latest one."""
    return bill.claims.select_related("payer", "replaces", "payment").order_by("-created_at", "-control_number").first()
