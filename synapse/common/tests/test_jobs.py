import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from synapse.common import jobs
from synapse.common.housekeeping import clean_up
from synapse.common.models import Job
from synapse.common.tests import tasks

TASKS = "synapse.common.tests.tasks"


@pytest.fixture(autouse=True)
def empty_log():
    tasks.log.clear()


@pytest.fixture
def rung(monkeypatch) -> list[str]:
    """Collect the ids the queue is rung with, in place of running them."""
    calls: list[str] = []
    monkeypatch.setattr(jobs, "import_string", lambda name: calls.append if "Doorbell" in name else _import(name))
    return calls


def _import(name: str):
    from django.utils.module_loading import import_string

    return import_string(name)


@pytest.fixture
def doorbell(settings, rung):
    settings.JOB_DOORBELL = "Doorbell"
    return rung


def make_job(task: str = "succeed", **fields) -> Job:
    fields = {"kind": f"{TASKS}.{task}", "object_id": uuid4(), "run_at": timezone.now(), **fields}
    return Job.objects.create(**fields)


def age(job: Job, **changes) -> None:
    Job.objects.filter(pk=job.pk).update(**changes)


def test_the_queue_is_rung_with_the_id_alone_when_the_transaction_commits(
    db, doorbell, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        job = jobs.enqueue(f"{TASKS}.succeed", uuid4())
        assert doorbell == []

    assert doorbell == [str(job.pk)]
    assert Job.objects.get().rung_at is not None


def test_a_rolled_back_request_leaves_no_job_and_no_ring(transactional_db, doorbell):
    with pytest.raises(RuntimeError), transaction.atomic():
        jobs.enqueue(f"{TASKS}.succeed", uuid4())
        raise RuntimeError

    assert not Job.objects.exists()
    assert doorbell == []


def test_the_same_key_gives_the_first_job(db, doorbell, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first = jobs.enqueue(f"{TASKS}.succeed", uuid4(), key="report:1")
        second = jobs.enqueue(f"{TASKS}.succeed", uuid4(), key="report:1")

    assert first.pk == second.pk
    assert doorbell == [str(first.pk)]


def test_speech_jobs_ring_no_queue(db, doorbell, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        jobs.enqueue(f"{TASKS}.succeed", uuid4(), runner="speech")

    assert doorbell == []


@pytest.mark.parametrize("name", ["nowhere.tasks.run", f"{TASKS}.missing", f"{TASKS}.not_a_task"])
def test_a_name_that_is_no_task_is_refused_at_once(db, name):
    with pytest.raises(ImportError):
        jobs.enqueue(name, uuid4())


def test_a_job_runs_once_and_is_done(db):
    job = make_job()

    jobs.run_job(str(job.pk))
    jobs.run_job(str(job.pk))

    job.refresh_from_db()
    assert tasks.log == [("ran", job.object_id)]
    assert (job.state, job.attempts, job.lease_token, job.error_code) == ("done", 1, None, "")
    assert job.finished_at is not None


def test_a_job_is_not_run_before_its_time(db):
    job = make_job(run_at=timezone.now() + timedelta(minutes=1))

    jobs.run_job(str(job.pk))

    assert tasks.log == []


def test_a_leased_job_is_left_to_its_runner(db):
    job = make_job()
    jobs.lease_next("worker", [job.kind], timezone.now(), 60)

    jobs.run_job(str(job.pk))

    assert tasks.log == []


def test_a_transient_failure_is_tried_three_times_with_growing_pauses(db):
    job = make_job("busy")
    pauses = []

    for _ in range(3):
        before = timezone.now()
        age(job, run_at=before)
        jobs.run_job(str(job.pk))
        job.refresh_from_db()
        pauses.append(round((job.run_at - before).total_seconds(), -1))

    assert pauses == [20, 40, 0]
    assert (job.state, job.attempts, job.error_code) == ("failed", 3, "provider_busy")
    assert tasks.log == [("failed", "provider_busy")]


def test_a_permanent_failure_is_not_tried_again(db):
    job = make_job("refuse")

    jobs.run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.attempts, job.error_code) == ("failed", 1, "consent_missing")
    assert tasks.log == [("failed", "consent_missing")]


def test_the_text_of_an_error_is_neither_stored_nor_logged(db, caplog):
    job = make_job("leak")

    jobs.run_job(str(job.pk))

    job.refresh_from_db()
    assert job.error_code == "unexpected_error"
    assert "ValueError" in caplog.text
    assert "Jane" not in caplog.text


def test_an_interrupted_run_goes_back_to_the_queue_and_the_interruption_goes_on(db):
    job = make_job("be_interrupted")

    with pytest.raises(SystemExit):
        jobs.run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("queued", "interrupted")


def test_progress_is_seen_while_the_job_runs(db):
    job = make_job("progress")

    jobs.run_job(str(job.pk))

    assert tasks.log == [("progress", (2, 5, "Assessment"))]


def lose_the_worker(job: Job) -> Job:
    """Take the job as a worker that is killed a moment later, and let its lease run out."""
    lost = jobs.lease_next("worker", [job.kind], timezone.now(), 60)
    age(job, lease_until=timezone.now() - timedelta(seconds=1))
    return lost


def test_a_job_whose_worker_was_killed_runs_again(db):
    job = make_job()
    lose_the_worker(job)

    jobs.run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)


def test_a_job_that_kills_its_worker_is_dead_after_three_starts(db):
    job = make_job("refuse")
    for _ in range(3):
        assert lose_the_worker(job) is not None

    assert lose_the_worker(job) is None
    jobs.run_job(str(job.pk))
    jobs.sweep(timezone.now())

    job.refresh_from_db()
    assert (job.state, job.attempts, job.error_code) == ("dead", 3, "worker_lost")
    assert tasks.log == [("failed", "worker_lost")]


def test_a_run_that_lost_its_lease_writes_nothing(db):
    job = make_job()
    lost = lose_the_worker(job)
    taken = jobs.lease_next("worker", [job.kind], timezone.now(), 60)

    with pytest.raises(jobs.LeaseLost):
        jobs.set_progress(lost, 1, 2)
    with pytest.raises(jobs.LeaseLost):
        jobs.assert_held(lost)
    with pytest.raises(jobs.LeaseLost):
        jobs.extend_lease(lost, at=timezone.now(), lease_seconds=60)
    jobs.complete(lost)

    job.refresh_from_db()
    assert (job.state, job.lease_token, job.progress_done) == ("running", taken.lease_token, 0)
    jobs.assert_held(taken)


def test_a_broken_failure_handler_leaves_the_job_to_the_sweep_and_others_go_on(db, caplog):
    broken, other = make_job("refuse_with_broken_handler"), make_job("refuse")
    for job in (broken, other):
        age(job, state="running", attempts=3, lease_until=timezone.now() - timedelta(1), lease_token=uuid4())

    jobs.sweep(timezone.now())

    broken.refresh_from_db()
    other.refresh_from_db()
    assert (broken.state, other.state) == ("running", "dead")
    assert "could not be ended" in caplog.text


def test_an_extended_lease_outlives_the_first(db):
    job = make_job(runner="speech")
    now = timezone.now()
    held = jobs.lease_next("speech", [job.kind], now, 10)

    jobs.extend_lease(held, at=now, lease_seconds=100)

    assert jobs.lease_next("speech", [job.kind], now + timedelta(seconds=60), 10) is None
    assert jobs.lease_next("speech", [job.kind], now + timedelta(seconds=101), 10) is not None


def test_the_oldest_due_job_of_the_asked_kinds_is_leased_first(db):
    now = timezone.now()
    make_job("refuse", runner="speech", run_at=now - timedelta(hours=3))
    second = make_job(runner="speech", run_at=now - timedelta(hours=1))
    first = make_job(runner="speech", run_at=now - timedelta(hours=2))
    make_job(runner="speech", run_at=now + timedelta(hours=1))
    make_job(runner="worker", run_at=now - timedelta(hours=9))

    leased = [jobs.lease_next("speech", [f"{TASKS}.succeed"], now, 60) for _ in range(3)]

    assert [job and job.pk for job in leased] == [first.pk, second.pk, None]


def test_twenty_workers_start_a_job_once(transactional_db):
    job = make_job()
    barrier, leased = threading.Barrier(20), []

    def take() -> None:
        try:
            barrier.wait()
            leased.append(jobs.lease_next("worker", [job.kind], timezone.now(), 60))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(leased) == 20
    assert sum(found is not None for found in leased) == 1
    assert Job.objects.get().attempts == 1


@pytest.mark.parametrize(
    ("fields", "rings"),
    [
        ({"rung_at": None}, True),
        ({"rung_at": timedelta(seconds=-30)}, False),
        ({"rung_at": timedelta(seconds=-90)}, True),
        ({"rung_at": timedelta(seconds=-20), "run_at": timedelta(seconds=-1)}, True),
        ({"rung_at": None, "run_at": timedelta(seconds=60)}, False),
        ({"rung_at": None, "runner": "speech"}, False),
        ({"rung_at": None, "state": "done"}, False),
        ({"state": "running", "lease_until": timedelta(seconds=-1), "rung_at": timedelta(seconds=-90)}, True),
        ({"state": "running", "lease_until": timedelta(seconds=60), "rung_at": timedelta(seconds=-90)}, False),
    ],
)
def test_the_sweep_rings_again_for_due_jobs_nobody_runs(db, doorbell, fields, rings):
    now = timezone.now()
    times = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    if times.get("state") == "running":
        times["lease_token"] = uuid4()
    job = make_job(**{"run_at": now - timedelta(minutes=5), **times})

    jobs.sweep(now)

    assert doorbell == ([str(job.pk)] if rings else [])


def test_done_jobs_go_after_thirty_days_and_failed_ones_stay(db):
    now = timezone.now()
    make_job(state="done", finished_at=now - timedelta(days=31))
    kept = [
        make_job(state="done", finished_at=now - timedelta(days=29)),
        make_job(state="dead", finished_at=now - timedelta(days=99)),
        make_job(state="queued"),
    ]

    assert jobs.purge_finished(now) == 1
    assert {job.pk for job in Job.objects.all()} == {job.pk for job in kept}


def test_the_clean_up_takes_old_jobs_and_expired_sign_ins(db, client, asha):
    from django.contrib.sessions.models import Session

    now = timezone.now()
    make_job(state="done", finished_at=now - timedelta(days=31))
    client.force_login(asha)
    Session.objects.update(expire_date=now - timedelta(seconds=1))

    clean_up(now)

    assert not Job.objects.exists()
    assert not Session.objects.exists()


def test_the_queue_entry_carries_the_id_and_nothing_else(db):
    from django_q.models import OrmQ
    from django_q.signing import SignedPackage

    jobs.ring_queue("the-id")

    task = SignedPackage.loads(OrmQ.objects.get().payload)
    assert task["args"] == ("the-id",)
    assert task["kwargs"] == {}
    assert task["func"] == "synapse.common.jobs.run_job"
