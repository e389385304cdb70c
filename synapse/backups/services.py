"""Make a backup of the whole installation, bring one back, and say whether what came back is whole."""

import logging
import os
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from synapse import startup, storage
from synapse.audit import seals
from synapse.audit.models import Action, ChainHead
from synapse.audit.services import record, unit_of_work
from synapse.audit.verification import verify_chain
from synapse.backups import archive, databases
from synapse.backups.errors import BackupError
from synapse.common import backup_state, triggers
from synapse.encryption.errors import DecryptionError
from synapse.encryption.key_check import WrongKeyError, verify_keys
from synapse.encryption.rotation import encrypted_fields
from synapse.erasure import register
from synapse.erasure import services as erasures

logger = logging.getLogger(__name__)

DATABASE, FILES = "database.sealed", "files.sealed"
# What is made anew, copied on its own, or must not lie beside a backup (`.env` holds the keys).
LEFT_OUT = frozenset({"audio", "backups", "incoming", "logs", "sms", "static", "tmp", ".env", backup_state.FILE})
COUNTED = ("accounts.User", "patients.Patient", "sessions_app.ConsultationSession", "reports.Report", "billing.Bill")
SAMPLES = 20  # rows of each table that are decrypted after a restore
KEEP = timedelta(days=35)


@dataclass(frozen=True)
class Made:
    """A backup that was made."""

    path: Path
    bytes: int
    objects: int
    copied: int
    seconds: float


@dataclass(frozen=True)
class Restored:
    """What came back, and how it was found to be."""

    name: str
    made_at: str
    audit_rows: int
    decrypted: int
    counts: dict[str, int]
    objects: int
    erased_again: int
    seconds: float


def make_backup(folder: Path, *, at: datetime, only_database: bool = False, prefix: str = "backup") -> Made:
    """Copy database, files and recordings into a folder, encrypted; recordings that lie there are not copied again.

    Raises BackupError, StorageError and KeyServiceUnavailable; an interrupted backup leaves none.
    """
    started = time.monotonic()
    name = f"{prefix}-{at.astimezone(UTC):%Y%m%d-%H%M%S}"
    with archive.writing(folder, name) as writer, _work_folder() as work:
        if not only_database:
            # Before the database: the seals of the audit trail outside it must not be ahead of its end.
            _seal_file(writer, FILES, work / "files.tar", _pack_files)
        _seal_file(writer, DATABASE, work / "database", databases.dump)
        copied = 0 if only_database else _copy_objects(writer)
        path = writer.finish({"made_at": at.astimezone(UTC).isoformat(), "vendor": connection.vendor, **_facts()})
    _copy_list_of_erasures(folder)
    size = sum(each["size"] for each in writer.files.values())
    return Made(path, size, len(writer.objects), copied, time.monotonic() - started)


def restore(source: Path, *, is_replacing: bool = False, at: datetime) -> Restored:
    """Bring a backup back into an empty installation, or with `is_replacing` in place of what is there.

    Every byte is compared before anything is touched. Whoever was erased since the backup is erased again. Raises
    BackupError; then the installation is as it was, or says so.
    """
    started = time.monotonic()
    backup = archive.open_backup(archive.find(source))
    if backup.manifest["vendor"] != connection.vendor:
        raise BackupError(f"This backup is of {backup.manifest['vendor']}; DATABASE_URL names {connection.vendor}.")
    if not is_replacing and not databases.is_empty():
        raise BackupError("This installation is in use. Restore into an empty one, or say --replace.")
    archive.verify(backup)
    lists = [register.path(), backup.path.parent / register.FILE]
    entries = register.merge(lists)
    known = list(seals.read_seals())
    with _work_folder() as work:
        _unseal_file(backup, DATABASE, work / "database")
        if FILES in backup.manifest["files"]:
            _unseal_file(backup, FILES, work / "files.tar")
            _unpack_files(work / "files.tar")
        _bring_objects(backup)
        databases.load(work / "database")
    startup.forget_half_loaded()
    entries = register.merge([*lists, register.path()]) or entries
    call_command("migrate", interactive=False, verbosity=0)
    try:
        seals.go_on_after(known, restored=backup.manifest["name"], at=at)
    except seals.KeeperOutOfReach as error:
        raise BackupError(f"The copies of the audit seals cannot be read, so restore again later: {error}") from None
    decrypted = check_restored(backup.manifest)
    erased = sum(erasures.repeat(entry, at=at) for entry in entries)
    verdict = _whole_trail()
    with unit_of_work():
        record(Action.SYSTEM, by=None, detail={"verb": "restore", "backup": backup.manifest["name"]})
    return Restored(
        name=backup.manifest["name"],
        made_at=backup.manifest["made_at"],
        audit_rows=verdict,
        decrypted=decrypted,
        counts=backup.manifest["counts"],
        objects=len(backup.manifest["objects"]),
        erased_again=erased,
        seconds=round(time.monotonic() - started, 1),
    )


