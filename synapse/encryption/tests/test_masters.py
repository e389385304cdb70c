"""Who wraps data keys: AUDIO_KEY, or a key service with AUDIO_KEY behind it (the real client, a stand-in's answers)."""

import pytest

from synapse.encryption import masters
from synapse.encryption.data_keys import new_key
from synapse.encryption.errors import DecryptionError, KeyServiceUnavailable
from synapse.encryption.masters import RECORDINGS, ServiceKeys, SettingsKeys
from synapse.encryption.tests.kms_server import KEY, key_service


@pytest.fixture(scope="module")
def server():
    with key_service() as running:
        yield running


@pytest.fixture
def service(server, settings):
    server.fails_with, server.spoils = 0, False
    settings.KMS_KEY, settings.GOOGLE_KMS_ENDPOINT = KEY, server.endpoint
    masters._configured.cache_clear()
    yield server
    masters._configured.cache_clear()


def test_without_a_key_service_audio_key_wraps(settings):
    settings.KMS_KEY = ""
    key = new_key()

    stored = masters.configured().wrap(key, purpose=RECORDINGS)

    assert masters.configured().unwrap(stored, purpose=RECORDINGS) == key
    assert stored.key_id == masters.configured().active_id(RECORDINGS)


def test_a_key_wrapped_for_one_purpose_opens_for_no_other(settings):
    stored = masters.configured().wrap(new_key(), purpose=RECORDINGS)

    with pytest.raises(DecryptionError):
        masters.configured().unwrap(stored, purpose="notes")


def test_the_service_wraps_and_opens_again_by_itself_alone(service, settings):
    key = new_key()

    stored = masters.configured().wrap(key, purpose=RECORDINGS)
    masters._configured.cache_clear()  # as in another process: nothing is remembered
    settings.AUDIO_KEY = ["another-key-of-thirty-two-random-bytes-01234"]

    assert stored.key_id.startswith("kms.")
    assert masters.configured().unwrap(stored, purpose=RECORDINGS) == key


def test_the_context_keeps_purposes_apart_in_the_service_too(service):
    stored = masters.configured().wrap(new_key(), purpose=RECORDINGS)
    masters._configured.cache_clear()

    with pytest.raises(DecryptionError):
        masters.configured().unwrap(stored, purpose="notes")


def test_an_opened_key_is_asked_for_once(service):
    stored = masters.configured().wrap(new_key(), purpose=RECORDINGS)
    masters._configured.cache_clear()
    service.calls.clear()

    for _ in range(3):
        masters.configured().unwrap(stored, purpose=RECORDINGS)

    assert service.calls == ["decrypt"]


def test_a_remembered_key_is_forgotten_after_its_time_and_when_there_are_too_many(service, monkeypatch):
    keys = ServiceKeys(masters.configured()._service, SettingsKeys(["x"]))
    stored = keys.wrap(new_key(), purpose=RECORDINGS)
    service.calls.clear()
    monkeypatch.setattr(masters.time, "monotonic", lambda: 10.0**9)
    keys.unwrap(stored, purpose=RECORDINGS)
    assert service.calls == ["decrypt"]

    few = masters._Remembered(2, 60)
    for number in range(3):
        few.put(("p", bytes([number])), b"key")
    assert [few.get(("p", bytes([number]))) for number in range(3)] == [None, b"key", b"key"]


@pytest.mark.parametrize("fault", ["refuses", "damages"])
def test_while_the_service_fails_audio_key_wraps_and_what_the_service_holds_waits(service, fault):
    held = masters.configured().wrap(new_key(), purpose=RECORDINGS)
    masters._configured.cache_clear()
    service.fails_with, service.spoils = (503, False) if fault == "refuses" else (0, True)
    key = new_key()

    stored = masters.configured().wrap(key, purpose=RECORDINGS)

    assert not stored.key_id.startswith("kms.")
    assert masters.configured().unwrap(stored, purpose=RECORDINGS) == key
    with pytest.raises(KeyServiceUnavailable):
        masters.configured().unwrap(held, purpose=RECORDINGS)


def test_a_service_that_nobody_answers_for_is_given_up_and_not_waited_for(settings):
    settings.KMS_KEY, settings.GOOGLE_KMS_ENDPOINT = KEY, "http://127.0.0.1:9"
    masters._configured.cache_clear()

    with pytest.raises(KeyServiceUnavailable):
        masters.configured().active_id(RECORDINGS)
    masters._configured.cache_clear()


def test_its_own_rotation_gives_a_new_name_and_opens_what_was(service):
    key = new_key()
    stored = masters.configured().wrap(key, purpose=RECORDINGS)
    service.rotate()
    masters._configured.cache_clear()

    assert masters.configured().active_id(RECORDINGS) != stored.key_id
    assert masters.configured().unwrap(stored, purpose=RECORDINGS) == key
