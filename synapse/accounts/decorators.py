"""Doors that open to a capability."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_denial

View = Callable[..., HttpResponseBase]


def requires(permission: Permission) -> Callable[[View], View]:
    """Let a view run only for users who hold the capability; others get 403 and an audit row, strangers sign-in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User):
                return redirect_to_login(request.get_full_path())
            if not user.may(permission):
                record_denial(request, reason=permission.value)
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def open_while_locked(view: View) -> View:
    """Mark a view that answers although the browser session is locked, and does not count as somebody's presence."""
    view.is_open_while_locked = True  # type: ignore[attr-defined]  # read by IdleLockMiddleware
    return view
