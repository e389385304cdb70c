"""Verbs of sound that is brought into a session afterwards: open an upload, take its parts, finish it, give it up.

A file or a dictation comes in parts, each at the place where the last one ended; a cut goes on from there. What
becomes of a whole one is in `reading`.
"""

import hashlib
import io
from datetime import datetime, timedelta
from functools import partial
from typing import IO
from uuid import UUID

from django.db import IntegrityError, transaction

from patients.models import Patient
from sessions_app import permissions, queries
from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.recordings import keys as recording_keys
from sessions_app.spool.errors import StorageFailed
from sessions_app.spool.timeline import BYTES_PER_MS
from sessions_app.trail import record_change
from sessions_app.uploads import store as upload_store
from sessions_app.uploads.sound_files import HEAD_BYTES, PCM, NotSound, kind_of
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common import jobs
from synapse.common.durable_files import is_disk_full
from synapse.common.errors import Conflict, DomainError
from synapse.common.models import Job
from synapse.common.transitions import advance
from synapse.storage import LEAST_FREE_BYTES

Status = AudioUpload.Status
Source = ConsultationSession.AudioSource

READ = "sessions_app.upload_tasks.read_upload"
# Django keeps a request of this size in memory; a larger one would lie in clear in the system's temporary folder.
PART_BYTES = 2 * 1024 * 1024
MOST_BYTES = 1024**3
MOST_SECONDS = 3 * 3600
MOST_PCM_BYTES = MOST_SECONDS * 1000 * BYTES_PER_MS
ABANDONED_AFTER = timedelta(days=1)

_CHOOSE = "Choose WAV, FLAC, MP3, OGG, WEBM or M4A."
REASONS = {
    "empty": "The file is empty. Choose the recording again.",
    "too_large": "A recording may take up to 1 GB. Save it as MP3 or Opus, then choose that file.",
    "too_long": "A recording may last up to 3 hours. Cut it, then choose the part you need.",
    "archive": f"This is an archive. Unpack it and choose the recording inside. {_CHOOSE}",
    "picture": f"This is a picture, not a recording. {_CHOOSE}",
    "not_sound": f"This is no sound file we can read. {_CHOOSE}",
    "no_sound_track": f"This file has a picture and no sound. {_CHOOSE}",
    "unreadable": "The sound in this file cannot be read. If a player plays it, save it there as WAV or MP3.",
    "no_sound": "The file holds no sound at all. Choose the recording again.",
    "sum_mismatch": "The file changed on its way here. Choose it again.",
    "has_recording": "This session has its recording already, so this one was not taken.",
    "no_consent": "The consent to record ended, so the file was not kept.",
    "cancelled": "The session was cancelled, so the file was not kept.",
    "storage": "The server’s disk is full or failing. Tell your administrator, then choose the file again.",
}
UNREAD = "The file could not be read. Choose it again."


class UploadRefused(DomainError):
    """This file cannot be a session's recording; `code` is one of REASONS."""

    def __init__(self, code: str, status: int = 415) -> None:
        super().__init__(REASONS[code], code=code, status=status)


class UploadOver(Conflict):
    """The upload was finished, failed or given up; it takes no more."""

    code = "upload_over"


class UploadBusy(Conflict):
    """Another request writes to the upload at this moment; ask again in a second."""

    code = "upload_busy"


class UploadOpen(Conflict):
    """Another file or dictation is on its way into the session."""

    code = "upload_open"


class WrongOffset(Conflict):
    """A part does not begin where the upload stands; `offset` (bytes) is where it does."""

    code = "wrong_offset"

    def __init__(self, offset: int) -> None:
        super().__init__("This part does not follow what has arrived. Go on from the place the server names.")
        self.offset = offset


class StorageLow(DomainError):
    """The disk has no room for this."""

    code = "storage_low"
    status = 503

    def __init__(self) -> None:
        super().__init__("The server’s disk is nearly full. Tell your administrator, then try again.")


def reason_of(code: str) -> str:
    """Return the sentence for why an upload failed."""
    return REASONS.get(code, UNREAD)


