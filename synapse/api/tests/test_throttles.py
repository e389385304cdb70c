"""The sliding minute: how much fits, and that what it promises is true."""

import pytest
from django.core.cache import cache

from synapse.api import throttles

START = 1_767_225_600.0  # a whole minute


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()
    yield
    cache.clear()


def test_so_many_fit_and_no_more():
    standings = [throttles.count_request("a", 3, now=START) for _ in range(4)]
    assert [standing.remaining for standing in standings] == [2, 1, 0, 0]
    assert [standing.is_over for standing in standings] == [False, False, False, True]


def test_others_have_their_own():
    for _ in range(5):
        throttles.count_request("a", 3, now=START)
    assert not throttles.count_request("b", 3, now=START).is_over


@pytest.mark.parametrize("passed", [0, 1, 17.5, 45, 59])
@pytest.mark.parametrize("limit", [1, 3, 10, 600])
def test_whoever_waits_as_long_as_was_said_is_let_in(passed, limit):
    for _ in range(limit):
        throttles.count_request("a", limit, now=START + passed)
    refused = throttles.count_request("a", limit, now=START + passed)
    assert refused.is_over
    assert refused.reset_seconds <= 2 * throttles.WINDOW_SECONDS
    assert not throttles.count_request("a", limit, now=START + passed + refused.reset_seconds).is_over


def test_no_sixty_seconds_hold_twice_the_limit():
    taken = sum(not throttles.count_request("a", 10, now=START + 59).is_over for _ in range(30))
    taken += sum(not throttles.count_request("a", 10, now=START + 61).is_over for _ in range(30))
    assert taken <= 11


@pytest.mark.django_db
def test_a_refusal_says_when_to_come_back(api, asha, monkeypatch):
    monkeypatch.setattr(throttles, "PER_USER", 2)
    client = api(asha)
    answers = [client.get("/api/v1/patients/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[1]["RateLimit-Remaining"] == "0"
    assert int(answers[2]["Retry-After"]) >= 1
    assert answers[2].json()["error"]["code"] == "throttled"
