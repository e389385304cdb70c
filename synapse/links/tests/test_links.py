"""The shared parts of links: tokens, the ten minutes after an opening, words for devices, masked logs."""

import logging

import pytest
from django.http import HttpRequest, HttpResponse

from synapse.links import continuation, devices, tokens
from synapse.links.headers import make_private
from synapse.links.logs import MaskTokens


def test_a_token_has_256_bits_and_only_its_hash_is_kept():
    made = tokens.new_token()

    assert len(made.token) >= 43
    assert made.token_hash == tokens.hash_token(made.token)
    assert made.token not in made.token_hash
    assert tokens.new_token().token != made.token


def test_a_pin_has_six_digits_also_when_it_begins_with_zero(monkeypatch):
    monkeypatch.setattr(tokens.secrets, "randbelow", lambda limit: 42)

    assert tokens.new_pin() == "000042"


def request_after(response):
    request = HttpRequest()
    request.COOKIES = {name: cookie.value for name, cookie in response.cookies.items()}
    return request


def test_the_browser_that_opened_goes_on_for_ten_minutes(monkeypatch):
    response = HttpResponse()
    continuation.grant(response, "opening-1", path="/shared/x/", secure=True)

    request = request_after(response)

    cookie = response.cookies[continuation.COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["secure"], cookie["samesite"]) == (
        "/shared/x/",
        True,
        True,
        "Strict",
    )
    assert continuation.granted(request) == "opening-1"
    now = continuation.signing.time.time()
    monkeypatch.setattr(continuation.signing.time, "time", lambda: now + continuation.LIFETIME_SECONDS + 1)
    assert continuation.granted(request) is None


@pytest.mark.parametrize("value", ["", "opening-1", "opening-1:abc:def"])
def test_a_made_up_continuation_opens_nothing(value):
    request = HttpRequest()
    request.COOKIES = {continuation.COOKIE: value}

    assert continuation.granted(request) is None


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Version/17.0 Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/120 Safari/537 Edg/120", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox on Linux"),
        ("curl/8.0", devices.UNKNOWN),
        ("", devices.UNKNOWN),
    ],
)  # fmt: skip
def test_a_device_is_named_in_words(user_agent, words):
    assert devices.device_in_words(user_agent) == words


def test_an_answer_behind_a_link_is_kept_nowhere():
    response = make_private(HttpResponse())

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]


def test_tokens_are_masked_in_logs_and_ids_are_not():
    token = tokens.new_token().token
    record = logging.LogRecord(
        "django.request", logging.WARNING, "", 1, "%s: %s", ("Not Found", f"/shared/{token}/"), None
    )
    other = logging.LogRecord("x", logging.INFO, "", 1, "/reports/%s/", ("0198c1f2-7b44-7c5e-9e8a-1f2e3d4c5b6a",), None)

    assert MaskTokens().filter(record)
    MaskTokens().filter(other)

    assert token not in record.getMessage()
    assert record.getMessage() == "Not Found: /shared/***/"
    assert "0198c1f2" in other.getMessage()
