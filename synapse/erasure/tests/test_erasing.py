"""Erasing somebody: what goes, what stays whole, and that no table is forgotten."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from billing.models import Bill
from patients.models import Patient, PatientToken
from patients.tests.factories import make_patient
from reports.sealing.chain_walk import walk_chains
from sessions_app.models import ConsultationSession
from sessions_app.spool import store as spool
from synapse.audit.models import AuditEvent
from synapse.audit.verification import verify_chain
from synapse.common import erasures
from synapse.common.models import Job
from synapse.encryption import erasing
from synapse.encryption.rotation import encrypted_fields
from synapse.erasure import certificates, register, services
from synapse.erasure.models import Erasure, ErasureCertificate
from synapse.erasure.tests.factories import CANARY, ORDER, ciphertexts, make_known_patient, readable

# Tables with encrypted columns that no row of leads to a patient, each with the reason it needs no step.
NOT_ABOUT_A_PATIENT = {
    "accounts.Authenticator": "a colleague's second factor",
    "accounts.ClinicSettings": "the clinic's own words",
    "api.IdempotencyKey": "names no patient in a column: `synapse.erasure.answers` reads every answer",
    "billing.BillBatch": "what was done to which bill: ids and codes of ours",
    "billing.DayClose": "sums of a day, of all patients",
    "billing.LedgerMonth": "sums of a month, of all patients",
    "oversight.Incident": "about many: what happened in the house, in words for the authority",
    "patients.Handover": "about many: `patients.erasing` takes the reason of those about one",
    "records.DataImport": "a file of many, dropped within 7 days; its leftovers within 30",
    "reports.StyleRule": "a doctor's habits: `reports.erasing` takes the examples out",
    "scheduling.TimeOff": "a doctor's own calendar",
    "sessions_app.VoiceProfile": "a colleague's voice",
    "webhooks.WebhookEndpoint": "an address of another program",
}


def bytes_on_disk(pattern: str = "*") -> bytes:
    """Everything the data folder holds, the database and its log included."""
    root = Path(settings.DATA_DIR)
    return b"".join(path.read_bytes() for path in sorted(root.rglob(pattern)) if path.is_file())


@pytest.fixture
def at() -> datetime:
    return datetime(2026, 3, 18, 12, 0, tzinfo=UTC)


def test_every_table_with_ciphertext_is_covered_or_says_why_not():
    tables = {model._meta.label for model in apps.get_models() if encrypted_fields(model)}

    missing = tables - set(erasing.covered()) - set(NOT_ABOUT_A_PATIENT)

    assert missing == set(), (
        "Register a step with `erasing.register`, or say here why nothing of it leads to a patient."
    )
    assert set(NOT_ABOUT_A_PATIENT) <= tables
    assert "private notes" in erasures.registered()  # under keys of their own, so in no encrypted column
    for rows in erasing.covered().values():
        names = {column.name for column in encrypted_fields(rows.table)}
        assert set(rows.keep) <= names
        rows.of(uuid4())  # its paths lead to a patient


@pytest.mark.django_db(transaction=True)
def test_nothing_of_an_erased_patient_can_be_read_and_everything_else_is_whole(asha, omar, at, signed_in):
    other = make_patient(asha, first_name="Pteranodon")
    patient = make_known_patient(asha, omar, at)
    records = list(patient.records())
    stored = ciphertexts(records)
    session = patient.consultation_sessions.get(uploads__isnull=False)
    before = {bill.pk: (bill.total_amount, bill.bill_number) for bill in Bill.objects.all()}
    erasure = services.request_erasure(patient, asked_by="patient", reason=CANARY, order=ORDER, by=omar, at=at)
    assert set(readable(CANARY)) > {"patients.Patient", "reports.Report", "sessions_app.Transcription", "billing.Bill"}
    assert session.pk in spool.default_store().session_ids()

    certificate = services.carry_out(erasure, by=omar, at=at + timedelta(days=8))

    assert readable(CANARY) == []
    assert not PatientToken.objects.filter(patient__in=records).exists()
    assert session.pk not in spool.default_store().session_ids()
    erasure.refresh_from_db()
    assert (erasure.status, erasure.order) == (Erasure.Status.COMPLETED, ORDER)
    assert {each["number"] for each in certificate.facts["records"]} == {each.patient_id for each in records}
    assert {"recordings", "reports", "transcripts", "sessions", "bills", "kept answers"} <= set(
        certificate.facts["destroyed"]
    )
    assert certificates.is_whole(certificate)
    assert CANARY not in str(certificate.facts)
    assert CANARY.encode() not in bytes_on_disk()
    if connection.vendor == "sqlite":
        pages = bytes_on_disk("*.sqlite3*")
        assert [text for text in stored if text in pages] == []
        assert len(stored) > 100
    # What is not about the patient reads as before, and every proof still holds.
    assert Patient.objects.get(pk=other.pk).first_name == "Pteranodon"
    assert {bill.pk: (bill.total_amount, bill.bill_number) for bill in Bill.objects.all()} == before
    assert verify_chain().broken is None
    assert [verdict for verdict in walk_chains(Patient.objects.all()) if verdict.broken] == []
    call_command("check_ledger", stdout=StringIO())
    # Nobody opens it any more; the administrator has the certificate.
    for person in (asha, omar):
        for address in (f"/patients/{patient.pk}/", f"/sessions/{session.pk}/", f"/api/v1/patients/{patient.pk}/"):
            assert signed_in(person).get(address).status_code == 404
    page = signed_in(omar).get(reverse("erasure:patient", args=[patient.pk]))
    assert certificate.number in page.content.decode()
    sheet = signed_in(omar).get(reverse("erasure:certificate", args=[erasure.pk]))
    assert sheet.content.startswith(b"%PDF")
    assert CANARY.encode() not in sheet.content
    # Again changes nothing.
    assert services.carry_out(erasure, by=omar, at=at + timedelta(days=9)).pk == certificate.pk
    assert [entry["number"] for entry in register.entries(register.path())].count(certificate.number) == 1


@pytest.mark.django_db(transaction=True)
def test_a_crash_leaves_everything_or_nothing_and_files_are_removed_later(asha, omar, at, monkeypatch):
    patient = make_known_patient(asha, omar, at)
    session = patient.consultation_sessions.get(uploads__isnull=False)
    erasure = services.request_erasure(patient, asked_by="patient", reason="Wishes it", order=ORDER, by=omar, at=at)
    later = at + timedelta(days=8)

    def stop(*args, **kwargs):
        raise RuntimeError

    for place in ("patients.erasing._end_accesses", "synapse.erasure.certificates.make", "synapse.common.jobs.enqueue"):
        with monkeypatch.context() as patch:
            patch.setattr(place, stop)
            if place.startswith("patients."):
                patch.setattr("patients.models.PatientAccess.objects.filter", stop)
            with pytest.raises(RuntimeError):
                services.carry_out(erasure, by=omar, at=later)
        assert Patient.objects.get(pk=patient.pk).first_name == CANARY
        assert ConsultationSession.objects.filter(recording_key__destroyed_at__isnull=False).count() == 0
        assert not ErasureCertificate.objects.exists()
    with monkeypatch.context() as patch:
        patch.setattr(spool.SpoolStore, "delete", stop)
        services.carry_out(erasure, by=omar, at=later)
    erasure.refresh_from_db()
    assert erasure.status == Erasure.Status.CARRIED_OUT
    assert session.pk in spool.default_store().session_ids()
    job = Job.objects.get(object_id=erasure.pk)

    call_command("erase_patient", patient.patient_id, stdout=StringIO())

    erasure.refresh_from_db()
    assert erasure.status == Erasure.Status.COMPLETED
    assert session.pk not in spool.default_store().session_ids()
    assert job.error_code == "unexpected_error"


@pytest.mark.django_db
def test_a_certificate_cannot_be_changed_and_the_trail_names_it(asha, omar, at):
    patient = make_patient(asha)
    certificate = services.erase_at_once(patient, asked_by="clinic", reason="Registered twice", at=at)

    with pytest.raises(DatabaseError), transaction.atomic():
        ErasureCertificate.objects.filter(pk=certificate.pk).update(facts={})
    with pytest.raises(DatabaseError), transaction.atomic():
        ErasureCertificate.objects.filter(pk=certificate.pk).delete()

    event = AuditEvent.objects.get(patient_id=patient.pk, action="delete")
    assert event.detail["hash"] == certificate.content_hash
    changed = ErasureCertificate(facts={**certificate.facts, "destroyed": {}}, content_hash=certificate.content_hash)
    changed.signature = certificate.signature
    assert not certificates.is_whole(changed)
    assert not register.path().exists()  # the test's transaction was never committed


def test_a_line_of_the_list_that_was_cut_off_takes_no_other_with_it(tmp_path):
    target = tmp_path / register.FILE
    register.write(target, {"hash": "a"})
    with target.open("a") as file:
        file.write('{"hash": "b')

    register.write(target, {"hash": "c"})

    assert [entry["hash"] for entry in register.entries(target)] == ["a", "c"]
