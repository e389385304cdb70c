"""A backup on disk: a folder that is there whole or not at all, and objects that all backups beside it share.

    <folder>/objects/ab/<name>      recordings, encrypted as they lie in the storage, copied once
    <folder>/<name of a backup>/    manifest.json and what it names, each sealed under the backup's own data key
    <folder>/erasures.jsonl         who was erased: what a restore erases again

The data key is wrapped by the installation's master keys (`synapse.encryption.masters`), and the manifest carries a MAC
made with it: without the keys, which are kept apart, a backup can be neither read nor altered unseen.
"""

import hashlib
import hmac
import json
import os
import shutil
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from synapse.backups.errors import BackupError
from synapse.common.durable_files import sync_folder
from synapse.encryption import data_keys, masters
from synapse.encryption.blobs import BlobReader, encrypt_stream
from synapse.encryption.data_keys import WrappedKey
from synapse.encryption.errors import DecryptionError, KeyServiceUnavailable

FORMAT = 1
PURPOSE = "backups"
MANIFEST = "manifest.json"
OBJECTS = "objects"
PARTIAL = ".partial"
_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Backup:
    """A whole backup whose manifest is the one that was written, and the key that opens it."""

    path: Path
    manifest: dict[str, Any]
    key: bytes

    @property
    def objects(self) -> Path:
        return self.path.parent / OBJECTS


class Writer:
    """Writes one backup; what was not finished is no backup."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.key = data_keys.new_key()
        self.files: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, dict[str, Any]] = {}
        self.path = folder / f"{name}{PARTIAL}"

    def seal(self, name: str, source: IO[bytes]) -> None:
        """Encrypt a stream into the backup."""
        target = self.path / name
        with target.open("xb") as file:
            encrypt_stream(source, file, key=self.key)  # type: ignore[arg-type]  # a binary stream
            _sync(file)
        self.files[name] = _described(target)

    def add_object(self, name: str, source: Iterator[bytes], *, known: dict[str, Any] | None) -> bool:
        """Copy a recording as it is, unless an earlier backup holds it; tell whether it was copied."""
        target = self.folder / OBJECTS / name
        if known is not None and target.is_file() and target.stat().st_size == known["size"]:
            self.objects[name] = known
            return False
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}{PARTIAL}")
        with fresh.open("wb") as file:
            for piece in source:
                file.write(piece)
            _sync(file)
        fresh.replace(target)
        sync_folder(target.parent)
        self.objects[name] = _described(target)
        return True

    def finish(self, facts: dict[str, Any]) -> Path:
        """Write the manifest and let the folder become a backup."""
        wrapped = masters.configured().wrap(self.key, purpose=PURPOSE)
        manifest = {
            **facts,
            "format": FORMAT,
            "name": self.name,
            "key": {"wrapped": b64encode(wrapped.wrapped).decode(), "id": wrapped.key_id},
            "files": self.files,
            "objects": self.objects,
        }
        manifest["mac"] = _mac(manifest, self.key)
        with (self.path / MANIFEST).open("x", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1, sort_keys=True)
            _sync(file)
        sync_folder(self.path)
        finished = self.folder / self.name
        self.path.rename(finished)
        sync_folder(self.folder)
        return finished


@contextmanager
def writing(folder: Path, name: str) -> Iterator[Writer]:
    """Open a new backup; left by an error it is removed. Raises BackupError."""
    writer = Writer(folder, name)
    try:
        writer.path.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupError(f"The backup's folder cannot be written: {error.strerror}.") from None
    try:
        yield writer
    except BaseException:
        shutil.rmtree(writer.path, ignore_errors=True)
        raise


def names(folder: Path) -> list[str]:
    """Return the whole backups in a folder, the latest last: a name ends in the moment, in UTC."""
    found = [path.parent.name for path in folder.glob(f"*/{MANIFEST}") if not path.parent.name.endswith(PARTIAL)]
    return sorted(found, key=moment_of)


def moment_of(name: str) -> str:
    """Return when a backup was made, as its name says: 20260318-120000."""
    return name[-15:]


def find(path: Path) -> Path:
    """Return a backup's folder, given it or the folder that holds several: then the latest. Raises BackupError."""
    if (path / MANIFEST).is_file():
        return path
    if found := names(path):
        return path / found[-1]
    raise BackupError(f"There is no whole backup in {path}.")


def known_objects(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the recordings that earlier backups describe, by name."""
    found: dict[str, dict[str, Any]] = {}
    for name in names(folder):
        found.update(json.loads((folder / name / MANIFEST).read_text(encoding="utf-8"))["objects"])
    return found


def open_backup(path: Path) -> Backup:
    """Read a backup's manifest and open its key. Raises BackupError."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        stored = WrappedKey(b64decode(manifest["key"]["wrapped"]), manifest["key"]["id"])
        mac = manifest.pop("mac")
    except (OSError, ValueError, KeyError, TypeError):
        raise BackupError("The manifest cannot be read.") from None
    try:
        key = masters.configured().unwrap(stored, purpose=PURPOSE)
    except (DecryptionError, KeyServiceUnavailable) as error:
        raise BackupError(
            f"{error} The keys are kept apart from the backup: put those it was made with back."
        ) from None
    if manifest.get("format") != FORMAT or not hmac.compare_digest(mac, _mac(manifest, key)):
        raise BackupError("The manifest is not the one that was written.")
    return Backup(path, manifest, key)


def verify(backup: Backup) -> None:
    """Compare every byte with the manifest. Raises BackupError and names what differs."""
    for folder, described in ((backup.path, backup.manifest["files"]), (backup.objects, backup.manifest["objects"])):
        for name, wanted in described.items():
            path = folder / name
            if not path.is_file():
                raise BackupError(f"{name} is missing in the backup.")
            if _described(path) != wanted:
                raise BackupError(f"{name} is damaged: its bytes are not those of the backup.")


def unseal(backup: Backup, name: str, target: IO[bytes]) -> None:
    """Decrypt a file of the backup. Raises BackupError."""
    path = backup.path / name
    with path.open("rb") as source:

        def fetch(start: int, end: int) -> bytes:
            source.seek(start)
            return source.read(end - start)

        try:
            for piece in BlobReader(path.stat().st_size, fetch, key=backup.key).read():
                target.write(piece)
        except DecryptionError as error:
            raise BackupError(f"{name} cannot be opened: {error}") from None


def remove(folder: Path, name: str) -> None:
    """Delete a backup; its manifest goes first, so that what a crash leaves is no backup."""
    (folder / name / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder / name, ignore_errors=True)


def remove_unused_objects(folder: Path) -> int:
    """Delete the recordings that no backup names any more; return how many."""
    used = known_objects(folder)
    unused = [
        path
        for path in (folder / OBJECTS).rglob("*")
        if path.is_file() and path.relative_to(folder / OBJECTS).as_posix() not in used
    ]
    for path in unused:
        path.unlink()
    return len(unused)


def _described(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return {"size": path.stat().st_size, "sha256": digest.hexdigest()}


def _mac(manifest: dict[str, Any], key: bytes) -> str:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hmac.digest(data_keys.subkey(key, b"backup manifest"), text.encode(), "sha256").hex()


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
