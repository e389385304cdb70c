"""Sign in and out, passwords, profiles, and the clinic's settings. People are managed in `people.py`."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import authenticate
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from synapse.accounts import browser_sessions, hashers, profiles, second_factor, sign_in_limits, throttle
from synapse.accounts.backends import find_user
from synapse.accounts.choices import MAIL, NotificationEvent
from synapse.accounts.models import ApiToken, ClinicSettings, User, UserProfile
from synapse.accounts.passkeys import Answer
from synapse.accounts.roles import Permission
from synapse.audit.context import current as request_origin
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import DomainError, NotAllowed

FEW_TRIES = 3
RESETS_PER_WINDOW = 3


class SignInRefused(DomainError):
    """Name and password do not belong together; the same for a name nobody has."""

    code = "sign_in"
    status = 401

    def __init__(self, tries_left: int) -> None:
        super().__init__("The e-mail, the user name or the password is not right")
        self.tries_left = tries_left

    @property
    def warning(self) -> str:
        """What to say about the tries that are left, once they are few."""
        if self.tries_left > FEW_TRIES:
            return ""
        if self.tries_left == 0:
            return "Sign-in for this account now waits 15 minutes."
        tries = "1 try" if self.tries_left == 1 else f"{self.tries_left} tries"
        return f"{tries} left. After that, sign-in for this account waits 15 minutes."


def check_password(request: HttpRequest | None, name: str, password: str, *, address: str | None, at: datetime) -> User:
    """Return the user whose name and password these are, and record a failure.

    Raises SignInRefused, or TooManyTries without looking at the password.
    """
    attempt = sign_in_limits.begin(request, name, address=address, at=at)
    with hashers.turn():  # few are under way together, so the right ones of a burst do not use up each other's tries
        sign_in_limits.take_try(attempt)
        user = authenticate(attempt, username=name, password=password)
    if not isinstance(user, User):
        left = sign_in_limits.tries_left(attempt)
        known = find_user(name)
        with unit_of_work():
            # The typed name is not kept: people type passwords into the wrong field.
            record(Action.SIGN_IN_FAILED, by=None, target=_as_target(known) if known else None, outcome=Outcome.DENIED)
        raise SignInRefused(left)
    sign_in_limits.forget(attempt, name)
    return user


def check_credentials(
    request: HttpRequest, name: str, password: str, *, otp: str = "", address: str | None, at: datetime
) -> User:
    """Return the user whose name, password and, where the account asks for one, code these are; record the sign-in.

    Raises as `check_password` and then, the password being right, as `second_factor.check`.
    """
    user = check_password(request, name, password, address=address, at=at)
    complete_sign_in(user, otp, at=at)
    return user


def complete_sign_in(user: User, otp: str, passkey: Answer | None = None, *, at: datetime) -> None:
    """Take the second factor of somebody whose password was right, and record the sign-in.

    Raises as `second_factor.check`.
    """
    second_factor.check(user, otp, passkey, at=at)
    record_sign_in(user)


def record_sign_in(user: User) -> None:
    """Leave a trace of a sign-in."""
    with unit_of_work():
        record(Action.SIGN_IN, by=user, target=_as_target(user))


def check_still_there(request: HttpRequest, password: str, *, address: str | None, at: datetime) -> None:
    """Let whoever locked the screen unlock it with the password alone. Raises as `check_password`."""
    record_sign_in(check_password(request, request.user.get_username(), password, address=address, at=at))


def check_identity(
    request: HttpRequest,
    user: User,
    password: str,
    otp: str,
    passkey: Answer | None = None,
    *,
    address: str | None,
    at: datetime,
) -> None:
    """Let a signed-in person prove who they are before something that lasts.

    Raises as `check_password` and then as `second_factor.check`.
    """
    check_password(request, user.get_username(), password, address=address, at=at)
    second_factor.check(user, otp, passkey, at=at)


def record_sign_out(user: User) -> None:
    """Leave a trace of a sign-out."""
    with unit_of_work():
        record(Action.SIGN_OUT, by=user, target=_as_target(user))


def change_password(
    user: User,
    new_password: str,
    *,
    by: User | None,
    at: datetime,
    verb: str = "change_password",
    staying: UUID | None = None,
) -> None:
    """Set a password that a form has validated; every token and every session but `staying` ends with it."""
    with unit_of_work():
        user.set_password(new_password)
        user.save(update_fields=["password"])
        ApiToken.objects.filter(user=user).revoke(at)
        browser_sessions.end_all(user, but=staying, by=by)
        record(Action.ADMINISTER, by=by, target=_as_target(user), detail={"verb": verb})
        jobs.enqueue("synapse.accounts.tasks.mail_password_changed", user.pk, by_id=by.pk if by else None)


def request_password_reset(email: str, *, address: str | None, at: datetime) -> None:
    """Mail a link to choose a new password; says nothing about whether the address has an account.

    More than a few requests for one address in a quarter of an hour send nothing.
    """
    try:
        throttle.take_try("reset", email, address, at=at, limit=RESETS_PER_WINDOW)
    except throttle.TooManyTries:
        return
    user = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    with unit_of_work():
        # The same work for an address nobody has: how long it takes tells nothing. The job then finds nobody to mail.
        target = _as_target(user) if user is not None else None
        record(Action.ADMINISTER, by=None, target=target, detail={"verb": "request_password_reset"})
        jobs.enqueue("synapse.accounts.tasks.mail_password_reset", user.pk if user is not None else uuid4())


def reset_path(user: User) -> str:
    """Return the address of the page where this user may choose a new password, once."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("accounts:open_reset", args=[uid, default_token_generator.make_token(user)])


