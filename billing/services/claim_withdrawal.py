"""Take back what is claimed from an insurer."""

from datetime import datetime

from billing.models import Bill, Claim
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.transitions import advance

Status = Claim.Status
WITHDRAWABLE = (Status.PREPARED, Status.SENT, Status.ACCEPTED)


def withdraw_live_claims(bill: Bill, *, by: User, at: datetime) -> None:
    """Withdraw the claim of a bill that is called off or paid back; one the insurer has answered stays as it is.

    The caller holds the bill's row lock and has the unit of work open.
    """
    for claim in Claim.objects.select_for_update().filter(bill=bill, status__in=WITHDRAWABLE):
        advance_to_withdrawn(claim, by=by, at=at, because="bill_closed")


def advance_to_withdrawn(claim: Claim, *, by: User, at: datetime, because: str) -> None:
    """Withdraw one claim whose row the caller has locked; `because` is a word for the trail."""
    advance(claim, Status.WITHDRAWN, at=at, withdrawn_at=at)
    audit.record(
        Action.UPDATE,
        by=by,
        target=claim,
        patient_id=claim.bill.patient_id,
        detail={"verb": "withdraw", "because": because},
    )
