"""Is an archive whole? Every file against the signed manifest, every table against its columns. Changes nothing.

An archive comes from outside: its names, sizes and numbers are suspected until they are proven.
"""

import hashlib
import io
import json
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from django.conf import settings

from synapse.common.errors import DomainError
from synapse.records.exports import manifest as manifests
from synapse.records.exports.entities import ENTITIES, Entity
from synapse.records.exports.manifest import MANIFEST, SIGNATURE

MOST_FILES = 20_000
MOST_BYTES = 16 * 1024**3  # unpacked, all together
MOST_PACKED_TIMES = 200  # how often larger a file may become; text packs about ten times
HARMLESS_BYTES = 1024 * 1024  # below this nothing is a bomb
MOST_TABLE_BYTES = 256 * 1024**2  # one table is read whole, of an archive that was signed here
# Read before anybody knows whose it is: empty brackets take thirty times their length.
MOST_MANIFEST_BYTES = 16 * 1024**2
PIECE = 256 * 1024
# What a table says beside its columns.
BESIDE = {"consents": {"title", "text"}}
# Tables that are no entity's.
NAMED = {"data/people.json", "data/templates.json"}
# What reading an entry raises when its bytes are not what they say; those of the unpackers have no family.
UNREADABLE = (
    *(zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError),
    *(zlib.error, lzma.LZMAError),
)


class BadArchive(DomainError):
    """This is no archive of a record, or not one that can be read."""

    code = "bad_archive"


@dataclass(frozen=True)
class Finding:
    """Something that is not as the manifest says."""

    kind: str  # changed, missing, extra, wrong
    words: str


@dataclass
class Verdict:
    """What was found. `signature` is right, wrong, foreign (another installation's key) or missing."""

    manifest: dict[str, Any]
    manifest_sha256: str
    key_id: str
    signature: str
    whole_files: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.signature == "right" and not self.findings

    @property
    def words(self) -> list[str]:
        """Return the report, a sentence a line, the verdict first."""
        number = self.manifest["patient"]["number"]
        made = f"Record {number}, made {self.manifest['made_at']} by {self.manifest['installation']}."
        verdict = "It is whole." if self.is_whole else "It is not whole." if self.findings else UNSURE[self.signature]
        counted = [
            f"{entity.title}: {self.manifest['counts'].get(entity.name, 0)}"
            for entity in ENTITIES
            if self.manifest["counts"].get(entity.name)
        ]
        files = f"{self.whole_files} of {len(self.manifest['files'])} files are as they were."
        return [verdict, made, SIGNATURES[self.signature], files, *(one.words for one in self.findings), *counted]


SIGNATURES = {
    "right": "The manifest is signed with a key of this installation.",
    "wrong": "The manifest was changed after it was signed.",
    "foreign": "The manifest is signed with a key this installation does not hold.",
    "missing": "The manifest is not signed.",
}
UNSURE = {
    "wrong": "It is not whole.",
    "foreign": "Its files fit together, but nobody here can tell who made them.",
    "missing": "Its files fit together, but nobody can tell who made them.",
}


def check(file: BinaryIO) -> Verdict:
    """Hold an archive against its manifest. Raises BadArchive for what is none or cannot be read safely."""
    with opened(file) as archive:
        verdict = _read_manifest(archive)
        listed = {one["path"]: one for one in verdict.manifest["files"]}
        present = {info.filename: info for info in archive.infolist()}
        for path, one in listed.items():
            if path not in present:
                verdict.findings.append(Finding("missing", f"{path} is missing."))
            elif _is_as_said(archive, present[path], one):
                verdict.whole_files += 1
            else:
                verdict.findings.append(Finding("changed", f"{path} was changed."))
        for path in present.keys() - listed.keys() - {MANIFEST, SIGNATURE}:
            verdict.findings.append(Finding("extra", f"{path} does not belong to it."))
        # What a stranger wrote is compared and never read.
        if verdict.signature == "right" and not verdict.findings:
            verdict.findings += _check_tables(archive, verdict.manifest)
    return verdict