def open_parts(upload: AudioUpload) -> upload_store.PartsFile:
    """Return what has arrived of an upload as one file. Raises `spool.SpoolDamaged` when its key is gone."""
    key = recording_keys.key_of(upload.session_id)
    return upload_store.default_store().open(upload.pk, upload.received_bytes, key=key)


def open_upload(
    session: ConsultationSession,
    *,
    source: str,
    total_bytes: int | None = None,
    head_sha256: str = "",
    by: User,
    at: datetime,
) -> AudioUpload:
    """Begin to take a file or a dictation into a session, or go on with the same file after a cut.

    `total_bytes` is the file's length, None for a dictation that still runs; `head_sha256` the sum of its first 64 KiB, by which the
    same file is known again. Raises NotAllowed, NoConsent, UploadRefused, StorageLow, UploadOpen, and Conflict when
    the session has a recording or was cancelled.
    """
    permissions.check_can_upload(by, session, source, at=at)
    _check_takes_recording(session)
    if source == Source.UPLOAD or total_bytes is not None:
        if not total_bytes:
            raise UploadRefused("empty", 400)
        if total_bytes > MOST_BYTES:
            raise UploadRefused("too_large", 413)
    if upload_store.default_store().free_bytes() < (total_bytes or 0) + LEAST_FREE_BYTES:
        raise StorageLow
    present = queries.open_upload_of(session)
    if present is not None:
        if _is_same_file(present, source=source, total_bytes=total_bytes, head_sha256=head_sha256):
            return present
        if present.received_bytes or present.status == Status.RECEIVED:
            raise UploadOpen("Another recording is on its way into this session. Finish it or stop it first.")
        give_up(present, by=by, at=at)
    try:
        with unit_of_work():
            upload = AudioUpload.objects.create(
                session=session,
                source=source,
                total_bytes=total_bytes,
                kind=PCM if total_bytes is None else "",
                created_by=by,
                last_part_at=at,
            )
            record_change(session, "open_upload", by=by, source=source)
    except IntegrityError:
        raise UploadOpen("Another recording is on its way into this session. Finish it or stop it first.") from None
    return upload


def store_part(upload: AudioUpload, *, offset: int, part: bytes, by: User, at: datetime) -> AudioUpload:
    """Make one part durable, at most 2 MiB, that begins at `offset` bytes of the file; return where it stands now.

    The first part says what the file is. Raises NotAllowed, NoConsent, UploadRefused, UploadOver, UploadBusy,
    WrongOffset, StorageLow, and Conflict when the session has got a recording meanwhile.
    """
    _check_still_wanted(upload, by=by, at=at)
    if not part:
        raise UploadRefused("empty", 400)
    if len(part) > PART_BYTES:
        raise UploadRefused("too_large", 413)
    store = upload_store.default_store()
    try:
        with store.held(upload.pk):
            row = _receiving(upload, offset)
            kind = _kind_from(row, offset, part)
            received = offset + len(part)
            if received > (row.total_bytes or (MOST_PCM_BYTES if kind == PCM else MOST_BYTES)):
                raise UploadRefused("too_long" if kind == PCM else "too_large", 413)
            if store.free_bytes() < LEAST_FREE_BYTES:
                raise StorageLow
            _write(store, row, offset, part)
            stands = AudioUpload.objects.filter(pk=row.pk, status=Status.RECEIVING, received_bytes=offset)
            if not stands.update(received_bytes=received, kind=kind, last_part_at=at, updated_at=at):
                raise UploadOver("This upload was stopped.")
    except NotSound as error:
        fail_upload(upload, code=error.code, at=at)
        raise UploadRefused(error.code) from None
    except upload_store.PartsBusy:
        raise UploadBusy("Another window sends this file. It goes on there.") from None
    row.received_bytes, row.kind = received, kind
    return row


