"""Setting up a second factor, and signing in with it, page by page."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.utils import timezone
from django_otp.oath import hotp

from synapse.accounts import second_factor, services, sign_in_steps
from synapse.accounts.models import Authenticator
from synapse.audit.models import Action, AuditEvent
from synapse.testing.plugin import PASSWORD

BEGIN = "/settings/security/second-factor/"
APP, CODES, OFF = f"{BEGIN}app/", f"{BEGIN}codes/", f"{BEGIN}off/"


def code_of(authenticator, at):
    return f"{hotp(authenticator.secret, int(at.timestamp()) // 30):06}"


@pytest.fixture
def codes(asha, now):
    """Recovery codes of Asha's second factor, turned on an hour ago."""
    before = now - timedelta(hours=1)
    authenticator = second_factor.begin(asha)
    return second_factor.confirm(authenticator, code_of(authenticator, before), by=asha, at=before)


def give_password(client, **more):
    return client.post("/sign-in/", {"name": "asha", "password": PASSWORD, **more})


def is_signed_in(client):
    return get_user(client).is_authenticated


def test_it_is_set_up_with_the_password_and_the_first_code(asha, signed_in, now):
    client = signed_in(asha)

    assert client.post(BEGIN, {"password": "wrong"}).status_code == 422
    assert not Authenticator.objects.exists()
    assert client.post(BEGIN, {"password": PASSWORD}).url == APP
    shown = client.get(APP)
    authenticator = Authenticator.objects.get()
    assert second_factor.typed_secret_of(authenticator) in shown.text
    assert "data:image/svg+xml" in shown.text
    assert client.post(APP, {"code": "000000"}).status_code == 422
    done = client.post(APP, {"code": code_of(authenticator, now)})

    assert "10 codes" in done.text
    assert "no-store" in done["Cache-Control"]
    assert second_factor.is_on(asha)
    assert client.get(APP).url == "/settings/security/"


def test_an_app_that_waits_is_shown_to_the_browser_that_began_it_and_not_for_long(
    asha, signed_in, codes, now, monkeypatch
):
    """A stolen session, or one left alone days later, must not put its own app in the place of the owner's."""
    owner, thief = signed_in(asha), signed_in(asha)
    owner.post(BEGIN, {"password": PASSWORD, "code": codes[0]})
    waiting = Authenticator.objects.get(confirmed=False)

    assert thief.get(APP).url == "/settings/security/"
    assert thief.post(APP, {"code": code_of(waiting, now)}).url == "/settings/security/"
    assert owner.get(APP).status_code == 200
    later = timezone.now() + second_factor.WAITS_FOR
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert second_factor.waiting_in(owner.session, asha, at=later) is None
    assert not Authenticator.objects.filter(pk=waiting.pk, confirmed=True).exists()


def test_pages_of_a_second_factor_that_is_off_lead_back(asha, signed_in):
    client = signed_in(asha)

    assert [client.get(page).url for page in (APP, CODES, OFF)] == ["/settings/security/"] * 3


def test_new_codes_and_turning_off_take_password_and_code(asha, signed_in, codes):
    client = signed_in(asha)

    assert client.post(CODES, {"password": PASSWORD}).status_code == 422
    assert "10 codes" in client.post(CODES, {"password": PASSWORD, "code": codes[0]}).text
    assert client.post(OFF, {"password": PASSWORD, "code": codes[1]}).status_code == 422
    code = code_of(second_factor.authenticator_of(asha), timezone.now())
    assert client.post(OFF, {"password": PASSWORD, "code": code}).status_code == 302
    assert not second_factor.is_on(asha)


def test_the_administrator_turns_it_off_for_who_lost_the_phone(asha, omar, rita, signed_in, codes):
    address = f"/people/{asha.pk}/second-factor/off/"

    assert signed_in(rita).post(address).status_code == 403
    assert signed_in(omar).get(address).status_code == 405
    assert signed_in(omar).post(address).status_code == 302
    assert not second_factor.is_on(asha)


def test_the_password_leads_to_the_code_and_the_code_to_where_one_wanted(asha, client, codes):
    asked = give_password(client, next="/settings/")

    assert asked.url == "/sign-in/code/?next=%2Fsettings%2F"
    assert not is_signed_in(client)
    assert not AuditEvent.objects.filter(action=Action.SIGN_IN).exists()
    opened = client.post("/sign-in/code/", {"code": codes[0], "next": "/settings/"})
    assert opened.url == "/settings/"
    assert is_signed_in(client)
    assert sign_in_steps.KEY not in client.session


def test_a_wrong_code_is_asked_again_and_then_paused(asha, client, codes):
    give_password(client)

    for _ in range(second_factor.MAXIMUM_TRIES):
        assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 422
    assert client.post("/sign-in/code/", {"code": codes[0]}).status_code == 429
    assert not is_signed_in(client)


def test_without_the_password_no_code_is_taken(asha, client, codes):
    assert client.post("/sign-in/code/", {"code": codes[0]}).url.startswith("/sign-in/?")
    assert not is_signed_in(client)


def test_the_password_is_remembered_for_five_minutes(asha, client, codes, now):
    give_password(client)
    session = client.session

    assert sign_in_steps.waiting_user(session, at=now) == asha
    assert sign_in_steps.waiting_user(session, at=now + sign_in_steps.LIFETIME + timedelta(minutes=1)) is None


def test_a_password_changed_meanwhile_is_asked_again(asha, client, codes, now):
    give_password(client)
    services.change_password(asha, "three unrelated words", by=asha, at=now)

    client.post("/sign-in/code/", {"code": codes[0]})

    assert not is_signed_in(client)


def test_the_session_gets_a_new_key_with_the_code(asha, client, codes):
    give_password(client)
    before = client.session.session_key

    client.post("/sign-in/code/", {"code": codes[0]})

    assert client.session.session_key != before


def test_the_set_up_pages_are_behind_it_too(omar, client, now):
    authenticator = second_factor.begin(omar)
    second_factor.confirm(authenticator, code_of(authenticator, now), by=omar, at=now)

    client.post("/sign-in/", {"name": "omar", "password": PASSWORD, "next": "/admin/"})

    assert client.get("/admin/").status_code == 302
