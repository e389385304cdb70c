"""A zip written from front to end: each file is hashed as it goes in, nothing is held whole."""

import hashlib
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import BinaryIO, Protocol, Self

from synapse.records.exports.manifest import File

# Sound and PDF are packed already.
_PACKED = (".ogg", ".pdf", ".wav")


class Sink(Protocol):
    """What takes bytes one after the other."""

    def write(self, data: bytes, /) -> object: ...
    def flush(self) -> None: ...


class _Forward:
    """A sink that cannot go back, so that a zip writes sizes behind each file instead of in front."""

    def __init__(self, sink: "Sink | BinaryIO") -> None:
        self._sink: Sink | BinaryIO | None = sink

    def write(self, data: bytes) -> int:
        if self._sink is not None:
            self._sink.write(data)
        return len(data)

    def flush(self) -> None:
        if self._sink is not None:
            self._sink.flush()

    def let_go(self) -> None:
        """Pass nothing on any more: a zip writes its end even when it is given up, and the sink may be closed by then."""
        self._sink = None


class Archive:
    """Takes files in their order; `files` is what went in. Used in a `with`: an error gives the zip up."""

    def __init__(self, sink: "Sink | BinaryIO", *, at: datetime) -> None:
        self._forward = _Forward(sink)
        self._zip = zipfile.ZipFile(self._forward, "w", allowZip64=True)  # type: ignore[call-overload]  # write and flush are all it needs
        self._date = at.astimezone(UTC).timetuple()[:6]
        self.files: list[File] = []

    def add(self, path: str, parts: Iterable[bytes], *, kind: str) -> None:
        """Write one file from its parts."""
        info = zipfile.ZipInfo(path, date_time=self._date)
        info.compress_type = zipfile.ZIP_STORED if path.endswith(_PACKED) else zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as entry:
            for part in parts:
                entry.write(part)
                digest.update(part)
                size += len(part)
        self.files.append(File(path, size, digest.hexdigest(), kind))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._forward.let_go()
        self._zip.close()
