"""Doors behind a link to a document about money: no account, no name; nothing is told before the button is pressed."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from billing.messages import link_pages
from billing.models import BillLink
from billing.phrases import words_for
from billing.services import links
from synapse.accounts import throttle
from synapse.accounts.models import ClinicSettings
from synapse.audit import context
from synapse.links import continuation
from synapse.links.errors import LinkGone
from synapse.links.headers import make_private
from synapse.links.tokens import hash_token
from synapse.web.http import render_page

THROTTLE_PURPOSE = "document_link"


# Nothing here rests on a cookie that a browser sends by itself, so there is no request to forge. And it could not be
# checked: a page that sends no referrer posts with the origin "null".
@csrf_exempt
@login_not_required
@sensitive_variables("token")
@require_http_methods(["GET", "POST"])
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button; only pressing it opens the document (mail scanners open links)."""
    now = timezone.now()
    name, address = hash_token(token), context.current().ip
    try:
        throttle.check_may_try(THROTTLE_PURPOSE, name, address, at=now)
        link = links.open_link(token, at=now) if request.method == "POST" else links.find_link(token, at=now)
    except LinkGone:
        if _is_open_here(request, token):
            return make_private(redirect("document:read", token=token))
        throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
        return _gone(request)
    except throttle.TooManyTries:
        return _gone(request, text="wait", status=429)
    if request.method == "POST":
        response = redirect("document:read", token=token)
        path = reverse("document:open", args=[token])
        continuation.grant(response, str(link.pk), path=path, secure=settings.SESSION_COOKIE_SECURE)
        return make_private(response)
    clinic = ClinicSettings.load()
    # Who opens the link may be a scanner or a stranger: the clinic's language, not the patient's.
    words = words_for("", clinic.language)
    data = _data(clinic, words.code) | {"closed": words.page["closed"].format(clinic=clinic.name)}
    return make_private(render_page(request, "billing/links/open.html", data))


@login_not_required
@sensitive_variables("token")
@require_GET
def read(request: HttpRequest, token: str) -> HttpResponse:
    """Show what was opened in this browser a moment ago."""
    try:
        link = _opened(request, token, verb="read")
    except LinkGone:
        return _gone(request)
    page = link_pages.page_of(link, at=timezone.now())
    data = {
        "token": token,
        "page": page,
        "words": page.words.page,
        "lang": page.words.code,
        "clinic": page.clinic,
        "phone": page.phone,
    }
    return make_private(render_page(request, "billing/links/read.html", data))


@login_not_required
@sensitive_variables("token")
@require_GET
def download(request: HttpRequest, token: str) -> HttpResponse:
    """Hand over what was opened in this browser a moment ago, as a PDF."""
    try:
        link = _opened(request, token, verb="download")
    except LinkGone:
        return _gone(request)
    name, content = link_pages.file_of(link, at=timezone.now())
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return make_private(response)


def _opened(request: HttpRequest, token: str, *, verb: str) -> BillLink:
    link_id = continuation.granted(request)
    if link_id is None:
        raise LinkGone
    return links.opened_link(token, link_id, verb=verb, at=timezone.now())


def _is_open_here(request: HttpRequest, token: str) -> bool:
    """Tell whether this browser used the link up less than ten minutes ago: a reload or a second press."""
    try:
        _opened(request, token, verb="read")
    except LinkGone:
        return False
    return True


def _gone(request: HttpRequest, *, text: str = "gone_text", status: int = 404) -> HttpResponse:
    """Answer for every link that opens nothing: ended, too old and made up look the same."""
    clinic = ClinicSettings.load()
    words = words_for("", clinic.language)
    data = _data(clinic, words.code) | {"text": words.page[text]}
    return make_private(render_page(request, "billing/links/gone.html", data, status=status))


def _data(clinic: ClinicSettings, code: str) -> dict[str, Any]:
    words = words_for(code, clinic.language)
    return {"clinic": clinic.name, "phone": clinic.phone, "words": words.page, "lang": words.code}
