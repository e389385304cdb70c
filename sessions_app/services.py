"""Verbs of a session: start, pause, resume, complete, cancel, fail, mark, write notes.

What becomes of the sound is in `recordings`, what becomes of the words in `transcripts`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import IntegrityError

from patients import services as patients
from patients.models import Patient, PatientAccess
from sessions_app import permissions, queries
from sessions_app.models import ConsultationSession, SessionEvent, SessionType
from sessions_app.recordings import deletion
from sessions_app.recordings import services as recordings
from sessions_app.trail import record_change
from sessions_app.transcripts import services as transcripts
from sessions_app.uploads import services as uploads
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict
from synapse.common.numbering import next_session_number
from synapse.common.transitions import advance
from synapse.webhooks.events import emit
from synapse.webhooks.kinds import Kind

Status = ConsultationSession.Status
ABANDONED = "abandoned"


class SessionLive(Conflict):
    """The doctor has another session open; `session_id` is its id."""

    code = "session_live"

    def __init__(self, session_id: UUID) -> None:
        super().__init__("You have a session open. Finish it or continue it before you start another one.")
        self.session_id = session_id
        self.fields = {"session": [str(session_id)]}


class NotesConflict(Conflict):
    """The notes were changed in another place since they were read; `text` and `saved_at` are the stored ones."""

    code = "notes_conflict"

    def __init__(self, text: str, saved_at: datetime | None) -> None:
        super().__init__("These notes were changed in another window. Compare both and save again.")
        self.text = text
        self.saved_at = saved_at


def start_session(
    patient: Patient,
    *,
    by: User,
    at: datetime,
    session_type: str = SessionType.FOLLOWUP,
    chief_complaint: str = "",
    telehealth: bool = False,
    with_recording: bool = True,
) -> ConsultationSession:
    """Open a session of `by` with a patient. Consent is asked for where audio comes in, so a session needs none.

    Raises NotAllowed, Conflict (archived patient) and SessionLive.
    """
    permissions.check_can_start(by, patient)
    if (open_session := queries.live_session_of(by)) is not None:
        raise SessionLive(open_session.pk)
    try:
        with unit_of_work():
            session = ConsultationSession.objects.create(
                session_id=next_session_number(at.astimezone(ZoneInfo(ClinicSettings.load().timezone)).date()),
                patient=patient,
                doctor=by,
                session_type=session_type,
                telehealth=telehealth,
                with_recording=with_recording,
                chief_complaint=chief_complaint,
                started_at=at,
            )
            patients.grant_access(patient, doctor=by, source=PatientAccess.Source.SEEN, by=by, at=at)
            record(Action.CREATE, by=by, target=session, patient_id=patient.pk)
    except IntegrityError:
        # Another request of the same doctor was faster; the constraint, not the check above, decides.
        if (open_session := queries.live_session_of(by)) is not None:
            raise SessionLive(open_session.pk) from None
        raise
    return session


def pause_session(
    session: ConsultationSession, *, by: User, at: datetime, cid: str = "", clock_ms: int | None = None
) -> ConsultationSession:
    """Stop the clock. `cid` is the client's id of this change: a repeated one does nothing. `clock_ms` is the
    recording clock's place. Raises NotAllowed and InvalidTransition."""
    permissions.check_can_conduct(by, session)
    with unit_of_work():
        if _is_repeated(session, cid):
            return session
        advance(session, Status.PAUSED, at=at, paused_at=at)
        _note(session, SessionEvent.Kind.PAUSE, cid=cid, at=at, at_ms=clock_ms)
        record_change(session, "pause", by=by)
    return session


def resume_session(
    session: ConsultationSession, *, by: User, at: datetime, cid: str = "", clock_ms: int | None = None
) -> ConsultationSession:
    """Let the clock run again, after a pause or after a failure. Raises NotAllowed and InvalidTransition."""
    permissions.check_can_conduct(by, session)
    with unit_of_work():
        if _is_repeated(session, cid):
            return session
        advance(
            session,
            Status.IN_PROGRESS,
            at=at,
            resumed_at=at,
            status_reason="",
            paused_seconds=_paused_seconds(session, until=at),
        )
        _note(session, SessionEvent.Kind.RESUME, cid=cid, at=at, at_ms=clock_ms)
        record_change(session, "resume", by=by)
    return session


