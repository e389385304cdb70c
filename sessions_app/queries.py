"""What pages and doors ask about sessions."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, OuterRef, Q, QuerySet, Subquery, When

from patients.models import Patient
from sessions_app.models import (
    AudioUpload,
    ConsultationSession,
    SessionEvent,
    SessionType,
    TranscriptEdit,
    Transcription,
)
from sessions_app.spool.store import SpoolStore, default_store
from sessions_app.stt import languages
from sessions_app.stt.base import DOUBTFUL_BELOW
from sessions_app.transcripts.segments import MINIMUM_WORDS, count_words, words_of
from synapse.accounts.models import ClinicSettings, User

# What a page of lines does not need: with three hours of speech each of these is megabytes to decrypt.
BESIDE_THE_WORDS = ("live_segments", "original_segments", "original_transcript", "transcript_text")
MARK_KINDS = (
    SessionEvent.Kind.MOMENT,
    SessionEvent.Kind.RISK,
    SessionEvent.Kind.MEDICATION,
    SessionEvent.Kind.ACTION,
)


# A finished transcript counts before any try that is not one; among equals the latest.
_COUNTS_FIRST = (Case(When(status=Transcription.Status.COMPLETED, then=0), default=1), "-retry_count")

_GRAVITY = ("risk", "medication", "action", "moment")

LIST_STATES = (("", "All"), ("live", "Running"), ("completed", "Completed"), ("cancelled", "Cancelled"))


def sessions_for_list(user: User, *, state: str = "") -> QuerySet[ConsultationSession]:
    """Return what a person may see of the sessions, the latest first; `state` is one of LIST_STATES."""
    words = Transcription.objects.filter(session=OuterRef("pk")).order_by(*_COUNTS_FIRST).values("status")[:1]
    sessions = ConsultationSession.objects.visible_to(user).select_related("patient", "doctor")
    if state == "live":
        sessions = sessions.live()
    elif state in ConsultationSession.Status.values:
        sessions = sessions.filter(status=state)
    return sessions.annotate(words_status=Subquery(words)).order_by("-started_at")


def recent_patients(doctor: User, limit: int = 8) -> QuerySet[Patient]:
    """Return the patients a doctor saw or registered last."""
    return Patient.objects.visible_to(doctor).active().order_by("-updated_at")[:limit]


def likely_type(patient: Patient) -> SessionType:
    """Return the type a patient's next session most likely has: nobody follows up on a patient never seen."""
    seen = ConsultationSession.objects.filter(
        patient__in=patient.records(), status=ConsultationSession.Status.COMPLETED
    )
    return SessionType.FOLLOWUP if seen.exists() else SessionType.NEW_PATIENT


def live_session_of(doctor: User) -> ConsultationSession | None:
    """Return the session this doctor has open, if any."""
    return ConsultationSession.objects.live().filter(doctor=doctor).select_related("patient").first()


def language_of(doctor: User) -> str:
    """Return the language a doctor's sessions are spoken in, such as en-US."""
    profile = getattr(doctor, "profile", None)
    return str(profile.language) if profile is not None else str(settings.STT_LANGUAGE)


def language_name(doctor: User) -> str:
    """Return the name of that language in English: English (US)."""
    return languages.language_name(language_of(doctor))


def marks_of(session: ConsultationSession) -> QuerySet[SessionEvent]:
    return session.events.filter(kind__in=MARK_KINDS).order_by("at_ms")


def marked_segments(transcription: Transcription) -> dict[int, str]:
    """Return which segments the doctor marked, by id, and as what.

    A mark is pressed while something is said or just after: it belongs to the last segment that had begun by then, or
    to the first one when none had. Of several marks of one segment the gravest counts.
    """
    marks = [(event.at_ms, event.kind) for event in marks_of(transcription.session)]
    segments = sorted(transcription.words_so_far, key=lambda segment: segment["start_ms"])
    if not marks or not segments:
        return {}
    starts = [segment["start_ms"] for segment in segments]
    found: dict[int, str] = {}
    for at_ms, kind in marks:
        segment_id = segments[max(0, bisect_right(starts, at_ms) - 1)]["id"]
        if segment_id not in found or _GRAVITY.index(kind) < _GRAVITY.index(found[segment_id]):
            found[segment_id] = kind
    return found


