"""What left as claims, for the account of a patient."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from billing.models import Claim
from synapse.audit.disclosures import Disclosure


def sent_claims(patient_ids: set[UUID], since: datetime) -> Iterable[Disclosure]:
    """Yield the claims that went to insurers."""
    claims = Claim.objects.filter(bill__patient__in=patient_ids, sent_at__gte=since)
    for claim in claims.select_related("payer", "bill", "prepared_by"):
        assert claim.sent_at is not None  # chosen by it
        yield Disclosure(
            at=claim.sent_at,
            recipient=claim.payer.name,
            address=claim.payer.address,
            what=f"Claim {claim.control_number} for {claim.bill.bill_number}: dates, services, diagnosis codes",
            purpose=f"Payment ({claim.get_sent_via_display()})" if claim.sent_via else "Payment",
            by=claim.prepared_by.display_name,
        )
