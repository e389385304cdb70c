"""An archive on its way back: whole or not is said file by file, and it becomes a record that exports the same again."""

import copy
import io
import json
import random
import stat
import warnings
import zipfile
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connections
from django.urls import reverse

from patients.models import Patient
from reports import services as report_services
from reports.models import Report
from sessions_app import services as session_services
from sessions_app.models import ConsultationSession, RecordingKey
from sessions_app.recordings import audio
from sessions_app.recordings.playing import sound_of
from sessions_app.tests.factories import make_session, record_audio
from synapse.audit.models import AuditEvent
from synapse.encryption.tests.kms_server import KEY, key_service
from synapse.fhir.tests.practice import make_practice
from synapse.records.archives import checking
from synapse.records.archives.checking import BadArchive, check
from synapse.records.archives.loading import AlreadyHere, NotWhole, load
from synapse.records.exports import manifest as manifests
from synapse.records.exports.building import build
from synapse.records.models import ArchiveImport
from synapse.testing import databases
from synapse.testing.plugin import make_user

pytestmark = pytest.mark.usefixtures("quick_documents")
AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
RENUMBERED = {"patient_id", "session_id", "bill_number", "receipt_number", "audio_size_bytes"}


def archive_of(patient, by) -> bytes:
    out = io.BytesIO()
    build(patient, out, by=by, at=AT)
    return out.getvalue()


def changed(content: bytes, edit) -> io.BytesIO:
    """Write a zip anew; `edit` gets name and bytes of each file and returns what takes its place (None: nothing)."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if (piece := edit(name, old.read(name))) is not None:
                new.writestr(name, piece)
    out.seek(0)
    return out


@pytest.fixture
def practice(asha, settings, tmp_path, now):
    settings.DATA_DIR = tmp_path
    return make_practice(asha, at=now)


def test_what_is_not_as_it_was_signed_is_named_file_by_file(practice, asha, settings, monkeypatch):
    whole = archive_of(practice.patient, asha)
    verdict = check(io.BytesIO(whole))
    assert verdict.is_whole, verdict.words
    assert verdict.words[0] == "It is whole."

    def tamper(name, piece):
        return piece.replace(b"Penicillin", b"Penicillix") if name == "data/patient.json" else piece

    def lose(name, piece):
        return None if name == "fhir/record.json" else piece

    def lie(name, piece):
        return piece.replace(b'"with_drafts": false', b'"with_drafts": true') if name == manifests.MANIFEST else piece

    def unsign(name, piece):
        return None if name == manifests.SIGNATURE else piece

    assert [one.words for one in check(changed(whole, tamper)).findings] == ["data/patient.json was changed."]
    assert [one.words for one in check(changed(whole, lose)).findings] == ["fhir/record.json is missing."]
    assert check(changed(whole, lie)).signature == "wrong"
    assert check(changed(whole, unsign)).signature == "missing"
    more = changed(whole, lambda name, piece: piece)
    with zipfile.ZipFile(more, "a") as archive:
        archive.writestr("notes.txt", "a word more")
    assert [one.kind for one in check(more).findings] == ["extra"]

    settings.SIGNING_KEY = ["another installation's key, long enough to be one"]
    with monkeypatch.context() as patch:
        patch.setattr(checking, "_check_tables", None)  # nobody here may read what it wrote
        foreign = check(io.BytesIO(whole))
    assert foreign.signature == "foreign"
    assert not foreign.is_whole
    for unsure in (io.BytesIO(whole), changed(whole, tamper)):
        with pytest.raises(NotWhole):
            load(unsure, doctor=asha, by=asha, at=AT)
    assert not ArchiveImport.objects.exists()


def hostile(name="data/patient.json", *, mode=0, twice=False, content=b"x", packing=zipfile.ZIP_STORED) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(1 + twice):
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, packing
            archive.writestr(info, content)
    out.seek(0)
    return out


def torn(packing: int) -> io.BytesIO:
    """An archive whose manifest no unpacker can read, though its sizes are right."""
    out = hostile(manifests.MANIFEST, content=bytes(range(256)), packing=packing)
    content = bytearray(out.getvalue())
    begin = 30 + len(manifests.MANIFEST)
    content[begin : begin + 40] = b"\xff" * 40
    return io.BytesIO(bytes(content))


def sharing() -> io.BytesIO:
    """An archive of a hundred names for the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("data/0.json", random.Random(1).randbytes(100_000))
        for number in range(1, 100):
            twin = copy.copy(archive.filelist[0])
            twin.filename = f"data/{number}.json"
            archive.filelist.append(twin)
    out.seek(0)
    return out