def user_of_reset(uid: str, token: str) -> User | None:
    """Return the active user a reset link belongs to; None when it is wrong, used or too old."""
    try:
        pk = UUID(urlsafe_base64_decode(uid).decode())
    except ValueError:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    return user if user is not None and default_token_generator.check_token(user, token) else None


def profile_of(user: User) -> UserProfile:
    """Return the user's profile, made empty when there is none yet."""
    return UserProfile.objects.get_or_create(user=user)[0]


def check_email_change(user: User, changes: dict[str, Any], *, by: User, at: datetime, password: str) -> None:
    """Ask for one's own password where one's e-mail address is to change: it opens the way to a new one.

    Call it outside of every transaction, else a wrong one is forgotten with it. Raises ProfileRefused and TooManyTries.
    """
    if by.pk == user.pk and changes.get("email", user.email).lower() != user.email.lower():
        _check_own_password(user, password, at=at)


def update_profile(user: User, changes: dict[str, Any], *, by: User, at: datetime) -> None:
    """Save the changed fields of a user and their profile; `changes` maps field names to values.

    The door has called `check_email_change`. Raises NotAllowed when somebody else's profile is meant and `by` does not
    manage people, and ProfileRefused.
    """
    if by.pk != user.pk and not by.may(Permission.MANAGE_PEOPLE):
        raise NotAllowed("Only the clinic's administrator changes other people's profiles.")
    profile = profile_of(user)
    changes = profiles.check_changes(user, profile, changes)
    changed: list[str] = []
    for target in (user, profile):
        names = [
            name
            for name, value in changes.items()
            if name in {field.name for field in target._meta.concrete_fields} and getattr(target, name) != value
        ]
        for name in names:
            setattr(target, name, changes[name])
        changed.extend(names)
    if not changed:
        return
    with unit_of_work():
        own = {field.name for field in user._meta.concrete_fields}
        if user_fields := [name for name in changed if name in own]:
            user.save(update_fields=user_fields)
        profile_fields = [name for name in changed if name not in own]
        profile.save(update_fields=[*profile_fields, "updated_at"])
        record(Action.UPDATE, by=by, target=_as_target(user), detail={"fields": sorted(changed)})


def _check_own_password(user: User, password: str, *, at: datetime) -> None:
    try:
        check_password(None, user.get_username(), password, address=request_origin().ip, at=at)
    except SignInRefused:
        wrong = {"current_password": ["Enter your password to change the e-mail address"]}
        raise profiles.ProfileRefused(wrong) from None


def notify(user: User, event: NotificationEvent) -> None:
    """Mail a user about an event, in the background, when they asked for it.

    Call it inside the transaction that made the event happen; the mail names no patient and leads to a list. One that
    still waits to go says it already: a series of fifty visits is one mail.
    """
    kind = f"synapse.accounts.tasks.mail_{event.value}"
    if profile_of(user).notification_settings.get(event.value) == MAIL and not jobs.is_waiting(kind, user.pk):
        jobs.enqueue(kind, user.pk)


def update_clinic(changes: dict[str, Any], *, by: User) -> ClinicSettings:
    """Save the changed settings of the clinic. Raises NotAllowed."""
    if not by.may(Permission.MANAGE_CLINIC):
        raise NotAllowed("Only the clinic's administrator changes these settings.")
    clinic = ClinicSettings.load()
    changed = [name for name, value in changes.items() if getattr(clinic, name) != value]
    if not changed:
        return clinic
    for name in changed:
        setattr(clinic, name, changes[name])
    with unit_of_work():
        clinic.save(update_fields=changed)
        record(
            Action.ADMINISTER,
            by=by,
            target=("accounts.ClinicSettings", str(clinic.pk)),
            detail={"fields": sorted(changed)},
        )
    return clinic


def _as_target(user: User) -> tuple[str, str]:
    return ("accounts.User", str(user.pk))
