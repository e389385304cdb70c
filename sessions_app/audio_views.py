"""The sound of a session, in parts as a player asks for them."""

import re
from collections.abc import Callable, Iterator
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from sessions_app import audio as sound
from sessions_app import permissions, queries, spool
from sessions_app.models import ConsultationSession
from synapse import storage
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
Reader = Callable[[int, int], Iterator[bytes]]


@require_safe
@requires(Permission.VIEW_SESSIONS)
def audio(request: ClinicRequest, pk: UUID) -> HttpResponseBase:
    """Stream the recording, Opus once it is kept and WAV before, with HTTP ranges; listening is audited."""
    session = get_object_or_404(ConsultationSession.objects.visible_to(request.user), pk=pk)
    permissions.check_can_read_words(request.user, session)
    if not queries.has_audio(session):
        return HttpResponse("This recording is not kept any more.", status=404, content_type="text/plain")
    # A player asks for many parts of one recording: one row says that it was opened.
    record_read(request, target=session, action=Action.PLAY, patient_id=session.patient_id, poll=True)
    if session.audio_name:
        return _stored(request, session)
    return _spooled(request, session)


def _stored(request: ClinicRequest, session: ConsultationSession) -> HttpResponseBase:
    name = session.audio_name
    try:
        size = storage.size(name)
    except storage.StorageError:
        return HttpResponse("The recording cannot be read now.", status=503, content_type="text/plain")
    return _answer(request, size, sound.CONTENT_TYPE, lambda start, end: storage.open_range(name, start, end))


def _spooled(request: ClinicRequest, session: ConsultationSession) -> HttpResponseBase:
    store = spool.default_store()
    length = store.timeline(session.pk).pcm_bytes
    header = sound.wav_header(length)

    def read(start: int, end: int) -> Iterator[bytes]:
        yield header[start:end]
        place = len(header)
        for chunk in store.reader(session.pk):
            first, last = max(start - place, 0), min(end - place, len(chunk.pcm))
            if first < last:
                yield chunk.pcm[first:last]
            place += len(chunk.pcm)
            if place >= end:
                return

    return _answer(request, len(header) + length, "audio/wav", read)


def _answer(request: ClinicRequest, size: int, content_type: str, read: Reader) -> HttpResponseBase:
    asked = request.headers.get("Range", "")
    span = _span(asked, size)
    if span is None:
        response: HttpResponseBase = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
        return response
    start, end = span
    body = [] if request.method == "HEAD" else read(start, end)
    response = StreamingHttpResponse(body, status=206 if asked else 200, content_type=content_type)
    response["Content-Length"] = str(end - start)
    response["Accept-Ranges"] = "bytes"
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "no-store"
    if asked:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def _span(header: str, size: int) -> tuple[int, int] | None:
    """Return first byte and the one behind the last; the whole for no range, None for one that cannot be met."""
    if not header:
        return 0, size
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    start, end = int(first), min(size, int(last) + 1) if last else size
    return (start, end) if start < end else None
