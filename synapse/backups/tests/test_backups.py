"""A backup brings everything back, whoever was erased stays erased, and half a backup is none."""

import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

from patients.models import Patient
from patients.tests.factories import make_patient
from synapse import startup, storage
from synapse.accounts.models import ClinicSettings
from synapse.audit.seals import seal_head
from synapse.backups import archive, databases, drill, keys_file, schedule, services, tasks
from synapse.backups.errors import BackupError
from synapse.common import backup_state
from synapse.common.models import Job
from synapse.encryption import data_keys
from synapse.erasure import services as erasures

AT = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
SOUND = b"not for anybody's ears" * 500


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    return settings.DATA_DIR


def store_sound() -> str:
    name = storage.new_name(".ogg")
    storage.put(name, io.BytesIO(SOUND), key=data_keys.new_key())
    return name


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.timeout(180)
@pytest.mark.django_db(transaction=True)
def test_a_drill_brings_everything_back_and_erases_again_who_was_erased_since(asha, omar, tmp_path, data_dir):
    kept, gone = make_patient(asha, first_name="Quetzal"), make_patient(asha)
    name = store_sound()
    (data_dir / "files").mkdir()
    (data_dir / "files" / "logo.png").write_bytes(b"picture")
    seal_head(AT)
    folder = tmp_path / "backups"
    made = services.make_backup(folder, at=AT)
    erasures.erase_at_once(gone, asked_by="patient", reason="Wishes it", at=AT)
    services.make_backup(tmp_path / "elsewhere", at=AT)  # knows of the erasure, as the list outside does
    shutil.copy(tmp_path / "elsewhere" / "erasures.jsonl", folder / "erasures.jsonl")
    with (folder / "erasures.jsonl").open("a") as file:
        forged = {"number": "ERA-1", "facts": {"records": [{"id": str(kept.pk)}]}, "hash": "0", "signature": "0.0"}
        file.write(json.dumps(forged) + "\n")

    found = drill.run_drill(folder)

    assert found["name"] == made.path.name
    assert (found["erased_again"], found["objects"]) == (1, 1)
    assert found["counts"]["patients.Patient"] == 2
    assert found["decrypted"] > 10
    assert found["audit_rows"] > 2
    assert found["seconds"] < 15 * 60
    assert Patient.objects.get(pk=kept.pk).first_name == "Quetzal"  # the drill touches nothing here
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not any(text in written for text in (b"Quetzal", b"accounts_user", b"PGDMP", SOUND[:20], b"picture"))
    assert (folder / "objects" / name).read_bytes() == (data_dir / "audio" / name).read_bytes()
    with pytest.raises(BackupError, match="in use"):
        services.restore(folder, at=AT)
    # One changed byte anywhere is found before anything is touched.
    flip(folder / "objects" / name)
    with pytest.raises(BackupError, match="damaged"):
        archive.verify(archive.open_backup(made.path))
    with pytest.raises(BackupError, match=r"The drill failed: CommandError: .* is damaged"):
        drill.run_drill(folder)


@pytest.mark.django_db(transaction=True)
def test_recordings_are_copied_once_and_half_a_backup_is_none(asha, tmp_path, monkeypatch):
    folder, name = tmp_path / "backups", store_sound()
    first = services.make_backup(folder, at=AT)
    second = services.make_backup(folder, at=AT + timedelta(days=1))

    def stop(*args: object) -> None:
        raise BackupError("stopped")

    for module, attribute in ((databases, "dump"), (services, "_copy_objects"), (archive.Writer, "finish")):
        with monkeypatch.context() as patch:
            patch.setattr(module, attribute, stop)
            with pytest.raises(BackupError):
                services.make_backup(folder, at=AT + timedelta(days=2))
    storage.delete(name)
    third = services.make_backup(folder, at=AT + timedelta(days=40))

    assert [made.copied for made in (first, second, third)] == [1, 0, 0]
    assert archive.names(folder) == [made.path.name for made in (first, second, third)]
    assert [path.name for path in folder.iterdir() if path.name.endswith(".partial")] == []
    assert services.remove_old(folder, at=AT + timedelta(days=40)) == 2
    assert archive.names(folder) == [third.path.name]
    assert not (folder / "objects" / name).exists()


@pytest.mark.django_db(transaction=True)
def test_a_changed_manifest_or_another_key_opens_nothing(asha, tmp_path, settings):
    made = services.make_backup(tmp_path / "backups", at=AT, only_database=True)
    manifest = made.path / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"patients.Patient": 0', '"patients.Patient": 9'))
    with pytest.raises(BackupError, match="not the one that was written"):
        archive.open_backup(made.path)
    manifest.write_text(text)
    archive.verify(archive.open_backup(made.path))

    settings.AUDIO_KEY = ["another key of thirty-two bytes or more"]

    with pytest.raises(BackupError, match="kept apart"):
        archive.open_backup(made.path)
    with pytest.raises(BackupError, match="no whole backup"):
        archive.find(tmp_path)


