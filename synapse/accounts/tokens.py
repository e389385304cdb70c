"""API tokens: made for a person, found by their secret, ended."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.http import HttpRequest

from synapse.accounts import second_factor, services
from synapse.accounts.models import ApiToken, User
from synapse.accounts.models.tokens import ApiTokenQuerySet
from synapse.accounts.roles import Permission
from synapse.accounts.scopes import VERBS, Scope, scopes_of_role
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.links.tokens import TOKEN_BYTES, hash_token

# Secret scanners find a token that was committed or pasted by this mark.
MARK = "syn_"
SHORTEST_LIFETIME = timedelta(hours=1)
LONGEST_LIFETIME = timedelta(days=365)
SIGN_IN_LIFETIME = timedelta(hours=12)
MAXIMUM_LIVE = 20
LONGEST_NAME = 80
TOUCH_EVERY = timedelta(minutes=1)


class UnusableToken(DomainError):
    """A token cannot be made the way it was asked for; `field` names what is wrong."""

    code = "invalid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TooManyTokens(Conflict):
    """The person has as many live tokens as anybody may have."""

    code = "too_many_tokens"

    def __init__(self) -> None:
        super().__init__(f"You have {MAXIMUM_LIVE} tokens. End one you no longer need, then make the new one.")


class CreatedToken(NamedTuple):
    """A new token and the one time its secret is known."""

    token: ApiToken
    secret: str


def create_token(
    user: User, *, name: str, scopes: Iterable[str], lifetime: timedelta, by: User, at: datetime
) -> CreatedToken:
    """Make a token for a person's program; the caller has checked that the person is there.

    Raises NotAllowed for somebody else's token, UnusableToken, and TooManyTokens.
    """
    if by.pk != user.pk:
        raise NotAllowed("Everybody makes their own tokens.")
    name = name.strip()
    if not name:
        raise UnusableToken("name", "Enter a name that tells what the token is for")
    return _create(user, name, scopes, lifetime, at=at)


def sign_in_for_token(
    request: HttpRequest,
    username: str,
    password: str,
    *,
    otp: str = "",
    name: str = "",
    scopes: Iterable[str] | None = None,
    lifetime: timedelta = SIGN_IN_LIFETIME,
    address: str | None,
    at: datetime,
) -> CreatedToken:
    """Sign a program in with its person's password and return a token, with all scopes of the role unless told.

    Raises as `services.check_credentials`, and UnusableToken. A person's nameless tokens make room for each other:
    beyond the limit the oldest of them ends. With none of those it raises TooManyTokens.
    """
    user = services.check_credentials(request, username, password, otp=otp, address=address, at=at)
    chosen = scopes_of_role(user.role) if scopes is None else scopes
    return _create(user, name.strip(), chosen, lifetime, at=at)


def find_token(secret: str, *, at: datetime, address: str | None = None) -> ApiToken | None:
    """Return the live token a secret stands for, its `user` limited to what it grants; else None.

    The row is looked up by the secret's hash: how long that takes tells nothing about a secret.
    """
    if not secret.startswith(MARK):
        return None
    live = ApiToken.objects.live(at).select_related("user__profile")
    token = live.filter(token_hash=hash_token(secret)).first()
    if token is None or (second_factor.is_required() and not second_factor.is_on(token.user)):
        return None
    token.user.limited_to = token.permissions
    if token.last_used_at is None or at - token.last_used_at >= TOUCH_EVERY:
        token.last_used_at, token.last_used_ip = at, address
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=at, last_used_ip=address)
    return token


def tokens_of(user: User, *, at: datetime) -> ApiTokenQuerySet:
    """Return a person's live tokens, the newest first."""
    return ApiToken.objects.live(at).filter(user=user).newest_first()


def revoke_token(token: ApiToken, *, by: User, at: datetime) -> None:
    """End a token; ending it twice changes nothing. Raises NotAllowed."""
    if token.user_id != by.pk and not by.may(Permission.MANAGE_PEOPLE):
        raise NotAllowed("Only its owner or the clinic's administrator ends a token.")
    with unit_of_work():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
            _record(token, by=by, verb="revoke_token")


def purge_ended(at: datetime) -> None:
    """Delete expired and ended tokens; the audit trail still tells of them."""
    ApiToken.objects.filter(expires_at__lte=at).delete()
    ApiToken.objects.filter(revoked_at__lte=at).delete()


def _create(user: User, name: str, scopes: Iterable[str], lifetime: timedelta, *, at: datetime) -> CreatedToken:
    chosen = _checked_scopes(user, scopes)
    if not SHORTEST_LIFETIME <= lifetime <= LONGEST_LIFETIME:
        raise UnusableToken("expires_in_hours", f"Choose 1 to {24 * LONGEST_LIFETIME.days} hours")
    if len(name) > LONGEST_NAME:
        raise UnusableToken("name", f"Use {LONGEST_NAME} characters or fewer")
    secret = MARK + secrets.token_urlsafe(TOKEN_BYTES)
    with unit_of_work():
        _make_room(user, is_nameless=not name, at=at)
        token = ApiToken.objects.create(
            user=user,
            name=name,
            prefix=secret[: len(MARK) + 4],
            token_hash=hash_token(secret),
            scopes=chosen,
            expires_at=at + lifetime,
        )
        _record(token, by=user, verb="create_token", scopes=chosen)
    return CreatedToken(token, secret)


def _checked_scopes(user: User, scopes: Iterable[str]) -> list[str]:
    chosen, offered = set(scopes), scopes_of_role(user.role)
    if unknown := sorted(chosen - set(offered)):
        raise UnusableToken("scopes", f"Your role has no scope {', '.join(unknown)}")
    if not chosen & VERBS:
        raise UnusableToken("scopes", f"Choose {Scope.READ}, {Scope.WRITE} or both")
    return [scope.value for scope in offered if scope in chosen]


def _make_room(user: User, *, is_nameless: bool, at: datetime) -> None:
    """Refuse one token too many; the chain's lock, taken by the caller, makes the count safe."""
    live = tokens_of(user, at=at)
    if live.count() < MAXIMUM_LIVE:
        return
    oldest = live.filter(name="").last() if is_nameless else None
    if oldest is None:
        raise TooManyTokens
    revoke_token(oldest, by=user, at=at)


def _record(token: ApiToken, *, by: User, verb: str, **detail: object) -> None:
    record(
        Action.ADMINISTER,
        by=by,
        target=("accounts.ApiToken", str(token.pk)),
        detail={"verb": verb, "user": str(token.user_id), **detail},
    )
