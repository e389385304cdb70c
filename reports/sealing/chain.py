"""The chain of a patient's seals: the code of an entry, and the hash by which each follows the one before."""

import secrets

from reports.models import SealEntry
from reports.sealing import canonical

# Crockford's letters: what is read as another character (I, L, O, U) is left out, and understood when it is typed.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_GROUPS = 4
GROUP_LENGTH = 4  # 16 characters of 5 bits: 80 bits nobody guesses
_MEANT = str.maketrans("OIL", "011")


def new_code() -> str:
    """Return an unguessable code to print: `7QKM-4F2X-9TDA-0HRW`."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(CODE_GROUPS))
    return "-".join(groups)


def read_code(typed: str) -> str:
    """Return a code as it is stored, however it was typed; what cannot be one becomes one that nobody has."""
    letters = "".join(letter for letter in typed.upper().translate(_MEANT) if letter.isalnum())
    is_possible = len(letters) == CODE_GROUPS * GROUP_LENGTH and set(letters) <= set(ALPHABET)
    letters = letters if is_possible else ""
    return "-".join(letters[place : place + GROUP_LENGTH] for place in range(0, len(letters), GROUP_LENGTH))


def link_digest(entry: SealEntry) -> str:
    """Return what an entry's `chain_digest` must be: the SHA-256 (hex) over the entry and the one before it."""
    return canonical.digest_of(
        {
            "patient": str(entry.patient_id),
            "number": entry.number,
            "kind": entry.kind,
            "object": str(entry.object_id),
            "code": entry.code,
            "digest": entry.digest,
            "previous": entry.previous_digest,
            "signed_by": str(entry.signed_by_id),
            "sealed_at": canonical.moment(entry.sealed_at),
        }
    )
