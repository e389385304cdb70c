"""Many requests at once, in a database that really runs them beside each other, and what a key is worth."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from patients.models import Patient
from patients.tests.factories import make_patient
from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.tests import files
from sessions_app.tests.factories import make_consent, make_session
from sessions_app.uploads import services as uploads
from synapse.api import idempotency
from synapse.api.models import IdempotencyKey

NEW = {"first_name": "Kavya", "last_name": "Iyer", "date_of_birth": "1991-05-02"}
MANY = 50


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_register_one_patient_and_hear_the_same(asha):
    barrier = Barrier(MANY)

    def post(_):
        client = APIClient()
        client.force_login(asha)
        barrier.wait()
        try:
            answer = client.post("/api/v1/patients/", NEW, headers={"Idempotency-Key": "one"})
            return answer.status_code, answer.content
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as pool:
        answers = set(pool.map(post, range(MANY)))
    assert Patient.objects.count() == 1
    assert len(answers) == 1
    assert next(iter(answers))[0] == 201


@pytest.mark.django_db
def test_keys_are_forgotten_after_a_day(api, asha, now):
    api(asha).post("/api/v1/patients/", NEW, headers={"Idempotency-Key": "one"})
    assert idempotency.purge_old(now + timedelta(hours=23)) == 0
    assert idempotency.purge_old(now + timedelta(hours=25)) == 1
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "é", "x" * 201, "a\tb"])
def test_a_key_that_cannot_be_one_is_told(api, asha, key):
    answer = api(asha).post("/api/v1/patients/", NEW, headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert not Patient.objects.exists()


@pytest.fixture
def bring(asha):
    session = make_session(asha, status="completed", with_recording=False)
    content = files.sound_file("stereo wav")

    def post(*, key="one", more=b""):
        client = APIClient(raise_request_exception=False)
        client.force_login(asha)
        sound = SimpleUploadedFile("a.wav", content + more, "audio/wav")
        address = f"/api/v1/sessions/{session.pk}/audio/"
        return client.post(address, {"file": sound}, format="multipart", headers={"Idempotency-Key": key})

    return post


@pytest.mark.django_db(transaction=True)
def test_a_recording_is_written_outside_the_lock_and_its_twin_is_told_to_wait(bring, monkeypatch):
    store_part, met = uploads.store_part, []

    def meet_the_twin(*args, **kwargs):
        other = bring(more=b"\0\0")
        met.append((connection.in_atomic_block, bring(), other.status_code, other.json()["error"]["code"]))
        return store_part(*args, **kwargs)

    monkeypatch.setattr(uploads, "store_part", meet_the_twin)
    first, again = bring(), bring()

    [(in_transaction, twin, *other)] = met
    assert not in_transaction
    assert (twin.status_code, twin.json()["error"]["code"]) == (409, "in_progress")
    assert other == [422, "key_reused"]
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.json() == again.json()
    assert AudioUpload.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("failure", "status"), [(uploads.StorageLow(), 503), (RuntimeError("broken"), 500)])
def test_what_failed_frees_its_key(bring, monkeypatch, failure, status):
    def fail(*args, **kwargs):
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(uploads, "store_part", fail)
        assert bring().status_code == status
    assert not IdempotencyKey.objects.exists()
    assert bring().status_code == 201


@pytest.mark.django_db(transaction=True)
def test_what_a_crash_left_is_taken_over_after_ten_minutes_by_one(bring, monkeypatch):
    crash_after_claim(bring, monkeypatch)
    assert bring().json()["error"]["code"] == "in_progress"

    ten_minutes_pass()
    store_part, twins = uploads.store_part, []

    def meet_the_twin(*args, **kwargs):
        twins.append(bring().json()["error"]["code"])
        return store_part(*args, **kwargs)

    monkeypatch.setattr(uploads, "store_part", meet_the_twin)
    assert (bring().status_code, twins) == (201, ["in_progress"])
    assert bring()["Idempotent-Replayed"] == "true"
    assert AudioUpload.objects.filter(status="received").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_whose_claim_was_taken_over_stores_and_frees_nothing(bring, monkeypatch):
    """Else the answer of the second would be lost, or its key free while it runs."""

    def be_slow(*args, **kwargs):
        ten_minutes_pass()
        monkeypatch.undo()
        assert bring().status_code == 201
        raise uploads.StorageLow

    monkeypatch.setattr(uploads, "store_part", be_slow)
    assert bring().status_code == 503
    assert bring()["Idempotent-Replayed"] == "true"


def crash_after_claim(bring, monkeypatch):
    """Leave the database as a process does that dies in the middle of the work."""
    seen = []

    def die(*args, **kwargs):
        seen.extend(IdempotencyKey.objects.all())
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(uploads, "store_part", die)
        with pytest.raises(SystemExit):
            bring()
    IdempotencyKey.objects.bulk_create(seen)


def ten_minutes_pass():
    IdempotencyKey.objects.update(updated_at=timezone.now() - timedelta(minutes=10))


@pytest.mark.django_db(transaction=True)
def test_of_twenty_starts_at_once_one_session_runs_and_the_others_are_told(asha):
    patients = [make_patient(asha) for _ in range(20)]
    for patient in patients:
        make_consent(patient, by=asha)
    barrier = Barrier(len(patients))

    def start(patient):
        client = APIClient()
        client.force_login(asha)
        barrier.wait()
        try:
            answer = client.post("/api/v1/sessions/", {"patient": str(patient.pk)})
            return answer.status_code, answer.json().get("error", {}).get("code")
        finally:
            connection.close()

    with ThreadPoolExecutor(len(patients)) as pool:
        answers = sorted(pool.map(start, patients))
    assert answers == [(201, None), *[(409, "session_live")] * 19]
    assert ConsultationSession.objects.count() == 1
