"""The sound of a session, in parts as a player asks for them; deleting it, and what certifies that."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from sessions_app import audio as sound
from sessions_app import audio_facts, deletion, queries, spool
from sessions_app.forms import DeleteAudioForm
from sessions_app.models import ConsultationSession
from sessions_app.scope import session_in_scope, session_to_read
from synapse import storage
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_DELETED = "This recording was deleted. Its words and its report stay."
Reader = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True)
class Sound:
    """What is answered with: `read(start, end)` gives the bytes from start up to, but not including, end."""

    size: int
    content_type: str
    etag: str
    read: Reader


@require_safe
@requires(Permission.VIEW_SESSIONS)
def audio(request: ClinicRequest, pk: UUID) -> HttpResponseBase:
    """Stream the recording, Opus once it is kept and WAV before, with HTTP ranges; listening is audited."""
    session = session_to_read(request, pk)
    if not queries.has_audio(session):
        return _text(_DELETED if session.audio_deleted_at else "This session has no recording.", status=404)
    # A player asks for many parts of one recording: one row says that it was opened.
    record_read(request, target=session, action=Action.PLAY, patient_id=session.patient_id, poll=True)
    try:
        return _answer(request, _stored(session) if session.audio_name else _spooled(session))
    except spool.KeyDestroyed:
        return _text(_DELETED, status=404)
    except (storage.StorageError, spool.SpoolDamaged):
        return _text("The recording cannot be read now. Try again, or tell your administrator.", status=503)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def delete_audio(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Delete the recording before its time."""
    session = session_in_scope(request, pk)
    form = DeleteAudioForm(request.POST)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        deletion.delete_by_hand(session, reason=reason, by=request.user, at=timezone.now())
        messages.success(request, "The recording is deleted. Its words stay.")
    else:
        messages.error(request, "Choose why the recording is deleted. Nothing was deleted.")
    return redirect("sessions:detail", pk=pk)


@require_GET
@requires(Permission.VIEW_SESSIONS)
def certificate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what the trail says of a deleted recording."""
    session = session_in_scope(request, pk)
    found = deletion.certificate_of(session)
    if found is None:
        raise Http404
    record_read(request, target=session, patient_id=session.patient_id)
    context = {
        "session": session,
        "certificate": found,
        "why": audio_facts.why_deleted(found),
        "source": dict(ConsultationSession.AudioSource.choices).get(found.facts.get("source", ""), ""),
        "kind": "PCM, as it was recorded" if found.facts.get("kind") == "pcm" else found.facts.get("kind", ""),
        "length": f"{found.facts.get('seconds', 0):g} s",
    }
    return render_page(request, "sessions_app/certificate.html", context)


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


def _answer(request: ClinicRequest, wanted: Sound) -> HttpResponseBase:
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


def _span(request: ClinicRequest, wanted: Sound) -> tuple[int, int, bool] | None:
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


def _text(words: str, *, status: int) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain")
