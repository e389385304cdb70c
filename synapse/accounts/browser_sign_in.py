"""What happens to a browser's session once its person is known: it is opened, or led to the step that is still owed."""

from datetime import datetime
from urllib.parse import urlencode

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from synapse.accounts import devices, locking, sign_in_steps
from synapse.accounts.models import User

BACKEND = "synapse.accounts.backends.EmailOrUsernameBackend"


def open_session(request: HttpRequest, user: User, answer: HttpResponse, *, at: datetime) -> HttpResponse:
    """Sign the browser in under a new session key, and return the answer that lets it know.

    The caller has checked password and second factor.
    """
    sign_in_steps.forget(request.session)
    login(request, user, backend=BACKEND)
    locking.unlock(request.session, at=at)
    devices.remember(request, answer, user)
    return answer


def ask_for_code(request: HttpRequest, user: User, target: str, *, at: datetime) -> HttpResponse:
    """Remember that the password was right, and go on to the code."""
    sign_in_steps.remember(request.session, user, at=at)
    return _go_on("accounts:sign_in_code", target)


def ask_to_set_up(request: HttpRequest, user: User, target: str, *, at: datetime) -> HttpResponse:
    """Remember that the password was right, and go on to setting up the second factor everybody needs."""
    sign_in_steps.remember(request.session, user, at=at)
    return _go_on("accounts:set_up", target)


def _go_on(name: str, target: str) -> HttpResponse:
    return redirect(f"{reverse(name)}?{urlencode({'next': target})}")
