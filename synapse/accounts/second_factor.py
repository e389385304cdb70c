"""The second factor: an authenticator app, passkeys, and recovery codes for when they are lost.

Where it is required (`is_required`), nobody is signed in without one: who gave the password alone is led to set it up
before a session is opened, and neither session nor token of somebody without one is taken.
"""

import re
import secrets
from base64 import b32encode
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Exists, OuterRef, QuerySet

from synapse.accounts import browser_sessions, passkeys, throttle
from synapse.accounts.models import ApiToken, Authenticator, Passkey, RecoveryCode, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.links.tokens import hash_token

ISSUER = "SynapseAI"
KEY_BYTES = 20
DIGITS = 6
RECOVERY_CODES = 10
FEW_CODES = 3
# 80 bits: too many to try against the stored hashes.
RECOVERY_BYTES = 10
PURPOSE = "second-factor"
# Three of a million codes are right at a time: five tries in a quarter of an hour get nowhere.
MAXIMUM_TRIES = 5
WAITING_KEY = "waiting_app"
# Somebody may have to install an app first.
WAITS_FOR = timedelta(minutes=30)


class SecondFactorNeeded(DomainError):
    """The password is right, and the account asks for a code as well."""

    code = "otp_required"
    status = 401

    def __init__(self, user: User) -> None:
        super().__init__("Enter the code from your authenticator app, or a recovery code.")
        self.user = user


class SecondFactorMissing(DomainError):
    """The password is right, and the account still lacks the second factor everybody needs here."""

    code = "second_factor_required"
    status = 403

    def __init__(self, user: User) -> None:
        super().__init__(
            f"This account needs a second factor first. Sign in at {settings.BASE_URL}/ in a browser, set it up there, "
            "then try again."
        )
        self.user = user


class SecondFactorRefused(DomainError):
    """The code is wrong, too old or used already; all look the same."""

    code = "otp_invalid"
    status = 401

    def __init__(self) -> None:
        super().__init__("This code is not right. Wait for the next one and try again.")


def is_required() -> bool:
    """Tell whether everybody needs a second factor: always in production; the demo clinic offers it."""
    return bool(settings.IS_PRODUCTION)


def authenticator_of(user: User) -> Authenticator | None:
    """Return the app an account asks for, None while it has none."""
    found: Authenticator | None = Authenticator.objects.filter(user=user, confirmed=True).first()
    return found


def passkeys_of(user: User) -> QuerySet[Passkey]:
    """Return a person's passkeys, the oldest first."""
    return Passkey.objects.filter(user=user).order_by("created_at")


def is_on(user: User) -> bool:
    """Tell whether an account asks for more than its password."""
    return authenticator_of(user) is not None or passkeys_of(user).exists()


def admitted(users: QuerySet[User]) -> QuerySet[User]:
    """Return those of the people who may be signed in: where a second factor is required, who has one."""
    if not is_required():
        return users
    apps = Authenticator.objects.filter(user=OuterRef("pk"), confirmed=True)
    return users.filter(Exists(apps) | Exists(Passkey.objects.filter(user=OuterRef("pk"))))


def count_recovery_codes(user: User) -> int:
    """Return how many recovery codes are left."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def check(user: User, code: str = "", passkey: passkeys.Answer | None = None, *, at: datetime) -> None:
    """Take a passkey's answer or else a code. Raises as `check_passkey` and `check_code`."""
    if passkey is None:
        check_code(user, code, at=at)
    else:
        check_passkey(user, passkey, at=at)


def check_code(user: User, code: str, *, at: datetime) -> None:
    """Take a code of the app or a recovery code; nothing is asked while the second factor is off and not required.

    Raises SecondFactorNeeded without a code, SecondFactorRefused for a wrong one, SecondFactorMissing, and
    TooManyTries. Tries are counted for the account, wherever they come from: only who knows the password gets this far.
    """
    if not is_on(user):
        if is_required():
            raise SecondFactorMissing(user)
        return
    if not code.strip():
        raise SecondFactorNeeded(user)
    account = str(user.pk)
    throttle.take_try(PURPOSE, account, None, at=at, limit=MAXIMUM_TRIES)
    authenticator = authenticator_of(user)
    is_right = authenticator is not None and _take_app_code(authenticator, code, at=at)
    if is_right or _take_recovery_code(user, code, at=at):
        throttle.clear_failures(PURPOSE, account, None)
        return
    _record_failure(user, SecondFactorRefused.code)
    raise SecondFactorRefused


