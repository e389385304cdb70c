"""Use cases across the apps: start, complete, consent, and what follows from a signed report."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.models import Bill
from billing.services import drafting, issuing, payments
from patients.consents import links as consent_links
from patients.consents import services as consents
from patients.consents import tablet as consent_tablet
from patients.consents.wording import words_of
from patients.models import Consent, PatientAccess
from patients.tests.factories import make_patient
from reports.models import Report
from reports.tests.factories import make_report, make_words, settle, sign
from scheduling.models import Appointment
from scheduling.services import appointments as scheduling
from scheduling.services import stages
from scheduling.services.appointments import SessionRunning
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from sessions_app.models import ConsultationSession
from sessions_app.services import SessionLive
from sessions_app.tests.factories import make_consent, make_session, record_audio, segment_of
from sessions_app.transcripts import services as transcripts
from sessions_app.uploads import services as uploads
from synapse import workflows
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, InvalidTransition, NotAllowed

Status = Appointment.Status


@pytest.fixture
def visit(asha, now):
    return make_appointment(
        asha, scheduled_at=now - timedelta(minutes=5), appointment_type="new_patient", chief_complaint="Panic attacks"
    )


def test_a_consultation_takes_type_and_reason_from_its_visit(asha, visit, now):
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)

    visit.refresh_from_db()
    assert visit.session == session
    assert (session.session_type, session.chief_complaint, session.telehealth) == (
        "new_patient",
        "Panic attacks",
        False,
    )
    assert session.with_recording


def test_what_the_doctor_chooses_wins_over_the_visit(asha, visit, now):
    session = workflows.start_consultation(
        visit.patient_id,
        visit.pk,
        by=asha,
        at=now,
        session_type="emergency",
        chief_complaint="",
        with_recording=False,
    )

    assert (session.session_type, session.chief_complaint, session.with_recording) == ("emergency", "", False)


def test_a_telemedicine_visit_begins_a_follow_up_by_video(asha, now):
    visit = make_appointment(asha, appointment_type="telemedicine")

    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)

    assert (session.session_type, session.telehealth) == ("followup", True)


def test_a_walk_in_needs_no_visit_and_opens_the_record_as_seen(asha, now):
    patient = make_patient(doctor=asha)

    session = workflows.start_consultation(patient.pk, by=asha, at=now)

    assert session.session_type == "followup"
    assert PatientAccess.objects.filter(patient=patient, doctor=asha, source="seen", ended_at=None).exists()


@pytest.mark.happens_at(datetime(2026, 3, 10, 6, tzinfo=UTC))
def test_a_start_from_the_chart_takes_todays_visit(asha, ben, signed_in, now):
    patient = make_patient(doctor=asha)
    wanted = {"chief_complaint": "Panic attacks", "appointment_type": "consultation"}
    todays = make_appointment(asha, patient=patient, scheduled_at=now - timedelta(minutes=5), **wanted)
    evenings = make_appointment(asha, patient=patient, scheduled_at=now + timedelta(hours=6))
    make_appointment(asha, patient=patient, scheduled_at=now + timedelta(days=1))
    make_appointment(asha, patient=patient, scheduled_at=now + timedelta(hours=4), status="cancelled")
    make_appointment(ben, patient=patient, scheduled_at=now + timedelta(hours=2))

    form = signed_in(asha).get(reverse("sessions:start"), {"patient": patient.pk}).context["form"]
    signed_in(asha).post(reverse("sessions:start"), form.initial)

    offered = [value for value, _ in form.fields["appointment"].widget.choices]
    assert offered == [todays.pk, evenings.pk, ""]
    todays.refresh_from_db()
    assert todays.session == ConsultationSession.objects.get()
    assert (todays.session.session_type, todays.session.chief_complaint) == ("consultation", "Panic attacks")


def test_patient_and_visit_must_be_in_scope(asha, ben, visit, now):
    own = make_patient(doctor=ben)

    for patient_id, visit_id in ((visit.patient_id, visit.pk), (own.pk, visit.pk), (uuid4(), None), (own.pk, uuid4())):
        with pytest.raises(workflows.OutOfScope) as refusal:
            workflows.start_consultation(patient_id, visit_id, by=ben, at=now)
        assert refusal.value.status == 404
    assert not ConsultationSession.objects.exists()


def test_a_visit_of_another_patient_is_refused(asha, visit, now):
    with pytest.raises(Conflict, match="another patient"):
        workflows.start_consultation(make_patient(doctor=asha).pk, visit.pk, by=asha, at=now)


def test_the_desk_starts_nothing(rita, visit, now):
    with pytest.raises(NotAllowed):
        workflows.start_consultation(visit.patient_id, visit.pk, by=rita, at=now)

    visit.refresh_from_db()
    assert visit.session is None


def test_a_doctor_with_an_open_session_starts_no_other(asha, visit, now):
    open_session = make_session(asha)

    with pytest.raises(SessionLive) as refusal:
        workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)

    visit.refresh_from_db()
    assert refusal.value.session_id == open_session.pk
    assert visit.session is None


def test_one_visit_begins_once(asha, visit, now):
    workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)

    with pytest.raises((SessionRunning, SessionLive)):
        workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)

    assert ConsultationSession.objects.count() == 1


def test_completing_closes_the_visit_and_drafts_the_bill(asha, visit, now):
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now - timedelta(minutes=50))

    bill = workflows.complete_consultation(session, by=asha, at=now)

    visit.refresh_from_db()
    session.refresh_from_db()
    assert (session.status, visit.status, visit.completed_at) == ("completed", Status.COMPLETED, now)
    assert (bill.session, bill.appointment, bill.status) == (session, visit, Bill.Status.PENDING)
    assert (bill.bill_type, bill.line_items[0]["cpt_code"]) == ("new_patient", "90791")


def test_a_recorded_consultation_gets_its_words_queued(asha, now):
    session = make_session(asha)
    record_audio(session)

    workflows.complete_consultation(session, by=asha, at=now)

    assert session.transcriptions.get().status == "pending"


def test_only_the_sessions_doctor_completes_it_and_nothing_half_happens(asha, ben, visit, now):
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)

    with pytest.raises(NotAllowed):
        workflows.complete_consultation(session, by=ben, at=now)

    visit.refresh_from_db()
    session.refresh_from_db()
    assert (session.status, visit.status) == ("in_progress", Status.SCHEDULED)
    assert not Bill.objects.exists()


def test_a_consultation_with_live_words_has_its_draft_queued_at_once(asha, now):
    session = make_session(asha)
    record_audio(session)
    row = transcripts.open_live(session)
    said = [{**segment_of("patient", 0, 3_000, "I sleep badly and feel low."), "id": 1}]
    transcripts.append_live_segments(row, said, offset_ms=3_000, at=now)

    workflows.complete_consultation(session, by=asha, at=now)

    assert Report.objects.get(session=session).is_provisional


def test_completing_twice_bills_once(asha, visit, now):
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)
    workflows.complete_consultation(session, by=asha, at=now)

    with pytest.raises(InvalidTransition):
        workflows.complete_consultation(session, by=asha, at=now)

    assert Bill.objects.count() == 1


def test_a_bill_that_cannot_be_drafted_leaves_the_session_open(asha, visit, now, monkeypatch):
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)

    def fail(*args, **fields):
        raise Conflict("no")

    monkeypatch.setattr(drafting, "draft_bill_for_session", fail)
    with pytest.raises(Conflict):
        workflows.complete_consultation(session, by=asha, at=now)

    session.refresh_from_db()
    visit.refresh_from_db()
    assert (session.status, visit.status) == ("in_progress", Status.SCHEDULED)


def test_a_session_cancelled_by_mistake_leaves_the_visit_to_start_again(asha, visit, now):
    first = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)
    sessions.cancel_session(first, by=asha, at=now)

    second = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)
    workflows.complete_consultation(second, by=asha, at=now + timedelta(minutes=30))

    visit.refresh_from_db()
    assert (visit.session, visit.status) == (second, Status.COMPLETED)


def test_each_step_of_a_consultation_is_in_the_trail(asha, visit, now):
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)
    bill = workflows.complete_consultation(session, by=asha, at=now)

    def verbs(obj):
        events = AuditEvent.objects.filter(target_id=str(obj.pk)).order_by("seq")
        return [event.detail.get("verb") for event in events]

    assert verbs(visit) == ["schedule", "start", "complete"]
    assert verbs(session)[-1] == "complete"
    assert verbs(bill) == ["draft"]


def test_the_first_transcript_has_a_report_written_and_a_later_one_none(asha, now):
    session = make_session(asha, status="completed")
    words = make_words(session)
    Report.objects.all().delete()

    workflows.transcript_completed(words, at=now)
    workflows.transcript_completed(words, at=now)

    assert session.reports.count() == 1


def test_withdrawing_the_recording_consent_stops_the_recording_and_not_the_session(asha, now):
    session = make_session(asha)
    consent = session.patient.consents.get(kind="recording")

    workflows.withdraw_consent(consent, by=asha, at=now)

    session.refresh_from_db()
    consent.refresh_from_db()
    assert (consent.status, consent.withdrawn_at) == (Consent.Status.WITHDRAWN, now)
    assert (session.status, session.with_recording) == ("in_progress", False)
    assert (session.stream_closed_at, session.status_reason) == (now, "consent_withdrawn")


def test_withdrawing_the_recording_consent_stops_a_file_on_its_way(asha, now):
    session = make_session(asha, status="completed", with_recording=False)
    upload = uploads.open_upload(session, source="upload", total_bytes=100, by=asha, at=now)

    workflows.withdraw_consent(session.patient.consents.get(kind="recording"), by=asha, at=now)

    upload.refresh_from_db()
    assert (upload.status, upload.error_code) == ("abandoned", "no_consent")


def test_withdrawing_another_consent_leaves_the_recording_running(asha, now):
    session = make_session(asha)
    consent = make_consent(session.patient, by=asha, kind="ai_note")

    workflows.withdraw_consent(consent, by=asha, at=now)

    session.refresh_from_db()
    assert session.with_recording


def test_a_no_on_the_tablet_stops_the_recording(asha, client, now):
    session = make_session(asha)
    client.force_login(asha)
    sitting, _ = consent_tablet.hand_over(session.patient, ["recording"], session=client.session, by=asha, at=now)

    [answer] = workflows.answer_tablet(sitting, {"answer_recording": "no"}, at=now)

    session.refresh_from_db()
    assert (answer.status, session.with_recording) == ("declined", False)
    assert not session.patient.consents.filter(status="live", kind="recording").exists()


def test_a_no_by_link_stops_the_recording_and_a_question_taken_back_does_not(asha, now):
    session = make_session(asha)
    asked = consents.ask_by_link(session.patient, "recording", by=asha, at=now)
    workflows.withdraw_consent(asked, by=asha, at=now)
    session.refresh_from_db()
    assert session.with_recording

    again = consents.ask_by_link(session.patient, "recording", by=asha, at=now)
    found = consent_links.Found(again.link, words_of(again), is_done=False)
    workflows.answer_consent_link(found, agreed=False, at=now)

    session.refresh_from_db()
    assert (session.status, session.with_recording, session.status_reason) == (
        "in_progress",
        False,
        "consent_withdrawn",
    )


def test_ticked_facts_of_a_signed_report_go_into_the_record(asha, now):
    report = make_report(asha, status="signed")

    added = workflows.apply_takeover(
        report, medications=["Sertraline 75 mg every morning"], allergies=["Penicillin"], by=asha, at=now
    )

    patient = report.session.patient
    patient.refresh_from_db()
    assert added == {"current_medications": ["Sertraline 75 mg every morning"], "allergies": ["Penicillin"]}
    assert patient.allergy_list == ["Penicillin"]


def test_nothing_of_an_unsigned_report_goes_on(asha, now):
    report = make_report(asha)

    with pytest.raises(Conflict, match="Sign the report"):
        workflows.apply_takeover(report, allergies=["Penicillin"], by=asha, at=now)
    assert workflows.suggest_follow_up(report.pk, by=asha) is None


def test_a_signed_report_suggests_the_next_visit_as_it_says(asha):
    report = make_report(asha, status="signed")

    wanted = workflows.suggest_follow_up(report.pk, by=asha)

    session = report.session
    assert (wanted.patient_id, wanted.doctor_id) == (session.patient_id, asha.pk)
    assert wanted.day == ClinicSettings.load().date_of(session.started_at) + timedelta(weeks=3)
    assert "3 weeks" in wanted.reason


def test_a_stranger_gets_no_suggestion(asha, ben, rita):
    report = make_report(asha, status="signed")

    assert workflows.suggest_follow_up(report.pk, by=ben) is None
    assert workflows.suggest_follow_up(report.pk, by=rita) is None


def test_the_booking_page_is_filled_in_from_the_signed_report(signed_in, asha):
    report = make_report(asha, status="signed")
    wanted = workflows.suggest_follow_up(report.pk, by=asha)

    html = signed_in(asha).get("/calendar/new/", {"report": str(report.pk)}).content.decode()

    assert f'value="{wanted.day.isoformat()}"' in html
    assert report.session.patient.full_name in html
    assert "3 weeks" in html


def test_from_booking_to_paid_bill(asha, rita, now):
    patient = make_patient(doctor=asha)
    visit = scheduling.schedule_appointment(
        patient,
        doctor=asha,
        scheduled_at=now,
        duration_minutes=50,
        appointment_type="followup",
        by=rita,
        at=now - timedelta(days=7),
    )
    scheduling.confirm_appointment(visit, by=rita, at=now - timedelta(days=1))
    session = workflows.start_consultation(patient.pk, visit.pk, by=asha, at=now)
    bill = workflows.complete_consultation(session, by=asha, at=now + timedelta(minutes=46))
    issuing.send_bill(bill, by=rita, at=now + timedelta(hours=1))
    payments.record_payment(bill, amount=Decimal(2000), method="card", by=rita, at=now + timedelta(hours=1))

    visit.refresh_from_db()
    bill.refresh_from_db()
    assert visit.status == Status.COMPLETED
    assert (bill.status, bill.total_amount) == (Bill.Status.PAID, Decimal(2000))
    assert bill.bill_number.startswith("INV-")


def test_a_stricter_rule_says_how_many_recordings_go_by_it(asha, now):
    sessions_of_kavya = []
    patient = make_patient(asha)
    make_consent(patient, by=asha, kind="keep_audio")
    for days in (40, 3):
        ended_at = now - timedelta(days=days)
        session = make_session(asha, patient=patient, at=ended_at - timedelta(minutes=25))
        record_audio(session, at=ended_at - timedelta(minutes=5))
        sessions.complete_session(session, by=asha, at=ended_at)
        session.transcriptions.all().delete()
        make_words(session)
        sessions_of_kavya.append(session)

    assert workflows.set_audio_retention(patient, rule="days", days=60, by=asha, at=now) == 0
    assert workflows.set_audio_retention(patient, rule="days", days=30, by=asha, at=now) == 1
    sign(settle(make_report(asha, session=sessions_of_kavya[1]), by=asha), by=asha)
    assert workflows.set_audio_retention(patient, rule="after_signing", days=None, by=asha, at=timezone.now()) == 1


def test_a_session_says_that_the_patient_is_in_the_room_and_later_seen(asha, rita, now):
    visit = make_appointment(asha, scheduled_at=now)
    stages.check_in(visit, by=rita, at=now)

    session = workflows.start_consultation(
        visit.patient_id, visit.pk, by=asha, at=now + timedelta(minutes=6), with_recording=False
    )

    visit.refresh_from_db()
    assert (visit.arrived_at, visit.in_room_at) == (now, now + timedelta(minutes=6))
    for press in (
        lambda: stages.check_out(visit, by=rita, at=now, took_place=True),
        lambda: stages.undo_stage(visit, stages.IN_ROOM, by=rita, at=now),
    ):
        with pytest.raises(SessionRunning):
            press()

    workflows.complete_consultation(session, by=asha, at=now + timedelta(minutes=50))

    visit.refresh_from_db()
    assert (visit.seen_at, visit.status) == (now + timedelta(minutes=50), "completed")
    stages.check_out(visit, by=rita, at=now + timedelta(minutes=55), took_place=True)
    assert stages.stage_of(visit) == stages.CHECKED_OUT


def test_a_session_without_a_press_at_the_desk_brings_the_patient_into_the_room(asha, now):
    visit = make_appointment(asha, scheduled_at=now)

    workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now, with_recording=False)

    visit.refresh_from_db()
    assert visit.arrived_at == visit.in_room_at == now
