"""Typed requests and the one way an HTML view answers."""

from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from synapse.accounts.models import User


class ClinicRequest(HttpRequest):
    """A request behind sign-in, with htmx's details."""

    user: User
    htmx: HtmxDetails


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    fragment: str | None = None,
    form: BaseForm | None = None,
    status: int | None = None,
) -> HttpResponse:
    """Render the page, or its fragment for an htmx request; 422 when the form was sent and is not valid.

    The form is added to the context as `form`. A request that restores history, or was boosted, gets the full page.
    """
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    context = dict(context or {})
    if form is not None:
        context.setdefault("form", form)
    if status is None:
        status = 422 if form is not None and form.is_bound and not form.is_valid() else 200
    context.setdefault("has_errors", status == 422)
    wants_fragment = fragment is not None and bool(htmx) and not htmx.boosted and not htmx.history_restore_request
    response = render(request, fragment if fragment and wants_fragment else template, context, status=status)
    if fragment is not None:
        patch_vary_headers(response, ("HX-Request",))
    return response


def next_page_of(request: HttpRequest) -> str:
    """Return the page of ours that the request names as `next`, else home."""
    return next_of(request) or resolve_url("dashboard:home")


def next_of(request: HttpRequest) -> str:
    """Return the page of ours that the request names as `next`, nothing without one.

    A word alone is none: `redirect` would take it for the name of a view, and fail when it is no view's.
    """
    target = request.POST.get("next") or request.GET.get("next") or ""
    is_address = target.startswith(("/", "http://", "https://"))
    is_own = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_address and is_own else ""
