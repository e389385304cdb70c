from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.utils import timezone

from synapse import health, storage
from synapse.common import heartbeat
from synapse.common.models import Job, SweepRun


@pytest.fixture(autouse=True)
def fresh_cache():
    cache.clear()


@pytest.fixture
def all_alive(db):
    heartbeat.beat(heartbeat.WORKER)
    heartbeat.beat(heartbeat.SPEECH)


def test_live_answers_without_sign_in_or_database(client):
    answer = client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_names_every_part(client, all_alive):
    answer = client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": "ok", "storage": "ok", "keys": "ok", "worker": "ok", "speech": "ok"},
    }
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("process", ["worker", "speech"])
def test_a_silent_process_is_degraded_and_the_node_stays_in_service(client, all_alive, process):
    SweepRun.objects.filter(name=f"heartbeat:{process}").update(started_at=timezone.now() - timedelta(seconds=120))

    answer = client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"][process] == "degraded"


def test_failing_storage_takes_the_node_out_of_service(client, all_alive, monkeypatch):
    def fail() -> None:
        raise storage.StorageError("full", transient=True)

    monkeypatch.setattr(storage, "probe", fail)

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert (answer.json()["status"], answer.json()["checks"]["storage"]) == ("down", "down")


def test_a_wrong_key_takes_the_node_out_of_service(client, all_alive, settings):
    client.get("/health/ready")
    settings.INDEX_KEY = ["another-key-of-thirty-two-random-bytes-xyz0"]

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"]["keys"] == "down"


def test_a_lost_database_is_down_and_still_an_answer(client, db, monkeypatch):
    def fail(*args: object) -> None:
        raise DatabaseError("server closed the connection")

    monkeypatch.setattr(health, "verify_keys", fail)
    monkeypatch.setattr(heartbeat, "is_alive", fail)
    with monkeypatch.context() as lost:
        lost.setattr(health, "connection", SimpleNamespace(cursor=fail))
        answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "down",
        "storage": "ok",
        "keys": "down",
        "worker": "degraded",
        "speech": "degraded",
    }


@pytest.mark.parametrize("address", ["/health/live", "/health/ready", "/metrics"])
def test_health_is_only_read(client, address):
    assert client.post(address).status_code == 405


@pytest.mark.parametrize(
    ("allowed", "remote", "status"),
    [
        (["127.0.0.1"], "127.0.0.1", 200),
        (["10.0.0.0/8"], "10.1.2.3", 200),
        (["127.0.0.1"], "203.0.113.7", 403),
        ([], "127.0.0.1", 403),
    ],
)
def test_metrics_are_for_the_listed_addresses_only(client, db, settings, allowed, remote, status):
    settings.METRICS_ALLOWED_IPS = allowed

    assert client.get("/metrics", REMOTE_ADDR=remote).status_code == status


def test_a_forged_forwarding_header_opens_no_metrics(client, db, settings):
    settings.METRICS_ALLOWED_IPS = ["10.0.0.1"]

    answer = client.get("/metrics", REMOTE_ADDR="203.0.113.7", headers={"X-Forwarded-For": "10.0.0.1"})

    assert answer.status_code == 403


def test_metrics_count_jobs_and_tell_the_age_of_beats(client, all_alive):
    Job.objects.create(kind="x", object_id=uuid4(), run_at=timezone.now(), state="dead")

    text = client.get("/metrics").content.decode()

    assert 'synapse_jobs{runner="worker",state="dead"} 1' in text
    assert 'synapse_heartbeat_age_seconds{process="worker"} 0.' in text
