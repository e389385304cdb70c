"""How a bill looks: what keeps it from being paid comes before its status, on its own page as in every list."""

from billing.models import Bill, Claim
from synapse.web.status import Look, look_of

AT_INSURER = Claim.WAITING


def look_of_bill(bill: Bill, *, is_at_insurer: bool) -> Look:
    """Return what keeps an open bill from being paid before its state: an insurer, a dispute, a collector."""
    if bill.status in Bill.OWING:
        if bill.collection_status == Bill.Collection.DISPUTED:
            return Look("warn", "message-2", "Disputed")
        if bill.collection_status == Bill.Collection.IN_COLLECTION:
            return Look("rec", "flag", "In collection")
        if is_at_insurer:
            return Look("", "building", "With insurer")
    return look_of(bill)


def is_at_insurer(bill: Bill) -> bool:
    """Tell whether an insurer has a claim of the bill and owes its answer or its money."""
    return bill.status in Bill.OWING and bill.claims.filter(status__in=AT_INSURER).exists()
