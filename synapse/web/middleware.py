"""What every page answer gets: headers, broken rules as messages, redirects that htmx can follow."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from synapse.audit.services import record_denial
from synapse.common.errors import DomainError, NotAllowed
from synapse.web import counts
from synapse.web.errors import layout_for

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PERMISSIONS_POLICY = ", ".join(
    ["microphone=(self)", "screen-wake-lock=(self)"]
    + [f"{name}=()" for name in ("camera", "geolocation", "payment", "usb", "display-capture", "browsing-topics")]
)


class PageMiddleware:
    """Finish the answers of HTML views.

    - Signed-in answers are never stored by a browser or a proxy.
    - A DomainError that leaves a view becomes a sentence: a toast for htmx, otherwise a message on the page before.
    - An htmx request that is answered with a redirect loads the new page instead of swapping it into a fragment; a
      session that ended leads to sign-in and back to the page, not to the fragment's address.
    - Messages added during an htmx request travel as toasts.
    - What a person changed makes the numbers in their rail old.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # Asking request.user would touch the database, which a health check or a failing page must not do.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        did_change = request.method not in SAFE_METHODS and response.status_code < 400
        if did_change and (user_id := request.session.get(SESSION_KEY)):
            counts.outdate(user_id)
        if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
            response = _for_htmx(request, response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a broken rule with its sentence; other errors go on to the error pages."""
        if not isinstance(error, DomainError):
            return None
        if isinstance(error, NotAllowed):
            record_denial(request, reason=error.code)
        if request.htmx:  # type: ignore[attr-defined]
            response = HttpResponse(status=error.status)
            return trigger_client_event(response, "synapse:toast", {"text": str(error), "kind": "bad"})
        template = "403.html" if error.status == 403 else "409.html"
        context = {"message": str(error), "back": _page_before(request), "layout": layout_for(request)}
        return render(request, template, context, status=error.status)


def _for_htmx(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if isinstance(response, HttpResponseRedirectBase):
        target = response.url
        sign_in = resolve_url(settings.LOGIN_URL)
        if target.split("?")[0] == sign_in:
            page = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
            target = f"{sign_in}?{urlencode({'next': page})}"
        redirect = HttpResponseClientRedirect(target)
        redirect.cookies = response.cookies
        redirect["Cache-Control"] = "no-store"
        return redirect
    if "HX-Redirect" in response or "HX-Refresh" in response:
        return response
    # One event carries one toast; several messages are joined, since HX-Trigger holds each event name once.
    queued = list(messages.get_messages(request))
    if queued and "synapse:toast" not in response.get("HX-Trigger", ""):
        is_bad = any(message.level >= messages.ERROR for message in queued)
        text = " ".join(str(message) for message in queued)
        trigger_client_event(response, "synapse:toast", {"text": text, "kind": "bad" if is_bad else ""})
    return response


def _page_before(request: HttpRequest) -> str:
    """Return the page the user came from when it is one of ours, else home."""
    referer = request.META.get("HTTP_REFERER", "")
    is_own = url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure())
    return referer if referer and is_own else "/"
