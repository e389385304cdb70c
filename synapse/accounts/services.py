"""Sign in and out, passwords, profiles, and the clinic's settings. People are managed in `people.py`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from synapse.accounts import throttle
from synapse.accounts.backends import find_user
from synapse.accounts.choices import MAIL, NotificationEvent
from synapse.accounts.models import ClinicSettings, User, UserProfile
from synapse.accounts.roles import Permission
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


def check_credentials(request: HttpRequest, name: str, password: str, *, address: str | None, at: datetime) -> User:
    """Return the user whose name and password these are, and record the sign-in or its failure.

    Raises SignInRefused, or TooManyTries without looking at the password.
    """
    throttle.check_may_try("sign-in", name, address, at=at)
    user = authenticate(request, username=name, password=password)
    if not isinstance(user, User):
        left = throttle.count_failure("sign-in", name, address, at=at)
        known = find_user(name)
        with unit_of_work():
            # The typed name is not kept: people type passwords into the wrong field.
            record(Action.SIGN_IN_FAILED, by=None, target=_as_target(known) if known else None, outcome=Outcome.DENIED)
        raise SignInRefused(left)
    throttle.clear_failures("sign-in", name, address)
    with unit_of_work():
        record(Action.SIGN_IN, by=user, target=_as_target(user))
    return user


def check_still_there(request: HttpRequest, password: str, *, address: str | None, at: datetime) -> None:
    """Let the signed-in person prove themselves again. Raises as `check_credentials`."""
    check_credentials(request, request.user.get_username(), password, address=address, at=at)


def record_sign_out(user: User) -> None:
    """Leave a trace of a sign-out."""
    with unit_of_work():
        record(Action.SIGN_OUT, by=user, target=_as_target(user))


def change_password(user: User, new_password: str, *, by: User | None, verb: str = "change_password") -> None:
    """Set a password that a form has validated; every other session of the user ends with it."""
    with unit_of_work():
        user.set_password(new_password)
        user.save(update_fields=["password"])
        record(Action.ADMINISTER, by=by, target=_as_target(user), detail={"verb": verb})
        jobs.enqueue("synapse.accounts.tasks.mail_password_changed", user.pk, by_id=by.pk if by else None)


def request_password_reset(email: str, *, address: str | None, at: datetime) -> None:
    """Mail a link to choose a new password; says nothing about whether the address has an account.

    More than a few requests for one address in a quarter of an hour send nothing.
    """
    try:
        throttle.check_may_try("reset", email, address, at=at)
    except throttle.TooManyTries:
        return
    throttle.count_failure("reset", email, address, at=at, limit=RESETS_PER_WINDOW)
    user = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    if user is None:
        return
    with unit_of_work():
        record(Action.ADMINISTER, by=None, target=_as_target(user), detail={"verb": "request_password_reset"})
        jobs.enqueue("synapse.accounts.tasks.mail_password_reset", user.pk)


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


def update_profile(user: User, changes: dict[str, Any], *, by: User) -> None:
    """Save the changed fields of a user and their profile; `changes` maps field names to validated values.

    Raises NotAllowed when somebody else's profile is meant and `by` does not manage people.
    """
    if by.pk != user.pk and not by.may(Permission.MANAGE_PEOPLE):
        raise NotAllowed("Only the clinic's administrator changes other people's profiles.")
    profile = profile_of(user)
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
        if profile_fields := [name for name in changed if name not in own]:
            profile.save(update_fields=[*profile_fields, "updated_at"])
        record(Action.UPDATE, by=by, target=_as_target(user), detail={"fields": sorted(changed)})


def notify(user: User, event: NotificationEvent) -> None:
    """Mail a user about an event, in the background, when they asked for it.

    Call it inside the transaction that made the event happen; the mail names no patient and leads to a list.
    """
    if profile_of(user).notification_settings.get(event.value) == MAIL:
        jobs.enqueue(f"synapse.accounts.tasks.mail_{event.value}", user.pk)


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