def gaps_of(session: ConsultationSession) -> QuerySet[SessionEvent]:
    return session.events.filter(kind=SessionEvent.Kind.GAP).order_by("at_ms")


def gap_places(session: ConsultationSession) -> list[tuple[int, int]]:
    """Return where a recording has no sound: beginning and end of each gap in ms on its clock."""
    return [(gap.at_ms, gap.until_ms or gap.at_ms) for gap in gaps_of(session)]


def current_transcription(
    session: ConsultationSession, *, among: QuerySet[Transcription] | None = None
) -> Transcription | None:
    """Return the words that count: the latest finished transcript, or the latest try while there is none.

    `among` narrows which rows, or which of their columns, are looked at.
    """
    rows = session.transcriptions.all() if among is None else among.filter(session=session)
    return rows.order_by(*_COUNTS_FIRST).first()


def load_live_segments(transcriptions: Iterable[Transcription]) -> None:
    """Read the lines of the live pass of all that are not finished, in one query."""
    rows = [row for row in transcriptions if not row.is_completed]
    found = Transcription.objects.only("live_segments").in_bulk([row.pk for row in rows]) if rows else {}
    for row in rows:
        row.live_segments = found[row.pk].live_segments


def live_transcription(session: ConsultationSession) -> Transcription | None:
    """Return the words of the live pass while they are all there is, if they are enough to write a report from."""
    transcription = session.transcriptions.order_by("-retry_count").first()
    if transcription is None or not transcription.is_waiting or transcription.retry_count:
        return None
    return transcription if count_words(transcription.live_segments) >= MINIMUM_WORDS else None


def live_progress(session: ConsultationSession) -> int | None:
    """Return a number that grows with each settled utterance of a running session, without reading them; None if none."""
    rows = session.transcriptions.filter(retry_count=0, status=Transcription.Status.PROCESSING)
    return rows.values_list("next_segment_id", flat=True).first()


def has_finished_words(session: ConsultationSession) -> bool:
    return session.transcriptions.filter(status=Transcription.Status.COMPLETED).exists()


def latest_try(session: ConsultationSession) -> Transcription | None:
    """Return the latest try at the session's words, however it ended."""
    return session.transcriptions.order_by("-retry_count").first()


def attempts_of(session: ConsultationSession) -> list[Transcription]:
    """Return every try at the session's words, the latest first, without the words themselves."""
    words = ("transcript_text", "original_transcript", "segments", "live_segments", "original_segments", "readings")
    return list(session.transcriptions.defer(*words).order_by("-retry_count"))


def live_words_of(session: ConsultationSession) -> list[dict[str, Any]]:
    """Return the segments of the pass that listened while the session was recorded; none of an uploaded recording."""
    first = session.transcriptions.order_by("retry_count").only("live_segments").first()
    return list(first.live_segments) if first is not None else []


def open_upload_of(session: ConsultationSession) -> AudioUpload | None:
    """Return the file or dictation on its way into a session, if any."""
    return session.uploads.filter(status__in=AudioUpload.OPEN).first()


def latest_upload_of(session: ConsultationSession) -> AudioUpload | None:
    """Return the last file or dictation that was brought into a session, however it ended."""
    return session.uploads.order_by("-created_at").first()


def has_recording(session: ConsultationSession, store: SpoolStore | None = None) -> bool:
    """Whether the session has its one recording, or had it: an empty spool is none."""
    known = session.audio_name or session.audio_sha256 or session.audio_deleted_at
    return bool(known) or (store or default_store()).clock_ms(session.pk) > 0


_AUDIO_FIELDS = (
    "audio_name",
    "audio_duration_seconds",
    "audio_size_bytes",
    "audio_format",
    "audio_quality_score",
    "audio_quality",
    "audio_peaks",
    "audio_map",
    "audio_deleted_at",
)


def has_audio_as_read(session: ConsultationSession, store: SpoolStore | None = None) -> bool:
    """Tell the same as `has_audio` of a row as it was read, for lists: a file that was named since is not seen."""
    if session.audio_deleted_at is not None:
        return False
    return bool(session.audio_name) or (store or default_store()).exists(session.pk)


def has_audio(session: ConsultationSession, store: SpoolStore | None = None) -> bool:
    """Whether the session's sound can be played: from its file, or from the spool until there is one."""
    if has_audio_as_read(session, store):
        return True
    if session.audio_deleted_at is not None or not session.audio_sha256:
        return False
    # The spool goes when the file is in the database: a row read just before that still names no file.
    session.refresh_from_db(fields=_AUDIO_FIELDS)
    return bool(session.audio_name) and session.audio_deleted_at is None


