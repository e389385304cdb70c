"""The secret in a link: made once, kept only as a hash."""

import secrets
from hashlib import sha256
from typing import NamedTuple

TOKEN_BYTES = 32  # 256 bits: cannot be guessed, so its hash needs neither salt nor stretching
PIN_DIGITS = 6


class NewToken(NamedTuple):
    """A token and what is stored of it."""

    token: str
    token_hash: str


def new_token() -> NewToken:
    """Return a fresh token; whoever makes it shows it once."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return NewToken(token, hash_token(token))


def hash_token(token: str) -> str:
    """Return the SHA-256 (hex) a row is found by.

    Rows are looked up by this hash: how long that takes tells about the hash of a guess, nothing about a token.
    """
    return sha256(token.encode()).hexdigest()


def new_pin() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
