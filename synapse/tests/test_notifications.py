"""Each event a person can choose to be mailed about really happens somewhere."""

import pytest
from django.core import mail

from patients import services as patient_services
from patients.tests.factories import make_patient
from reports.services import drafting
from reports.tests.factories import make_report, write
from scheduling.services import appointments as scheduling_services
from scheduling.tests.factories import make_appointment
from sessions_app.tests.factories import make_session, make_transcription
from sessions_app.transcripts import services as transcripts
from synapse.accounts import services as account_services
from synapse.accounts.choices import NotificationEvent


@pytest.fixture
def mails(asha, ben, now, django_capture_on_commit_callbacks):
    """Let both doctors be mailed about everything; return the subjects after a change."""
    everything = {event.value: "mail" for event in NotificationEvent}
    for doctor in (asha, ben):
        account_services.update_profile(doctor, {"notification_settings": everything}, by=doctor, at=now)

    def after(change):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            change()
        return [(message.to[0], message.subject) for message in mail.outbox]

    return after


def test_a_doctor_hears_of_a_patient_shared_with_them(asha, ben, now, mails):
    patient = make_patient(asha)

    told = mails(lambda: patient_services.share_patient(patient, doctor=ben, by=asha, at=now))

    assert told == [("ben@clinic.example", "A colleague shares a patient with you")]


def test_a_doctor_hears_of_a_visit_that_somebody_else_changes(asha, rita, now, mails):
    appointment = make_appointment(asha)

    told = mails(
        lambda: scheduling_services.cancel_appointment(appointment, reason="The patient called", by=rita, at=now)
    )

    assert told == [("asha@clinic.example", "Your calendar has changed")]


def test_a_doctor_is_not_mailed_about_ones_own_booking(asha, mails):
    assert mails(lambda: make_appointment(asha)) == []


def test_a_doctor_hears_of_a_written_report(asha, mails):
    report = make_report(asha, status="pending")

    told = mails(lambda: write(report))

    assert told == [("asha@clinic.example", "A report is written and waits for you")]


def test_a_doctor_hears_of_a_failed_report(asha, now, mails):
    report = make_report(asha, status="pending")

    told = mails(lambda: drafting.fail_generation(report.pk, code="timeout", at=now))

    assert told == [("asha@clinic.example", "A transcript or report could not be made")]


def test_a_doctor_hears_of_a_failed_transcript(asha, now, mails):
    session = make_session(asha)
    transcription = make_transcription(session, status="pending")

    told = mails(lambda: transcripts.fail(transcription, message="The audio is silent.", at=now))

    assert told == [("asha@clinic.example", "A transcript or report could not be made")]