def check_passkey(user: User, answer: passkeys.Answer, *, at: datetime) -> None:
    """Take an answer of one of the person's passkeys. Raises PasskeyRefused.

    Tries are not counted: a signature cannot be guessed, and a mistyped code must not close the way of the passkey.
    """
    try:
        passkeys.check(user, answer, at=at)
    except passkeys.PasskeyRefused:
        _record_failure(user, passkeys.PasskeyRefused.code)
        raise


def _record_failure(user: User, reason: str) -> None:
    with unit_of_work():
        record(
            Action.SIGN_IN_FAILED,
            by=None,
            target=("accounts.User", str(user.pk)),
            outcome=Outcome.DENIED,
            detail={"reason": reason},
        )


def _take_app_code(authenticator: Authenticator, code: str, *, at: datetime) -> bool:
    digits = re.sub(r"\s", "", code)
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return False
    step = authenticator.step_of(int(digits), at=at)
    if step is None:
        return False
    # Of two requests with the same code one changes the row.
    unused = Authenticator.objects.filter(pk=authenticator.pk, last_step__lt=step)
    return bool(unused.update(last_step=step, last_used_at=at))


def _take_recovery_code(user: User, code: str, *, at: datetime) -> bool:
    fitting = RecoveryCode.objects.filter(user=user, code_hash=hash_token(_bare_recovery_code(code)), used_at=None)
    if not fitting.exists():
        return False
    with unit_of_work():
        is_taken = bool(fitting.update(used_at=at))
        if is_taken:
            _record(user, by=user, verb="use_recovery_code", left=count_recovery_codes(user))
    return is_taken


def begin(user: User) -> Authenticator:
    """Return an app that waits for its first code, with a fresh secret; one that is in use stays so until then."""
    with unit_of_work():
        Authenticator.objects.filter(user=user, confirmed=False).delete()
        started: Authenticator = Authenticator.objects.create(
            user=user, name="Authenticator app", confirmed=False, key=secrets.token_hex(KEY_BYTES)
        )
    return started


def begin_in(session: SessionBase, user: User, *, at: datetime) -> Authenticator:
    """Begin an app in a browser whose person proved a moment ago who they are."""
    started = begin(user)
    session[WAITING_KEY] = {"app": str(started.pk), "until": (at + WAITS_FOR).timestamp()}
    return started


def waiting_in(session: SessionBase, user: User, *, at: datetime) -> Authenticator | None:
    """Return the app that waits for its first code, to the browser that began it and for a while only.

    Its secret is shown with it: another browser of the account must neither read that nor put the app to use.
    """
    noted = session.get(WAITING_KEY)
    if noted is None or noted["until"] <= at.timestamp():
        return None
    found: Authenticator | None = Authenticator.objects.filter(pk=noted["app"], user=user, confirmed=False).first()
    return found


def confirm(authenticator: Authenticator, code: str, *, by: User, at: datetime) -> list[str]:
    """Put an app to use with its first code, in the place of the one before.

    Returns the recovery codes, this one time, when it is the account's first second factor, else none. Raises
    SecondFactorRefused, and NotAllowed for somebody else's.
    """
    _check_own(authenticator.user_id, by)
    if not _take_app_code(authenticator, code, at=at):
        raise SecondFactorRefused
    with unit_of_work():
        is_first = not is_on(by)
        Authenticator.objects.filter(user=by, confirmed=True).exclude(pk=authenticator.pk).delete()
        turned_on = Authenticator.objects.filter(pk=authenticator.pk, confirmed=False)
        if not turned_on.update(confirmed=True, confirmed_at=at):
            raise Conflict("This app is in use already.")
        _record(by, by=by, verb="turn_on_second_factor")
        return _new_recovery_codes(by) if is_first else []