def bring_file(session: ConsultationSession, file: IO[bytes], *, source: str, by: User, at: datetime) -> AudioUpload:
    """Take a whole sound file into a session and have it read; a cut one of the same file goes on where it stood.

    Raises as `open_upload`, `store_part` and `finish_upload`.
    """
    total_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = _read_whole(file, HEAD_BYTES)
    upload = open_upload(
        session,
        source=source,
        total_bytes=total_bytes,
        head_sha256=hashlib.sha256(head).hexdigest(),
        by=by,
        at=at,
    )
    file.seek(upload.received_bytes)
    while part := _read_whole(file, PART_BYTES):
        upload = store_part(upload, offset=upload.received_bytes, part=part, by=by, at=at)
    return finish_upload(upload, by=by, at=at)


def finish_upload(upload: AudioUpload, *, sha256: str = "", by: User, at: datetime) -> AudioUpload:
    """End an upload whose parts are all here and have its sound read; `sha256` (hex) is the sum of the whole, if known.

    Does nothing twice. Raises as `store_part`; WrongOffset says which part is missing.
    """
    _check_still_wanted(upload, by=by, at=at)
    store = upload_store.default_store()
    try:
        with store.held(upload.pk):
            row = AudioUpload.objects.select_related("session").get(pk=upload.pk)
            if row.status == Status.RECEIVED:
                return row
            _receiving(row, row.received_bytes if row.total_bytes is None else row.total_bytes)
            if not row.received_bytes:
                raise UploadRefused("empty", 400)
            is_whole = not sha256 or _sum_of(row) == sha256.lower()
            if is_whole:
                _have_read(row, by=by, at=at)
    except upload_store.PartsBusy:
        raise UploadBusy("Another window sends this file. Wait until it has arrived.") from None
    if not is_whole:
        fail_upload(row, code="sum_mismatch", at=at)
        raise UploadRefused("sum_mismatch", 409)
    return row


def give_up(upload: AudioUpload, *, by: User | None, at: datetime, reason: str = "") -> None:
    """Stop an upload and erase what has arrived; `reason` is a code. Does nothing when it has ended.

    Raises NotAllowed unless `by` is the session's doctor or, for None, the system.
    """
    if by is not None:
        permissions.check_can_conduct(by, upload.session)
    _end(upload, Status.ABANDONED, code=reason, by=by, at=at)


def fail_upload(upload: AudioUpload, *, code: str, at: datetime) -> None:
    """Say why a file cannot be the session's recording and erase it. Does nothing when it has ended."""
    _end(upload, Status.FAILED, code=code, by=None, at=at)


def drop_upload_of(session: ConsultationSession, *, by: User | None, at: datetime, reason: str) -> None:
    """Stop what is on its way into a session that is cancelled."""
    if (upload := queries.open_upload_of(session)) is not None:
        _end(upload, Status.ABANDONED, code=reason, by=by, at=at)


def drop_uploads_of(patient_id: UUID, *, by: User | None, at: datetime) -> None:
    """Stop every upload of a patient whose consent to be recorded has ended; dictations need none and go on."""
    running = AudioUpload.objects.filter(
        session__patient__in=Patient.objects.records_of(patient_id), source=Source.UPLOAD, status__in=AudioUpload.OPEN
    )
    for upload in running.select_related("session"):
        _end(upload, Status.ABANDONED, code="no_consent", by=by, at=at)


def settle_left(at: datetime) -> None:
    """Give up files whose client was not heard for a day, keep dictations as far as they came, erase what is left."""
    left = AudioUpload.objects.filter(status=Status.RECEIVING, last_part_at__lt=at - ABANDONED_AFTER)
    for upload in left.select_related("session"):
        if upload.is_dictation and upload.received_bytes:
            _have_read(upload, by=None, at=at)
        else:
            _end(upload, Status.ABANDONED, code="", by=None, at=at)
    store = upload_store.default_store()
    on_disk = store.ids()
    held = AudioUpload.objects.filter(pk__in=on_disk, status__in=AudioUpload.OPEN).values_list("pk", flat=True)
    for upload_id in set(on_disk) - set(held):
        # A stored one may still be on its way into the spool: its job erases it.
        if (
            not Job.objects.filter(kind=READ, object_id=upload_id)
            .exclude(finished_at__lt=at - ABANDONED_AFTER)
            .exists()
        ):
            store.erase(upload_id)


