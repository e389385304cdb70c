import io
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone

from patients.finding.search import search_patients
from patients.models import Patient
from reports.models import Report
from reports.sealing import signing
from reports.tests.factories import make_report
from synapse.audit.verification import verify_chain

NEW_FIELD_KEY, NEW_INDEX_KEY = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def rotated(settings):
    """Return a function that rotates field and index keys and then drops the former ones."""

    def rotate() -> None:
        settings.FIELD_ENCRYPTION_KEY = [NEW_FIELD_KEY, *settings.FIELD_ENCRYPTION_KEY]
        settings.INDEX_KEY = [NEW_INDEX_KEY, *settings.INDEX_KEY]
        call_command("rotate_keys", stdout=io.StringIO())
        settings.FIELD_ENCRYPTION_KEY, settings.INDEX_KEY = [NEW_FIELD_KEY], [NEW_INDEX_KEY]

    return rotate


def test_a_signed_report_is_the_same_under_new_keys_and_its_seal_holds(db, asha, rotated):
    report = make_report(asha, status="signed")
    before = (report.content_hash, report.structured_data, report.signed_at)

    rotated()

    found = Report.objects.get(pk=report.pk)
    assert (found.content_hash, found.structured_data, found.signed_at) == before
    assert found.key_generation == report.key_generation + 1
    assert signing.verify(found) == signing.verify(report)
    assert verify_chain().broken is None


def test_patients_are_found_and_read_under_new_keys(db, asha, rotated):
    report = make_report(asha)
    patient = report.session.patient
    before = (patient.first_name, patient.last_name, patient.phone_primary)

    rotated()

    found = Patient.objects.get(pk=patient.pk)
    assert (found.first_name, found.last_name, found.phone_primary) == before
    assert found.name_hash != patient.name_hash
    assert found_by(asha, patient.last_name) == [patient.pk]


def test_search_works_half_way_through_a_rotation(db, asha, settings):
    patient = make_report(asha).session.patient

    settings.INDEX_KEY = [NEW_INDEX_KEY, *settings.INDEX_KEY]

    assert found_by(asha, patient.last_name) == [patient.pk]


def found_by(user, text: str) -> list[UUID]:
    hits = search_patients(text, by=user, region="IN", today=timezone.localdate())
    return [hit.patient.pk for hit in hits]
