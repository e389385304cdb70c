"""Who may do what with a session they can see. Each rule is a pair: `check_…` raises with the reason, `can_…` asks."""

from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec
from uuid import UUID

from patients.models import Consent, Patient
from patients.permissions import check_is_in_use
from patients.queries import has_live_consent
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.errors import Conflict, NotAllowed


class NoConsent(NotAllowed):
    """The patient has no live consent to be recorded."""

    code = "no_consent"


class StreamOver(Conflict):
    """This recording has ended; no more audio is taken."""

    code = "recording_over"


def check_can_start(user: User, patient: Patient) -> None:
    """Raise NotAllowed unless this person may meet this patient."""
    if not user.may(Permission.CONDUCT_SESSIONS):
        raise NotAllowed("Only a doctor starts a session.")
    if not Patient.objects.visible_to(user).filter(pk=patient.pk).exists():
        raise NotAllowed("This patient is not yours. Ask the colleague who sees them to share the record.")
    check_is_in_use(patient, before="you start a session")


def check_can_conduct(user: User, session: ConsultationSession) -> None:
    """Raise NotAllowed unless this person is the session's doctor."""
    if session.doctor_id != user.pk or not user.may(Permission.CONDUCT_SESSIONS):
        raise NotAllowed("Only the doctor who holds this session may do this.")


def check_can_record(user: User, session: ConsultationSession, *, at: datetime) -> None:
    """Raise unless audio may be taken now: the session's doctor, a live session, a live recording consent."""
    check_can_conduct(user, session)
    if not session.is_live:
        raise StreamOver("This session is over. Its recording takes no more audio.")
    if not has_live_consent(session.patient_id, Consent.Kind.RECORDING, at=at):
        raise NoConsent("This patient has not agreed to be recorded. Record the consent first.")
    if not session.with_recording:
        raise NotAllowed("This session runs without a recording. Start the recording on its page first.")


def check_can_give_away(user: User, session: ConsultationSession) -> None:
    """Raise unless this person may take the session out of this patient's record."""
    is_own = session.doctor_id == user.pk and user.may(Permission.CONDUCT_SESSIONS)
    if not (is_own or user.may(Permission.MOVE_ANY_SESSION)):
        raise NotAllowed("Only the doctor who held this session or an administrator moves it.")
    if session.status == ConsultationSession.Status.CANCELLED:
        raise Conflict("This session was cancelled. There is nothing to move.")


def has_consent_for(patient_id: UUID, source: str, *, at: datetime) -> bool:
    """Tell whether a patient's consent lets sound of this source in; a dictation is the doctor's own voice, needs none."""
    is_dictation = source == ConsultationSession.AudioSource.DICTATION
    return is_dictation or has_live_consent(patient_id, Consent.Kind.RECORDING, at=at)


def check_can_move(user: User, session: ConsultationSession, to: Patient, *, at: datetime) -> None:
    """Raise unless this person may give the session to this patient, whose own consent its sound then needs."""
    check_can_give_away(user, session)
    if to.pk == session.patient_id:
        raise Conflict("The session belongs to this patient already. Choose another one.")
    check_is_in_use(to, before="you move a session to it")
    is_recorded = session.stream_opened_at is not None and session.audio_deleted_at is None
    if is_recorded and not has_consent_for(to.pk, session.audio_source, at=at):
        raise NoConsent(
            "The session was recorded, and this patient has not agreed to that. Record their consent first, or delete "
            "the recording."
        )


def check_can_upload(user: User, session: ConsultationSession, source: str, *, at: datetime) -> None:
    """Raise unless this person may bring sound into the session afterwards: its doctor, with the consent it needs."""
    check_can_conduct(user, session)
    if session.status == ConsultationSession.Status.CANCELLED:
        raise StreamOver("This session was cancelled. It takes no recording.")
    if not has_consent_for(session.patient_id, source, at=at):
        raise NoConsent("This patient has not agreed to be recorded. Record the consent first, or dictate instead.")


def cloud_may_hear(patient_id: UUID, *, at: datetime) -> bool:
    """Tell whether a speech service on the network may hear this patient: only with their consent to that."""
    return has_live_consent(patient_id, Consent.Kind.AI_NOTE, at=at)


def check_can_read_words(user: User, session: ConsultationSession) -> None:
    """Raise NotAllowed unless this person may read what was said and hear it."""
    if not user.may(Permission.CONDUCT_SESSIONS):
        raise NotAllowed("The words and the audio of a session are for the treating doctors.")


# What took place, and when: all that reception knows of a session, as it does of a visit.
TIMES_OF_SESSION = frozenset(
    {
        "session_id",
        "patient",
        "doctor",
        "appointment",
        "session_type",
        "telehealth",
        "status",
        "started_at",
        "ended_at",
        "duration_minutes",
        "created_at",
        "updated_at",
    }
)
CONTENT_OF_SESSION = frozenset({"chief_complaint", "session_notes"})
CONTENT_OF_TRANSCRIPTION = frozenset(
    {"transcript_text", "original_transcript", "segments", "speakers", "correction_notes"}
)


def may_read_session_field(user: User, name: str) -> bool:
    """Tell whether this person may read a field of the sessions they know of: times, all but the content, or all."""
    if not user.may(Permission.VIEW_SESSIONS):
        return name in TIMES_OF_SESSION
    return user.may(Permission.CONDUCT_SESSIONS) or name not in CONTENT_OF_SESSION


def may_read_transcription_field(user: User, name: str) -> bool:
    """Tell whether this person may read a field of a transcription: how it stands, or what was said as well."""
    return user.may(Permission.CONDUCT_SESSIONS) or name not in CONTENT_OF_TRANSCRIPTION


def check_can_keep_voice(user: User, owner: User) -> None:
    """Raise NotAllowed unless this person decides about the owner's voice profile: only oneself, only a doctor."""
    if user.pk != owner.pk or not user.may(Permission.CONDUCT_SESSIONS):
        raise NotAllowed("Only a practitioner decides about their own voice profile.")


def check_can_retry(user: User, transcription: Transcription) -> None:
    """Raise NotAllowed unless this person may have a failed transcript written again."""
    if not (user.may(Permission.CONDUCT_SESSIONS) or user.may(Permission.VIEW_SYSTEM)):
        raise NotAllowed("Only a treating doctor or an administrator may have the transcript written again.")


P = ParamSpec("P")


def _asks(check: Callable[P, None]) -> Callable[P, bool]:
    def can(*args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            check(*args, **kwargs)
        except (NotAllowed, Conflict):
            return False
        return True

    return can


can_start = _asks(check_can_start)
can_conduct = _asks(check_can_conduct)
can_record = _asks(check_can_record)
can_give_away = _asks(check_can_give_away)
can_upload = _asks(check_can_upload)
can_read_words = _asks(check_can_read_words)
