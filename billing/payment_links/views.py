"""Make and withdraw the payment link of a bill, and take what its provider reports."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.doors import get_bill
from billing.models import PaymentLink
from billing.payment_links import open_links
from billing.payment_links.providers import get_provider
from billing.payment_links.providers.base import BadEvent
from billing.services import payment_links
from synapse.accounts import throttle
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit import context
from synapse.links.headers import make_private
from synapse.web.http import ClinicRequest

THROTTLE_PURPOSE = "payment_event"
LONGEST_EVENT = 65536


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def make(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Make a link for what the patient owes."""
    bill = get_bill(request.user, pk)
    try:
        payment_links.create_link(bill, by=request.user, at=timezone.now())
    except payment_links.ProviderTrouble as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The payment link is ready.")
    return redirect("billing:detail", bill.pk)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def withdraw(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Withdraw the open link."""
    bill = get_bill(request.user, pk)
    link = open_links.open_link(bill)
    if link is not None:
        try:
            link = payment_links.withdraw_link(link, by=request.user, at=timezone.now())
        except payment_links.ProviderTrouble as error:
            messages.error(request, str(error))
        else:
            was_paid = link.status == PaymentLink.Status.PAID
            messages.success(request, "The link was paid meanwhile." if was_paid else "The link is withdrawn.")
    return redirect("billing:detail", bill.pk)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def settle(request: ClinicRequest, pk: UUID, link_pk: UUID) -> HttpResponse:
    """Note that somebody has looked at what was reported."""
    bill = get_bill(request.user, pk)
    link = get_object_or_404(PaymentLink.objects.select_related("bill"), pk=link_pk, bill=bill)
    payment_links.settle_problem(link, by=request.user, at=timezone.now())
    return redirect("billing:detail", bill.pk)


# The signature is the key: there is no session and so no request to forge.
@csrf_exempt
@login_not_required
@require_POST
def event(request: HttpRequest, provider: str) -> HttpResponse:
    """Take what the provider reports about a link; the answer says nothing but whether it was understood."""
    now, address = timezone.now(), context.current().ip
    try:
        adapter = get_provider(provider)
        throttle.check_may_try(THROTTLE_PURPOSE, provider, address, at=now)
    except LookupError:
        return _answer(404)
    except throttle.TooManyTries:
        return _answer(429)
    if int(request.headers.get("Content-Length") or 0) > LONGEST_EVENT:
        return _answer(413)
    body = request.read(LONGEST_EVENT + 1)
    if len(body) > LONGEST_EVENT:
        return _answer(413)
    try:
        found = adapter.read_event(request.headers, body, at=now)
        payment_links.take_event(found, provider=adapter.name, at=now)
    except BadEvent as error:
        if error.code == "unreadable":
            return _answer(400)
        throttle.count_failure(THROTTLE_PURPOSE, provider, address, at=now)
        return _answer(401)
    except payment_links.UnknownLink:
        # The provider tries again: a link may be paid before its reference is stored.
        return _answer(404)
    return _answer(204)


def _answer(status: int) -> HttpResponse:
    return make_private(HttpResponse(status=status))
