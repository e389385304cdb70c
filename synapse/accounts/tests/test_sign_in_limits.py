"""Guessing passwords: how often, who is kept out by it, who is not, and that the answers tell nothing."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import hashers as django_hashers
from django.db import connection, connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from synapse.accounts import devices, services, sign_in_limits, throttle
from synapse.accounts.backends import EmailOrUsernameBackend
from synapse.accounts.models import User
from synapse.testing.plugin import PASSWORD

LIMIT, WAIT = settings.AXES_FAILURE_LIMIT, settings.AXES_COOLOFF_TIME
ADDRESS = "203.0.113.7"


def sign_in(name, password, at, *, address=ADDRESS, cookies=None):
    request = RequestFactory().post("/sign-in/", {"name": name, "password": password}, headers={"User-Agent": "Test"})
    request.COOKIES.update(cookies or {})
    return services.check_password(request, name, password, address=address, at=at)


def fail(name, at, *, times=1, **where):
    for _ in range(times):
        with pytest.raises(services.SignInRefused) as refused:
            sign_in(name, "wrong", at, **where)
    return refused.value


@pytest.fixture
def device(asha):
    """The cookies of a browser in which Asha signed in before."""
    response = HttpResponse()
    devices.remember(RequestFactory().get("/"), response, asha)
    return {devices.COOKIE: response.cookies[devices.COOKIE].value}


def test_after_ten_wrong_tries_even_the_right_password_waits_and_the_wait_ends(asha, now):
    assert fail("asha", now, times=LIMIT).tries_left == 0

    with pytest.raises(throttle.TooManyTries, match="Wait 15 minutes"):
        sign_in("asha", PASSWORD, now)
    with pytest.raises(throttle.TooManyTries, match="Wait 1 minute,"):  # asking meanwhile does not prolong it
        sign_in("asha", PASSWORD, now + WAIT - timedelta(seconds=40))
    assert sign_in("asha", PASSWORD, now + WAIT + timedelta(seconds=5)) == asha


def test_the_right_password_and_time_forget_failures(asha, now):
    fail("asha", now, times=LIMIT - 1)
    sign_in("asha", PASSWORD, now)

    assert fail("asha", now, times=LIMIT - 1).tries_left == 1
    # Axes stamps a new row by its own clock, so this failure may already be too old to count.
    assert fail("asha", now + WAIT + timedelta(seconds=5)).tries_left >= LIMIT - 1


def test_one_address_cannot_try_many_names(asha, now, monkeypatch, device):
    monkeypatch.setattr(sign_in_limits, "MAXIMUM_FAILURES_PER_ADDRESS", 3)
    for number in range(3):
        fail(f"name{number}", now)

    with pytest.raises(throttle.TooManyTries, match="Wait 15 minutes"):
        sign_in("asha", PASSWORD, now)
    assert sign_in("asha", PASSWORD, now, address="198.51.100.1") == asha
    assert sign_in("asha", PASSWORD, now, cookies=device) == asha


@pytest.mark.django_db(transaction=True)
def test_of_a_burst_of_guesses_no_more_are_looked_at_than_one_by_one(asha, now, monkeypatch):
    looked_at = []
    look = EmailOrUsernameBackend.authenticate
    monkeypatch.setattr(
        EmailOrUsernameBackend, "authenticate", lambda *args, **kwargs: looked_at.append(1) or look(*args, **kwargs)
    )

    def guess(number):
        try:
            sign_in("asha", f"wrong {number}", now)
        except (services.SignInRefused, throttle.TooManyTries) as error:
            return type(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(guess, range(20)))

    assert len(looked_at) == LIMIT
    assert outcomes.count(throttle.TooManyTries) == 10


def test_a_stranger_locks_out_neither_another_address_nor_a_browser_that_is_known(asha, ben, now, device):
    fail("asha", now, times=LIMIT)

    assert sign_in("asha", PASSWORD, now, address="198.51.100.1") == asha
    assert sign_in("asha", PASSWORD, now, cookies=device) == asha
    with pytest.raises(throttle.TooManyTries):  # it is known as Asha's alone
        fail("ben", now, times=LIMIT + 1, cookies=device)


def test_a_known_browser_has_no_more_tries_than_others_and_a_forged_one_is_a_stranger(asha, now, device):
    fail("asha", now, times=LIMIT, cookies=device)
    with pytest.raises(throttle.TooManyTries):
        sign_in("asha", PASSWORD, now, cookies=device)

    fail("asha", now, times=LIMIT)
    with pytest.raises(throttle.TooManyTries):
        sign_in("asha", PASSWORD, now, cookies={devices.COOKIE: device[devices.COOKIE][:-2] + "xx"})


def test_signing_in_makes_a_browser_known_to_all_who_share_it(asha, rita, client):
    for who in (asha, rita):
        opened = client.post("/sign-in/", {"name": who.username, "password": PASSWORD})
        cookie = opened.cookies[devices.COOKIE]
        assert cookie["httponly"]
        assert who.username not in cookie.value
        client.post("/sign-out/")

    request = RequestFactory().get("/")
    request.COOKIES[devices.COOKIE] = cookie.value
    assert devices.device_of(request, "asha") == devices.device_of(request, "rita@clinic.example") is not None


def test_nothing_typed_is_kept_or_logged(db, now, caplog):
    fail("my secret in the wrong field", now)

    kept = str(AccessAttempt.objects.values().get())
    assert ADDRESS in kept
    for typed in ("secret", "wrong"):
        assert typed not in kept
        assert typed not in caplog.text


def test_the_administrator_sees_who_waits_and_ends_it(asha, omar, now, signed_in):
    fail("asha", now, times=LIMIT)
    client = signed_in(omar)
    shown = client.get("/admin/axes/accessattempt/")
    attempt = AccessAttempt.objects.get()

    assert ADDRESS in shown.text
    assert client.get("/admin/axes/accessattempt/add/").status_code == 403
    assert client.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"}).status_code == 302
    assert sign_in("asha", PASSWORD, now) == asha


@pytest.fixture
def hashed(monkeypatch):
    """Every hash of a password that was made."""
    made = []
    encode = django_hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(django_hashers.MD5PasswordHasher, "encode", lambda *args: made.append(1) or encode(*args))
    return made


def without_tokens(page):
    return re.sub(r'(csrf[^>]*?(?:value|content)=)"[^"]*"', r"\1", page)


def test_unknown_wrong_and_inactive_are_told_the_same_after_the_same_work(asha, ben, client, hashed):
    User.objects.filter(pk=ben.pk).update(is_active=False)
    pages, answers, hashes = set(), set(), set()
    for name, password in (("nobody", "x"), ("asha", "wrong"), ("ben", PASSWORD)):
        hashed.clear()
        page = client.post("/sign-in/", {"name": name, "password": password})
        sent = {"username": name, "password": password}
        answer = client.post("/api/v1/auth/token/", sent, content_type="application/json")
        body = without_tokens(page.text).replace(f'value="{name}"', "")
        pages.add((page.status_code, body))
        answers.add((answer.status_code, answer.text))
        hashes.add(len(hashed))

    assert (len(pages), len(answers), hashes) == (1, 1, {2})


def test_a_reset_is_the_same_work_for_an_address_nobody_has(asha, client, settings):
    settings.JOB_DOORBELL = "synapse.accounts.tests.test_sign_in_limits.nothing"
    client.post("/password/forgot/", {"email": "first@clinic.example"})  # makes the rows that all share
    bodies, work = set(), set()
    for email in (asha.email, "nope@clinic.example"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.post("/password/forgot/", {"email": email})
        bodies.add((answer.status_code, without_tokens(answer.text).replace(email, "")))
        work.add(tuple(query["sql"].split()[0] for query in queries))

    assert (len(bodies), len(work)) == (1, 1)


def nothing(*args):
    """Ring no queue."""
