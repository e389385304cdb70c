"""Doors of the idle lock: lock, say that somebody is there, ask how things stand, unlock."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts import browser_sessions, locking, second_factor, services
from synapse.accounts.decorators import open_while_locked
from synapse.accounts.forms import UnlockForm
from synapse.accounts.models import User
from synapse.accounts.proof import ProofForm, is_proven
from synapse.accounts.throttle import TooManyTries
from synapse.audit.context import current as request_origin
from synapse.web.http import ClinicRequest, next_page_of, render_page

View = Callable[..., HttpResponse]


@open_while_locked
@require_POST
def lock(request: ClinicRequest) -> HttpResponse:
    """Lock this browser's session at once."""
    locking.lock(request.session, at=timezone.now())
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
    now = timezone.now()
    if locking.is_over(request.session, at=now):
        return _sign_in_again(request)
    form = UnlockForm(request.POST or None)
    status = None
    if form.is_valid():
        try:
            services.check_still_there(request, form.cleaned_data["password"], address=request_origin().ip, at=now)
        except (services.SignInRefused, TooManyTries) as error:
            form.add_error(
                "password", error.message if isinstance(error, TooManyTries) else "This is not your password."
            )
            status = 429 if isinstance(error, TooManyTries) else 422
        else:
            browser_sessions.renew(request.session)
            locking.unlock(request.session, at=now)
            if not second_factor.is_on(request.user):
                browser_sessions.note_proof(request.session, at=now)
            return HttpResponse(status=204) if _is_script(request) else redirect(next_page_of(request))
    if _is_script(request) and form.is_bound:
        return HttpResponse(
            " ".join(map(str, form.errors["password"])), status=status or 422, content_type="text/plain"
        )
    context: dict[str, Any] = {"next": next_page_of(request)}
    return render_page(request, "registration/locked.html", context, form=form, status=status)


def _sign_in_again(request: ClinicRequest) -> HttpResponse:
    """Ask for everything a sign-in asks for: the session has lasted as long as any may. Its recording goes on."""
    if _is_script(request):
        return HttpResponse(status=401)
    form = ProofForm(request.POST or None, user=request.user)
    if form.is_valid() and is_proven(request, form):
        now = timezone.now()
        services.record_sign_in(request.user)
        browser_sessions.start_over(request.session, at=now)
        locking.unlock(request.session, at=now)
        return redirect(next_page_of(request))
    context = {"next": next_page_of(request), "is_over": True}
    return render_page(request, "registration/locked.html", context, form=form)


@login_not_required
@open_while_locked
@never_cache
@require_GET
def standing(request: HttpRequest) -> HttpResponse:
    """Tell an open page how things stand: open (with the role), locked, or signed out.

    That a screen is locked is an answer and no failure: a browser would write every 4xx into its console.
    """
    if not isinstance(request.user, User):
        told = {"X-Standing": "signed-out"}
    elif locking.is_locked(request.session, at=timezone.now()):
        told = {"X-Standing": "locked"}
    else:
        told = {"X-Standing": "open", "X-Role": request.user.role}
    return HttpResponse(status=204, headers=told)


def _is_script(request: HttpRequest) -> bool:
    return not request.accepts("text/html")