def add_passkey(user: User, name: str, answer: passkeys.Answer, *, by: User) -> list[str]:
    """Keep a new passkey; the caller has checked who is there. Returns recovery codes as `confirm` does.

    Raises NotAllowed for somebody else, PasskeyRefused, and Conflict.
    """
    _check_own(user.pk, by)
    with unit_of_work():
        is_first = not is_on(user)
        passkey = passkeys.register(user, name, answer)
        _record(user, by=by, verb="add_passkey", passkey=str(passkey.pk))
        return _new_recovery_codes(user) if is_first else []


def renew_recovery_codes(user: User, *, by: User) -> list[str]:
    """Replace all recovery codes and return the new ones, this one time; the caller has checked who is there."""
    _check_own(user.pk, by)
    with unit_of_work():
        _record(user, by=by, verb="renew_recovery_codes")
        return _new_recovery_codes(user)


def is_last(user: User) -> bool:
    """Tell whether an app and passkeys together are one: what is taken away next leaves nothing."""
    return passkeys_of(user).count() + (authenticator_of(user) is not None) <= 1


def remove_app(user: User, *, by: User) -> None:
    """Stop using one's authenticator app; the caller has checked who is there.

    Raises NotAllowed for somebody else's, and Conflict for the last second factor where one is required.
    """
    _check_own(user.pk, by)
    with unit_of_work():
        _keep_one(user)
        deleted, _ = Authenticator.objects.filter(user=user, confirmed=True).delete()
        if deleted:
            _record(user, by=by, verb="turn_off_second_factor")
            _forget_codes_of_nothing(user)


def remove_passkey(passkey: Passkey, *, by: User) -> None:
    """Stop taking a passkey; the caller has checked who is there. Raises as `remove_app`."""
    _check_own(passkey.user_id, by)
    with unit_of_work():
        _keep_one(by)
        deleted, _ = Passkey.objects.filter(pk=passkey.pk).delete()
        if deleted:
            _record(by, by=by, verb="remove_passkey", passkey=str(passkey.pk))
            _forget_codes_of_nothing(by)


def take_away(user: User, *, by: User, at: datetime) -> None:
    """Take the whole second factor from a colleague who lost it, and end their sessions and tokens. Raises NotAllowed.

    They set up a new one at their next sign-in where it is required.
    """
    if not by.may(Permission.MANAGE_PEOPLE):
        raise NotAllowed("Only the clinic's administrator takes away somebody else's second factor.")
    with unit_of_work():
        apps, _ = Authenticator.objects.filter(user=user).delete()
        keys, _ = Passkey.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        if apps or keys:
            browser_sessions.end_all(user, by=by)
            ApiToken.objects.filter(user=user).revoke(at)
            _record(user, by=by, verb="take_away_second_factor")


def _check_own(user_id: UUID, by: User) -> None:
    if user_id != by.pk:
        raise NotAllowed("Everybody sets up their own second factor.")


def _keep_one(user: User) -> None:
    """Refuse to leave an account without what it needs; the chain's lock makes the count safe."""
    if is_required() and is_last(user):
        raise Conflict("Everybody needs a second factor here. Add another one first, then take this one away.")


def _forget_codes_of_nothing(user: User) -> None:
    if not is_on(user):
        RecoveryCode.objects.filter(user=user).delete()


def address_of(authenticator: Authenticator, user: User) -> str:
    """Return what the QR code says: the key URI authenticator apps read."""
    label = quote(f"{ISSUER}:{user.get_username()}")
    return f"otpauth://totp/{label}?{urlencode({'secret': typed_secret_of(authenticator), 'issuer': ISSUER})}"


def typed_secret_of(authenticator: Authenticator) -> str:
    """Return the secret in base 32, for who types it."""
    return b32encode(authenticator.secret).decode()


def _new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    bare = [b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, code_hash=hash_token(code)) for code in bare)
    return ["-".join(re.findall("....", code)) for code in bare]


def _bare_recovery_code(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed).lower()


def _record(user: User, *, by: User, verb: str, **detail: object) -> None:
    record(Action.ADMINISTER, by=by, target=("accounts.User", str(user.pk)), detail={"verb": verb, **detail})
