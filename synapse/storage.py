"""Private storage for recordings: a folder in the data directory, or a Google Cloud Storage bucket.

Callers give and get plain bytes and hold the data key; what is stored is encrypted (`synapse.encryption.blobs`), under a
name that tells nothing. Every outside call has a timeout, and every failure is a StorageError that says whether to try
again.
"""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol
from uuid import uuid4

from django.conf import settings

from synapse.common.durable_files import sync_folder
from synapse.encryption.blobs import BlobReader, encrypt_stream, plain_size
from synapse.encryption.errors import DecryptionError

if TYPE_CHECKING:
    from google.cloud.storage import Blob
    from google.cloud.storage import Bucket as Bucket  # for those who look after it

CONNECT_SECONDS = 5
READ_SECONDS = 30
RETRY_SECONDS = 20
PROBE_SECONDS = 3
LEAST_FREE_BYTES = 200 * 1024 * 1024
_UPLOAD_CHUNK = 1024 * 1024
_NAME = re.compile(r"^[0-9a-f]{2}/[0-9a-f]{32}(\.[a-z0-9]{1,8})?$")


class StorageError(Exception):
    """The storage refused or failed; `transient` says whether trying again can help."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class StoredFileMissing(StorageError):
    """There is no file under this name."""

    def __init__(self) -> None:
        super().__init__("There is no stored file under this name.", transient=False)


class StoredFileExists(StorageError):
    """There is a file under this name already, and it stays."""

    def __init__(self) -> None:
        super().__init__("There is a stored file under this name already.", transient=False)


class Backend(Protocol):
    """Where stored bytes lie; names are checked before they come here."""

    def put(self, name: str, path: Path, *, once: bool = False) -> None: ...
    def read(self, name: str, start: int, end: int) -> bytes: ...
    def size(self, name: str) -> int: ...
    def delete(self, name: str) -> None: ...
    def names(self) -> Iterator[str]: ...
    def probe(self) -> None: ...


def new_name(suffix: str = "") -> str:
    """Make up a name for a new file; `suffix` is its kind, such as ".ogg"."""
    name = uuid4().hex
    return f"{name[:2]}/{name}{suffix}"


def put(name: str, stream: BinaryIO, *, key: bytes, once: bool = False) -> int:
    """Store a stream under a name, sealed by a data key, whole or not at all; return its plain size in bytes.

    With `once` nothing is replaced: raises StoredFileExists when something lies there.
    """
    with _temporary_file() as path:
        with path.open("wb") as target:
            size = encrypt_stream(stream, target, key=key)
            target.flush()
            os.fsync(target.fileno())
        _backend().put(_checked(name), path, once=once)
    return size


def open_range(name: str, start: int = 0, end: int | None = None, *, key: bytes) -> Iterator[bytes]:
    """Return an iterator over the plain bytes from start up to, but not including, end (None: to the end).

    Raises StoredFileMissing at once and StorageError while reading.
    """
    backend = _backend()
    size = backend.size(_checked(name))
    with _readable():
        reader = BlobReader(size, lambda begin, stop: backend.read(name, begin, stop), key=key)
    return _parts(reader, start, end)


def size(name: str) -> int:
    """Return the plain size of a stored file in bytes."""
    stored = _backend().size(_checked(name))
    with _readable():
        return plain_size(stored)


def delete(name: str) -> None:
    """Delete a stored file; one that is not there is deleted already."""
    _backend().delete(_checked(name))


def names() -> Iterator[str]:
    """Yield the names of all stored files."""
    return (name for name in _backend().names() if _NAME.match(name))


def raw(name: str) -> Iterator[bytes]:
    """Return an iterator over a file's bytes as they are stored: encrypted. Raises StoredFileMissing at once."""
    backend = _backend()
    length = backend.size(_checked(name))
    return (backend.read(name, start, min(start + _UPLOAD_CHUNK, length)) for start in range(0, length, _UPLOAD_CHUNK))


def put_raw(name: str, source: Path) -> None:
    """Store a file's encrypted bytes again, as a backup kept them."""
    with _temporary_file() as path:
        shutil.copyfile(source, path)
        _backend().put(_checked(name), path)


def probe() -> None:
    """Raise StorageError when nothing can be stored now."""
    _backend().probe()


def cloud_bucket() -> "Bucket":
    """Return the bucket of the settings itself, for those who look after it. Raises StorageError."""
    if not settings.AUDIO_BUCKET:
        raise StorageError("AUDIO_BUCKET is not set: recordings lie in the data folder.", transient=False)
    return _bucket(settings.AUDIO_BUCKET, settings.STORAGE_EMULATOR_HOST).bucket


def _parts(reader: BlobReader, start: int, end: int | None) -> Iterator[bytes]:
    with _readable():
        yield from reader.read(start, end)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except DecryptionError as error:
        raise StorageError(str(error), transient=False) from None


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise StorageError("This is not a name of a stored file.", transient=False)
    return name


@contextmanager
def _temporary_file() -> Iterator[Path]:
    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=folder)
    os.close(handle)
    try:
        yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


