"""Doors behind a share link, for people without an account. The link is the key: no session, no patient data before."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from reports import permissions, services
from reports.models import ReportShare
from reports.printing import exports, rendering
from reports.printing.printed import printed_report
from reports.sharing.forms import OpenForm
from reports.summaries.printed import printed_summary
from synapse.accounts import throttle
from synapse.accounts.models import ClinicSettings
from synapse.audit import context
from synapse.links import continuation
from synapse.links.devices import device_in_words
from synapse.links.headers import make_private
from synapse.links.tokens import hash_token
from synapse.web.http import render_page

THROTTLE_PURPOSE = "share_link"


# Nothing here rests on a cookie that a browser sends by itself, so there is no request to forge. And it could not be
# checked: a page that sends no referrer posts with the origin "null".
@csrf_exempt
@login_not_required
@sensitive_variables("token")
@sensitive_post_parameters("pin")
@require_http_methods(["GET", "POST"])
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button; only pressing it uses the link up (mail scanners open links)."""
    now = timezone.now()
    name, address = hash_token(token), context.current().ip
    try:
        throttle.check_may_try(THROTTLE_PURPOSE, name, address, at=now)
        share = services.find_share(token, at=now)
    except services.LinkGone:
        throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
        return gone(request)
    except throttle.TooManyTries as error:
        return gone(request, wait=str(error), status=429)
    form = OpenForm(request.POST if request.method == "POST" else None, needs_pin=bool(share.pin_hash))
    if form.is_valid():
        device = device_in_words(request.headers.get("User-Agent", ""))
        try:
            opening = services.open_share(token, pin=form.cleaned_data.get("pin", ""), device=device, at=now)
        except services.WrongPin as error:
            throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
            form.add_error("pin", str(error))
        except services.LinkGone:
            return gone(request)
        else:
            response = redirect("shared:read", token=token)
            path = reverse("shared:open", args=[token])
            continuation.grant(response, str(opening.pk), path=path, secure=settings.SESSION_COOKIE_SECURE)
            return make_private(response)
    data = {
        "clinic": ClinicSettings.load().name,
        "uses_left": share.uses_left,
        "until": rendering.moment(share.expires_at),
    }
    return make_private(render_page(request, "reports/shared/open.html", data, form=form))


@login_not_required
@sensitive_variables("token")
@require_GET
def read(request: HttpRequest, token: str) -> HttpResponse:
    """Show what was opened in this browser a moment ago."""
    try:
        share = _opened(request, token, verb="read")
    except services.LinkGone:
        return gone(request)
    data: dict[str, Any] = {"token": token, "has_newer_version": permissions.has_newer_signed_version(share.report)}
    if share.document == ReportShare.Document.SUMMARY:
        summary = printed_summary(share.report.patient_summary)
        data |= {"printed": summary, "clinic": summary.header.clinic}
        return make_private(render_page(request, "reports/shared/summary.html", data))
    printed = printed_report(share.report, timezone.now(), is_shared=True)
    data |= {"printed": printed, "clinic": printed.header.clinic}
    return make_private(render_page(request, "reports/shared/report.html", data))


@login_not_required
@sensitive_variables("token")
@require_GET
def download(request: HttpRequest, token: str) -> HttpResponse:
    """Hand over what was opened in this browser a moment ago, as a PDF."""
    try:
        share = _opened(request, token, verb="download")
    except services.LinkGone:
        return gone(request)
    document = exports.render_shared(share, at=timezone.now())
    response = HttpResponse(document.content, content_type=document.content_type)
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    return make_private(response)


def _opened(request: HttpRequest, token: str, *, verb: str) -> ReportShare:
    opening_id = continuation.granted(request)
    if opening_id is None:
        raise services.LinkGone
    return services.opened_share(token, opening_id, verb=verb)


def gone(request: HttpRequest, *, wait: str = "", status: int = 404) -> HttpResponse:
    """Answer for every link that opens nothing: used, ended, too old, locked and made up look the same."""
    clinic = ClinicSettings.load()
    data = {"clinic": clinic.name, "phone": clinic.phone, "wait": wait}
    return make_private(render_page(request, "reports/shared/gone.html", data, status=status))
