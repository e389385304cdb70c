"""The pages of one's own webhooks: make, look, test, renew the secret, send again, switch off, delete."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts.step_up import fresh_proof_required
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page
from synapse.webhooks import services
from synapse.webhooks.addresses import BadAddress
from synapse.webhooks.forms import EndpointForm
from synapse.webhooks.kinds import Kind
from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint

A_PAGE = 20
ALL = "all"
SHOWN = [(ALL, "All"), *WebhookDelivery.Status.choices]


@require_GET
def endpoints(request: ClinicRequest) -> HttpResponse:
    """List one's webhooks."""
    rows = WebhookEndpoint.objects.visible_to(request.user).order_by("created_at")
    return render_page(request, "webhooks/list.html", {"endpoints": [(row, _words(row.kinds)) for row in rows]})


@require_http_methods(["GET", "POST"])
@fresh_proof_required
@sensitive_variables("secret")
def add(request: ClinicRequest) -> HttpResponse:
    """Make a webhook and show its secret, this once."""
    form = EndpointForm(request.POST or None, user=request.user)
    if form.is_valid():
        try:
            endpoint, secret = services.create_endpoint(**form.cleaned_data, by=request.user, at=timezone.now())
        except BadAddress as error:
            form.add_error("url", str(error))
        except Conflict as error:
            form.add_error(None, str(error))
        else:
            return _show_secret(request, endpoint, secret, is_new=True)
    return render_page(request, "webhooks/add.html", form=form)


@require_http_methods(["GET", "POST"])
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show a webhook with its last deliveries, and change it."""
    endpoint = _own(request, pk)
    now = {"url": endpoint.url, "description": endpoint.description, "kinds": endpoint.kinds}
    form = EndpointForm(request.POST or None, initial=now, user=request.user)
    if form.is_valid():
        try:
            services.update_endpoint(endpoint, **form.cleaned_data, by=request.user, at=timezone.now())
        except BadAddress as error:
            form.add_error("url", str(error))
        else:
            messages.success(request, "Saved.")
            return redirect("webhooks:detail", endpoint.pk)
    show = request.GET.get("show", ALL)
    deliveries = endpoint.deliveries.select_related("event").order_by("-created_at")
    if show in WebhookDelivery.Status.values:
        deliveries = deliveries.filter(status=show)
    context = {
        "endpoint": endpoint,
        "page": Paginator(deliveries, A_PAGE).get_page(request.GET.get("page")),
        "show": show,
        "shown": SHOWN,
        "dead": endpoint.deliveries.filter(status=WebhookDelivery.Status.DEAD).count(),
    }
    return render_page(request, "webhooks/detail.html", context, form=form)


@require_POST
@fresh_proof_required
@sensitive_variables("secret")
def rotate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Renew the secret and show the new one, this once."""
    endpoint = _own(request, pk)
    secret = services.rotate_secret(endpoint, by=request.user, at=timezone.now())
    return _show_secret(request, endpoint, secret, is_new=False)


@require_POST
def ping(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Send a test event."""
    services.ping(_own(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "A test event is on its way. Reload the page to see whether it was taken.")
    return redirect("webhooks:detail", pk)


@require_POST
def switch(request: ClinicRequest, pk: UUID, *, is_active: bool) -> HttpResponse:
    """Switch a webhook on or off."""
    services.update_endpoint(_own(request, pk), is_active=is_active, by=request.user, at=timezone.now())
    messages.success(request, "Switched on." if is_active else "Switched off. Nothing is sent to it.")
    return redirect("webhooks:detail", pk)


@require_POST
def delete(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Delete a webhook."""
    services.delete_endpoint(_own(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "Deleted. Nothing is sent to it any more.")
    return redirect("webhooks:list")


@require_POST
def replay(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Send one delivery again."""
    deliveries = WebhookDelivery.objects.visible_to(request.user).select_related("endpoint")
    delivery = services.replay(get_object_or_404(deliveries, pk=pk), by=request.user, at=timezone.now())
    messages.success(request, "It is sent again.")
    return redirect("webhooks:detail", delivery.endpoint_id)


@require_POST
def replay_dead(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Send everything again that was given up."""
    count = services.replay_dead(_own(request, pk), by=request.user, at=timezone.now())
    messages.success(request, f"{count} event{'' if count == 1 else 's'} sent again.")
    return redirect("webhooks:detail", pk)


def _own(request: ClinicRequest, pk: UUID) -> WebhookEndpoint:
    return get_object_or_404(WebhookEndpoint.objects.visible_to(request.user), pk=pk)


def _words(kinds: list[str]) -> str:
    """Return the kinds as the end of a sentence."""
    words = [Kind(kind).label for kind in kinds if kind in Kind.values]
    return ", ".join(word[0].lower() + word[1:] for word in words)


def _show_secret(request: ClinicRequest, endpoint: WebhookEndpoint, secret: str, *, is_new: bool) -> HttpResponse:
    title = "Webhook added" if is_new else "New secret"
    context = {"endpoint": endpoint, "secret": secret, "is_new": is_new, "title": title}
    response = render_page(request, "webhooks/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response
