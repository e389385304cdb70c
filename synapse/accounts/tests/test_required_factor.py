"""In production nobody is signed in without a second factor: by no door, and no way round."""

from datetime import timedelta

import pytest
from channels.auth import get_user as user_of_socket
from django.contrib.auth import get_user
from django.test import Client
from django_otp.oath import hotp

from synapse.accounts import people, second_factor, services, tokens
from synapse.accounts.models import Authenticator, Passkey, User
from synapse.accounts.tests.authenticators import SecurityKey
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import Conflict
from synapse.testing.plugin import PASSWORD

SET_UP = "/sign-in/set-up/"
EVERYBODY = ["asha", "rita", "omar"]


def code_of(authenticator, at):
    return f"{hotp(authenticator.secret, int(at.timestamp()) // 30):06}"


@pytest.fixture(autouse=True)
def production(settings):
    settings.IS_PRODUCTION = True


@pytest.fixture
def person(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def with_app(asha, now):
    """Asha, her app turned on an hour ago; returns it and her recovery codes."""
    before = now - timedelta(hours=1)
    authenticator = second_factor.begin(asha)
    return authenticator, second_factor.confirm(authenticator, code_of(authenticator, before), by=asha, at=before)


@pytest.mark.parametrize("person", EVERYBODY, indirect=True)
def test_the_password_alone_opens_nothing_in_any_role(person, client):
    led = client.post("/sign-in/", {"name": person.username, "password": PASSWORD, "next": "/patients/"})

    assert led.url == f"{SET_UP}?next=%2Fpatients%2F"
    assert not get_user(client).is_authenticated
    assert not AuditEvent.objects.filter(action=Action.SIGN_IN).exists()
    for address in ("/", "/patients/", "/settings/", "/settings/security/second-factor/", "/people/"):
        assert "/sign-in/" in client.get(address).url
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/sign-in/")
    assert client.get("/api/v1/patients/").status_code == 401
    # Neither step can be skipped by way of the other.
    assert client.post("/sign-in/code/", {"code": ""}).url.startswith(SET_UP)
    assert client.post("/unlock/", {"password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("person", EVERYBODY, indirect=True)
def test_a_session_or_token_from_before_is_nobodys(person, client, now, settings):
    settings.IS_PRODUCTION = False
    client.force_login(person)
    made = tokens.create_token(person, name="x", scopes=["read"], lifetime=timedelta(hours=1), by=person, at=now)
    assert client.get("/settings/").status_code == 200
    settings.IS_PRODUCTION = True

    assert client.get("/settings/").status_code == 302
    assert client.get("/api/v1/profile/").status_code == 401
    assert user_of_socket.func({"session": client.session}).is_anonymous  # what sockets wrap into a thread
    assert tokens.find_token(made.secret, at=now) is None
    bearer = {"Authorization": f"Bearer {made.secret}"}
    assert Client().get("/api/v1/profile/", headers=bearer).status_code == 401


def test_setting_up_an_app_lets_in_once_and_for_all(asha, client, now):
    client.post("/sign-in/", {"name": "asha", "password": PASSWORD})
    owing = client.session.session_key
    shown = client.get(SET_UP)
    authenticator = Authenticator.objects.get()
    assert second_factor.typed_secret_of(authenticator) in shown.text

    assert client.post(SET_UP, {"code": "000000"}).status_code == 422
    done = client.post(SET_UP, {"code": code_of(authenticator, now), "next": "/settings/"})

    assert "10 codes" in done.text
    assert 'href="/settings/"' in done.text
    assert "no-store" in done["Cache-Control"]
    assert client.get("/settings/").status_code == 200
    assert client.session.session_key != owing
    assert AuditEvent.objects.filter(action=Action.SIGN_IN).count() == 1
    assert "/sign-in/" in Client().get(SET_UP).url
    again = Client()
    assert again.post("/sign-in/", {"name": "asha", "password": PASSWORD}).url.startswith("/sign-in/code/")
    assert "/sign-in/" in again.get(SET_UP).url  # who has one gets no second one for the password


def test_two_browsers_that_gave_the_password_never_see_one_secret(asha, client, now):
    """Whoever knows the password of a new account must not read the secret that its owner is about to use."""
    thief = Client()
    for browser in (client, thief):
        browser.post("/sign-in/", {"name": "asha", "password": PASSWORD})
    client.get(SET_UP)
    shown_to_owner = second_factor.typed_secret_of(Authenticator.objects.get())

    assert shown_to_owner not in thief.get(SET_UP).text
    assert shown_to_owner not in client.get(SET_UP).text  # one waits at a time, the owner scans again
    thief.get(SET_UP)
    assert client.post(SET_UP, {"code": code_of(Authenticator.objects.get(), now)}).status_code == 422
    client.post(SET_UP, {"code": code_of(Authenticator.objects.get(), now)})

    assert second_factor.is_on(asha)
    assert "/sign-in/" in thief.get(SET_UP).url


def test_setting_up_a_passkey_lets_in_as_well(asha, client):
    client.post("/sign-in/", {"name": "asha", "password": PASSWORD})
    options = client.get(f"{SET_UP}passkey/").context["options"]

    assert client.post(f"{SET_UP}passkey/", {"name": "Key", "passkey": "{}"}).status_code == 422
    options = client.get(f"{SET_UP}passkey/").context["options"]
    done = client.post(f"{SET_UP}passkey/", {"name": "Key", "passkey": SecurityKey().make(options)})

    assert "10 codes" in done.text
    assert get_user(client) == asha


def test_no_token_for_a_password_alone_and_the_answer_says_what_to_do(asha, client):
    sent = {"username": "asha", "password": PASSWORD}

    refused = client.post("/api/v1/auth/token/", sent, content_type="application/json")

    assert refused.status_code == 403
    error = refused.json()["error"]
    assert error["code"] == "second_factor_required"
    assert "Sign in at http://localhost:8000/ in a browser, set it up" in error["message"]
    wrong = client.post("/api/v1/auth/token/", {**sent, "password": "wrong"}, content_type="application/json")
    assert wrong.json()["error"]["code"] == "sign_in"


def test_a_new_password_does_not_lead_round_it(asha, with_app, client, now):
    opened = client.get(services.reset_path(asha))
    client.post(opened.url, {"new_password": "three unrelated words"})

    assert not get_user(client).is_authenticated
    led = client.post("/sign-in/", {"name": "asha", "password": "three unrelated words"})
    assert led.url.startswith("/sign-in/code/")
    assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 422
    assert not get_user(client).is_authenticated


def test_an_invited_colleague_sets_it_up_before_the_first_page(omar, client, now):
    path = people.invite_person("new@clinic.example", "doctor", by=omar, at=now).path

    led = client.post(path, {"first_name": "N", "last_name": "W", "new_password": "three unrelated words"})

    assert User.objects.filter(email="new@clinic.example").exists()
    assert led.url.startswith(SET_UP)
    assert not get_user(client).is_authenticated
    assert client.get(SET_UP).status_code == 200


def test_the_last_factor_stays_until_there_is_another(asha, with_app):
    with pytest.raises(Conflict):
        second_factor.remove_app(asha, by=asha)
    key = Passkey.objects.create(user=asha, name="Key", credential_id="x", public_key=b"x")

    second_factor.remove_app(asha, by=asha)

    with pytest.raises(Conflict):
        second_factor.remove_passkey(key, by=asha)


def test_what_an_administrator_takes_away_is_set_up_anew(asha, omar, with_app, client, now):
    client.force_login(asha)
    assert client.get("/settings/").status_code == 200

    second_factor.take_away(asha, by=omar, at=now)

    assert client.get("/settings/").status_code == 302
    assert client.post("/sign-in/", {"name": "asha", "password": PASSWORD}).url.startswith(SET_UP)


def test_the_demo_clinic_offers_it_and_does_not_ask(asha, client, settings):
    settings.IS_PRODUCTION = False

    client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert get_user(client) == asha
