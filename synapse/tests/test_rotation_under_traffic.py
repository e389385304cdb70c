"""Keys rotate while people write and read: no error, not a word lost, nothing left under the former keys."""

import io
import threading
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection

from patients import services
from patients.finding.search import search_patients
from patients.merging.duplicates import find_likely_duplicates
from patients.models import Patient, PatientToken
from patients.tests.factories import make_patient
from synapse.encryption import rotation

AT = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
NEW_FIELD, NEW_INDEX = (Fernet.generate_key().decode() for _ in range(2))
WRITERS, READERS = 2, 1


class Traffic:
    """Writers that each change their own patients and remember what they wrote, readers that look at everybody."""

    def __init__(self, doctor, patients):
        self.doctor, self.patients = doctor, patients
        self.shadow = {patient.pk: patient.last_name for patient in patients}
        self.errors, self.writes, self.reads = [], 0, 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(self._write, at)) for at in range(WRITERS)]
        self._threads += [threading.Thread(target=self._work, args=(self._read, at)) for at in range(READERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _work(self, act, at):
        try:
            while not self._over.is_set():
                act(at)
        except Exception as error:  # noqa: BLE001  whatever goes wrong in a thread is what the test asks for
            self.errors.append(error)
        finally:
            connection.close()

    def _write(self, at):
        for number, patient in enumerate(self.patients[at::WRITERS]):
            name = f"{'ABCDEFGH'[self.writes % 8]}anerjee{chr(97 + number % 26)}"
            services.update_patient(patient, {"last_name": name}, by=self.doctor, at=AT)
            self.shadow[patient.pk] = name
            self.writes += 1
            self._over.wait(0.02)

    def _read(self, at):
        assert all(patient.first_name for patient in Patient.objects.all())
        assert search_patients("Kavya", by=self.doctor, region="IN", today=AT.date())
        self.reads += 1


@pytest.mark.django_db(transaction=True)
def test_keys_rotate_under_traffic_without_an_error_or_a_lost_edit(asha, settings, monkeypatch):
    patients = [make_patient(asha, at=AT) for _ in range(24)]
    monkeypatch.setattr(rotation, "BATCH", 7)

    with Traffic(asha, patients) as traffic:
        settings.FIELD_ENCRYPTION_KEY = [NEW_FIELD, *settings.FIELD_ENCRYPTION_KEY]
        settings.INDEX_KEY = [NEW_INDEX, *settings.INDEX_KEY]
        # Whoever took the former key just before may store one more value under it, so the second run tidies up.
        list(rotation.rotate_fields())
        list(rotation.reindex())
        call_command("rotate_keys", stdout=io.StringIO())
        seen = traffic.writes, traffic.reads

    assert traffic.errors == []
    assert min(seen) > 0, seen
    settings.FIELD_ENCRYPTION_KEY, settings.INDEX_KEY = [NEW_FIELD], [NEW_INDEX]
    assert {patient.pk: patient.last_name for patient in Patient.objects.all()} == traffic.shadow
    assert rotation.count_under_former_keys() == 0
    for patient in patients[:3]:
        found = search_patients(traffic.shadow[patient.pk], by=asha, region="IN", today=AT.date())
        assert patient.pk in {hit.patient.pk for hit in found}


def test_a_rotation_that_was_stopped_goes_on_where_it_ended(db, asha, settings, monkeypatch):
    for _ in range(5):
        make_patient(asha, at=AT)
    monkeypatch.setattr(rotation, "BATCH", 2)
    settings.FIELD_ENCRYPTION_KEY = [NEW_FIELD, *settings.FIELD_ENCRYPTION_KEY]
    rewrite, done = rotation._rewrite, []

    def stop_after_three(model, key, stored):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(key)
        return rewrite(model, key, stored)

    monkeypatch.setattr(rotation, "_rewrite", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        list(rotation.rotate_fields())
    left = rotation.count_under_former_keys()
    monkeypatch.setattr(rotation, "_rewrite", rewrite)

    assert sum(outcome.rewritten for outcome in rotation.rotate_fields()) == left
    assert rotation.count_under_former_keys() == 0


def test_a_likely_duplicate_is_found_half_way_through_a_new_index(db, asha, settings):
    patient = make_patient(asha, at=AT)
    settings.INDEX_KEY = [NEW_INDEX, *settings.INDEX_KEY]

    found = find_likely_duplicates(
        {"first_name": "Kavya", "last_name": "Iyer", "date_of_birth": patient.date_of_birth}, by=asha
    )

    assert [likeness.patient.pk for likeness in found] == [patient.pk]


def test_tokens_of_the_former_index_key_are_gone_after_a_rotation(db, asha, settings):
    make_patient(asha, at=AT)
    before = set(PatientToken.objects.values_list("token", flat=True))
    settings.INDEX_KEY = [NEW_INDEX, *settings.INDEX_KEY]

    call_command("rotate_keys", stdout=io.StringIO())

    assert not before & set(PatientToken.objects.values_list("token", flat=True))
