"""Signing in to the API, and one's tokens there."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django_otp.oath import hotp
from rest_framework.test import APIClient

from synapse.accounts import second_factor, tokens
from synapse.accounts.models import ApiToken
from synapse.audit.models import AuditEvent
from synapse.testing.plugin import PASSWORD

SIGN_IN, TOKENS = "/api/v1/auth/token/", "/api/v1/tokens/"


@pytest.fixture(autouse=True)
def _no_earlier_requests():
    cache.clear()


def sign_in(client=None, **sent):
    return (client or APIClient()).post(SIGN_IN, {"username": "asha", "password": PASSWORD, **sent})


def with_token(secret):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def error_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_name_and_password_bring_a_token_that_works_until_it_is_ended(asha, now):
    answer = sign_in()

    body = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert body["scopes"] == ["read", "write", "clinical", "billing"]
    expires_at = ApiToken.objects.get().expires_at
    assert body["expires_at"] == expires_at.isoformat().replace("+00:00", "Z")
    client = with_token(body["token"])
    assert client.get("/api/v1/profile/").status_code == 200
    assert client.delete(SIGN_IN).status_code == 204
    assert error_of(client.get("/api/v1/profile/")) == (401, "token_invalid")


def test_a_token_is_asked_for_with_a_name_scopes_and_hours(asha, now):
    sign_in(name="Export", scopes=["read"], expires_in_hours=1)

    token = ApiToken.objects.get()
    assert (token.name, token.scopes) == ("Export", ["read"])
    assert timedelta(minutes=59) < token.expires_at - now < timedelta(minutes=61)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"scopes": ["admin", "read"]}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["billing"]}, "scopes"),
        ({"expires_in_hours": 0}, "expires_in_hours"),
        ({"expires_in_hours": 8761}, "expires_in_hours"),
        ({"password": ""}, "password"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(asha, sent, field):
    answer = sign_in(**sent)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]
    assert not ApiToken.objects.exists()


def test_a_wrong_password_and_an_unknown_name_look_the_same(asha):
    wrong, unknown = sign_in(password="wrong"), sign_in(username="nobody", password="wrong")

    assert error_of(wrong) == (401, "sign_in")
    assert wrong.json() == unknown.json()


def test_no_more_than_ten_tries_a_minute_come_from_one_address(asha):
    for _ in range(10):
        assert sign_in(username="nobody").status_code == 401

    refused = sign_in()
    assert error_of(refused) == (429, "throttled")
    assert int(refused["Retry-After"]) > 0


def test_cookies_and_old_tokens_are_not_looked_at(asha, ben):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ben)
    client.credentials(HTTP_AUTHORIZATION="Bearer syn_old")

    answer = sign_in(client)

    assert answer.status_code == 200
    assert ApiToken.objects.get().user == asha


def test_the_code_is_asked_where_the_account_has_a_second_factor(asha, now):
    before = now - timedelta(hours=1)
    authenticator = second_factor.begin(asha)
    first = hotp(authenticator.secret, int(before.timestamp()) // 30)
    codes = second_factor.confirm(authenticator, f"{first:06}", by=asha, at=before)

    assert error_of(sign_in()) == (401, "otp_required")
    assert error_of(sign_in(otp="000000")) == (401, "otp_invalid")
    assert error_of(sign_in(password="wrong", otp=codes[0])) == (401, "sign_in")
    assert sign_in(otp=codes[0]).status_code == 200
    assert error_of(sign_in(otp=codes[0])) == (401, "otp_invalid")


def test_only_a_token_is_ended_and_one_that_only_reads_ends_itself(api, bearer, asha):
    assert error_of(api(asha).delete(SIGN_IN)) == (401, "not_signed_in")
    assert bearer(asha, scopes=["read"]).delete(SIGN_IN).status_code == 204


def new(**changes):
    return {"name": "Export", "scopes": ["read"], "expires_in_hours": 24, "password": PASSWORD, **changes}


def test_a_token_is_made_shown_once_listed_and_ended(api, asha):
    client = api(asha)

    made = client.post(TOKENS, new())

    assert made.status_code == 201
    secret = made.json()["token"]
    assert with_token(secret).get("/api/v1/profile/").status_code == 200
    listed = client.get(TOKENS).json()
    assert [row["name"] for row in listed["results"]] == ["Export"]
    assert listed["results"][0]["id"] == made.json()["id"]
    assert secret not in str(listed)
    assert not any(secret[8:] in str(event) for event in AuditEvent.objects.values())
    assert client.delete(f"{TOKENS}{made.json()['id']}/").status_code == 204
    assert client.get(TOKENS).json()["count"] == 0


def test_a_token_is_made_with_the_password_only(api, asha):
    client = api(asha)

    assert error_of(client.post(TOKENS, new(password="wrong"))) == (401, "sign_in")
    assert client.post(TOKENS, new(password="")).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_token_that_only_reads_makes_none(bearer, asha):
    assert error_of(bearer(asha, scopes=["read"]).post(TOKENS, new())) == (403, "scope_missing")


def test_nobody_finds_somebody_elses_token_here(api, bearer, asha, omar, now):
    made = tokens.create_token(asha, name="x", scopes=["read"], lifetime=timedelta(days=1), by=asha, at=now)

    assert api(omar).get(TOKENS).json()["count"] == 0
    assert api(omar).delete(f"{TOKENS}{made.token.pk}/").status_code == 404
    assert tokens.find_token(made.secret, at=now) is not None
