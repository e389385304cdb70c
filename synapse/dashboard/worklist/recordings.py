"""Recordings and their words that went wrong: a transcript that failed, no speech, no sound, a session left open."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from scheduling.calendar.layout import day_bounds
from sessions_app.models import AudioUpload, ConsultationSession, Transcription
from sessions_app.models.session import ConsultationSessionQuerySet
from sessions_app.transcripts import services as transcripts
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.words import DOCTOR, PATIENT, columns, joined, when, whose

LATELY = timedelta(days=14)  # a session without sound is news for so long

_SESSION = ("session_id", "started_at", "status", "status_reason")
_OF_SESSION = (
    *columns("session", _SESSION),
    *columns("session__patient", PATIENT),
    *columns("session__doctor", DOCTOR),
)


def _sessions(reader: Reader) -> ConsultationSessionQuerySet:
    """Return a doctor's own sessions, those of everybody to an administrator."""
    sessions = ConsultationSession.objects.visible_to(reader.user)
    return sessions if reader.sees_all else sessions.filter(doctor=reader.user)


def _last_tries(reader: Reader, status: str) -> QuerySet[Transcription]:
    later = Transcription.objects.filter(session=OuterRef("session"), retry_count__gt=OuterRef("retry_count"))
    return (
        Transcription.objects.filter(~Exists(later), status=status, session__in=_sessions(reader))
        .select_related("session__patient", "session__doctor")
        .only("status", "error_message", "created_at", *_OF_SESSION)
        .order_by("-created_at")
    )


def _failed(reader: Reader) -> QuerySet[Transcription]:
    return _last_tries(reader, Transcription.Status.FAILED)


def _silent(reader: Reader) -> QuerySet[Transcription]:
    return _last_tries(reader, Transcription.Status.NO_SPEECH)


def _describe_failed(rows: Sequence[Transcription], reader: Reader) -> Iterable[Item]:
    for row in rows:
        text = row.error_message or "The audio is safe."
        yield _item(row.pk, row.session, reader, text, acts=("retry",))


def _describe_silent(rows: Sequence[Transcription], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield _item(row.pk, row.session, reader, "The recording is kept. Listen to it, or write the note yourself.")


def _left_open(reader: Reader) -> QuerySet[ConsultationSession]:
    midnight = day_bounds(reader.at.astimezone(reader.zone).date(), reader.zone)[0]
    return _listed(_sessions(reader).live().filter(started_at__lt=midnight))


def _without_sound(reader: Reader) -> QuerySet[ConsultationSession]:
    """Return sessions of the last two weeks that were to be recorded and kept neither sound nor words."""
    words = Transcription.objects.filter(session=OuterRef("pk"))
    uploads = AudioUpload.objects.filter(session=OuterRef("pk"))
    held = _sessions(reader).filter(
        status=ConsultationSession.Status.COMPLETED,
        with_recording=True,
        audio_name="",
        audio_deleted_at=None,
        started_at__gte=reader.at - LATELY,
    )
    return _listed(held.filter(~Exists(words), ~Exists(uploads)))


def _listed(sessions: QuerySet[ConsultationSession]) -> QuerySet[ConsultationSession]:
    named = (*_SESSION, *columns("patient", PATIENT), *columns("doctor", DOCTOR))
    return sessions.select_related("patient", "doctor").only(*named).order_by("started_at")


def _describe_left_open(rows: Sequence[ConsultationSession], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield _item(row.pk, row, reader, f"Began {when(row.started_at, reader)} and was not finished.", label="Finish")


def _describe_without_sound(rows: Sequence[ConsultationSession], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield _item(row.pk, row, reader, "Nothing was recorded. Upload the sound, or dictate the note.")


def _item(
    pk: object,
    session: ConsultationSession,
    reader: Reader,
    text: str,
    *,
    label: str = "Open",
    acts: tuple[str, ...] = (),
) -> Item:
    day = when(session.started_at, reader)
    return Item(
        pk=pk,  # type: ignore[arg-type]  # every row's key is a UUID
        title=session.patient.full_name,
        text=joined(f"Session {day}", text),
        who=whose(session.doctor, reader),
        link=reverse("sessions:detail", args=[session.pk]),
        link_label=label,
        patient_id=session.patient_id,
        acts=acts,
    )


def _retry(row: Transcription, *, by: User, at: datetime) -> None:
    transcripts.retry(Transcription.objects.select_related("session").get(pk=row.pk), by=by, at=at)


FAILED = Source(
    name="transcripts",
    title="Transcript failed",
    icon="alert-triangle",
    permissions=(Permission.VIEW_SESSIONS,),
    rows=_failed,
    describe=_describe_failed,
    acts=(Act("retry", "Retry", "r", "refresh", _retry, "The words are being written again."),),
    can_set_aside=True,
    needs_attention=True,
)
SILENT = Source(
    name="no-speech",
    title="No speech was heard",
    icon="ear",
    permissions=(Permission.CONDUCT_SESSIONS,),
    rows=_silent,
    describe=_describe_silent,
    can_set_aside=True,
    needs_attention=True,
)
LEFT_OPEN = Source(
    name="left-open",
    title="Session left open",
    icon="microphone",
    permissions=(Permission.CONDUCT_SESSIONS,),
    rows=_left_open,
    describe=_describe_left_open,
    needs_attention=True,
)
WITHOUT_SOUND = Source(
    name="no-sound",
    title="Session without a recording",
    icon="microphone",
    permissions=(Permission.CONDUCT_SESSIONS,),
    rows=_without_sound,
    describe=_describe_without_sound,
    can_set_aside=True,
    needs_attention=True,
)