def complete_session(session: ConsultationSession, *, by: User, at: datetime, reason: str = "") -> ConsultationSession:
    """End the session: its stream closes with what is acknowledged, the rest is named as a gap, and the words are
    queued to be written. `reason` is a code such as `abandoned`: such a session ended when it was last touched, and
    is billed until then. Raises NotAllowed and InvalidTransition."""
    permissions.check_can_conduct(by, session)
    ended_at = _last_touched_at(session) if reason == ABANDONED else at
    seconds = _paused_seconds(session, until=ended_at)
    with unit_of_work():
        recordings.close_stream(session, rest_reason=_rest_reason(reason), at=at)
        advance(
            session,
            Status.COMPLETED,
            at=at,
            ended_at=ended_at,
            status_reason=reason,
            paused_seconds=seconds,
            duration_minutes=_minutes(session.started_at, ended_at, pauses=seconds),
        )
        transcripts.request_transcript(session, by=by, at=at)
        record_change(session, "complete", by=by)
        emit(Kind.SESSION_COMPLETED, session.pk, at=at)
    return session


def cancel_session(session: ConsultationSession, *, by: User, at: datetime) -> ConsultationSession:
    """End a session that should not count. Its recording is erased. Raises NotAllowed and InvalidTransition."""
    permissions.check_can_conduct(by, session)
    seconds = _paused_seconds(session, until=at)
    with unit_of_work():
        advance(
            session,
            Status.CANCELLED,
            at=at,
            ended_at=at,
            paused_seconds=seconds,
            stream_closed_at=session.stream_closed_at or at,
            duration_minutes=_minutes(session.started_at, at, pauses=seconds),
        )
        deletion.delete_with_session(session, by=by, at=at)
        uploads.drop_upload_of(session, by=by, at=at, reason="cancelled")
        record_change(session, "cancel", by=by)
    return session


def fail_session(session: ConsultationSession, *, reason: str, at: datetime) -> ConsultationSession:
    """Say that recording or storage failed (`reason` is a code); the page offers what to do. Does nothing twice."""
    if session.status == Status.ERROR:
        return session
    with unit_of_work():
        advance(session, Status.ERROR, at=at, status_reason=reason)
        record_change(session, "fail", by=None, reason=reason)
    return session


def add_mark(
    session: ConsultationSession, *, kind: str, cid: str, clock_ms: int, by: User, at: datetime
) -> SessionEvent | None:
    """Note a moment, risk, medication or action at a place of the recording clock; None for a repeated `cid`.

    Raises NotAllowed, and Conflict when the session is over.
    """
    permissions.check_can_conduct(by, session)
    if not session.is_live:
        raise Conflict("This session is over. Marks belong to a session that runs.")
    with unit_of_work():
        if _is_repeated(session, cid):
            return None
        event = _note(session, SessionEvent.Kind(kind), cid=cid, at=at, at_ms=clock_ms)
        record_change(session, "mark", by=by)
    return event


# What a bill and a report are made from: fixed once the session is over.
FACTS = ("session_type", "chief_complaint", "telehealth")


def update_session(
    session: ConsultationSession, fields: Mapping[str, Any], *, by: User, at: datetime
) -> ConsultationSession:
    """Change what is known of a session: FACTS while it is live, `session_notes` also afterwards, and its `status`
    to `paused` or `in_progress`.

    A value that is stored already is no change. Raises NotAllowed, InvalidTransition, and Conflict for a fact of a
    session that is over and for any other status.
    """
    permissions.check_can_conduct(by, session)
    changes = {name: value for name, value in fields.items() if getattr(session, name) != value}
    facts = [name for name in FACTS if name in changes]
    with unit_of_work():
        if facts and not session.is_live:
            raise Conflict("This session is over. Its type and its reason stay as they are.", code="session_over")
        if facts:
            for name in facts:
                setattr(session, name, changes[name])
            session.updated_at = at
            session.save(update_fields=[*facts, "updated_at"])
            record(
                Action.UPDATE, by=by, target=session, patient_id=session.patient_id, detail={"fields": sorted(facts)}
            )
        if "session_notes" in changes:
            _overwrite_notes(session, changes["session_notes"], by=by, at=at)
        if "status" in changes:
            _pause_or_resume(session, changes["status"], by=by, at=at)
    return session