def opened(file: BinaryIO) -> zipfile.ZipFile:
    """Return the zip, once its names and sizes were found harmless. Raises BadArchive."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise BadArchive("This is not a zip file.") from None
    infos = archive.infolist()
    if len(infos) > MOST_FILES:
        raise BadArchive(f"It has more than {MOST_FILES} files.")
    size = file.seek(0, io.SEEK_END)
    if sum(info.file_size for info in infos) > min(MOST_BYTES, max(HARMLESS_BYTES, size * MOST_PACKED_TIMES)):
        raise BadArchive("It unpacks to more than any record holds.")
    # Entries that share their bytes unpack to any length, each of them at a harmless rate.
    if sum(info.compress_size for info in infos) > size:
        raise BadArchive("It counts the same bytes twice.")
    if len({info.filename for info in infos}) != len(infos):
        raise BadArchive("It names a file twice.")
    for info in infos:
        _check_entry(info)
    return archive


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table. Raises BadArchive."""
    try:
        info = archive.getinfo(name)
        if info.file_size > MOST_TABLE_BYTES:
            raise BadArchive(f"{name} is larger than any table.")
        rows = json.loads(archive.read(info))
    except UNREADABLE:
        raise BadArchive(f"{name} cannot be read.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadArchive(f"{name} is no table.")
    return rows


def pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a file's bytes and never more than it says it has. Raises BadArchive."""
    left = info.file_size
    try:
        with archive.open(info) as entry:
            while piece := entry.read(PIECE):
                left -= len(piece)
                if left < 0:
                    raise BadArchive(f"{info.filename} is larger than it says.")
                yield piece
    except UNREADABLE:
        raise BadArchive(f"{info.filename} cannot be unpacked.") from None


def _check_entry(info: zipfile.ZipInfo) -> None:
    path = PurePosixPath(info.filename)
    is_outside = path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename
    if is_outside or not info.filename or info.is_dir() or "\0" in info.orig_filename:
        raise BadArchive("It names a file outside of itself.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadArchive("It holds a link to another file.")
    if info.flag_bits & 1:
        raise BadArchive("It is locked with a password.")
    if info.file_size > max(HARMLESS_BYTES, info.compress_size * MOST_PACKED_TIMES):
        raise BadArchive("It unpacks to far more than it is.")


def _read_manifest(archive: zipfile.ZipFile) -> Verdict:
    try:
        if archive.getinfo(MANIFEST).file_size > MOST_MANIFEST_BYTES:
            raise BadArchive("Its manifest is larger than any.")
        content = archive.read(MANIFEST)
        manifest = json.loads(content)
    except UNREADABLE:
        raise BadArchive("It has no manifest that can be read.") from None
    if not _is_manifest(manifest):
        raise BadArchive("Its manifest is not one of a record.")
    if manifest["version"] != manifests.VERSION:
        raise BadArchive(f"It is of version {manifest['version']!r:.20}; this installation reads {manifests.VERSION}.")
    signature = _read_signature(archive)
    if not signature:
        state = "missing"
    elif not manifests.is_known(signature, settings.SIGNING_KEY):
        state = "foreign"
    else:
        state = "right" if manifests.is_signed(content, signature, settings.SIGNING_KEY) else "wrong"
    return Verdict(manifest, manifests.digest_of(content), str(signature.get("key_id", ""))[:8], state)


def _read_signature(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        info = archive.getinfo(SIGNATURE)
        signature = json.loads(archive.read(info)) if info.file_size < HARMLESS_BYTES else None
    except UNREADABLE:
        return {}
    return signature if isinstance(signature, dict) else {}


def _is_manifest(manifest: Any) -> bool:
    """Tell whether what was read has the shape of a manifest, down to every file."""
    if not isinstance(manifest, dict) or manifest.get("format") != manifests.FORMAT:
        return False
    shapes = {"made_at": str, "installation": str, "patient": dict, "files": list, "fields": dict, "counts": dict}
    if not all(isinstance(manifest.get(name), shape) for name, shape in shapes.items()):
        return False
    patient, files = manifest["patient"], manifest["files"]
    has_patient = isinstance(patient.get("number"), str) and isinstance(patient.get("records"), list)
    has_files: bool = all(
        isinstance(one, dict)
        and isinstance(one.get("path"), str)
        and isinstance(one.get("sha256"), str)
        and isinstance(one.get("bytes"), int)
        for one in files
    )
    return has_patient and has_files and isinstance(manifest.get("version"), int)


def _is_as_said(archive: zipfile.ZipFile, info: zipfile.ZipInfo, said: dict[str, Any]) -> bool:
    if info.file_size != said["bytes"]:
        return False
    digest = hashlib.sha256()
    try:
        for piece in pieces(archive, info):
            digest.update(piece)
    except BadArchive:
        return False
    return bool(digest.hexdigest() == said["sha256"])


def _check_tables(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> Iterator[Finding]:
    """Hold every table against its columns here and against the number of rows the manifest counts."""
    for entity in ENTITIES:
        name = f"data/{entity.name}.json"
        if name not in archive.namelist():
            yield Finding("missing", f"{name} is missing.")
            continue
        rows = table(archive, name)
        if len(rows) != manifest["counts"].get(entity.name):
            yield Finding("wrong", f"{name} has {len(rows)} rows; the manifest counts another number.")
        if any(set(row) - BESIDE.get(entity.name, set()) != _columns(entity) for row in rows):
            yield Finding("wrong", f"{name} has other columns than this installation keeps.")
    for name in NAMED - set(archive.namelist()):
        yield Finding("missing", f"{name} is missing.")


def _columns(entity: Entity) -> set[str]:
    return {column.name for column in entity.fields}
