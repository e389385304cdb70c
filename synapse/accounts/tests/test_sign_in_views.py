"""Signing in and out, a forgotten password and an invitation, by a browser's requests."""

import re

import pytest
from django.core import mail
from django.test import Client

from synapse.accounts import people, services
from synapse.accounts.models import User
from synapse.audit.models import Action, AuditEvent
from synapse.testing.plugin import PASSWORD

NEW_PASSWORD = "a gate of green wood"


def test_signing_in_leads_home(asha, client):
    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/settings/").status_code == 200


def test_signing_in_leads_on_to_where_one_wanted_to_be(asha, client):
    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD, "next": "/settings/security/"})

    assert answer.url == "/settings/security/"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "nowhere", "http"]
)
def test_signing_in_never_leads_elsewhere(asha, client, elsewhere):
    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD, "next": elsewhere})

    assert answer.url == "/"


def test_the_session_gets_a_new_key_at_sign_in(asha, client):
    client.get("/password/new/x/y/")
    client.session["planted"] = "by somebody"
    before = client.session.session_key

    client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert client.session.session_key != before


def test_a_wrong_password_shows_the_form_again_without_the_password(asha, client):
    answer = client.post("/sign-in/", {"name": "asha", "password": "not the one"})

    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert "<title>Error: Sign in" in answer.text
    assert "not the one" not in answer.text


def test_empty_fields_are_named(client, db):
    answer = client.post("/sign-in/", {"name": "", "password": ""})

    assert answer.status_code == 422
    assert "Enter your e-mail or user name" in answer.text


def test_too_many_tries_are_told_to_wait(asha, client):
    for _ in range(10):
        client.post("/sign-in/", {"name": "asha", "password": "wrong"})

    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text


def test_the_demo_shows_user_names_and_never_a_password(client, db, settings):
    settings.DEMO_PASSWORD = "shown in the terminal"

    answer = client.get("/sign-in/")

    assert "doctor2" in answer.text
    assert "shown in the terminal" not in answer.text


def test_a_production_sign_in_shows_no_user_names(client, db, settings):
    settings.MODE = "production"

    assert "doctor2" not in client.get("/sign-in/").text


def test_signing_out_ends_the_session_and_clears_the_cache(asha, signed_in):
    client = signed_in(asha)

    answer = client.post("/sign-out/")

    assert (answer.status_code, answer.url) == (302, "/sign-in/")
    # Audio that the server has not got yet lives in the browser's storage, which must survive.
    assert answer["Clear-Site-Data"] == '"cache"'
    assert client.get("/settings/").status_code == 302
    assert AuditEvent.objects.filter(action=Action.SIGN_OUT, actor_id=asha.pk).exists()


@pytest.mark.parametrize("method", ["get", "put"])
def test_signing_out_needs_a_post(asha, signed_in, method):
    assert getattr(signed_in(asha), method)("/sign-out/").status_code == 405


def test_asking_for_a_link_answers_the_same_for_every_address(asha, client):
    known = client.post("/password/forgot/", {"email": "asha@clinic.example"})
    unknown = client.post("/password/forgot/", {"email": "nora@clinic.example"})

    assert known.status_code == unknown.status_code == 200
    # The token against forged forms differs each time; nothing else may.
    known_page, unknown_page = (re.sub(r'content="\w{64}"', "", answer.text) for answer in (known, unknown))
    assert known_page.replace("asha@", "nora@") == unknown_page


def test_a_forgotten_password_is_replaced_by_the_link_once(asha, client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/password/forgot/", {"email": "asha@clinic.example"})
    path = "/password/new/" + mail.outbox[0].body.split("/password/new/")[1].split()[0]

    opened = client.get(path, follow=True)
    answer = client.post("/password/new/", {"new_password": NEW_PASSWORD})

    assert opened.redirect_chain == [("/password/new/", 302)]
    assert (answer.status_code, answer.url) == (302, "/sign-in/")
    asha.refresh_from_db()
    assert asha.check_password(NEW_PASSWORD)
    assert Client().get(path).status_code == 404


def test_opening_a_reset_link_does_not_use_it_up(asha):
    path = services.reset_path(asha)

    Client().get(path)

    assert Client().get(path).status_code == 302


def test_a_weak_new_password_is_refused(asha, client):
    client.get(services.reset_path(asha))

    answer = client.post("/password/new/", {"new_password": "asha"})

    assert answer.status_code == 422
    assert "at least 12 characters" in answer.text


@pytest.mark.parametrize("path", ["/password/new/", "/password/new/x/y/", "/join/nothing/"])
def test_a_link_that_is_gone_says_what_to_do(client, db, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "This link can’t be used any more" in answer.text


def test_an_invited_colleague_joins_and_is_signed_in(omar, client, now):
    sent = people.invite_person("nila@clinic.example", "receptionist", by=omar, at=now)

    shown = client.get(sent.path)
    answer = client.post(sent.path, {"first_name": "Nila", "last_name": "Das", "new_password": NEW_PASSWORD})

    assert "nila@clinic.example" in shown.text
    assert answer.status_code == 302
    assert client.get("/settings/").status_code == 200
    assert User.objects.get(username="nila@clinic.example").role == "receptionist"


def test_joining_with_a_weak_password_keeps_the_link(omar, client, now):
    sent = people.invite_person("nila@clinic.example", "receptionist", by=omar, at=now)

    answer = client.post(sent.path, {"first_name": "Nila", "last_name": "Das", "new_password": "short"})

    assert answer.status_code == 422
    assert client.get(sent.path).status_code == 200
