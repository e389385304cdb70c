"""Doors of the idle lock: lock, say that somebody is there, unlock."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from synapse.accounts import locking, services
from synapse.accounts.decorators import open_while_locked
from synapse.accounts.forms import UnlockForm
from synapse.accounts.throttle import TooManyTries
from synapse.audit.context import current as request_origin
from synapse.web.http import ClinicRequest, next_page_of, render_page

View = Callable[..., HttpResponse]


@open_while_locked
@require_POST
def lock(request: ClinicRequest) -> HttpResponse:
    """Lock this browser's session at once."""
    locking.lock(request.session)
    return HttpResponse(status=204)


@require_POST
def active(request: ClinicRequest) -> HttpResponse:
    """Take a page's word that somebody types or points; a locked session never comes here."""
    locking.touch(request.session, at=timezone.now())
    return HttpResponse(status=204)


@open_while_locked
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def unlock(request: ClinicRequest) -> HttpResponse:
    """Ask for the password again; a script gets 204, a page goes on to where it was."""
    form = UnlockForm(request.POST or None)
    status = None
    if form.is_valid():
        try:
            services.check_still_there(
                request, form.cleaned_data["password"], address=request_origin().ip, at=timezone.now()
            )
        except (services.SignInRefused, TooManyTries) as error:
            form.add_error(
                "password", error.message if isinstance(error, TooManyTries) else "This is not your password."
            )
            status = 429 if isinstance(error, TooManyTries) else 422
        else:
            locking.unlock(request.session, at=timezone.now())
            return HttpResponse(status=204) if _is_script(request) else redirect(next_page_of(request))
    if _is_script(request) and form.is_bound:
        return HttpResponse(
            " ".join(map(str, form.errors["password"])), status=status or 422, content_type="text/plain"
        )
    context: dict[str, Any] = {"next": next_page_of(request)}
    return render_page(request, "registration/locked.html", context, form=form, status=status)


def _is_script(request: HttpRequest) -> bool:
    return not request.accepts("text/html")
