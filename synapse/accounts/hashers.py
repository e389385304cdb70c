"""Argon2id with at most two hashes at a time: each takes 100 MiB, and a burst of sign-ins must not take the machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = 2

_turns = threading.BoundedSemaphore(AT_ONCE)
_held = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one of the turns of this process; who has one already goes on."""
    if getattr(_held, "is_held", False):
        yield
        return
    with _turns:
        _held.is_held = True
        try:
            yield
        finally:
            _held.is_held = False


class TurnedArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's argon2id, in turns."""

    def encode(self, password: str, salt: str) -> str:
        with turn():
            encoded: str = super().encode(password, salt)
            return encoded

    def verify(self, password: str, encoded: str) -> bool:
        with turn():
            return bool(super().verify(password, encoded))
