"""Passkeys as a second factor: real signatures of a small authenticator, and every way to cheat with one."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.test import Client

from synapse.accounts import passkeys, second_factor
from synapse.accounts.models import Passkey, RecoveryCode
from synapse.accounts.passkeys import PROVE, REGISTER, Answer, PasskeyRefused
from synapse.accounts.tests.authenticators import SecurityKey
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.testing.plugin import PASSWORD

SECURITY = "/settings/security/"


@pytest.fixture
def session(db):
    return Client().session


def make(session, user, key, at, name="Laptop"):
    answer = key.make(passkeys.ask_to_register(session, user, at=at))
    return second_factor.add_passkey(user, name, passkeys.take_answer(session, user, REGISTER, answer, at=at), by=user)


def use(session, user, key, at):
    answer = key.use(passkeys.ask_to_prove(session, user, at=at))
    second_factor.check_passkey(user, passkeys.take_answer(session, user, PROVE, answer, at=at), at=at)


@pytest.fixture
def key(session, asha, now):
    """Asha's security key, her only second factor."""
    made = SecurityKey()
    make(session, asha, made, now)
    return made


def test_the_first_passkey_turns_the_second_factor_on_and_gives_recovery_codes_the_next_does_not(session, asha, now):
    codes = make(session, asha, SecurityKey(), now)
    more = make(session, asha, SecurityKey(), now, name="Phone")

    assert (len(codes), more) == (second_factor.RECOVERY_CODES, [])
    assert second_factor.is_on(asha)
    assert [key.name for key in second_factor.passkeys_of(asha)] == ["Laptop", "Phone"]
    second_factor.check_code(asha, codes[0], at=now)
    with pytest.raises(second_factor.SecondFactorNeeded):
        second_factor.check_code(asha, "", at=now)


def test_what_the_browser_is_asked_names_this_site_and_shuts_out_keys_that_are_known(session, asha, key, now):
    asked = json.loads(passkeys.ask_to_register(session, asha, at=now))

    assert asked["rp"]["id"] == "localhost"
    assert asked["authenticatorSelection"]["userVerification"] == "preferred"
    assert [one["id"] for one in asked["excludeCredentials"]] == [Passkey.objects.get().credential_id]


@pytest.mark.parametrize("lie", [{"origin": "http://localhost:8001"}, {"site": "evil.example"}])
def test_a_key_made_for_another_site_is_refused(session, asha, now, lie):
    with pytest.raises(PasskeyRefused):
        make(session, asha, SecurityKey(**lie), now)

    assert not second_factor.is_on(asha)


def test_nobody_adds_a_key_for_a_colleague_or_one_that_is_registered(session, asha, ben, key, now):
    answer = passkeys.take_answer(
        session, ben, REGISTER, SecurityKey().make(passkeys.ask_to_register(session, ben, at=now)), at=now
    )
    with pytest.raises(NotAllowed):
        second_factor.add_passkey(ben, "x", answer, by=asha)
    with pytest.raises(Conflict):
        make(session, ben, key, now)


def test_a_key_is_taken_again_and_again_and_remembers_when(session, asha, key, now):
    for minutes in (1, 2):
        use(session, asha, key, now + timedelta(minutes=minutes))

    assert Passkey.objects.get().sign_count == 2
    assert Passkey.objects.get().last_used_at == now + timedelta(minutes=2)


@pytest.mark.parametrize("step", [1, 0], ids=["counting", "not counting"])
def test_an_answer_counts_once(session, asha, now, step):
    key = SecurityKey(step=step)
    make(session, asha, key, now)
    text = key.use(passkeys.ask_to_prove(session, asha, at=now))
    answer = passkeys.take_answer(session, asha, PROVE, text, at=now)
    second_factor.check_passkey(asha, answer, at=now)

    with pytest.raises(PasskeyRefused):  # by a second request that read the session at the same time
        second_factor.check_passkey(asha, answer, at=now)
    assert passkeys.take_answer(session, asha, PROVE, text, at=now).challenge is None
    assert AuditEvent.objects.last().action == Action.SIGN_IN_FAILED


