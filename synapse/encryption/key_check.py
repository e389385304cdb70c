"""The key canary: refuse to run with a key the data was not written with."""

import hashlib
import hmac

from django.conf import settings

from synapse.encryption import crypto
from synapse.encryption.errors import DecryptionError
from synapse.encryption.models import KeyCheck

FIELD = "FIELD_ENCRYPTION_KEY"
# AUDIO_KEY and SIGNING_KEY name the key beside each value, AUDIT_KEY is proven by verify_audit; all are
# checked here too, so that the mistake shows at start and not in the first read.
KEYED = ("INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY")
CANARY = "synapse key check"


class WrongKeyError(Exception):
    """A configured key is not the one the stored data was made with; the message says which."""


def verify_keys() -> None:
    """Compare every key with the proof of its first use, writing the proof where there is none.

    Raises WrongKeyError with a sentence that names the setting.
    """
    proofs = dict(KeyCheck.objects.values_list("purpose", "proof"))
    _verify_field_key(proofs.get(FIELD))
    for name in KEYED:
        _verify_keyed(name, proofs.get(name))


def write_proofs() -> None:
    """Store the proofs of the active keys (first start, or the end of a rotation)."""
    KeyCheck.objects.update_or_create(purpose=FIELD, defaults={"proof": crypto.encrypt(CANARY)})
    for name in KEYED:
        KeyCheck.objects.update_or_create(purpose=name, defaults={"proof": _proof(getattr(settings, name)[0])})


def _verify_field_key(stored: str | None) -> None:
    if stored is None:
        KeyCheck.objects.get_or_create(purpose=FIELD, defaults={"proof": crypto.encrypt(CANARY)})
        return
    try:
        matches = crypto.decrypt(stored, label="the key canary") == CANARY
    except DecryptionError:
        matches = False
    if not matches:
        raise WrongKeyError(_sentence(FIELD))


def _verify_keyed(name: str, stored: str | None) -> None:
    keys: list[str] = getattr(settings, name)
    if stored is None:
        KeyCheck.objects.get_or_create(purpose=name, defaults={"proof": _proof(keys[0])})
    elif not any(hmac.compare_digest(stored, _proof(key)) for key in keys):
        raise WrongKeyError(_sentence(name))


def _proof(key: str) -> str:
    return hmac.digest(key.encode(), CANARY.encode(), hashlib.sha256).hex()


def _sentence(name: str) -> str:
    return (
        f"{name} is not the key this database was written with. Put the former key back, or list it after the new "
        "one, separated by a comma."
    )