def check_restored(manifest: dict[str, Any]) -> int:
    """Compare what came back with the manifest: keys, trail, counts; return how many values were decrypted."""
    try:
        verify_keys()
    except WrongKeyError as error:
        raise BackupError(str(error)) from None
    if missing := triggers.missing(connection):
        raise BackupError(f"The trigger {missing[0].name} is missing.")
    _whole_trail()
    head = ChainHead.objects.filter(pk=1).first()
    if head is None or (head.seq, head.mac) != (manifest["audit"]["seq"], manifest["audit"]["mac"]):
        raise BackupError("The audit trail does not end where the backup says.")
    if (counts := _counts()) != manifest["counts"]:
        raise BackupError(f"The rows are not those of the backup: {counts}.")
    return _decrypt_samples()


def remove_old(folder: Path, *, at: datetime) -> int:
    """Delete backups older than 35 days, the latest one never, and recordings no backup names; return how many."""
    before = f"{(at - KEEP).astimezone(UTC):%Y%m%d-%H%M%S}"
    old = [name for name in archive.names(folder)[:-1] if archive.moment_of(name) < before]
    for name in old:
        archive.remove(folder, name)
    if old:
        archive.remove_unused_objects(folder)
    return len(old)


def describe(restored: Restored) -> dict[str, Any]:
    """Return what is printed of a restore."""
    return asdict(restored)


def _facts() -> dict[str, Any]:
    try:
        head = ChainHead.objects.filter(pk=1).first() or ChainHead(pk=1)
        audit = {"seq": head.seq, "mac": head.mac}
        applied = sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
        return {"audit": audit, "migrations": applied, "counts": _counts()}
    except DatabaseError:  # a database of a release before some table
        return {"audit": {"seq": 0, "mac": ""}, "migrations": [], "counts": {}}


def _counts() -> dict[str, int]:
    return {label: apps.get_model(label)._base_manager.count() for label in COUNTED}


def _whole_trail() -> int:
    verdict = verify_chain()
    if verdict.broken is not None:
        raise BackupError(f"The audit trail is broken at row {verdict.broken.seq}: {verdict.broken.reason}.")
    return verdict.events


def _decrypt_samples() -> int:
    values = 0
    for model in apps.get_models():
        names = [column.name for column in encrypted_fields(model)]
        try:
            for row in model._base_manager.values_list(*names)[:SAMPLES] if names else ():
                values += sum(value is not None for value in row)
        except DecryptionError as error:
            raise BackupError(f"A row of {model._meta.label} cannot be read: {error}") from None
    return values


def _pack_files(target: Path) -> None:
    root = Path(settings.DATA_DIR)
    with tarfile.open(target, "w") as tar:
        for path in _files_of(root):
            try:
                with path.open("rb") as file:
                    info = tar.gettarinfo(arcname=path.relative_to(root).as_posix(), fileobj=file)
                    tar.addfile(info, file)
            except FileNotFoundError:
                continue  # gone since: a spool that became a recording


def _files_of(root: Path) -> Iterator[Path]:
    database = Path(str(connection.settings_dict["NAME"])).name if connection.vendor == "sqlite" else None
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        if here == root:
            folders[:] = sorted(set(folders) - LEFT_OUT)
            files = [name for name in files if name not in LEFT_OUT and not (database and name.startswith(database))]
        for name in sorted(files):
            path = here / name
            if path.is_file() and not path.is_symlink():
                yield path


def _unpack_files(source: Path) -> None:
    root = Path(settings.DATA_DIR)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tarfile.open(source) as tar:
        tar.extractall(root, filter="data")


def _copy_objects(writer: archive.Writer) -> int:
    known = archive.known_objects(writer.folder)
    copied = 0
    for name in storage.names():
        try:
            copied += writer.add_object(name, storage.raw(name), known=known.get(name))
        except storage.StoredFileMissing:
            continue  # deleted since
    return copied


def _bring_objects(backup: archive.Backup) -> None:
    present = set(storage.names())
    for name in backup.manifest["objects"]:
        if name not in present:
            storage.put_raw(name, backup.objects / name)


def _copy_list_of_erasures(folder: Path) -> None:
    """Keep the list beside the backups complete: it is only ever added to."""
    entries: Iterable[dict[str, Any]] = register.entries(register.path())
    for entry in entries:
        register.write(folder / register.FILE, entry)


def _seal_file(writer: archive.Writer, name: str, path: Path, make: Any) -> None:
    make(path)
    with path.open("rb") as file:
        writer.seal(name, file)
    path.unlink()


def _unseal_file(backup: archive.Backup, name: str, path: Path) -> None:
    with path.open("xb") as file:
        archive.unseal(backup, name, file)


@contextmanager
def _work_folder() -> Iterator[Path]:
    folder = Path(settings.DATA_DIR) / "tmp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        yield Path(work)