@pytest.mark.django_db(transaction=True)
def test_a_start_with_pending_migrations_leaves_a_backup_that_can_be_opened(asha, data_dir, tmp_path):
    path = startup.back_up_database(AT)

    backup = archive.open_backup(path)
    archive.verify(backup)
    with (tmp_path / "database").open("xb") as file:
        archive.unseal(backup, services.DATABASE, file)

    assert path == data_dir / "backups" / "before-migration-20260318-120000"
    magic = b"SQLite format 3" if connection.vendor == "sqlite" else b"PGDMP"
    assert (tmp_path / "database").read_bytes().startswith(magic)
    assert {each.stat().st_mode & 0o077 for each in (path, path / "manifest.json")} <= {0, 0o044}


def test_the_keys_open_with_their_passphrase_and_never_lie_beside_the_backup(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(keys_file.PASSPHRASE, "a long enough passphrase")
    target = tmp_path / "keys"
    keys_file.write_private(target, keys_file.seal({"AUDIO_KEY": "secret of the sound"}, "a long enough passphrase"))

    assert keys_file.main(["open", str(target), str(tmp_path / ".env")]) == 0

    assert (tmp_path / ".env").read_text() == "AUDIO_KEY=secret of the sound\n"
    assert b"secret" not in target.read_bytes()
    assert target.stat().st_mode & 0o077 == 0
    assert keys_file.main(["open", str(target), str(tmp_path / ".env")]) == 1  # what is there stays
    monkeypatch.setenv(keys_file.PASSPHRASE, "another passphrase")
    assert keys_file.main(["open", str(target), str(tmp_path / "other")]) == 1
    assert "wrong" in capsys.readouterr().err
    with pytest.raises(keys_file.KeysFileError):
        keys_file.seal({}, "short")
    with pytest.raises(CommandError, match="apart"):
        call_command("backup", tmp_path / "backups", "--keys-to", tmp_path / "backups" / "keys")


@pytest.mark.django_db
def test_backups_and_drills_are_asked_for_when_due_and_old_ones_are_told(settings, tmp_path, monkeypatch):
    schedule.look_after_backups(AT)
    assert not Job.objects.exists()  # no folder is set
    settings.BACKUP_DIR, settings.JOB_DOORBELL = str(tmp_path / "backups"), "builtins.str"

    schedule.look_after_backups(AT)
    schedule.look_after_backups(AT + timedelta(hours=1))
    backup_state.note("backup", backup_state.Event(AT, "backup-1", 10, 1.0))
    schedule.look_after_backups(AT + timedelta(hours=2))
    backup_state.note("drill", backup_state.Event(AT, "backup-1"))
    schedule.look_after_backups(AT + timedelta(hours=49))

    kinds = [kind.rpartition(".")[2] for kind in Job.objects.order_by("created_at").values_list("kind", flat=True)]
    assert kinds == ["make_backup", "run_drill", "make_backup", "complain"]
    monkeypatch.setattr("django.utils.timezone.now", lambda: AT + timedelta(hours=49))
    with pytest.raises(tasks.jobs.PermanentJobError, match="backup_too_old"):
        tasks.complain.run(Job.objects.get(kind="synapse.backups.tasks.complain"))
    clinic = ClinicSettings.load()
    clinic.backup_warn_hours = 50
    clinic.save()
    assert not schedule.is_too_old(AT + timedelta(hours=49))
    assert django_settings.BACKUP_DIR


def test_a_database_that_is_brought_back_is_no_demo_that_was_loaded_in_part(tmp_path, data_dir, monkeypatch):
    mark = data_dir / startup.HALF_LOADED
    mark.write_text(str(connection.settings_dict["NAME"]))
    manifest = {"vendor": connection.vendor, "files": {}}
    monkeypatch.setattr(archive, "find", lambda source: source)
    monkeypatch.setattr(archive, "open_backup", lambda path: SimpleNamespace(manifest=manifest, path=path))
    for place, name in (
        (archive, "verify"),
        (services, "_unseal_file"),
        (services, "_bring_objects"),
        (databases, "load"),
    ):
        monkeypatch.setattr(place, name, lambda *args: None)
    monkeypatch.setattr(services, "call_command", stop_here)

    with pytest.raises(BackupError, match="stops here"):
        services.restore(tmp_path, is_replacing=True, at=AT)

    assert not mark.exists()


def stop_here(*args, **options):
    raise BackupError("The test stops here.")