def _backend() -> Backend:
    if settings.AUDIO_BUCKET:
        return _bucket(settings.AUDIO_BUCKET, settings.STORAGE_EMULATOR_HOST)
    return FolderBackend(settings.DATA_DIR / "audio")


class FolderBackend:
    """Files below one folder, readable by this user only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, path: Path, *, once: bool = False) -> None:
        target = self.root / name
        with _as_storage_error():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp made the file for this user alone, on the same disk: both are atomic, and a link replaces nothing.
            if once:
                target.hardlink_to(path)
            else:
                path.replace(target)
            sync_folder(target.parent)

    def read(self, name: str, start: int, end: int) -> bytes:
        with _as_storage_error(), (self.root / name).open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def size(self, name: str) -> int:
        with _as_storage_error():
            return (self.root / name).stat().st_size

    def delete(self, name: str) -> None:
        with _as_storage_error():
            (self.root / name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        for path in sorted(self.root.glob("*/*")):
            yield path.relative_to(self.root).as_posix()

    def probe(self) -> None:
        with _as_storage_error():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.root, os.W_OK):
                raise StorageError("The audio folder cannot be written.", transient=False)
            if shutil.disk_usage(self.root).free < LEAST_FREE_BYTES:
                raise StorageError("The disk of the audio folder is full.", transient=True)


@contextmanager
def _as_storage_error() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise StoredFileMissing from None
    except FileExistsError:
        raise StoredFileExists from None
    except OSError as error:
        raise StorageError(f"The audio folder failed: {error.strerror}.", transient=True) from None


_connecting = threading.Lock()


@lru_cache(maxsize=2)
def _connect(bucket: str, emulator: str) -> "Bucket":
    """Make the client once: it looks for credentials, which takes long and may fail."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if emulator:
        client = storage.Client(
            project=settings.GOOGLE_CLOUD_PROJECT or "emulator",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": emulator},
        )
    else:
        client = storage.Client(project=settings.GOOGLE_CLOUD_PROJECT or None)
    return client.bucket(bucket)


def _bucket(name: str, emulator: str) -> "BucketBackend":
    with _connecting, as_cloud_error():
        return BucketBackend(_connect(name, emulator))


class BucketBackend:
    """Objects of one Google Cloud Storage bucket."""

    def __init__(self, bucket: "Bucket") -> None:
        from google.cloud.storage.retry import DEFAULT_RETRY

        self.bucket = bucket
        self.timeout = (CONNECT_SECONDS, READ_SECONDS)
        self.retry = DEFAULT_RETRY.with_timeout(RETRY_SECONDS)

    def put(self, name: str, path: Path, *, once: bool = False) -> None:
        blob = self.bucket.blob(name, chunk_size=_UPLOAD_CHUNK)
        with as_cloud_error():
            # The name is new and random, or the content the name's only one: writing it twice (a retry) writes the same.
            blob.upload_from_filename(
                str(path),
                content_type="application/octet-stream",
                timeout=self.timeout,
                retry=self.retry,
                checksum="crc32c",
                if_generation_match=0 if once else None,
            )

    def read(self, name: str, start: int, end: int) -> bytes:
        with as_cloud_error():
            content: bytes = self.bucket.blob(name).download_as_bytes(
                start=start, end=end - 1, timeout=self.timeout, retry=self.retry, raw_download=True
            )
            return content

    def size(self, name: str) -> int:
        return int(self._loaded(name).size or 0)

    def delete(self, name: str) -> None:
        try:
            with as_cloud_error():
                self.bucket.blob(name).delete(timeout=self.timeout, retry=self.retry)
        except StoredFileMissing:
            return

    def names(self) -> Iterator[str]:
        with as_cloud_error():
            for blob in self.bucket.list_blobs(timeout=self.timeout, retry=self.retry):
                yield str(blob.name)

    def probe(self) -> None:
        with as_cloud_error():
            if not self.bucket.exists(timeout=(PROBE_SECONDS, PROBE_SECONDS), retry=None):
                raise StorageError("The audio bucket does not exist.", transient=False)

    def _loaded(self, name: str) -> "Blob":
        with as_cloud_error():
            blob = self.bucket.get_blob(name, timeout=self.timeout, retry=self.retry)
        if blob is None:
            raise StoredFileMissing
        return blob


@contextmanager
def as_cloud_error() -> Iterator[None]:
    """Turn whatever the client raises into a StorageError; its text may name the bucket, not a patient."""
    from google.api_core import exceptions
    from google.auth.exceptions import DefaultCredentialsError, RefreshError

    try:
        yield
    except StorageError:
        raise
    except exceptions.NotFound:
        raise StoredFileMissing from None
    except exceptions.PreconditionFailed:
        raise StoredFileExists from None
    except (exceptions.Forbidden, exceptions.Unauthorized, DefaultCredentialsError, RefreshError):
        raise StorageError("Google Cloud Storage refused our credentials.", transient=False) from None
    except exceptions.ClientError as error:
        transient = error.code in {408, 429}
        raise StorageError(f"Google Cloud Storage answered {error.code}.", transient=transient) from None
    except Exception as error:  # noqa: BLE001  time-outs, cut connections and garbled answers come in many types
        raise StorageError(f"Google Cloud Storage failed: {type(error).__name__}.", transient=True) from None
