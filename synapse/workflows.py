"""Use cases that touch several apps. Doors call them; each is one unit of work."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from billing.models import Bill
from billing.services import drafting
from patients import services as patients
from patients.consents import links as consent_links
from patients.consents import services as consents
from patients.consents import tablet as consent_tablet
from patients.consents.given import PLAIN, Given
from patients.handover import services as handovers
from patients.merging import services as merging
from patients.models import Consent, ConsentSitting, Handover, Patient, PatientAccess, PatientMerge
from patients.queries import has_live_consent
from reports import permissions as report_permissions
from reports.models import Report
from reports.services import drafting as reports
from reports.services import sharing
from reports.takeover import follow_up_of
from scheduling.calendar.layout import day_bounds
from scheduling.models import Appointment, WalkIn
from scheduling.queries import list_visits_to_begin
from scheduling.services import appointments as scheduling
from scheduling.services import desk
from sessions_app import moves
from sessions_app import permissions as session_permissions
from sessions_app import services as sessions
from sessions_app.models import ConsultationSession, SessionType, Transcription
from sessions_app.recordings import retention
from sessions_app.recordings import services as recordings
from sessions_app.uploads import services as uploads
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict, DomainError

VISIT_HANDED_OVER = "The patient was handed over to a colleague."

Source = PatientAccess.Source


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
        appointment = (
            Appointment.objects.visible_to(by).filter(pk=appointment_id).select_related("session", "patient").first()
        )
        if appointment is None:
            raise OutOfScope("There is no such visit in your calendar.")
        if appointment.patient.kept_id != patient.kept_id:
            raise Conflict("This visit belongs to another patient.")
        # A visit booked on a record that was merged since begins its session on the kept one.
        patient = patient.kept_record
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


@dataclass(frozen=True)
class VisitToBegin:
    """A visit a consultation may begin from, and what it says about that one."""

    pk: UUID
    scheduled_at: datetime
    kind: str
    session_type: str
    chief_complaint: str


def visits_to_begin(patient: Patient, *, by: User, at: datetime) -> list[VisitToBegin]:
    """Return today's visits of a patient with this doctor that a consultation may begin from, by time."""
    clinic = ClinicSettings.load()
    return [
        VisitToBegin(
            visit.pk,
            visit.scheduled_at,
            visit.get_appointment_type_display(),
            _session_type_of(visit),
            visit.chief_complaint,
        )
        for visit in list_visits_to_begin(by, patient, *day_bounds(clinic.date_of(at), clinic.zone))
    ]


def complete_consultation(session: ConsultationSession, *, by: User, at: datetime, reason: str = "") -> Bill:
    """End a consultation: its words are queued, its visit is completed, its bill drafted. Return the bill.

    A provisional report is written at once from the words heard meanwhile, if there are any. `reason` is a code that
    says why it ended by itself. Raises NotAllowed and InvalidTransition.
    """
    with unit_of_work():
        sessions.complete_session(session, by=by, at=at, reason=reason)
        appointment = Appointment.objects.open().filter(session=session).first()
        if appointment is not None:
            scheduling.complete_appointment(appointment, by=by, at=at)
        reports.draft_from_live_words(session, at=at)
        # The draft follows from the session: its doctor's role asks for it, whatever a token may see of bills.
        return drafting.draft_bill_for_session(session, by=session.doctor, at=at)


