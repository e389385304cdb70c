"""Use cases that touch several apps. Doors call them; each is one unit of work."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from billing import services as billing
from billing.models import Bill
from patients import consent as consents
from patients import services as patients
from patients.models import Consent, Patient
from reports import permissions as report_permissions
from reports.models import Report
from reports.services import drafting as reports
from reports.takeover import follow_up_of
from scheduling import services as scheduling
from scheduling.models import Appointment
from sessions_app import moves, recordings, retention, uploads
from sessions_app import permissions as session_permissions
from sessions_app import services as sessions
from sessions_app.models import ConsultationSession, SessionType, Transcription
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict, DomainError


class OutOfScope(DomainError):
    """There is no such row for this person."""

    code = "not_found"
    status = 404


def start_consultation(
    patient_id: UUID,
    appointment_id: UUID | None = None,
    *,
    by: User,
    at: datetime,
    session_type: str | None = None,
    chief_complaint: str | None = None,
    with_recording: bool = True,
) -> ConsultationSession:
    """Begin a consultation with a patient, from a visit or as a walk-in, and tie the visit to it.

    Without a type and a reason the visit's own are taken; a telemedicine visit begins a follow-up by video. Raises
    OutOfScope, NotAllowed, SessionLive, SessionRunning and Conflict when the visit is over or another patient's.
    """
    patient = Patient.objects.visible_to(by).filter(pk=patient_id).first()
    if patient is None:
        raise OutOfScope("There is no such patient among yours.")
    appointment = None
    if appointment_id is not None:
        appointment = Appointment.objects.visible_to(by).filter(pk=appointment_id).select_related("session").first()
        if appointment is None:
            raise OutOfScope("There is no such visit in your calendar.")
        if appointment.patient_id != patient.pk:
            raise Conflict("This visit belongs to another patient.")
    with unit_of_work():
        if appointment is not None:
            scheduling.check_can_start(appointment)
        session = sessions.start_session(
            patient,
            by=by,
            at=at,
            session_type=session_type or _session_type_of(appointment),
            chief_complaint=_reason_of(appointment) if chief_complaint is None else chief_complaint,
            telehealth=_is_telemedicine(appointment),
            with_recording=with_recording,
        )
        if appointment is not None:
            scheduling.link_session(appointment, session, by=by, at=at)
    return session


def complete_consultation(session: ConsultationSession, *, by: User, at: datetime, reason: str = "") -> Bill:
    """End a consultation: its words are queued, its visit is completed, its bill drafted. Return the bill.

    `reason` is a code that says why it ended by itself. Raises NotAllowed and InvalidTransition.
    """
    with unit_of_work():
        sessions.complete_session(session, by=by, at=at, reason=reason)
        appointment = Appointment.objects.open().filter(session=session).first()
        if appointment is not None:
            scheduling.complete_appointment(appointment, by=by, at=at)
        return billing.draft_bill_for_session(session, by=by, at=at)


def transcript_completed(transcription: Transcription, *, at: datetime) -> None:
    """Have the first report of a session written with its doctor's default template; a later transcript makes none."""
    if not transcription.session.reports.exists():
        reports.request_report(transcription.session, by=None, at=at)


def move_session(
    session: ConsultationSession, to: Patient, *, reason: str, by: User, at: datetime
) -> ConsultationSession:
    """Give an unsigned session with all it owns to the right patient.

    Its draft bill is drawn up again for them, its visit is let go of, and a draft report is written anew, since age,
    gender and history differ. Raises what `check_can_move` raises, and ReasonMissing.
    """
    with unit_of_work():
        check_can_move(session, to, by=by, at=at)
        moves.move_session(session, to, reason=reason, by=by, at=at)
        scheduling.unlink_session(session, by=by, at=at)
        billing.draft_anew(session, reason="The session was moved to another patient.", by=by, at=at)
        if session.reports.exists():
            reports.request_report(session, by=None, at=at)
    return session


def check_can_move(session: ConsultationSession, to: Patient, *, by: User, at: datetime) -> None:
    """Raise NotAllowed, NoConsent or Conflict unless a session may be moved to this patient now."""
    session_permissions.check_can_move(by, session, to, at=at)
    report_permissions.check_can_move(session)
    billing.check_can_move(session)


def set_audio_retention(patient: Patient, *, rule: str, days: int | None, by: User, at: datetime) -> int:
    """Set how long a patient's recordings are kept; return how many of those there are go within the hour by it.

    Raises NotAllowed, ArchivedRecord and DomainError.
    """
    stored = patients.set_audio_retention(patient, rule=rule, days=days, by=by, at=at)
    return len(retention.due_recordings(at, patient_id=stored.pk))


def withdraw_consent(consent: Consent, *, by: User, at: datetime) -> Consent:
    """End a consent; without the one to be recorded, the patient's running recordings and uploads stop at once.

    Audio that arrives after `at` is dropped, earlier audio follows its retention. Raises NotAllowed and
    InvalidTransition.
    """
    with unit_of_work():
        consents.withdraw_consent(consent, by=by, at=at)
        if consent.kind == Consent.Kind.RECORDING:
            recordings.stop_recordings_of(consent.patient_id, by=by, at=at)
            uploads.drop_uploads_of(consent.patient_id, by=by, at=at)
    return consent


def apply_takeover(
    report: Report,
    *,
    medications: Iterable[str] = (),
    allergies: Iterable[str] = (),
    diagnoses: Iterable[str] = (),
    by: User,
    at: datetime,
) -> dict[str, list[str]]:
    """Take what a doctor ticked in a signed report over into the patient's record; return what is new, by field.

    Raises NotAllowed, and Conflict while the report is not signed.
    """
    _check_signed(report)
    return patients.append_clinical_facts(
        report.session.patient, medications=medications, allergies=allergies, diagnoses=diagnoses, by=by, at=at
    )


@dataclass(frozen=True)
class FollowUpSuggestion:
    """What a signed report says about coming again, for the booking form."""

    patient_id: UUID
    doctor_id: UUID
    day: date | None
    reason: str


def suggest_follow_up(report_id: UUID, *, by: User) -> FollowUpSuggestion | None:
    """Return doctor, day and reason of the next visit as a signed report in scope names them; None for any other."""
    report = Report.objects.visible_to(by).filter(pk=report_id).select_related("session__patient").first()
    if report is None or not report.is_signed:
        return None
    session = report.session
    wanted = follow_up_of(report)
    seen_on = ClinicSettings.load().date_of(session.started_at)
    return FollowUpSuggestion(
        patient_id=session.patient_id,
        doctor_id=session.doctor_id,
        day=seen_on + timedelta(days=wanted.days) if wanted else None,
        reason=wanted.sentence["text"] if wanted else session.chief_complaint,
    )


def _check_signed(report: Report) -> None:
    if not report.is_signed:
        raise Conflict("Sign the report first: only signed words go on from here.", code="report_not_signed")


def _session_type_of(appointment: Appointment | None) -> str:
    if appointment is None:
        return SessionType.FOLLOWUP
    if _is_telemedicine(appointment):
        return SessionType.FOLLOWUP
    return appointment.appointment_type


def _reason_of(appointment: Appointment | None) -> str:
    return appointment.chief_complaint if appointment is not None else ""


def _is_telemedicine(appointment: Appointment | None) -> bool:
    return appointment is not None and appointment.appointment_type == Appointment.Type.TELEMEDICINE
