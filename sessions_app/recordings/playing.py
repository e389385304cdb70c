"""The sound of a session as an answer of HTTP: Opus once it is kept and WAV before, whole or in part."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from sessions_app import queries
from sessions_app.models import ConsultationSession
from sessions_app.recordings import audio as sound
from sessions_app.spool import store as spool
from synapse import storage
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import DomainError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
DELETED = "This recording was deleted. Its words and its report stay."
Reader = Callable[[int, int], Iterator[bytes]]


class NoRecording(DomainError):
    """There is nothing to hear."""

    code = "no_recording"
    status = 404


class RecordingUnreadable(DomainError):
    """The storage does not give the sound just now."""

    code = "recording_unreadable"
    status = 503


@dataclass(frozen=True)
class Sound:
    """What is answered with: `read(start, end)` gives the bytes from start up to, but not including, end."""

    size: int
    content_type: str
    etag: str
    read: Reader


def play(request: HttpRequest, session: ConsultationSession) -> HttpResponseBase:
    """Answer with the recording or the part that is asked for; listening is audited. 416 for a part that is not there.

    Raises NoRecording and RecordingUnreadable.
    """
    if not queries.has_audio(session):
        raise NoRecording(DELETED if session.audio_deleted_at else "This session has no recording.")
    # A player asks for many parts of one recording: one row says that it was opened.
    record_read(request, target=session, action=Action.PLAY, patient_id=session.patient_id, poll=True)
    try:
        return _answer(request, sound_of(session))
    except spool.KeyDestroyed:
        raise NoRecording(DELETED) from None
    except (storage.StorageError, spool.SpoolDamaged, spool.StorageFailed):
        message = "The recording cannot be read now. Try again, or tell your administrator."
        raise RecordingUnreadable(message) from None


def sound_of(session: ConsultationSession) -> Sound:
    """Return the recording of a session that has one. Raises `StorageError`, `SpoolDamaged` and `KeyDestroyed`."""
    return _stored(session) if session.audio_name else _spooled(session)


def _stored(session: ConsultationSession) -> Sound:
    def read(start: int, end: int) -> Iterator[bytes]:
        return sound.open_file(session, start, end)

    return Sound(storage.size(session.audio_name), sound.CONTENT_TYPE, _etag("opus", session.audio_name), read)


def _spooled(session: ConsultationSession) -> Sound:
    store = spool.default_store()
    timeline = store.timeline(session.pk)
    header, reader = sound.wav_header(timeline.pcm_bytes), store.reader(session.pk)

    def read(start: int, end: int) -> Iterator[bytes]:
        yield header[start:end]
        place = len(header)
        for chunk in reader:
            first, last = max(start - place, 0), min(end - place, len(chunk.pcm))
            if first < last:
                yield chunk.pcm[first:last]
            place += len(chunk.pcm)
            if place >= end:
                return

    return Sound(len(header) + timeline.pcm_bytes, "audio/wav", _etag("wav", timeline.sha256), read)


def _answer(request: HttpRequest, wanted: Sound) -> HttpResponseBase:
    span = _span(request, wanted)
    if span is None:
        response: HttpResponseBase = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{wanted.size}"
        return response
    start, end, is_part = span
    body = [] if request.method == "HEAD" else wanted.read(start, end)
    response = StreamingHttpResponse(body, status=206 if is_part else 200, content_type=wanted.content_type)
    response["Content-Length"] = str(end - start)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = wanted.etag
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "no-store"
    if is_part:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{wanted.size}"
    return response


def _span(request: HttpRequest, wanted: Sound) -> tuple[int, int, bool] | None:
    """Return first byte, the one behind the last, and whether it is a part; None for a part that is not there.

    By RFC 9110 (section 14.2) a range counts for GET only, a stale `If-Range` asks for the whole, and a header that
    cannot be read, or asks for several parts at once, may be passed over: then the whole is the answer.
    """
    whole = (0, wanted.size, False)
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or match.groups() == ("", "") or request.method != "GET":
        return whole
    if request.headers.get("If-Range", wanted.etag) != wanted.etag:
        return whole
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return whole
    start = int(first) if first else max(0, wanted.size - int(last))
    end = min(wanted.size, int(last) + 1) if first and last else wanted.size
    return (start, end, True) if start < end else None


def _etag(kind: str, identity: str) -> str:
    return f'"{kind}-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"'
