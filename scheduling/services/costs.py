"""What a visit is expected to cost."""

from decimal import Decimal

from synapse.common.errors import DomainError


class CopayTooHigh(DomainError):
    """The patient's part is more than the whole."""

    code = "copay_too_high"
    field = "copay_amount"

    def __init__(self) -> None:
        super().__init__("The patient cannot pay more than the visit costs.")


def check_costs(estimated_cost: Decimal | None, copay_amount: Decimal | None) -> None:
    """Raise CopayTooHigh unless the patient's part is within the cost, where both are known."""
    if estimated_cost is not None and copay_amount is not None and copay_amount > estimated_cost:
        raise CopayTooHigh
