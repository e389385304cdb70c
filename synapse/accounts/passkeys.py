"""Passkeys (WebAuthn): what the browser is asked, and whether its answer is that of the person's own key.

A challenge is kept in the browser's session, is good for five minutes and for one answer. Where a passkey stands as a
second factor is decided in `second_factor.py`.
"""

import hashlib
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction

from synapse.accounts.models import Passkey, User
from synapse.common.errors import Conflict, DomainError

SITE_NAME = "SynapseAI"
KEY = "passkey_challenge"
LIFETIME = timedelta(minutes=5)
CHALLENGE_BYTES = 32
LONGEST_ANSWER = 20_000
LONGEST_NAME = 80
MOST_PASSKEYS = 20
REGISTER, PROVE = "register", "prove"


class PasskeyRefused(DomainError):
    """The browser's answer proves nothing: wrong key, site, challenge or count, too late or sent before."""

    code = "passkey_invalid"
    status = 401

    def __init__(self) -> None:
        super().__init__("This passkey was not taken. Try again.")


@dataclass(frozen=True)
class Answer:
    """What a browser answered, and the challenge it was given; None when there was none that is still good."""

    text: str
    challenge: bytes | None


def site_id() -> str:
    """Return the name passkeys are bound to: the host of BASE_URL."""
    return urlsplit(settings.BASE_URL).hostname or "localhost"


def _origin() -> str:
    address = urlsplit(settings.BASE_URL)
    return f"{address.scheme}://{address.netloc}"


def ask_to_register(session: SessionBase, user: User, *, at: datetime) -> str:
    """Return the browser's options, as JSON, for a new key pair, and keep their challenge."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=site_id(),
        rp_name=SITE_NAME,
        user_id=user.pk.bytes,
        user_name=user.get_username(),
        user_display_name=user.display_name,
        challenge=_new_challenge(session, user, REGISTER, at=at),
        timeout=_milliseconds(),
        exclude_credentials=_descriptors_of(user),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    return options_to_json(options)


def ask_to_prove(session: SessionBase, user: User, *, at: datetime) -> str:
    """Return the browser's options, as JSON, for using one of the person's passkeys, and keep their challenge."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=site_id(),
        challenge=_new_challenge(session, user, PROVE, at=at),
        timeout=_milliseconds(),
        allow_credentials=_descriptors_of(user),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json(options)


def take_answer(session: SessionBase, user: User, purpose: str, text: str, *, at: datetime) -> Answer:
    """Join an answer to the challenge this browser was given, which is used up with it."""
    noted = session.pop(KEY, None)
    is_good = (
        noted is not None
        and noted["purpose"] == purpose
        and noted["user"] == str(user.pk)
        and at.timestamp() < noted["until"]
    )
    return Answer(text, b64decode(noted["challenge"]) if is_good else None)


def _new_challenge(session: SessionBase, user: User, purpose: str, *, at: datetime) -> bytes:
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    session[KEY] = {
        "challenge": b64encode(challenge).decode(),
        "purpose": purpose,
        "user": str(user.pk),
        "until": (at + LIFETIME).timestamp(),
    }
    return challenge


def _descriptors_of(user: User) -> list[Any]:
    from webauthn import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    ids = Passkey.objects.filter(user=user).order_by("created_at").values_list("credential_id", flat=True)
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(credential_id)) for credential_id in ids]


def _milliseconds() -> int:
    return int(LIFETIME.total_seconds() * 1000)


def register(user: User, name: str, answer: Answer) -> Passkey:
    """Keep the public half of a new key pair. Raises PasskeyRefused, and Conflict for one that is known or too many."""
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    _check_form(answer)
    try:
        verified = verify_registration_response(credential=answer.text, **_expected(answer))
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise PasskeyRefused from None
    if Passkey.objects.filter(user=user).count() >= MOST_PASSKEYS:
        raise Conflict(f"You have {MOST_PASSKEYS} passkeys. Remove one you no longer use, then add the new one.")
    try:
        with transaction.atomic():
            made: Passkey = Passkey.objects.create(
                user=user,
                name=name.strip()[:LONGEST_NAME] or "Passkey",
                credential_id=bytes_to_base64url(verified.credential_id),
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
            )
    except IntegrityError:
        raise Conflict("This passkey is registered already.") from None
    return made


def check(user: User, answer: Answer, *, at: datetime) -> None:
    """Take an answer signed by one of the person's passkeys, once. Raises PasskeyRefused."""
    from webauthn import verify_authentication_response
    from webauthn.helpers import parse_authentication_credential_json
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _check_form(answer)
    try:
        credential = parse_authentication_credential_json(answer.text)
        passkey = Passkey.objects.get(user=user, credential_id=credential.id)
        verified = verify_authentication_response(
            credential=credential,
            credential_public_key=bytes(passkey.public_key),
            # A count that does not grow is a copy of the key, or an answer sent again.
            credential_current_sign_count=passkey.sign_count,
            **_expected(answer),
        )
    except (WebAuthnException, Passkey.DoesNotExist, ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise PasskeyRefused from None
    challenge_hash = hashlib.sha256(challenge).hexdigest()
    # Of two requests with the same answer one changes the row, also where the authenticator does not count.
    unused = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count).exclude(
        last_challenge_hash=challenge_hash
    )
    if not unused.update(sign_count=verified.new_sign_count, last_challenge_hash=challenge_hash, last_used_at=at):
        raise PasskeyRefused


def _check_form(answer: Answer) -> bytes:
    if answer.challenge is None or len(answer.text) > LONGEST_ANSWER:
        raise PasskeyRefused
    return answer.challenge


def _expected(answer: Answer) -> dict[str, Any]:
    return {
        "expected_challenge": answer.challenge,
        "expected_rp_id": site_id(),
        "expected_origin": _origin(),
        "require_user_verification": False,
    }