# What the doctor writes on the session's page, and the column that says when it was last saved.
PADS = {"session_notes": "notes_saved_at", "private_context": "context_saved_at"}


def save_pad(
    session: ConsultationSession, pad: str, *, text: str, based_on: datetime | None, by: User, at: datetime
) -> datetime | None:
    """Store what the doctor wrote in one of PADS; `based_on` is the time of the version that was edited.

    Return when the stored text was saved. Raises NotAllowed, and NotesConflict when it was saved elsewhere since.
    """
    permissions.check_can_conduct(by, session)
    saved_at = PADS[pad]
    # Browsers send CRLF; the stored text has one kind of line end, or every save would look like a change.
    text = text.replace("\r\n", "\n")
    with unit_of_work():
        stored = ConsultationSession.objects.select_for_update().get(pk=session.pk)
        if getattr(stored, pad) == text:
            return getattr(stored, saved_at)  # type: ignore[no-any-return]
        if getattr(stored, saved_at) != based_on:
            raise NotesConflict(getattr(stored, pad), getattr(stored, saved_at))
        setattr(stored, pad, text)
        setattr(stored, saved_at, at)
        stored.save(update_fields=[pad, saved_at, "updated_at"])
        record(Action.UPDATE, by=by, target=stored, patient_id=stored.patient_id, detail={"fields": [pad]})
    return at


def allow_context(session: ConsultationSession, *, is_allowed: bool, by: User, at: datetime) -> None:
    """Say whether the private context may be given to the engine that writes the report. Raises NotAllowed."""
    permissions.check_can_conduct(by, session)
    with unit_of_work():
        session.context_for_report, session.updated_at = is_allowed, at
        session.save(update_fields=["context_for_report", "updated_at"])
        detail = {"fields": ["context_for_report"], "allowed": is_allowed}
        record(Action.UPDATE, by=by, target=session, patient_id=session.patient_id, detail=detail)


def _overwrite_notes(session: ConsultationSession, text: str, *, by: User, at: datetime) -> None:
    """Store the notes over whatever stands there; who wants to be refused then names the version that was read."""
    session.refresh_from_db(fields=["notes_saved_at"])
    save_pad(session, "session_notes", text=text, based_on=session.notes_saved_at, by=by, at=at)
    session.refresh_from_db(fields=["session_notes", "notes_saved_at", "updated_at"])


def _pause_or_resume(session: ConsultationSession, status: str, *, by: User, at: datetime) -> None:
    if status == Status.PAUSED:
        pause_session(session, by=by, at=at)
    elif status == Status.IN_PROGRESS:
        resume_session(session, by=by, at=at)
    else:
        raise Conflict(
            "A session is only paused and resumed this way. Complete it by /complete/, cancel it by DELETE.",
            code="status_not_set",
        )


def _rest_reason(reason: str) -> str:
    """Return why audio is missing at the end: nobody was there any more, or it was on its way."""
    return SessionEvent.Reason.AWAY if reason == ABANDONED else SessionEvent.Reason.NOT_SENT


def _last_touched_at(session: ConsultationSession) -> datetime:
    touched = (session.started_at, session.paused_at, session.resumed_at, session.last_audio_at)
    return max(at for at in touched if at is not None)


def _paused_seconds(session: ConsultationSession, *, until: datetime) -> int:
    if session.status != Status.PAUSED or session.paused_at is None:
        return session.paused_seconds
    return session.paused_seconds + max(0, round((until - session.paused_at).total_seconds()))


def _minutes(start: datetime, end: datetime, *, pauses: int) -> int:
    return max(0, int((end - start).total_seconds()) - pauses) // 60


def _is_repeated(session: ConsultationSession, cid: str) -> bool:
    return bool(cid) and session.events.filter(cid=cid).exists()


def _note(
    session: ConsultationSession, kind: SessionEvent.Kind, *, cid: str, at: datetime, at_ms: int | None
) -> SessionEvent:
    if at_ms is None:
        at_ms = recordings.clock_ms(session.pk)
    return SessionEvent.objects.create(session=session, cid=cid or f"s:{uuid4()}", kind=kind, at=at, at_ms=at_ms)
