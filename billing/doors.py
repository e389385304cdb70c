"""What the pages of bills share: who may open which one."""

from uuid import UUID

from django.shortcuts import get_object_or_404

from billing import queries
from billing.models import Bill
from synapse.accounts.models import User


def get_bill(user: User, pk: UUID) -> Bill:
    """Return a bill this person may see. Raises Http404."""
    return get_object_or_404(queries.list_bills(user), pk=pk)