def test_a_challenge_is_good_for_five_minutes_one_person_and_one_purpose(session, asha, ben, key, now):
    for who, purpose, at in (
        (asha, PROVE, now + passkeys.LIFETIME),
        (ben, PROVE, now),
        (asha, REGISTER, now),
    ):
        text = key.use(passkeys.ask_to_prove(session, asha, at=now))
        assert passkeys.take_answer(session, who, purpose, text, at=at).challenge is None
    with pytest.raises(PasskeyRefused):
        second_factor.check_passkey(asha, Answer(text, None), at=now)


@pytest.mark.parametrize("lie", [{"origin": "http://127.0.0.1:8000"}, {"site": "evil.example"}, {"count": -1}])
def test_an_answer_from_another_site_or_with_a_count_that_fell_back_is_refused(session, asha, key, now, lie):
    use(session, asha, key, now)
    for name, value in lie.items():
        setattr(key, name, value)

    with pytest.raises(PasskeyRefused):
        use(session, asha, key, now)


def test_a_key_nobody_registered_and_a_colleagues_key_are_refused(session, asha, ben, key, now):
    bens = SecurityKey()
    make(session, ben, bens, now)
    stranger = SecurityKey(credential_id=key.credential_id)

    for other in (bens, stranger, SecurityKey()):
        with pytest.raises(PasskeyRefused):
            use(session, asha, other, now)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "x", '{"id": 1}', "9" * 30_000])
def test_garbage_is_refused_like_a_wrong_key(session, asha, key, now, text):
    passkeys.ask_to_prove(session, asha, at=now)

    with pytest.raises(PasskeyRefused):
        second_factor.check_passkey(asha, passkeys.take_answer(session, asha, PROVE, text, at=now), at=now)


def test_signing_in_takes_a_passkey_in_place_of_a_code_under_a_new_session_key(asha, key, client):
    client.post("/sign-in/", {"name": "asha", "password": PASSWORD})
    owing = client.session.session_key

    assert client.post("/sign-in/code/", {"passkey": "{}"}).status_code == 422
    answer = key.use(client.post("/sign-in/passkey/").text)
    assert client.post("/sign-in/code/", {"passkey": answer}).status_code == 302
    assert get_user(client) == asha
    assert client.session.session_key != owing


def test_a_stranger_is_told_no_keys(asha, key, client):
    assert client.post("/sign-in/passkey/").status_code == 404


def test_keys_are_added_and_removed_with_password_and_key(asha, key, signed_in):
    client = signed_in(asha)
    add = f"{SECURITY}passkeys/new/"

    def proof():
        return {"password": PASSWORD, "passkey": key.use(client.post("/sign-in/passkey/").text)}

    assert client.get(f"{add}key/").url == add
    assert client.post(add, {"password": PASSWORD}).status_code == 422
    assert client.post(add, {**proof(), "password": "wrong"}).status_code == 422
    assert client.post(add, proof()).url == f"{add}key/"
    options = client.get(f"{add}key/").context["options"]
    made = SecurityKey().make(options)
    assert client.post(f"{add}key/", {"name": "Phone", "passkey": made}).url == SECURITY
    assert client.get(f"{add}key/").url == add
    phone = Passkey.objects.get(name="Phone")
    assert client.post(f"{SECURITY}passkeys/{phone.pk}/remove/", proof()).url == SECURITY
    assert [one.name for one in Passkey.objects.all()] == ["Laptop"]


def test_a_colleagues_key_is_out_of_reach(asha, ben, key, signed_in):
    address = f"{SECURITY}passkeys/{Passkey.objects.get().pk}/remove/"

    assert signed_in(ben).get(address).status_code == 404


def test_the_recovery_codes_go_with_the_last_key(asha, key):
    second_factor.remove_passkey(Passkey.objects.get(), by=asha)

    assert not RecoveryCode.objects.exists()
