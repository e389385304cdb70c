"""Make the files of claims, each a disclosure the trail keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing import permissions
from billing.claims import electronic
from billing.claims.x12 import X12Error
from billing.errors import ClaimIncomplete, NotClaimable
from billing.models import Claim
from billing.services.claim_rules import check_can_claim
from billing.services.claims import check_complete, record
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict, DomainError
from synapse.common.numbering import next_interchange_number

MOST_CLAIMS = 500


@dataclass(frozen=True)
class ClaimFile:
    """A file for a clearing house. Its name says nothing about anybody."""

    name: str
    content: bytes


def make_claim_file(claims: Sequence[Claim], *, by: User, at: datetime) -> ClaimFile:
    """Write claims that are prepared, or were sent, into one 837P file under a new control number.

    Raises ClaimIncomplete with what is missing, NotClaimable, Conflict for claims that are over, DomainError for none.
    """
    permissions.check_can_work_with_bills(by)
    if not 1 <= len(claims) <= MOST_CLAIMS:
        raise DomainError(f"Choose 1 to {MOST_CLAIMS} claims.", code="bad_choice")
    with unit_of_work():
        for claim in claims:
            if claim.status not in (Claim.Status.PREPARED, Claim.Status.SENT):
                words = claim.get_status_display().lower()
                raise Conflict(f"Claim {claim.control_number} is {words}. A file holds claims on their way.")
            try:
                check_can_claim(claim.bill)
            except NotClaimable as error:
                raise NotClaimable(f"Claim {claim.control_number}: {error}") from None
            check_complete(claim, for_file=True)
        number = next_interchange_number()
        try:
            content = electronic.write_file(claims, control_number=number, at=at)
        except X12Error as error:
            raise ClaimIncomplete(str(error)) from None
        for claim in claims:
            record(claim, "file", by=by, action=Action.EXPORT, format="837p", interchange=f"{number:09d}")
    return ClaimFile(f"claims-{number:09d}.x12", content.encode("ascii"))
