"""What matters most asks who is there, unless they proved it in this session within five minutes."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from synapse.accounts import step_up
from synapse.accounts.browser_sessions import PROVEN_KEY
from synapse.accounts.models import ApiToken, Invitation
from synapse.testing.plugin import PASSWORD

INVITED = {"email": "new@clinic.example", "role": "doctor", "first_name": "Nia", "last_name": "Roy"}
ANSWER = {"proof-password": PASSWORD}


@pytest.fixture
def client(omar, signed_in) -> Client:
    return signed_in(omar)


def let_pass(client: Client, **time: float) -> None:
    session = client.session
    session[PROVEN_KEY] -= timedelta(**time).total_seconds()
    session.save()


def asks(client: Client) -> bool:
    return client.get(reverse("accounts:invite")).status_code == 302


def test_a_sign_in_is_proof_for_five_minutes_and_an_answer_for_five_more(client):
    page = reverse("accounts:invite")

    fresh = client.get(page)
    let_pass(client, minutes=5, seconds=1)
    asked = client.get(page)
    wrong = client.post(asked.url, {"proof-password": "wrong password", "next": page})
    right = client.post(asked.url, ANSWER | {"next": page})

    assert fresh.status_code == 200
    assert (asked.status_code, asked.url) == (302, f"{reverse('accounts:prove')}?next=%2Fpeople%2Finvite%2F")
    assert wrong.status_code == 422
    assert (right.status_code, right.url) == (302, page)
    assert client.get(page).status_code == 200


def test_what_was_sent_too_late_waits_in_the_question_and_goes_on_with_the_answer(client):
    let_pass(client, minutes=6)

    asked = client.post(reverse("accounts:invite"), INVITED)
    wrong = client.post(reverse("accounts:invite"), INVITED | {"proof-password": "wrong password"})
    before = Invitation.objects.count()
    done = client.post(reverse("accounts:invite"), INVITED | ANSWER)

    assert asked.status_code == 403
    assert 'name="email" value="new@clinic.example"' in asked.content.decode()
    assert wrong.status_code == 422
    assert 'name="last_name" value="Roy"' in wrong.content.decode()
    assert PASSWORD not in done.content.decode()
    assert (before, done.status_code, Invitation.objects.count()) == (0, 200, 1)


def test_a_question_asked_of_htmx_takes_the_place_of_the_page(client):
    let_pass(client, minutes=6)

    asked = client.post(reverse("accounts:invite"), INVITED, headers={"HX-Request": "true"})

    assert (asked.status_code, asked["HX-Retarget"]) == (422, "body")


def test_a_file_that_was_sent_too_late_is_asked_for_again(client, omar, rf: RequestFactory):
    let_pass(client, minutes=6)
    with Path(__file__).open("rb") as file:
        request = rf.post(
            "/somewhere/", {"word": "kept", "file": file}, headers={"Referer": "http://testserver/people/"}
        )
    request.user, request.session, request.htmx = omar, client.session, HtmxDetails(request)

    asked = step_up.fresh_proof_required(lambda request: HttpResponse("done"))(request)

    page = asked.content.decode()
    assert asked.status_code == 403
    assert 'action="/prove/"' in page
    assert 'name="next" value="http://testserver/people/"' in page
    assert "Choose the file again" in page


@pytest.mark.parametrize("has_factor", [False, True])
def test_unlocking_is_proof_as_far_as_it_asks_for_all_that_a_sign_in_asks_for(client, monkeypatch, has_factor):
    monkeypatch.setattr("synapse.accounts.second_factor.is_on", lambda user: has_factor)
    let_pass(client, minutes=6)

    client.post(reverse("accounts:lock"))
    client.post(reverse("accounts:unlock"), {"password": PASSWORD})

    assert asks(client) is has_factor


def test_the_check_for_programs_takes_a_token_for_proof_and_an_old_session_not(client, rf):
    request = rf.post("/")
    let_pass(client, minutes=6)
    request.session = client.session

    with pytest.raises(step_up.ProofNeeded):
        step_up.check(request)
    request.auth = ApiToken()
    step_up.check(request)


def test_a_clock_that_was_set_back_keeps_no_proof_fresh(client):
    let_pass(client, minutes=-6)

    assert not step_up.is_fresh(client.session, at=timezone.now())