def many_small(count: int = 20) -> io.BytesIO:
    """An archive of files of which none alone is a bomb."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(f"data/{number}.json", b" " * checking.HARMLESS_BYTES)
    out.seek(0)
    return out


@pytest.mark.parametrize(
    ("file", "words"), [(sharing(), "the same bytes twice"), (many_small(), "more than any record")]
)
def test_bytes_that_count_many_times_are_refused(file, words):
    with pytest.raises(BadArchive, match=words):
        check(file)


def test_a_manifest_longer_than_any_is_not_read(monkeypatch):
    monkeypatch.setattr(checking, "MOST_MANIFEST_BYTES", 50)

    with pytest.raises(BadArchive, match="larger than any"):
        check(hostile(manifests.MANIFEST, content=b"[" + b"{}," * 50 + b"{}]"))


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(b"no zip at all"),
        hostile("../../etc/passwd"),
        hostile("/etc/passwd"),
        hostile("C:\\windows\\system.ini"),
        hostile(mode=stat.S_IFLNK | 0o777),
        hostile(twice=True),
        hostile(content=b"\0" * (4 * 1024 * 1024), packing=zipfile.ZIP_DEFLATED),
        hostile(manifests.MANIFEST, content=b"[" * 100_000),
        hostile(manifests.MANIFEST, content=b'{"format": "synapse-record", "version": 1, "files": 3}'),
        hostile(manifests.MANIFEST, content=b"\xff\xfe"),
        *(torn(packing) for packing in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)),
    ],
    ids=[
        *("no zip", "slip", "absolute", "drive", "link", "twice", "bomb", "deep", "shape", "bytes"),
        *("torn deflate", "torn bzip2", "torn lzma"),
    ],
)
def test_a_hostile_file_is_refused_before_anything_is_unpacked(file):
    with pytest.raises(BadArchive):
        check(file)


def tables(content: bytes) -> dict[str, list]:
    """Return every table that loads, without what an installation numbers itself."""
    from synapse.records.exports.entities import ENTITIES

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        read = {
            entity.name: json.loads(archive.read(f"data/{entity.name}.json")) for entity in ENTITIES if entity.loads
        }
    return {
        name: [{key: value for key, value in row.items() if key not in RENUMBERED} for row in rows]
        for name, rows in read.items()
    }


@pytest.mark.django_db(transaction=True)
def test_a_record_goes_out_comes_into_an_empty_installation_and_goes_out_the_same(
    settings, tmp_path, transactional_db, now
):
    settings.DATA_DIR = tmp_path
    asha = make_user("asha", "doctor", "Asha", "Rao")
    practice = make_practice(asha, at=now)
    recorded = make_session(asha, patient=practice.patient)
    record_audio(recorded)
    session_services.complete_session(recorded, by=asha, at=now)
    audio.archive(recorded, at=now)
    recorded.refresh_from_db()
    sound = b"".join(audio.open_file(recorded))
    first = archive_of(practice.patient, asha)
    with pytest.raises(AlreadyHere):
        load(io.BytesIO(first), doctor=asha, by=asha, at=AT)

    databases.empty(connections["default"])
    ben = make_user("ben", "doctor", "Ben", "Okafor")
    with key_service() as running:
        settings.KMS_KEY, settings.GOOGLE_KMS_ENDPOINT = KEY, running.endpoint
        imported = load(io.BytesIO(first), doctor=ben, by=ben, at=AT)
        assert RecordingKey.objects.get().key_id.startswith("kms.")
        second = archive_of(Patient.objects.visible_to(ben).get(), ben)
    assert load(io.BytesIO(first), doctor=ben, by=ben, at=AT).pk == imported.pk

    patient = Patient.objects.visible_to(ben).get()
    before, after = tables(first), tables(second)
    # The one row more opens the record to who goes on with it.
    opened = [row for row in after["accesses"] if row["doctor"] == str(ben.pk)]
    assert len(opened) == 1
    after["accesses"].remove(opened[0])
    for name, rows in before.items():
        assert after[name] == rows, name
    with zipfile.ZipFile(io.BytesIO(second)) as archive:
        session = ConsultationSession.objects.get(pk=recorded.pk)
        assert archive.read(f"audio/{session.session_id}.ogg") == sound
        spoken = [name for name in archive.namelist() if name.startswith("transcripts/")]
    assert spoken
    # Sealed as it was signed, found by name, and nobody can sign in as who wrote it.
    report = Report.objects.get(pk=practice.report.pk)
    report_services.require_whole(report, by=ben)
    assert imported.seals == {"whole": 1}
    assert not report.signed_by.is_active
    assert not report.signed_by.has_usable_password()
    assert sound_of(session).size == len(sound)
    assert AuditEvent.objects.filter(detail__verb="import_record", patient_id=patient.pk).count() == 1


def test_the_command_says_whether_it_is_whole_and_loads_nothing_by_itself(practice, asha, tmp_path, capsys):
    path = tmp_path / "record.zip"
    path.write_bytes(archive_of(practice.patient, asha))

    call_command("import_patient", str(path))

    assert "It is whole." in capsys.readouterr().out
    with pytest.raises(CommandError, match="here already"):
        call_command("import_patient", str(path), "--load", "--doctor", "asha")
    path.write_bytes(path.read_bytes().replace(b"visits/visits.csv", b"visits/xisits.csv"))
    with pytest.raises(CommandError, match="not whole"):
        call_command("import_patient", str(path))
    assert not ArchiveImport.objects.exists()


def test_the_page_is_the_administrators_and_says_what_was_found(practice, asha, omar, rita, signed_in):
    address = reverse("records:archives")
    whole = archive_of(practice.patient, asha)
    assert [signed_in(user).get(address).status_code for user in (omar, asha, rita)] == [200, 403, 403]

    page = signed_in(omar).post(address, {"file": SimpleUploadedFile("r.zip", whole)})
    assert "It is whole." in page.content.decode()
    here = signed_in(omar).post(address, {"file": SimpleUploadedFile("r.zip", whole), "doctor": str(asha.pk)})
    assert here.status_code == 422
    assert "here already" in here.content.decode()
    no_zip = signed_in(omar).post(address, {"file": SimpleUploadedFile("r.zip", b"MZ")})
    assert no_zip.status_code == 422
