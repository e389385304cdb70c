"""Never twice: two workers, a worker that dies, a provider that is busy, a clock that jumps."""

import threading
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.core import mail
from django.db import connections

from patients.tests.factories import make_patient
from scheduling.models import AppointmentLink, AppointmentMessage
from scheduling.services import appointments, messages, sending
from scheduling.tests.factories import make_appointment
from synapse.audit.models import AuditEvent
from synapse.notifications import outbox
from synapse.notifications.outgoing import NotSent, PerhapsSent

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + messages.SETTLING


@pytest.fixture
def visit(asha):
    patient = make_patient(doctor=asha, email="kavya@example.org")
    return make_appointment(asha, patient=patient, scheduled_at=NOW + timedelta(days=10), at=NOW)


def booked(visit):
    return visit.messages.get(kind="booked")


class Post:
    """What stands in for the outside: fails as told, and keeps what it was given."""

    def __init__(self, *outcomes):
        self.outcomes, self.given = list(outcomes), []

    def __call__(self, channel, message):
        self.given.append(message)
        outcome = self.outcomes.pop(0) if self.outcomes else "ref-1"
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_message_once(visit, monkeypatch):
    together, at_the_door = Barrier(2), Barrier(2)
    post = Post()
    real_claim = sending.claim

    def claim_together(pk, *, at):
        at_the_door.wait(timeout=20)
        return real_claim(pk, at=at)

    monkeypatch.setattr(sending, "claim", claim_together)
    monkeypatch.setattr(outbox, "send", post)
    pk, sent, errors = booked(visit).pk, [], []

    def work():
        try:
            together.wait(timeout=20)
            sent.append(sending.send_one(pk, at=LATER))
        except Exception as error:  # noqa: BLE001 -- shown by the assertion
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert errors == []
    assert sorted(sent) == [False, True]
    assert len(post.given) == 1
    assert booked(visit).attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_between_sending_and_writing_it_down_is_not_repeated(visit, monkeypatch):
    class Killed(BaseException):
        """SIGKILL, as far as this process can play it."""

    def die(*_arguments, **_fields):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "settle", die)
        with pytest.raises(Killed):
            sending.send_due(LATER)
    assert (len(mail.outbox), booked(visit).status) == (1, "sending")

    sending.send_due(LATER + timedelta(minutes=1))
    assert booked(visit).status == "sending"
    sending.send_due(LATER + outbox.LEASE + timedelta(seconds=1))
    sending.send_due(LATER + timedelta(days=1))

    row = booked(visit)
    assert (row.status, row.error_code, len(mail.outbox)) == ("unknown", "interrupted", 1)


@pytest.mark.django_db
def test_a_worker_that_comes_back_after_its_lease_changes_nothing(visit, monkeypatch):
    def take_too_long(channel, message):
        sending.settle_interrupted(LATER + timedelta(hours=1))
        return "ref-1"

    monkeypatch.setattr(outbox, "send", take_too_long)
    sending.send_due(LATER)

    assert booked(visit).status == "unknown"


@pytest.mark.django_db
def test_what_is_proven_not_sent_is_tried_again_with_a_new_link_and_the_same_key(visit, monkeypatch):
    post = Post(NotSent("http_503", may_retry=True), NotSent("http_503", may_retry=True))
    monkeypatch.setattr(outbox, "send", post)

    waits = []
    at = LATER
    for _ in range(3):
        sending.send_due(at)
        waits.append(booked(visit).due_at - at)
        at = max(at, booked(visit).due_at)

    assert waits[:2] == [timedelta(minutes=1), timedelta(minutes=2)]
    row = booked(visit)
    assert (row.status, row.attempts, row.error_code, row.provider_reference) == ("sent", 3, "", "ref-1")
    assert len({message.key for message in post.given}) == 1
    assert len({message.text for message in post.given}) == 3
    assert AppointmentLink.objects.filter(message=row).count() == 1


@pytest.mark.django_db
def test_after_five_tries_and_after_a_plain_no_it_failed(visit, monkeypatch):
    monkeypatch.setattr(outbox, "send", Post(*[NotSent("connect_timeout", may_retry=True)] * 9))
    at = LATER
    for _ in range(7):
        sending.send_due(at)
        at += timedelta(minutes=20)
    row = booked(visit)
    assert (row.status, row.attempts, row.error_code) == ("failed", outbox.MOST_ATTEMPTS, "connect_timeout")

    again = messages.send_again(row, by=visit.doctor, at=at)
    monkeypatch.setattr(outbox, "send", Post(NotSent("http_400", may_retry=False)))
    sending.send_due(at)
    again.refresh_from_db()
    assert (again.status, again.attempts) == ("failed", 1)


@pytest.mark.django_db
def test_what_may_have_been_sent_is_shown_and_left(visit, monkeypatch):
    monkeypatch.setattr(outbox, "send", Post(PerhapsSent("TimeoutError")))

    sending.send_due(LATER)
    sending.send_due(LATER + timedelta(hours=1))

    assert (booked(visit).status, booked(visit).error_code) == ("unknown", "TimeoutError")


@pytest.mark.django_db
def test_a_clock_that_jumps_sends_nothing_a_second_time(visit):
    reminder_at = visit.scheduled_at - timedelta(hours=24)
    for at in (
        LATER,
        reminder_at,
        reminder_at - timedelta(hours=1),
        reminder_at + timedelta(days=1),
        reminder_at,
        reminder_at - timedelta(days=1),
    ):
        sending.send_due(at)
        messages.plan_missing_reminders(at)
    sent = AppointmentMessage.objects.filter(status="sent")

    assert sorted(row.hours_before or 0 for row in sent) == [0, 24]
    assert len(mail.outbox) == 2


@pytest.mark.django_db
def test_a_night_that_the_worker_slept_until_is_kept_quiet(visit):
    night = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)  # 23:30 at the clinic

    sending.send_due(night)

    assert booked(visit).due_at == datetime(2026, 3, 3, 2, 30, tzinfo=UTC)
    assert mail.outbox == []


@pytest.mark.django_db
def test_one_message_that_cannot_be_written_does_not_hold_up_the_others(asha, visit, monkeypatch):
    other_patient = make_patient(doctor=asha, email="tomas@example.org")
    other = make_appointment(asha, patient=other_patient, scheduled_at=NOW + timedelta(days=11), at=NOW)
    real = sending.compose

    def compose(message, **fields):
        if message.appointment_id == visit.pk:
            raise ValueError
        return real(message, **fields)

    monkeypatch.setattr(sending, "compose", compose)
    sending.send_due(LATER)

    assert (booked(visit).status, booked(visit).error_code) == ("failed", "not_written")
    assert booked(other).status == "sent"


@pytest.mark.django_db
def test_a_visit_cancelled_after_its_message_was_planned_gets_none(visit):
    row = booked(visit)
    appointments.cancel_appointment(visit, reason="Slip", by=visit.doctor, at=LATER)

    assert not sending.send_one(row.pk, at=LATER)
    assert mail.outbox == []


@pytest.mark.django_db
def test_the_trail_names_the_message_and_neither_address_nor_text(visit):
    sending.send_due(LATER)

    event = AuditEvent.objects.filter(target_type="scheduling.AppointmentMessage").get()
    assert (event.action, event.patient_id, event.detail["state"]) == ("share", visit.patient_id, "sent")
    assert "kavya" not in str(event.detail)