def abandoned_before(at: datetime) -> datetime:
    """Return the time since when a live session must have been touched so as not to count as left open."""
    return at - timedelta(hours=ClinicSettings.load().abandoned_session_hours)


def abandoned_sessions(since: datetime) -> list[ConsultationSession]:
    """Return the live sessions that nobody started, recorded in or resumed after a time."""
    return list(
        ConsultationSession.objects.live()
        .filter(started_at__lt=since)
        .filter(Q(last_audio_at=None) | Q(last_audio_at__lt=since))
        .filter(Q(resumed_at=None) | Q(resumed_at__lt=since))
        .select_related("doctor", "patient")
    )


def sessions_with_left_spools(written_before: datetime) -> list[ConsultationSession]:
    """Return completed sessions whose words were written before a time and whose spool is still there."""
    store = default_store()
    waiting = ConsultationSession.objects.filter(
        status=ConsultationSession.Status.COMPLETED,
        audio_name="",
        audio_deleted_at=None,
        stream_opened_at__isnull=False,
    ).exclude(transcriptions__status__in=Transcription.WAITING)
    return [session for session in waiting.filter(ended_at__lt=written_before) if store.exists(session.pk)]


def file_to_clock(clock_map: Iterable[Iterable[int]], file_ms: int) -> int:
    """Return the place on the recording clock of a place in the audio file; both in ms."""
    place = file_ms
    for clock_start, file_start in clock_map:
        if file_ms < file_start:
            break
        place = clock_start + file_ms - file_start
    return place


def doubtful_words(segment: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the words of a segment to listen to, with their places: those the engine was not sure of, or put in."""
    return [
        (place, word)
        for place, word in enumerate(words_of(segment))
        if word["confidence"] < DOUBTFUL_BELOW or word.get("heard")
    ]


def display_names(user_ids: Iterable[Any]) -> dict[str, str]:
    """Return the names of users by their id as text; empty ids are left out."""
    wanted = {str(user_id) for user_id in user_ids if user_id}
    return {str(user.pk): user.display_name for user in User.objects.filter(pk__in=wanted)} if wanted else {}


def words_to_correct(session: ConsultationSession) -> Transcription | None:
    """Return the finished transcript that counts; its words are read when they are asked for."""
    rows = session.transcriptions.filter(status=Transcription.Status.COMPLETED)
    return rows.defer("segments", "readings", *BESIDE_THE_WORDS).order_by("-retry_count").first()


def previous_segment(segments: Iterable[dict[str, Any]], line: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the segment that stands before a line in the order of the recording."""
    before = None
    for segment in sorted(segments, key=lambda segment: segment["start_ms"]):
        if segment["id"] == line["id"]:
            return before
        before = segment
    return None


def edit_to_undo(transcription: Transcription) -> TranscriptEdit | None:
    """Return the latest edit that stands: an edit proper, or the redo of one."""
    edits = transcription.edits.defer("before", "after").exclude(verb="undo")
    return edits.filter(undone_by=None).order_by("-revision").first()


def edit_to_redo(transcription: Transcription) -> TranscriptEdit | None:
    """Return the latest undo that stands, unless something else was edited after it."""
    edits = transcription.edits.defer("before", "after").order_by("-revision")
    last_edit = edits.exclude(verb__in=["undo", "redo"]).first()
    undone = edits.filter(verb="undo", undone_by=None).first()
    if undone is None or (last_edit is not None and last_edit.revision > undone.revision):
        return None
    return undone


def count_settled_checks(transcription: Transcription) -> int:
    """Return how many words were heard again and readings chosen; what was taken back does not count."""
    return transcription.edits.filter(verb__in=["confirm", "choose"], undone_by=None).count()


def changed_since(transcription: Transcription, revision: int) -> tuple[set[int], set[int]]:
    """Return the ids of the segments that changed or came after a revision, and of those that went."""
    touched: set[int] = set()
    for edit in transcription.edits.filter(revision__gt=revision):
        touched |= {segment["id"] for segment in [*edit.before, *edit.after]}
    here = {segment["id"] for segment in transcription.segments}
    return touched & here, touched - here
