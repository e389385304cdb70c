import pytest

from synapse.encryption.signing_keys import Signature, is_signed, key_id, sign

KEYS = ["new key", "former key"]


def test_the_first_key_signs_and_every_one_verifies():
    former = sign(b"words", KEYS[1:])

    assert sign(b"words", KEYS).key_id == key_id("new key")
    assert is_signed(b"words", former, KEYS)
    assert not is_signed(b"words", former, KEYS[:1])
    assert not is_signed(b"other words", former, KEYS)


@pytest.mark.parametrize("mac", ["", "é", "\ud800"])
def test_a_mac_somebody_made_up_is_none(mac):
    assert not is_signed(b"words", Signature(key_id("new key"), mac), KEYS)
