"""What programs outside are told: every occurrence once, in what their person sees, and nothing but ids."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from billing.models import Bill
from billing.services import corrections, issuing, payments
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from reports.tests.factories import make_report
from scheduling.changes import quietly
from scheduling.models import AppointmentLink
from scheduling.services import answers, appointments, offers, series_extension, undoing
from scheduling.tests.factories import make_appointment
from scheduling.tests.test_series import AT
from scheduling.tests.test_series import make_series as book_series
from scheduling.tests.wishes import NOW, free_a_slot, offer, wait
from sessions_app import services as sessions
from sessions_app.tests.factories import make_session, make_transcription
from synapse.common import jobs
from synapse.common.errors import InvalidTransition
from synapse.common.models import Job
from synapse.links.tokens import new_token
from synapse.webhooks import delivering, events, kinds
from synapse.webhooks.kinds import NEEDS, Kind
from synapse.webhooks.models import WebhookDelivery, WebhookEvent
from synapse.webhooks.tests.factories import make_endpoint
from synapse.webhooks.tests.receiver import receiving

pytestmark = pytest.mark.django_db
CANARY = "Zebulon-Canary"


@pytest.fixture
def told(omar):
    """An endpoint that wants every kind; return what was noted since, as kinds and objects."""
    make_endpoint(omar, *(Kind(kind) for kind in NEEDS))

    def since():
        rows = [(event.kind, event.object_id) for event in WebhookEvent.objects.order_by("created_at")]
        WebhookEvent.objects.all().delete()
        return rows

    return since


def test_a_completed_session_is_told_once(told, asha):
    session = make_session(asha, status="completed")

    assert told() == [(Kind.SESSION_COMPLETED, session.pk)]
    with pytest.raises(InvalidTransition):
        sessions.complete_session(session, by=asha, at=session.ended_at)
    assert told() == []


@pytest.mark.parametrize("status", ["paused", "cancelled", "error"])
def test_a_session_that_is_not_completed_is_not_told(told, asha, status):
    make_session(asha, status=status)

    assert told() == []


def test_a_transcript_is_told_when_it_has_words(told, asha):
    session = make_session(asha, status="completed")
    told()

    make_transcription(session, status="no_speech").delete()
    make_transcription(session, status="failed").delete()
    assert told() == []
    ready = make_transcription(session)
    assert told() == [(Kind.TRANSCRIPTION_READY, ready.pk)]


def test_a_signed_report_is_told(told, asha):
    report = make_report(asha, status="signed")

    assert [row for row in told() if row[0].startswith("report")] == [(Kind.REPORT_SIGNED, report.pk)]


def test_a_visit_is_told_when_booked_moved_and_cancelled(told, asha, now):
    visit = make_appointment(asha)
    appointments.confirm_appointment(visit, by=asha, at=now)
    assert told() == [(Kind.APPOINTMENT_BOOKED, visit.pk)]

    later = visit.scheduled_at + timedelta(days=2)
    moved = appointments.reschedule_appointment(visit, scheduled_at=later, reason="", by=asha, at=now)
    assert told() == [(Kind.APPOINTMENT_MOVED, visit.pk)]

    appointments.cancel_appointment(moved, reason="Ill", by=asha, at=now)
    assert told() == [(Kind.APPOINTMENT_CANCELLED, moved.pk)]

    again = undoing.undo_change(moved, by=asha, at=now)
    assert told() == [(Kind.APPOINTMENT_BOOKED, again.pk)]


def test_a_visit_given_to_another_doctor_is_booked_for_her(told, asha, ben, rita, now):
    visit = make_appointment(asha)
    told()

    moved = appointments.reschedule_appointment(
        visit, scheduled_at=visit.scheduled_at, doctor=ben, reason="", by=rita, at=now
    )

    assert sorted(told()) == sorted([(Kind.APPOINTMENT_MOVED, visit.pk), (Kind.APPOINTMENT_BOOKED, moved.pk)])


def test_a_patients_answer_by_link_is_told(told, asha, now):
    visit = make_appointment(asha, scheduled_at=now + timedelta(days=5))
    token, token_hash = new_token()
    AppointmentLink.objects.create(appointment=visit, token_hash=token_hash, expires_at=visit.scheduled_at)
    told()

    answers.cancel(answers.find_link(token, answered=None, at=now), text="", at=now)

    assert told() == [(Kind.APPOINTMENT_CANCELLED, visit.pk)]


def test_each_visit_of_a_series_is_told(told, asha):
    row = book_series(asha)

    assert {kind for kind, _ in told()} == {Kind.APPOINTMENT_BOOKED}
    series_extension.extend_series(row, count=2, by=asha, at=AT)
    assert len(told()) == 2


def test_an_accepted_offer_is_told_as_booked_or_moved(told, asha, rita):
    _, token = offer(free_a_slot(asha), wait(asha), rita)
    told()
    visit = offers.accept_offer(token, at=NOW)
    assert told() == [(Kind.APPOINTMENT_BOOKED, visit.pk)]

    later = make_appointment(
        asha, patient=make_patient(asha, at=NOW, email="k@example.org"), scheduled_at=NOW + timedelta(days=9), at=NOW
    )
    entry = wait(asha, patient=later.patient, current_appointment=later)
    _, token = offer(free_a_slot(asha, scheduled_at=NOW + timedelta(days=2)), entry, asha)
    told()
    offers.accept_offer(token, at=NOW)
    assert told() == [(Kind.APPOINTMENT_MOVED, later.pk)]


def test_what_is_taken_in_from_another_system_is_told_nobody(told, asha):
    with quietly():
        make_appointment(asha)

    assert told() == []


def test_a_bill_is_told_when_it_is_issued_and_each_time_it_is_settled(told, asha, now):
    bill = make_bill(asha, at=now)
    told()

    issuing.issue_bill(bill, by=asha, at=now)
    issuing.send_bill(bill, by=asha, at=now)
    assert told() == [(Kind.BILL_ISSUED, bill.pk)]

    payments.record_payment(bill, amount=bill.total_amount / 4, method="cash", by=asha, at=now)
    assert told() == []
    payments.record_payment(bill, amount=bill.total_amount * 3 / 4, method="cash", by=asha, at=now)
    assert told() == [(Kind.BILL_PAID, bill.pk)]


def test_a_payment_sent_twice_is_told_once(told, asha, now):
    bill = make_bill(asha, at=now)
    told()

    for _ in range(2):
        payments.record_payment(bill, amount=bill.total_amount, method="cash", by=asha, at=now, key=asha.pk)

    assert told() == [(Kind.BILL_ISSUED, bill.pk), (Kind.BILL_PAID, bill.pk)]


def test_a_cancelled_bill_is_not_told_as_paid(told, asha, now):
    bill = make_bill(asha, at=now, status=Bill.Status.SENT)
    told()

    corrections.cancel_bill(bill, reason="Made twice", by=asha, at=now)

    assert told() == []


def test_what_is_rolled_back_is_not_told(told, asha):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        make_appointment(asha)
        raise ZeroDivisionError

    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_arrive_once_each(asha, omar, now, settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]
    patients = [make_patient(asha) for _ in range(20)]
    barrier = threading.Barrier(len(patients))

    def book(number, patient):
        barrier.wait(30)
        try:
            make_appointment(asha, patient=patient, scheduled_at=now + timedelta(days=1, hours=number))
        finally:
            connection.close()

    with receiving() as receiver:
        make_endpoint(omar, Kind.APPOINTMENT_BOOKED, url=receiver.url)
        threads = [threading.Thread(target=book, args=pair) for pair in enumerate(patients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        delivering.send_all_due(now + timedelta(seconds=30))

    told = [request.headers["webhook-id"] for request in receiver.requests]
    assert sorted(told) == sorted(str(pk) for pk in WebhookEvent.objects.values_list("pk", flat=True))
    assert len(told) == 20
    assert set(WebhookDelivery.objects.values_list("status", "attempts")) == {("delivered", 1)}


@pytest.fixture
def objects(asha):
    """One object of every kind, of asha's patient."""
    report = make_report(asha, status="signed")
    visit, bill = make_appointment(asha), make_bill(asha)
    return {
        "session": report.session_id,
        "transcription": report.transcription_id,
        "report": report.pk,
        "appointment": visit.pk,
        "bill": bill.pk,
    }


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("asha", {"session", "transcription", "report", "appointment", "bill"}),
        ("ben", set()),
        ("rita", {"appointment", "bill"}),
        ("omar", {"session", "report", "appointment", "bill"}),
    ],
)
def test_everybody_is_told_what_they_see_by_their_role(request, objects, name, seen):
    user = request.getfixturevalue(name)
    told = {kind for kind in NEEDS if kinds.is_visible(kind, objects[kinds.object_type_of(kind)], user)}

    assert told == {kind for kind in NEEDS if kinds.object_type_of(kind) in seen}
    user.is_active = False
    assert not any(kinds.is_visible(kind, objects[kinds.object_type_of(kind)], user) for kind in NEEDS)


