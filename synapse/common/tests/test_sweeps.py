from datetime import timedelta

import pytest
from django.utils import timezone

from synapse.common import heartbeat, sweeps
from synapse.common.models import Job, SweepRun

calls: list[object] = []
HOURLY = sweeps.Sweep("hourly", timedelta(hours=1), f"{__name__}.note")
FAILING = sweeps.Sweep("failing", timedelta(hours=1), f"{__name__}.fail")


def note(at) -> None:
    calls.append(at)


def fail(at) -> None:
    raise ValueError("patient Jane Doe")


@pytest.fixture(autouse=True)
def only_two_sweeps(monkeypatch):
    calls.clear()
    monkeypatch.setattr(sweeps, "_registry", {})
    sweeps.register(HOURLY, FAILING)


def test_a_sweep_is_claimed_at_first_and_again_when_its_interval_is_over(db):
    now = timezone.now()

    first = sweeps.claim_due(now)
    too_early = sweeps.claim_due(now + timedelta(minutes=59))
    due = sweeps.claim_due(now + timedelta(minutes=61))

    assert [sweep.name for sweep in first] == ["failing", "hourly"]
    assert too_early == []
    assert [sweep.name for sweep in due] == ["failing", "hourly"]


def test_two_workers_never_both_claim_a_sweep(db, monkeypatch):
    now = timezone.now()
    sweeps.claim_due(now)
    started = SweepRun.objects.get(name="hourly").started_at
    later = now + timedelta(hours=2)

    assert sweeps._claim(HOURLY, started, later) is True
    assert sweeps._claim(HOURLY, started, later) is False


def test_a_run_keeps_when_and_how_it_ended(db, caplog):
    sweeps.claim_due(timezone.now())

    sweeps.run("hourly")
    sweeps.run("failing")

    runs = SweepRun.objects.in_bulk()
    assert len(calls) == 1
    assert runs["hourly"].outcome == "ok"
    assert runs["failing"].outcome == "ValueError"
    assert runs["failing"].finished_at >= runs["failing"].started_at
    assert "Jane" not in caplog.text


def test_a_process_is_alive_for_ninety_seconds_after_its_beat(db):
    now = timezone.now()

    assert not heartbeat.is_alive(heartbeat.WORKER, now)
    heartbeat.beat()

    assert heartbeat.is_alive(heartbeat.WORKER, now + timedelta(seconds=89))
    assert not heartbeat.is_alive(heartbeat.WORKER, now + timedelta(seconds=95))
    assert not heartbeat.is_alive(heartbeat.SPEECH, now)


@pytest.mark.parametrize(
    ("beat_seconds_ago", "running_for", "at_work", "is_hung"),
    [
        (20, 1000, 0, False),
        (100, 1000, 0, True),
        (100, 30, 0, False),  # it has just been started
        (None, 30, 0, False),
        (None, 100, 0, True),
        (100, 1000, 1, True),
        (100, 1000, 2, False),  # the beat waits behind two long jobs
    ],
)
def test_silence_means_hung_unless_young_or_fully_at_work(db, beat_seconds_ago, running_for, at_work, is_hung):
    from uuid import uuid4

    now = timezone.now()
    if beat_seconds_ago is not None:
        SweepRun.objects.create(name=heartbeat.WORKER, started_at=now - timedelta(seconds=beat_seconds_ago))
    for _ in range(at_work):
        Job.objects.create(
            kind="x",
            object_id=uuid4(),
            run_at=now,
            state="running",
            lease_until=now + timedelta(seconds=10),
            lease_token=uuid4(),
        )

    assert heartbeat.worker_is_hung(now, running_since=now - timedelta(seconds=running_for), slots=2) is is_hung
