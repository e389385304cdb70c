"""The pages of API tokens: one's own, and the administrator's view of a colleague's."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django_otp.oath import hotp

from synapse.accounts import second_factor, tokens
from synapse.accounts.models import ApiToken
from synapse.audit.models import AuditEvent
from synapse.testing.plugin import PASSWORD

LIST, NEW = "/settings/tokens/", "/settings/tokens/new/"


def sent(**changes):
    return {"name": "Nightly export", "scopes": ["read", "clinical"], "days": "90", "password": PASSWORD, **changes}


def secret_in(answer):
    return re.search(r"syn_[\w-]{43}", answer.text).group()


@pytest.fixture
def token(asha, now):
    return tokens.create_token(
        asha, name="Old export", scopes=["read"], lifetime=timedelta(days=30), by=asha, at=now
    ).token


def test_a_new_token_is_shown_in_one_answer_and_works(asha, signed_in, now):
    client = signed_in(asha)

    answer = client.post(NEW, sent())

    secret = secret_in(answer)
    token = tokens.find_token(secret, at=now + timedelta(minutes=1))
    assert (token.user, token.name, token.scopes) == (asha, "Nightly export", ["read", "clinical"])
    assert token.expires_at - token.created_at > timedelta(days=89)
    assert answer["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    listed = client.get(LIST).text
    assert "Nightly export" in listed
    assert secret not in listed + str(dict(client.session))
    assert not any(secret[8:] in str(event) for event in AuditEvent.objects.values())


def test_a_wrong_password_makes_nothing_and_keeps_what_was_typed(asha, signed_in):
    answer = signed_in(asha).post(NEW, sent(password="not the password"))

    assert answer.status_code == 422
    assert "This is not your password" in answer.text
    assert 'value="Nightly export"' in answer.text
    assert "not the password" not in answer.text
    assert not ApiToken.objects.exists()


def test_the_code_is_asked_where_the_account_has_a_second_factor(asha, signed_in, now):
    client = signed_in(asha)
    authenticator = second_factor.begin(asha)
    step = int(now.timestamp()) // 30
    codes = second_factor.confirm(authenticator, f"{hotp(authenticator.secret, step):06}", by=asha, at=now)

    assert client.post(NEW, sent()).status_code == 422
    assert client.post(NEW, sent(code="000000")).status_code == 422
    assert not ApiToken.objects.exists()
    assert "syn_" in client.post(NEW, sent(code=codes[0])).text


def test_only_scopes_of_the_role_are_offered_or_taken(rita, signed_in):
    client = signed_in(rita)

    assert 'value="admin"' not in client.get(NEW).text
    assert client.post(NEW, sent(scopes=["read", "admin"])).status_code == 422
    assert client.post(NEW, sent(scopes=["billing"])).status_code == 422
    assert not ApiToken.objects.exists()


def test_one_token_too_many_is_refused_in_words(asha, signed_in, now, monkeypatch, token):
    monkeypatch.setattr(tokens, "MAXIMUM_LIVE", 1)

    answer = signed_in(asha).post(NEW, sent())

    assert answer.status_code == 422
    assert "End one you no longer need" in answer.text


def test_the_owner_ends_a_token_a_stranger_does_not_find_it(asha, ben, signed_in, token):
    address = reverse("accounts:revoke_token", args=[token.pk])

    assert signed_in(ben).post(address).status_code == 404
    assert signed_in(asha).get(address).status_code == 405
    assert signed_in(asha).post(address).url == LIST
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_the_administrator_sees_and_ends_a_colleagues_token(asha, omar, rita, signed_in, token):
    page = reverse("accounts:person_access", args=[asha.pk])
    client = signed_in(omar)

    assert "Old export" in client.get(page).text
    assert signed_in(rita).get(page).status_code == 403
    assert client.post(reverse("accounts:revoke_token", args=[token.pk])).url == page
    assert "Old export" not in client.get(page).text
