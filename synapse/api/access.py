"""Whether a person, and the token they came with, may ask at all; what they see is `visible_to`'s matter."""

from collections.abc import Mapping
from typing import Any

from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from synapse.accounts.models import ApiToken, User
from synapse.accounts.roles import Permission
from synapse.accounts.scopes import Scope

# Action → the capability it asks for, several of which one is enough, or None for a sign-in alone.
Needs = Mapping[str, Permission | tuple[Permission, ...] | None]


class SignedIn(BasePermission):
    """Somebody who is signed in, with a token of the right kind: `read` for questions, `write` for changes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, User) or not request.user.is_active:
            raise exceptions.NotAuthenticated("Sign in, or send a token: Authorization: Bearer …", code="not_signed_in")
        is_question = request.method in SAFE_METHODS or view_action(view) in getattr(view, "questions", ())
        check_scope(request, Scope.READ if is_question else Scope.WRITE)
        return True


class HoldsCapability(BasePermission):
    """A capability the view's `needs` names for this action; `*` stands for every other action."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = needed_permissions(view)
        if not needed or (isinstance(request.user, User) and any(map(request.user.may, needed))):
            return True
        if isinstance(request.auth, ApiToken) and not needed & request.auth.permissions:
            raise exceptions.PermissionDenied("This token's scopes do not reach here.", code="scope_missing")
        raise exceptions.PermissionDenied("Your role may not do this.", code="not_allowed")


def needed_permissions(view: Any) -> frozenset[Permission]:
    """Return the capabilities of which an action of a view asks for one; empty asks for a sign-in alone."""
    needs: Needs = getattr(view, "needs", {})
    action = view_action(view)
    needed = needs[action] if action in needs else needs.get("*")
    if needed is None:
        return frozenset()
    return frozenset({needed}) if isinstance(needed, Permission) else frozenset(needed)


def view_action(view: Any) -> str:
    """Return the name of the view's action; PUT and PATCH are both `update`."""
    action = getattr(view, "action", None) or ""
    return "update" if action == "partial_update" else action


def check_scope(request: Request, scope: Scope) -> None:
    """Raise PermissionDenied when the request came with a token that lacks a scope."""
    if isinstance(request.auth, ApiToken) and scope not in request.auth.scopes:
        raise exceptions.PermissionDenied(f"This token lacks the scope “{scope.value}”.", code="scope_missing")
