"""Argon2id, two at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, get_hashers_by_algorithm
from django.test import override_settings

from synapse import settings as product_settings
from synapse.accounts import hashers
from synapse.accounts.hashers import TurnedArgon2PasswordHasher


def test_the_product_hashes_with_argon2id():
    with override_settings(PASSWORD_HASHERS=product_settings.PASSWORD_HASHERS):
        (hasher,) = get_hashers_by_algorithm().values()
        encoded = hasher.encode("a gate of green wood", "saltsaltsalt")

    assert encoded.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    assert hasher.verify("a gate of green wood", encoded)
    assert not hasher.verify("a gate of green food", encoded)


@pytest.mark.timeout(60)
def test_no_more_than_two_are_made_at_once_and_a_turn_is_given_back(monkeypatch):
    running, most = [], []
    pair = threading.Barrier(hashers.AT_ONCE)

    def encode(self, password, salt):
        running.append(password)
        pair.wait(timeout=30)  # both turns are really taken
        most.append(len(running))
        pair.wait(timeout=30)
        running.remove(password)
        return "hash"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)

    def hash_in_a_turn(number):
        with hashers.turn():
            return TurnedArgon2PasswordHasher().encode(str(number), "salt")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(hash_in_a_turn, range(8))) == ["hash"] * 8

    assert max(most) == hashers.AT_ONCE
