"""Everything about a patient as a file: complete, signed, without anybody else, made once and deleted again."""

import io
import json
import re
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from patients.models import Patient, PatientMerge
from patients.tests.factories import make_patient
from reports.models import Report
from sessions_app.tests.factories import make_session
from synapse import storage, workflows
from synapse.accounts.browser_sessions import PROVEN_KEY
from synapse.audit.disclosures import collect
from synapse.audit.models import Action, AuditEvent
from synapse.audit.services import unit_of_work
from synapse.common import erasures, jobs, triggers
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job
from synapse.encryption import data_keys
from synapse.fhir.tests.practice import make_practice
from synapse.records.exports import manifest as manifests
from synapse.records.exports import services
from synapse.records.exports.building import build
from synapse.records.exports.entities import ENTITIES, LEFT_OUT
from synapse.records.models import AccessRequest, RecordExport

AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def zip_of(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def built(patient, by, **options) -> zipfile.ZipFile:
    out = io.BytesIO()
    build(patient, out, by=by, at=AT, **options)
    return zip_of(out.getvalue())


@pytest.fixture
def practice(asha, settings, tmp_path, now):
    settings.DATA_DIR = tmp_path
    return make_practice(asha, at=now)


def asked_for(patient, by, **fields):
    terms = {"asked_by": "patient", "way": "in_person", "received_on": date(2026, 3, 2), **fields}
    return services.note_request(patient, **terms, by=by, at=AT)


def test_every_table_that_leads_to_a_patient_is_in_the_archive_or_left_out_with_a_reason():
    seen, waiting = {Patient}, [Patient]
    while waiting:
        for relation in waiting.pop()._meta.related_objects:
            if relation.related_model not in seen:
                seen.add(relation.related_model)
                waiting.append(relation.related_model)
    named = {entity.label for entity in ENTITIES} | set(LEFT_OUT)
    found = {model._meta.label for model in seen} - {"records.ArchiveImport"}

    assert found - named == set(), "name these tables in synapse/records/exports/entities.py"
    assert named - found == set()
    assert all(apps.get_model(label) for label in named)


def test_an_archive_holds_everything_and_nobody_else(practice, asha, now):
    other = make_patient(asha, last_name="Otherword", email="otherword@mail.example", address="Otherword street")
    session = make_session(
        asha, patient=other, status="completed", chief_complaint="Otherword", at=now - timedelta(days=2)
    )

    with built(practice.patient, asha) as archive:
        names = archive.namelist()
        everything = b"".join(archive.read(name) for name in names)
        manifest = json.loads(archive.read(manifests.MANIFEST))
        index = archive.read("index.html").decode()
        files = {name: archive.read(name) for name in names}

    for folder in ("fhir/", "reports/", "transcripts/", "bills/", "visits/", "audit/", "data/"):
        assert any(name.startswith(folder) for name in names), folder
    assert {"consents.html", "style.css", "index.html"} <= set(names)
    # Nobody else, no name in a file's name, no script, nothing secret, no draft.
    assert b"Otherword" not in everything
    assert str(session.pk).encode() not in everything
    assert not any("Iyer" in name or "Kavya" in name for name in names)
    assert "<script" not in index
    assert "http" not in index
    assert "style=" not in index
    assert str(practice.draft.pk).encode() not in files["data/reports.json"]
    assert b"canaryConsultationSessionprivatecontext" not in everything
    assert b"canaryConsultationSessionsessionnotes" in everything
    assert b"token_hash" not in everything
    assert b"stream_token" not in everything
    assert "Not finished" in index
    assert "Psychotherapy notes" in index
    # The manifest names every other file as it is, and is signed.
    assert {file["path"] for file in manifest["files"]} == set(names) - {manifests.MANIFEST, manifests.SIGNATURE}
    assert all(manifests.digest_of(files[file["path"]]) == file["sha256"] for file in manifest["files"])
    signature = json.loads(files[manifests.SIGNATURE])
    assert manifests.is_signed(files[manifests.MANIFEST], signature, settings.SIGNING_KEY)
    assert not manifests.is_signed(files[manifests.MANIFEST] + b" ", signature, settings.SIGNING_KEY)
    # Every column of every entity that is not withheld.
    patient = json.loads(files["data/patient.json"])[0]
    assert patient["last_name"] == "Iyer <b>&"
    assert patient["medical_history"]
    assert manifest["counts"]["sessions"] == len(json.loads(files["data/sessions.json"])) >= 1
    assert "Iyer &lt;b&gt;&amp;" in index
    assert b"Who,What" in files["audit/who-looked.csv"]
    assert json.loads(files["fhir/record.json"])["entry"]


@pytest.mark.usefixtures("quick_documents")
def test_a_report_changed_after_signing_is_laid_out_nowhere_and_the_index_says_so(practice, asha):
    with transaction.atomic(), triggers.lifted(connection, [Report._meta.db_table]):
        Report.objects.filter(pk=practice.report.pk).update(generated_content="Slipped in.")

    with built(practice.patient, asha) as archive:
        names, index = archive.namelist(), archive.read("index.html").decode()
        fhir = archive.read("fhir/record.json").decode()

    assert not any(name.startswith(f"reports/report-{practice.report.pk.hex[:8]}") for name in names)
    assert "It was changed after it was signed." in index
    assert "left out: changed after signing" in fhir
    assert AuditEvent.objects.filter(detail__reason="seal_broken", target_id=str(practice.report.pk)).exists()


@pytest.mark.usefixtures("quick_documents")
def test_drafts_come_only_when_they_are_asked_for(practice, asha):
    with built(practice.patient, asha, with_drafts=True) as archive:
        reports = archive.read("data/reports.json").decode()
        assert str(practice.draft.pk) in reports
        assert any(practice.draft.pk.hex[:8] in name for name in archive.namelist())


@pytest.mark.usefixtures("quick_documents")
def test_the_file_is_made_once_in_as_many_runs_as_it_takes_and_given_by_a_link_that_ends(
    practice, asha, omar, rita, django_capture_on_commit_callbacks
):
    asked = asked_for(practice.patient, asha)
    assert asked.due_on == date(2026, 4, 1)
    with pytest.raises(NotAllowed):
        services.note_request(practice.patient, asked_by="patient", way="letter", received_on=AT.date(), by=rita, at=AT)
    export = services.start_export(asked, with_drafts=False, by=asha, at=AT)
    assert services.start_export(asked, with_drafts=True, by=omar, at=AT).pk == export.pk

    # A run that lays out two documents and is out of time; the next one goes on with those.
    clock = iter([AT, AT, AT, AT, *[AT + timedelta(minutes=5)] * 9])
    services.make_export(export.pk, job=Job.objects.get(object_id=export.pk), clock=lambda: next(clock))
    export.refresh_from_db()
    assert export.is_in_the_making
    assert export.parts.count() == 2
    kept = list(export.parts.values_list("file_name", flat=True))
    job = Job.objects.filter(object_id=export.pk).latest("created_at")
    with django_capture_on_commit_callbacks(execute=True):
        jobs.run_job(str(job.pk))
    export = RecordExport.objects.select_related("request__patient").get(pk=export.pk)

    assert export.is_ready
    assert not export.parts.exists()
    assert not any((settings.DATA_DIR / "audio" / name).exists() for name in kept)
    stored = settings.DATA_DIR / "audio" / export.file_name
    assert stored.exists()
    assert b"PK\x03\x04" not in stored.read_bytes()
    # The administrator hands it over and does not read it; the doctor may.
    with pytest.raises(NotAllowed):
        services.download(export, by=omar, at=AT)
    content = b"".join(services.download(export, by=asha, at=AT))
    assert len(content) == export.size_bytes
    with zip_of(content) as archive:
        assert archive.testzip() is None
        assert manifests.digest_of(archive.read(manifests.MANIFEST)) == export.manifest_sha256
    asked.refresh_from_db()
    assert asked.status == "fulfilled"

    soon = export.made_at + timedelta(minutes=1)
    made_link = services.make_link(export, hours=24, uses=1, with_pin=True, by=omar, at=soon)
    token = made_link.path.strip("/").rpartition("/")[2]
    for _ in range(2):
        with pytest.raises(services.WrongPin):
            services.use_link(token, pin="000000" if made_link.pin != "000000" else "111111", at=soon)
    _, parts = services.use_link(token, pin=made_link.pin, at=soon)
    assert b"".join(parts) == content
    with pytest.raises(services.LinkGone):
        services.use_link(token, pin=made_link.pin, at=soon)
    given = AuditEvent.objects.filter(detail__file=str(export.pk), detail__document="record", outcome="allowed")
    assert list(given.order_by("seq").values_list("action", flat=True)) == [Action.EXPORT, Action.SHARE]

    told = collect({practice.patient.pk}, since=AT - timedelta(days=1))
    assert [one.is_to_patient for one in told if one.what.startswith("The whole record")] == [True]

    second = services.make_link(export, hours=168, uses=2, with_pin=False, by=asha, at=soon)
    assert services.delete_expired(export.delete_after - timedelta(seconds=1)) == 0
    assert services.delete_expired(export.delete_after) == 1
    export.refresh_from_db()
    assert (export.status, export.key, export.file_name) == ("deleted", "", "")
    with pytest.raises(services.LinkGone):
        services.find_link(second.path.strip("/").rpartition("/")[2], at=soon)
    with pytest.raises(services.FileGone):
        services.download(export, by=asha, at=soon)


def test_a_request_is_extended_once_or_denied_on_a_lawful_ground(practice, asha):
    asked = asked_for(practice.patient, asha, asked_by="representative", representative="Ravi Iyer, guardian")
    longer = services.extend_request(asked, reason="Paper files are in the archive.", by=asha, at=AT)
    assert longer.due_on == date(2026, 5, 1)
    with pytest.raises(Conflict):
        services.extend_request(asked, reason="Again.", by=asha, at=AT)

    denied = services.deny_request(asked, reason="not_entitled", note="No papers.", by=asha, at=AT)

    assert denied.was_denied
    with pytest.raises(Conflict):
        services.start_export(asked, with_drafts=False, by=asha, at=AT)


@pytest.mark.usefixtures("quick_documents")
def test_the_command_writes_the_file_twice_alike_and_says_so_in_the_trail(practice, asha, omar, tmp_path, capsys):
    folder = tmp_path / "out"
    for _ in range(2):
        call_command("export_patient", practice.patient.patient_id, str(folder))

    assert [path.name for path in folder.iterdir()] == [f"{practice.patient.patient_id}.zip"]
    assert (folder / f"{practice.patient.patient_id}.zip").stat().st_mode & 0o077 == 0
    assert AuditEvent.objects.filter(detail__verb="export_patient", patient_id=practice.patient.pk).count() == 2


@pytest.mark.usefixtures("quick_documents")
def test_the_doors_ask_for_a_fresh_proof_and_open_to_who_may(
    practice, asha, ben, rita, omar, signed_in, client, django_capture_on_commit_callbacks
):
    page = reverse("record_requests:for_patient", args=[practice.patient.pk])
    sent = {"asked_by": "patient", "way": "letter", "received_on": "2026-03-02"}
    assert [signed_in(user).get(page).status_code for user in (asha, omar, ben, rita)] == [200, 200, 404, 403]
    assert signed_in(asha).post(page, {**sent, "asked_by": "representative"}).status_code == 422
    noted = signed_in(asha).post(page, sent)
    asked = AccessRequest.objects.get()
    assert noted.url == reverse("record_requests:detail", args=[asked.pk])

    doctor = signed_in(asha)
    stale = doctor.session
    stale[PROVEN_KEY] = 0
    stale.save()
    make = reverse("record_requests:make", args=[asked.pk])
    assert doctor.post(make).status_code == 403
    assert signed_in(ben).post(make).status_code == 404
    assert signed_in(omar).post(make).status_code == 302
    export = RecordExport.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        jobs.run_job(str(Job.objects.get(object_id=export.pk).pk))

    download = reverse("record_requests:download", args=[export.pk])
    assert doctor.get(download).status_code == 302  # asked who is there first
    assert [signed_in(user).get(download).status_code for user in (omar, ben, rita)] == [403, 404, 403]
    file = signed_in(asha).get(download)
    assert file["Content-Disposition"] == f'attachment; filename="{practice.patient.patient_id}.zip"'
    assert len(b"".join(file.streaming_content)) == int(file["Content-Length"])

    made = signed_in(omar).post(reverse("record_requests:link", args=[export.pk]), {"hours": "24", "uses": "1"})
    address = re.search(r"/record/[\w-]+/", made.content.decode()).group()
    assert client.get(address).status_code == 200
    assert client.get(address).status_code == 200  # opening it uses nothing
    fetched = client.post(address)
    assert len(b"".join(fetched.streaming_content)) == int(fetched["Content-Length"])
    assert fetched["X-Robots-Tag"].startswith("noindex")
    for gone in (client.post(address), client.get("/record/" + "x" * 43 + "/")):
        assert gone.status_code == 404
        assert "This link can’t be opened" in gone.content.decode()


def test_an_erased_patient_leaves_no_file_no_link_and_no_word_of_a_request(practice, asha):
    asked = asked_for(practice.patient, asha, asked_by="representative", representative="Ravi Iyer, guardian")
    export = services.start_export(asked, with_drafts=False, by=asha, at=AT)

    with unit_of_work():
        erasures.registered()["records given away"](practice.patient.pk, AT)
        erasures.registered()["records given away"](practice.patient.pk, AT)

    asked.refresh_from_db()
    export.refresh_from_db()
    assert (asked.representative, export.status, export.key) == ("", "failed", "")
    assert Job.objects.get(object_id=export.pk).state != Job.State.QUEUED


def test_a_request_is_extended_on_the_clinics_day(practice, asha):
    asked = asked_for(practice.patient, asha)

    longer = services.extend_request(
        asked, reason="The archive is closed.", by=asha, at=datetime(2026, 3, 18, 18, 30, tzinfo=UTC)
    )

    assert longer.extended_on == date(2026, 3, 19)


def test_a_file_made_of_two_records_is_given_to_nobody_once_they_are_parted(practice, asha):
    merge = workflows.merge_patients(
        practice.patient, make_patient(asha, last_name="Other"), choices={}, reason="The same name.", by=asha, at=AT
    )
    asked, key, name = asked_for(practice.patient, asha), data_keys.new_key(), storage.new_name(".zip")
    storage.put(name, io.BytesIO(b"both records"), key=key)
    later = timezone.now() + timedelta(days=1)
    export = RecordExport.objects.create(
        request=asked, requested_by=asha, status="ready", file_name=name, key=key.hex(), made_at=AT, delete_after=later
    )
    link = services.make_link(export, hours=24, uses=1, with_pin=False, by=asha, at=timezone.now())
    token = link.path.strip("/").rpartition("/")[2]
    assert services.find_link(token, at=timezone.now()).export == export

    PatientMerge.objects.filter(pk=merge.pk).update(reversible_until=later)
    workflows.undo_merge(merge, by=asha, at=timezone.now())

    with pytest.raises(services.LinkGone):
        services.find_link(token, at=timezone.now())
    with pytest.raises(services.FileGone):
        services.download(export, by=asha, at=timezone.now())
    with pytest.raises(services.FileGone):
        services.make_link(export, hours=24, uses=1, with_pin=False, by=asha, at=timezone.now())
    assert services.delete_expired(timezone.now()) == 1
    assert name not in storage.names()


def test_what_a_storage_does_not_delete_is_removed_when_it_is_back(practice, asha, monkeypatch):
    asked, key = asked_for(practice.patient, asha), data_keys.new_key()
    names = [storage.new_name(".zip"), storage.new_name(".part")]
    for name in names:
        storage.put(name, io.BytesIO(b"record"), key=key)
    export = RecordExport.objects.create(
        request=asked, requested_by=asha, status="ready", file_name=names[0], key=key.hex(), made_at=AT, delete_after=AT
    )
    export.parts.create(name="statement", path="statement.pdf", file_name=names[1])

    with monkeypatch.context() as outage:
        outage.setattr(storage, "delete", fail_to_delete)
        assert services.delete_expired(AT) == 1
        assert services.remove_files(practice.patient.pk) == 2
    export.refresh_from_db()
    assert (export.status, export.key) == ("deleted", "")
    assert services.delete_expired(AT) == 0

    assert services.remove_files(practice.patient.pk) == 0
    assert not set(names) & set(storage.names())


def fail_to_delete(name):
    raise storage.StorageError("The bucket does not answer.", transient=True)
