"""Asking for the signer's password again, before anything is signed."""

from datetime import datetime

from synapse.accounts import hashers, second_factor, throttle
from synapse.accounts.models import User
from synapse.accounts.passkeys import Answer, PasskeyRefused
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError, NotAllowed

PASSWORD_PURPOSE = "sign"  # noqa: S105  the name of a throttle, no secret


class PasswordNotChecked(NotAllowed):
    """Signing needs the signer's password again."""

    code = "password_required"

    def __init__(self) -> None:
        super().__init__("Type your password again to sign.")


class WrongPassword(DomainError):
    """The password given for signing is not the signer's."""

    code = "wrong_password"
    field = "password"

    def __init__(self) -> None:
        super().__init__("This password is not right. Nothing was signed.")


class WrongCode(DomainError):
    """The account asks for its second factor, and that is missing or not right."""

    field = "otp"


def check_signing_password(
    by: User, password: str, otp: str = "", passkey: Answer | None = None, *, at: datetime
) -> None:
    """Check the signer's password and, where the account asks for it, a code or a passkey.

    Raises WrongPassword and WrongCode, and TooManyTries after too many wrong ones.
    """
    account = str(by.pk)
    with hashers.turn():  # few are under way together, so the right ones of a burst do not use up each other's tries
        throttle.take_try(PASSWORD_PURPOSE, account, None, at=at)
        is_right = by.check_password(password)
    if is_right:
        throttle.clear_failures(PASSWORD_PURPOSE, account, None)
        _check_second_factor(by, otp, passkey, at=at)
        return
    with unit_of_work():
        record(Action.SIGN, by=by, outcome=Outcome.DENIED, detail={"reason": "wrong_password"})
    raise WrongPassword


def _check_second_factor(by: User, otp: str, passkey: Answer | None, *, at: datetime) -> None:
    try:
        second_factor.check(by, otp, passkey, at=at)
    except (second_factor.SecondFactorNeeded, second_factor.SecondFactorRefused, PasskeyRefused) as error:
        # Whoever signs is signed in already: what is missing is input.
        raise WrongCode(error.message, code=error.code) from None
