"""Whatever breaks, and whatever it holds in its hands: page, answer, job, sweep and log say nothing of it."""

import traceback
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.db import OperationalError
from django.test import Client
from django_q.exceptions import TimeoutException
from django_q.models import Task
from django_q.tasks import async_task

from synapse.api import throttles
from synapse.common import jobs, sweeps
from synapse.common.models import Job, SweepRun
from synapse.tests.api_clinic import furnish
from synapse.tests.api_probe import operations, probe, text_of
from synapse.tests.console import console
from synapse.tests.crawl import ask, every_address

pytestmark = pytest.mark.django_db
MARK = "zzasha"
HERE = "synapse.tests.test_canary_errors"


class Broken(Exception):
    """An error as libraries raise it: it quotes what it was given."""


def break_with(said: str) -> None:
    """Fail with these words in the message, in a note, in what it happened in and in the variables."""
    try:
        raise ValueError(said)
    except ValueError:
        error = Broken(said)
        error.add_note(said)
        raise error  # noqa: B904  what it happened in hangs on it, as it would


class BreakAfterwards:
    """A middleware: the view answers, and then something fails with all that was said."""

    marked = 0

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        said = (b"".join(response.streaming_content) if response.streaming else response.content).decode(
            errors="replace"
        )
        type(self).marked += MARK in said
        break_with(said)


@jobs.task()
def break_down(job):
    break_with(MARK)


@jobs.task()
def break_off(job):
    try:
        break_with(MARK)
    except Broken:
        raise TimeoutException("over 120 seconds")  # noqa: B904  the queue's signal comes in the middle of anything


def sweep_badly(at):
    break_with(MARK)


@pytest.fixture
def log():
    with console() as written:
        yield written


@pytest.fixture
def broken(settings, monkeypatch):
    """Every view fails after it has answered."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{HERE}.BreakAfterwards"]
    monkeypatch.setattr(BreakAfterwards, "marked", 0)
    monkeypatch.setattr(throttles, "PER_USER", 10**9)
    monkeypatch.setattr(throttles, "PER_SCOPE", dict.fromkeys(throttles.PER_SCOPE, 10**9))


def test_no_page_that_breaks_says_what_it_was_about(asha, broken, log):
    held = furnish(asha, MARK)
    client = Client(raise_request_exception=False)
    client.force_login(asha)
    wrong, asked = [], 0
    for address in every_address(held):
        response, text = ask(client, address.paths[0])
        asked += response.status_code == 500
        if MARK in text or response.status_code < 300:
            wrong.append(f"{address.name}: {response.status_code}")

    assert wrong == []
    assert asked > 250
    assert BreakAfterwards.marked > 40
    assert log.getvalue().count("Broken\n") >= asked
    assert MARK not in log.getvalue()
    assert mail.outbox == []


def test_no_answer_of_the_api_that_breaks_says_what_it_was_about(asha, broken, log, api):
    held = furnish(asha, MARK)
    client = api(asha)
    client.raise_request_exception = False
    wrong = []
    for operation in (one for one in operations() if one.startswith("GET ")):
        response = probe(client, operation, held)
        if MARK in text_of(response) or response.status_code != 500:
            wrong.append(f"{operation}: {response.status_code}")
        elif set(response.json()["error"]) != {"code", "message", "fields"}:
            wrong.append(f"{operation}: {response.json()}")

    assert wrong == []
    assert BreakAfterwards.marked > 10
    assert MARK not in log.getvalue()


def in_the_queue(function: str, *args: object) -> str:
    """Run something as the queue does; return what it would store and log of it."""
    try:
        async_task(function, *args, sync=True)
    except BaseException:  # noqa: BLE001  the end of a task that takes too long is none of the others
        return traceback.format_exc()  # what django-q keeps as the result
    return str([task.result for task in Task.objects.all()])


@pytest.mark.parametrize(("name", "code"), [("break_down", "unexpected_error"), ("break_off", "interrupted")])
def test_a_task_that_breaks_leaves_a_code_in_its_row_and_nothing_in_the_queue(log, now, name, code):
    job = Job.objects.create(kind=f"{HERE}.{name}", object_id=uuid4(), run_at=now)

    stored = in_the_queue("synapse.common.jobs.run_job", str(job.pk))

    assert Job.objects.get().error_code == code
    assert MARK not in stored + str(list(Job.objects.values())) + log.getvalue()
    assert ("over 120 seconds" in stored) == (name == "break_off")


def test_a_database_that_fails_while_a_broken_task_is_noted_takes_nothing_along(log, now, monkeypatch):
    def fail(*args, **values):
        raise OperationalError("the server closed the connection")

    job = Job.objects.create(kind=f"{HERE}.break_down", object_id=uuid4(), run_at=now)
    monkeypatch.setattr(jobs, "_write", fail)

    stored = in_the_queue("synapse.common.jobs.run_job", str(job.pk))

    assert "the server closed the connection" in stored
    assert MARK not in stored + log.getvalue()


def test_a_sweep_that_breaks_leaves_the_kind_of_its_error(log, now, monkeypatch):
    bad = sweeps.Sweep("bad", timedelta(hours=1), f"{HERE}.sweep_badly")
    monkeypatch.setattr(sweeps, "_registry", {"bad": bad})
    sweeps.claim_due(now)

    stored = in_the_queue("synapse.common.sweeps.run", "bad")

    assert SweepRun.objects.get().outcome == "Broken"
    assert "sweep bad failed: Broken" in log.getvalue()
    assert MARK not in stored + str(list(SweepRun.objects.values())) + log.getvalue()
