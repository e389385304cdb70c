"""What an uploaded file is, told from its first bytes, and its sound; its name is never looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from sessions_app.stt.base import SpeechError
from sessions_app.stt.media import read_pcm

PCM = "pcm"  # a dictation's own samples: 16-bit little-endian mono, 16 kHz
HEAD_BYTES = 64 * 1024

# The one reader that may open each kind: others would follow addresses and play lists inside a file.
_READERS = {"wav": "wav", "flac": "flac", "mp3": "mp3", "ogg": "ogg", "webm": "matroska", "m4a": "mov"}
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_ARCHIVES = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
# Without one of these an MP3's length is a guess from its first frames.
_MP3_LENGTH_MARKS = (b"Xing", b"Info", b"VBRI")


class NotSound(Exception):
    """The file cannot be used; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def kind_of(head: bytes) -> str:
    """Return wav, flac, mp3, ogg, webm or m4a from a file's first bytes. Raises NotSound."""
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "webm"
    if head[4:8] == b"ftyp" and head[8:12] not in {b"heic", b"heix", b"mif1", b"avif"}:
        return "m4a"
    if head.startswith(b"ID3") or _is_mp3_frame(head):
        return "mp3"
    if head.startswith(_ARCHIVES):
        raise NotSound("archive")
    if head.startswith(_PICTURES) or head[4:8] == b"ftyp":
        raise NotSound("picture")
    raise NotSound("not_sound")


def length_said(file: BinaryIO, kind: str) -> float | None:
    """Return the seconds a file says it holds, None when it does not say. Raises NotSound."""
    import av

    if kind == PCM:
        return None
    head = file.read(HEAD_BYTES)
    file.seek(0)
    is_guess = kind == "mp3" and not any(mark in head for mark in _MP3_LENGTH_MARKS)
    try:
        with av.open(file, mode="r", format=_READERS[kind], metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise NotSound("no_sound_track")
            length = container.duration
            return length / av.time_base if length and length > 0 and not is_guess else None
    except (av.error.FFmpegError, OSError, ValueError):
        raise NotSound("unreadable") from None
    finally:
        file.seek(0)


def pcm_of(file: BinaryIO, kind: str) -> Iterator[bytes]:
    """Yield PCM16 16 kHz mono in blocks of about 10 s. Raises NotSound when there is nothing that can be read."""
    try:
        if kind == PCM:
            yield from read_pcm(iter(lambda: file.read(HEAD_BYTES), b""))
        else:
            yield from read_pcm(file, container=_READERS[kind])
    except SpeechError:
        raise NotSound("unreadable") from None


def _is_mp3_frame(head: bytes) -> bool:
    """Tell whether a file begins with an MPEG audio layer III frame (ISO 11172-3, 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and 0 < bit_rate < 15 and rate != 3