def visits_of_sessions(session_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the visits that sessions began from: session id → appointment id."""
    visits = Appointment.objects.filter(session__in=list(session_ids))
    return {session_id: pk for session_id, pk in visits.values_list("session_id", "pk") if session_id}


def sessions_of_visits(appointment_ids: Iterable[UUID]) -> list[UUID]:
    """Return the ids of the sessions that began from visits."""
    visits = Appointment.objects.filter(pk__in=list(appointment_ids), session__isnull=False)
    return [session_id for session_id in visits.values_list("session_id", flat=True) if session_id]


def receive_new_patient(
    fields: Mapping[str, Any],
    *,
    doctor: User,
    appointment_type: str,
    duration_minutes: int,
    walk_in: WalkIn | None,
    by: User,
    at: datetime,
) -> Appointment:
    """Register somebody who came without a visit, for the doctor they go to, and check them in: all of it or nothing.

    Raises what registering and `scheduling.services.desk.receive_walk_in` raise.
    """
    with unit_of_work():
        patient = patients.register_patient(fields, doctor=doctor, by=by, at=at)
        return desk.receive_walk_in(
            patient,
            doctor=doctor,
            appointment_type=appointment_type,
            duration_minutes=duration_minutes,
            walk_in=walk_in,
            by=by,
            at=at,
        )


def transcript_completed(transcription: Transcription, *, at: datetime) -> None:
    """Have the first report of a session written with its doctor's default template, or the provisional one refreshed.

    A later transcript makes none.
    """
    reports.words_are_final(transcription.session, at=at)


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
        drafting.draft_anew(session, reason="The session was moved to another patient.", by=by, at=at)
        if session.reports.exists():
            reports.request_report(session, by=None, at=at)
    return session


def check_can_move(session: ConsultationSession, to: Patient, *, by: User, at: datetime) -> None:
    """Raise NotAllowed, NoConsent or Conflict unless a session may be moved to this patient now."""
    session_permissions.check_can_move(by, session, to, at=at)
    report_permissions.check_can_move(session)
    drafting.check_can_move(session)


def merge_patients(
    kept: Patient, other: Patient, *, choices: Mapping[str, str], reason: str, by: User, at: datetime
) -> PatientMerge:
    """Let one record stand for both of a person; see `patients.merging.services`. Raises Conflict while a session is live.

    When the person took the consent to recording back on either record, what still comes in stops.
    """
    with unit_of_work():
        check_nothing_runs(kept, other)
        merge = merging.merge_records(kept, other, choices=choices, reason=reason, by=by, at=at)
        _stop_without_consent(kept, by=by, at=at)
    return merge


def undo_merge(merge: PatientMerge, *, by: User, at: datetime) -> PatientMerge:
    """Part two records again; what comes in on the consent of the other record stops. Raises NotAllowed, Conflict."""
    with unit_of_work():
        merge = merging.undo_merge(merge, by=by, at=at)
        for patient in (merge.kept, merge.merged):
            _stop_without_consent(patient, by=by, at=at)
    return merge


@dataclass(frozen=True)
class HandedOver:
    """A handover, how many coming visits went along, and those that could not, with the reason each."""

    handover: Handover
    moved: int
    left: list[tuple[Appointment, str]]


def hand_over_patients(
    patients_: Iterable[Patient] | None,
    *,
    from_doctor: User,
    to_doctor: User,
    ends_at: datetime | None,
    reason: str,
    move_visits: bool,
    by: User,
    at: datetime,
) -> HandedOver:
    """Hand patients (None: all of the doctor's) over, and with `move_visits` their visits until the end.

    Each visit moves to the colleague at its own time, if that is free. Raises what `handover.hand_over` raises.
    """
    chosen = None if patients_ is None else list(patients_)
    with unit_of_work():
        coming = Appointment.objects.open().filter(doctor=from_doctor, scheduled_at__gte=at)
        wanted = (
            handovers.own_patients(from_doctor)
            if chosen is None
            else Patient.objects.filter(pk__in=[patient.pk for patient in chosen])
        )
        visits = coming.filter(Q(patient__in=wanted) | Q(patient__merged_into__in=wanted)).select_related("patient")
        if ends_at is not None:
            visits = visits.filter(scheduled_at__lt=ends_at)
        to_move = list(visits.order_by("scheduled_at"))
        done = handovers.hand_over(
            chosen,
            from_doctor=from_doctor,
            to_doctor=to_doctor,
            ends_at=ends_at,
            reason=reason,
            by=by,
            at=at,
            still_booked={visit.patient.kept_id for visit in to_move},
        )
    if not move_visits:
        return HandedOver(done, 0, [])
    left = []
    for visit in to_move:
        try:
            scheduling.reschedule_appointment(
                visit, scheduled_at=visit.scheduled_at, reason=VISIT_HANDED_OVER, doctor=to_doctor, by=by, at=at
            )
        except DomainError as refusal:
            left.append((visit, refusal.message))
    if ends_at is None:
        kept = {visit.patient.kept_id for visit, _ in left}
        for visit in to_move:
            if visit.patient.kept_id not in kept:
                patients.end_access(visit.patient, doctor=from_doctor, source=Source.BOOKED, by=by, at=at)
    return HandedOver(done, len(to_move) - len(left), left)


def visits_left(handover: Handover, *, at: datetime) -> list[Appointment]:
    """Return the coming visits of handed over patients that are still with the doctor who gave them away."""
    given = Patient.objects.filter(accesses__handover=handover)
    visits = Appointment.objects.open().filter(
        Q(patient__in=given) | Q(patient__merged_into__in=given),
        doctor=handover.from_doctor_id,
        scheduled_at__gte=at,
    )
    if handover.ends_at is not None:
        visits = visits.filter(scheduled_at__lt=handover.ends_at)
    return list(visits.select_related("patient", "doctor").order_by("scheduled_at").distinct())


def check_nothing_runs(*patients_: Patient) -> None:
    """Raise Conflict while a session with one of these patients is live."""
    if ConsultationSession.objects.live().filter(patient__in=patients_).exists():
        raise Conflict("A session with this patient is going on. Merge the records when it is over.")


def count_holdings(patient: Patient) -> dict[str, int]:
    """Return how much one record holds, by noun, without what was merged into it."""
    return {
        "Visits": Appointment.objects.filter(patient=patient).count(),
        "Sessions": ConsultationSession.objects.filter(patient=patient).count(),
        "Signed reports": Report.objects.filter(session__patient=patient, status=Report.Status.SIGNED).count(),
        "Bills": Bill.objects.filter(patient=patient).count(),
        "Consents": Consent.objects.filter(patient=patient).count(),
    }


def set_audio_retention(patient: Patient, *, rule: str, days: int | None, by: User, at: datetime) -> int:
    """Set how long a patient's recordings are kept; return how many of those there are go within the hour by it.

    Raises NotAllowed, ArchivedRecord and DomainError.
    """
    stored = patients.set_audio_retention(patient, rule=rule, days=days, by=by, at=at)
    return len(retention.due_recordings(at, patient_id=stored.pk))


def withdraw_consent(consent: Consent, *, by: User, at: datetime) -> Consent:
    """End a consent, and at once what rested on it: running recordings and uploads, and links open to providers.

    Audio that arrives after `at` is dropped, earlier audio follows its retention. Raises NotAllowed and
    InvalidTransition.
    """
    with unit_of_work():
        was_asked_only = consent.is_pending
        consents.withdraw_consent(consent, by=by, at=at)
        if not was_asked_only:
            _follow_a_no(consent, by=by, at=at)
    return consent


def answer_consent_link(
    found: consent_links.Found, *, agreed: bool, at: datetime, typed_name: str = "", given: Given = PLAIN
) -> Consent:
    """Take a patient's answer by link; after a no, what rested on a yes ends at once.

    Raises LinkGone, NameMissing and GuardianNeeded.
    """
    with unit_of_work():
        consent = consent_links.answer(found, agreed=agreed, at=at, typed_name=typed_name, given=given)
        if not agreed:
            _follow_a_no(consent, by=None, at=at)
    return consent


def answer_tablet(sitting: ConsentSitting, sent: Mapping[str, Any], *, at: datetime) -> list[Consent]:
    """Take what a patient answered and signed on the tablet; after a no, what rested on a yes ends at once.

    Raises Unfinished and TabletGone.
    """
    with unit_of_work():
        answers = consent_tablet.answer_sitting(sitting, sent, at=at)
        for consent in answers:
            if not consent.is_agreement:
                _follow_a_no(consent, by=None, at=at)
    return answers


def _follow_a_no(consent: Consent, *, by: User | None, at: datetime) -> None:
    """End what rested on an agreement that holds no more; the other kinds are asked wherever they matter."""
    if consent.kind == Consent.Kind.RECORDING:
        _stop_without_consent(consent.patient, by=by, at=at)
    elif consent.kind == Consent.Kind.DATA_SHARING and not has_live_consent(consent.patient_id, consent.kind, at=at):
        sharing.close_provider_links(consent.patient, by=by, at=at)


def _stop_without_consent(patient: Patient, *, by: User | None, at: datetime) -> None:
    """Stop what is recorded or uploaded of a person who does not agree to recording."""
    if not has_live_consent(patient.pk, Consent.Kind.RECORDING, at=at):
        recordings.stop_recordings_of(patient.pk, by=by, at=at)
        uploads.drop_uploads_of(patient.pk, by=by, at=at)


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
        report.session.patient.kept_record,
        medications=medications,
        allergies=allergies,
        diagnoses=diagnoses,
        by=by,
        at=at,
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