def test_a_role_taken_away_counts_at_the_next_sending(asha, now, settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]
    with receiving() as receiver:
        make_endpoint(asha, Kind.REPORT_SIGNED, url=receiver.url)
        make_report(asha, status="signed")
        event = WebhookEvent.objects.get(kind=Kind.REPORT_SIGNED)
        events.fan_out(event.pk, at=now)
        asha.role = "receptionist"
        asha.save()
        Job.objects.filter(kind=events.FAN_OUT).delete()
        run_jobs()

    assert receiver.requests == []
    assert WebhookDelivery.objects.get().last_error_code == "not_visible"


def run_jobs():
    while (job := Job.objects.filter(state="queued", kind__startswith="synapse.webhooks").first()) is not None:
        jobs.run_job(str(job.pk))


def test_no_name_or_number_leaves_the_clinic_or_gets_into_rows_and_logs(asha, omar, settings, caplog):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]
    caplog.set_level(logging.DEBUG)
    at = datetime.now(UTC)
    with receiving() as receiver:
        make_endpoint(omar, *(Kind(kind) for kind in NEEDS), url=f"{receiver.url}?key={CANARY}", description=CANARY)
        patient = make_patient(asha, first_name=CANARY, last_name=CANARY)
        visit = make_appointment(asha, patient=patient, chief_complaint=CANARY)
        appointments.cancel_appointment(visit, reason=CANARY, by=asha, at=at)
        bill = make_bill(asha, patient=patient, at=at)
        issuing.issue_bill(bill, by=asha, at=at)
        run_jobs()

    told = [json.loads(request.body) for request in receiver.requests]
    assert {each["kind"] for each in told} == {
        "appointment.booked",
        "appointment.cancelled",
        "bill.issued",
        "session.completed",
    }
    assert {tuple(sorted(each)) for each in told} == {("api_version", "id", "kind", "object", "occurred_at")}
    sent = b"".join(request.body for request in receiver.requests).decode() + str(
        [r.headers for r in receiver.requests]
    )
    forbidden = (CANARY, patient.patient_id, str(patient.pk), bill.bill_number, bill.session.session_id)
    rows = str([list(model.objects.values()) for model in (WebhookEvent, WebhookDelivery, Job)])
    for word in forbidden:
        assert word not in sent
        assert word not in rows
        assert word not in caplog.text
