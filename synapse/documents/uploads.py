"""What every uploaded file goes through, at whichever door: it is what it should be, and nothing else besides.

The content decides; a file's name is read nowhere and kept nowhere. What is taken in is read into rows, redrawn or
compared: no upload is stored or handed out as it came, recordings too are decoded and encoded anew.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import IO

from synapse.common.errors import DomainError
from synapse.documents import clamav

PIECE = 64 * 1024
# The test file of all virus scanners (eicar.org), in two parts: in one, a scanner would find this source.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\xd0\xcf\x11\xe0",
)
_PROGRAMS = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"#!")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
_SCRIPTS = (b"<script", b"<?php", b"<svg", b"<!doctype html", b"<html")
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 66_000  # a zip's end stands within its last 65,557 bytes


class Kind(StrEnum):
    TEXT = "text"
    PICTURE = "picture"
    PDF = "pdf"
    SOUND = "sound"
    ARCHIVE = "archive"


_WANTED = {
    Kind.TEXT: "a text file",
    Kind.PICTURE: "a PNG, JPEG, WebP or GIF picture",
    Kind.PDF: "a PDF",
    Kind.SOUND: "a recording",
    Kind.ARCHIVE: "the zip as it was made",
}


class UploadRefused(DomainError):
    """The file is not taken; the message says what to do."""

    code = "upload_refused"
    status = 422


def check_upload(upload: IO[bytes], kind: Kind) -> None:
    """Read a file through once and put it back to its beginning. Raises UploadRefused and ScannerAway."""
    upload.seek(0)
    head = upload.read(PIECE)
    _check_kind(head, kind)
    tail = b""
    for piece in _pieces(upload):
        window = tail + piece
        if EICAR in window:
            raise UploadRefused("A virus was found in this file. Do not open it; have this computer checked.")
        if kind in (Kind.PICTURE, Kind.PDF) and any(mark in window.lower() for mark in _SCRIPTS[:2]):
            raise _two_in_one(kind)
        tail = window[-_ZIP_TAIL:]
    if kind in (Kind.PICTURE, Kind.PDF) and _ZIP_END in tail:
        raise _two_in_one(kind)
    if not clamav.is_clean(_pieces(upload)):
        raise UploadRefused("A virus was found in this file. Do not open it; have this computer checked.")
    upload.seek(0)


def _check_kind(head: bytes, kind: Kind) -> None:
    """Refuse what begins like something else. Sound has a reader of its own that knows its kinds, and a PDF is only
    compared with ours, which says so of what is none.
    """
    start = head.lstrip()[:64].lower()
    if head.startswith(_PROGRAMS):
        raise UploadRefused(f"This is a program. Choose {_WANTED[kind]}.")
    if kind == Kind.PICTURE and (start.startswith((b"<", b"%pdf-")) or head.startswith(_ARCHIVES)):
        raise UploadRefused("The file must be a PNG, JPEG, WebP or GIF picture. Choose another one.")
    if kind == Kind.ARCHIVE and not head.startswith(b"PK\x03\x04"):
        raise UploadRefused("This is not a zip file. Choose the zip as it was made.")
    if kind == Kind.TEXT:
        if head.startswith(_ARCHIVES):
            raise UploadRefused(
                "This is a spreadsheet, a document or an archive. Save it as CSV or as the form asks, then choose that."
            )
        if head.startswith((*_PICTURES, b"%PDF-")) or start.startswith(_SCRIPTS):
            raise UploadRefused(f"This is a picture, a PDF or a web page. Choose {_WANTED[kind]}.")


def _two_in_one(kind: Kind) -> UploadRefused:
    return UploadRefused(
        f"Something else is hidden in this file. Save it anew as {_WANTED[kind]}, then choose that file."
    )


def _pieces(upload: IO[bytes]) -> Iterator[bytes]:
    upload.seek(0)
    while piece := upload.read(PIECE):
        yield piece
