"""Show times in the reader's zone; keep pages from whoever sits at a screen left alone."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone

from synapse.accounts import browser_sessions, locking
from synapse.accounts.models import ClinicSettings, User, UserProfile
from synapse.audit import context


class TimezoneMiddleware:
    """Activate the user's zone, or the clinic's when the profile names none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(self._zone_of(request)):
            return self.get_response(request)

    def _zone_of(self, request: HttpRequest) -> ZoneInfo | None:
        user = request.user
        if not isinstance(user, User):
            return None
        try:
            name = user.profile.timezone
        except UserProfile.DoesNotExist:
            name = ""
        try:
            return ZoneInfo(name or ClinicSettings.load().timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return None


class IdleLockMiddleware:
    """Answer with the password question while a browser session is locked.

    A page that is opened, or sent, is a person's doing and keeps the session open; what a page fetches by itself is
    not. Views that need no sign-in, and those of the lock itself, answer all the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        context.note_sign_in(browser_sessions.id_of(request.session))
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        is_free = not getattr(view, "login_required", True) or getattr(view, "is_open_while_locked", False)
        if is_free or not request.user.is_authenticated:
            return None
        now = timezone.now()
        if locking.is_locked(request.session, at=now):
            locking.lock(request.session, at=now)
            return _ask_again(request)
        if _is_a_persons_doing(request):
            locking.touch(request.session, at=now)
        return None


def _is_a_persons_doing(request: HttpRequest) -> bool:
    is_page = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    return is_page or request.method not in {"GET", "HEAD"}


def _ask_again(request: HttpRequest) -> HttpResponse:
    is_fetched = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    if is_fetched and not request.htmx:  # type: ignore[attr-defined]
        error = {"code": "locked", "message": "This screen is locked. Enter your password to go on."}
        return JsonResponse({"error": error}, status=423)
    # After a form was sent its page is asked for again: the answer to unlocking is a page, never a repeated change.
    page = request.get_full_path() if request.method == "GET" and not is_fetched else _page_of(request)
    return redirect(f"{resolve_url('accounts:unlock')}?{urlencode({'next': page})}")


def _page_of(request: HttpRequest) -> str:
    current: str | None = request.htmx.current_url_abs_path  # type: ignore[attr-defined]
    return current or "/"
