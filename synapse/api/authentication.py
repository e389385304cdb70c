"""Who asks: a bearer token, or the session of a browser that is not locked."""

from typing import Any

from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.authentication import SessionAuthentication as FrameworkSessionAuthentication
from rest_framework.request import Request

from synapse.accounts import locking, tokens
from synapse.accounts.models import ApiToken, User
from synapse.audit.context import client_ip, note_sign_in


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. A wrong one is refused, also when a session cookie came along."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        secret = parts[1].decode("ascii", errors="replace") if len(parts) == 2 else ""
        token = tokens.find_token(secret, at=timezone.now(), address=client_ip(request.META))
        if token is None:
            raise exceptions.AuthenticationFailed(
                "This token is not valid: it is mistyped, expired or revoked. Get a new one.", code="token_invalid"
            )
        note_sign_in(token.pk)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class SessionAuthentication(FrameworkSessionAuthentication):
    """The browser's session, with CSRF for what changes something."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is not None and locking.is_locked(request.session, at=timezone.now()):
            raise exceptions.AuthenticationFailed("This screen is locked. Enter your password to go on.", code="locked")
        return found
