"""A screen left alone asks for the password, and nothing that a page does by itself keeps it open."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from synapse.accounts.locking import ACTIVE_KEY
from synapse.accounts.models import ClinicSettings
from synapse.testing.plugin import PASSWORD

FETCHED = {"HTTP_SEC_FETCH_MODE": "cors"}


@pytest.fixture
def client(asha, signed_in) -> Client:
    return signed_in(asha)


def leave_alone(client: Client, minutes: float) -> None:
    session = client.session
    session[ACTIVE_KEY] = (timezone.now() - timedelta(minutes=minutes)).timestamp()
    session.save()


def is_asked(response) -> bool:
    return response.status_code == 302 and response.url.startswith(reverse("accounts:unlock"))


def unlock(client: Client, password: str = PASSWORD, **extra):
    return client.post(reverse("accounts:unlock"), {"password": password, "next": "/patients/"}, **extra)


def test_a_page_after_the_idle_time_asks_and_comes_back_to_it(client):
    leave_alone(client, 15)

    asked = client.get("/patients/?page=2")
    opened = unlock(client)

    assert is_asked(asked)
    assert "next=%2Fpatients%2F%3Fpage%3D2" in asked.url
    assert (opened.status_code, opened.url) == (302, "/patients/")
    assert client.get("/patients/").status_code == 200


def test_a_page_within_the_idle_time_keeps_the_session_open(client):
    leave_alone(client, 14)

    assert client.get("/patients/").status_code == 200
    assert timezone.now().timestamp() - client.session[ACTIVE_KEY] < 5


def test_what_a_page_fetches_by_itself_does_not(client):
    leave_alone(client, 14)

    client.get("/patients/", **FETCHED)

    assert timezone.now().timestamp() - client.session[ACTIVE_KEY] > 800


def test_a_page_reports_that_somebody_types(client):
    leave_alone(client, 14)

    assert client.post(reverse("accounts:active"), **FETCHED).status_code == 204
    leave_alone(client, 14)
    assert client.get("/patients/").status_code == 200


def test_the_clinic_sets_the_time(client):
    ClinicSettings.load()
    ClinicSettings.objects.update(idle_lock_minutes=2)
    leave_alone(client, 3)

    assert is_asked(client.get("/patients/"))


def test_locked_by_hand_a_reload_does_not_open_it(client):
    client.post(reverse("accounts:lock"))

    assert is_asked(client.get("/patients/"))
    assert is_asked(client.get("/patients/"))


def test_a_script_is_told_and_changes_nothing(client):
    client.post(reverse("accounts:lock"))

    answer = client.post("/settings/notifications/", {}, **FETCHED)
    active = client.post(reverse("accounts:active"), **FETCHED)

    assert (answer.status_code, answer.json()["error"]["code"]) == (423, "locked")
    assert active.status_code == 423


def test_htmx_is_sent_to_the_question_and_back_to_its_page(client):
    client.post(reverse("accounts:lock"))

    answer = client.get(
        "/patients/", HTTP_HX_REQUEST="true", HTTP_HX_CURRENT_URL="http://testserver/settings/", **FETCHED
    )

    assert answer["HX-Redirect"] == f"{reverse('accounts:unlock')}?next=%2Fsettings%2F"


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_wrong_password_leaves_it_locked(client, accept):
    client.post(reverse("accounts:lock"))

    answer = unlock(client, "something else entirely", HTTP_ACCEPT=accept)

    assert answer.status_code == 422
    assert "not your password" in answer.content.decode()
    assert is_asked(client.get("/patients/"))


def test_guessing_is_paused(client):
    client.post(reverse("accounts:lock"))

    for _ in range(10):
        unlock(client, "something else entirely")

    assert unlock(client).status_code == 429
    assert is_asked(client.get("/patients/"))


def test_a_script_opens_it(client):
    client.post(reverse("accounts:lock"))

    assert unlock(client, HTTP_ACCEPT="application/json").status_code == 204
    assert client.get("/patients/").status_code == 200


def test_signing_out_and_in_need_no_unlocking(client, asha):
    client.post(reverse("accounts:lock"))

    assert client.post(reverse("accounts:sign_out")).status_code == 302
    signed_in = client.post(reverse("accounts:sign_in"), {"name": asha.username, "password": PASSWORD})

    assert signed_in.status_code == 302
    assert client.get("/patients/").status_code == 200


def test_a_next_page_elsewhere_is_not_followed(client):
    client.post(reverse("accounts:lock"))

    answer = client.post(reverse("accounts:unlock"), {"password": PASSWORD, "next": "https://evil.example/"})

    assert answer.url == "/"