def _have_read(upload: AudioUpload, *, by: User | None, at: datetime) -> None:
    with unit_of_work():
        advance(upload, Status.RECEIVED, at=at, total_bytes=upload.received_bytes)
        key = f"read-upload:{upload.pk}"
        jobs.enqueue(READ, upload.pk, runner=Job.Runner.SPEECH, by_id=by.pk if by else None, key=key)
        record_change(upload.session, "finish_upload", by=by, source=upload.source)


def _check_takes_recording(session: ConsultationSession) -> None:
    if queries.has_recording(session):
        raise Conflict("This session has its recording already. A session has one.", code="has_recording")
    if session.is_live and session.stream_opened_at is not None and session.stream_closed_at is None:
        raise Conflict("This session is being recorded. Finish it first.", code="has_recording")


def _check_still_wanted(upload: AudioUpload, *, by: User, at: datetime) -> None:
    """Raise when the session or the consent has changed since the upload began; what arrived is erased then."""
    session = ConsultationSession.objects.get(pk=upload.session_id)
    permissions.check_can_conduct(by, session)
    try:
        permissions.check_can_upload(by, session, upload.source, at=at)
        if upload.status == Status.RECEIVING:
            _check_takes_recording(session)
    except DomainError as error:
        code = error.code if error.code in REASONS else "cancelled"
        _end(upload, Status.ABANDONED, code=code, by=by, at=at)
        raise


def _is_same_file(present: AudioUpload, *, source: str, total_bytes: int | None, head_sha256: str) -> bool:
    if present.status != Status.RECEIVING or source != Source.UPLOAD or present.source != source:
        return False
    head = min(HEAD_BYTES, total_bytes or 0)
    if present.total_bytes != total_bytes or present.received_bytes < head:
        return False
    with open_parts(present) as file:
        return hashlib.sha256(_read_whole(file, head)).hexdigest() == head_sha256.lower()


def _receiving(upload: AudioUpload, offset: int) -> AudioUpload:
    """Return the row as it stands, which takes bytes from `offset` on. Raises UploadOver and WrongOffset."""
    row = AudioUpload.objects.select_related("session").get(pk=upload.pk)
    if row.status != Status.RECEIVING:
        raise UploadOver(reason_of(row.error_code) if row.status == Status.FAILED else "This upload has ended.")
    if row.received_bytes != offset:
        raise WrongOffset(row.received_bytes)
    return row


def _kind_from(row: AudioUpload, offset: int, part: bytes) -> str:
    if row.kind:
        return row.kind
    return kind_of(part)


def _write(store: upload_store.PartStore, row: AudioUpload, offset: int, part: bytes) -> None:
    try:
        store.write(row.pk, offset, part, key=recording_keys.key_of(row.session_id, make=True))
    except StorageFailed:
        raise DomainError(REASONS["storage"], code="storage_failed", status=503) from None
    except OSError as error:
        if is_disk_full(error):
            raise StorageLow from None
        raise DomainError(REASONS["storage"], code="storage_failed", status=503) from None


def _sum_of(row: AudioUpload) -> str:
    digest = hashlib.sha256()
    with open_parts(row) as file:
        while piece := file.read(HEAD_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _read_whole(file: IO[bytes] | upload_store.PartsFile, length: int) -> bytes:
    """Read exactly this many bytes: a raw file gives a block at most at a time."""
    pieces = []
    while length > 0 and (piece := file.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _end(upload: AudioUpload, to: str, *, code: str, by: User | None, at: datetime) -> None:
    row = AudioUpload.objects.select_related("session").get(pk=upload.pk)
    if row.status not in AudioUpload.OPEN:
        return
    with unit_of_work():
        advance(row, to, at=at, error_code=code)
        verb = "drop_upload" if to == Status.ABANDONED else "refuse_upload"
        record_change(row.session, verb, by=by, source=row.source, reason=code)
        transaction.on_commit(partial(upload_store.default_store().erase, row.pk))
