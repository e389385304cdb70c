"""What the pages of bills share: who may open which one, and where they lead back to."""

from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.http import url_has_allowed_host_and_scheme

from billing import queries
from billing.models import Bill
from synapse.accounts.models import User


def get_bill(user: User, pk: UUID) -> Bill:
    """Return a bill this person may see. Raises Http404."""
    return get_object_or_404(queries.list_bills(user), pk=pk)


def next_of(request: HttpRequest) -> str:
    """Return the page of ours the request names as `next`; nothing without one."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    allowed = {request.get_host()}
    return target if url_has_allowed_host_and_scheme(target, allowed, require_https=request.is_secure()) else ""
