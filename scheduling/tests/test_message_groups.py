"""One message for many visits of a series."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core import mail

from patients.tests.factories import make_patient
from scheduling.models import AppointmentMessage
from scheduling.series.queries import list_visits
from scheduling.series.recurrence import Frequency, Rule
from scheduling.services import appointments, sending, series, series_cancelling, series_changes, series_extension
from scheduling.services.series import SeriesWish
from scheduling.services.series_cancelling import Scope
from scheduling.services.series_changes import SeriesChange
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings

pytestmark = pytest.mark.django_db
# A Monday, 14:30 at the clinic (Asia/Kolkata).
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def kavya(asha):
    clinic = ClinicSettings.load()
    clinic.name = "Bodhi Practice"
    clinic.save()
    return make_patient(doctor=asha, email="kavya@example.org", phone_primary="+919822012345")


def weekly_wish(doctor, patient):
    return SeriesWish(
        patient=patient,
        doctor=doctor,
        rule=Rule(Frequency.WEEKLY, weekdays=(0,), times=8),
        first_day=date(2026, 3, 9),
        clock=time(10),
        duration_minutes=50,
        appointment_type="followup",
    )


@pytest.fixture
def weekly(asha, kavya):
    return series.create_series(weekly_wish(asha, kavya), by=asha, at=NOW)


def run(at):
    return sending.send_due(at)


def announced(kind, **wanted):
    return AppointmentMessage.objects.filter(kind=kind, **wanted).count()


@pytest.mark.parametrize("is_told_before", [True, False])
def test_a_visit_that_becomes_the_first_of_a_series_leaves_the_others_to_be_told(asha, kavya, is_told_before):
    day = datetime(2026, 3, 9, 4, 30, tzinfo=UTC)  # 10:00 at the clinic
    visit = make_appointment(asha, patient=kavya, scheduled_at=day, at=NOW)
    if is_told_before:
        run(NOW + timedelta(minutes=3))

    later = NOW + timedelta(minutes=4 if is_told_before else 1)
    series.create_series(replace(weekly_wish(asha, kavya), first_visit=visit), by=asha, at=later)
    run(later + timedelta(minutes=3))

    counts = [message.attachments[0][1].count("BEGIN:VEVENT") for message in mail.outbox]
    assert counts == ([1, 7] if is_told_before else [8])


def test_a_series_is_booked_with_one_message_and_reminds_of_every_visit(weekly, kavya):
    run(NOW + timedelta(minutes=3))

    (message,) = mail.outbox
    assert "your appointments at Bodhi Practice are booked" in message.body
    assert "Monday 9 March 2026, 10:00 am" in message.body
    assert "and 2 more" in message.body
    assert message.attachments[0][1].count("BEGIN:VEVENT") == 8
    reminders = AppointmentMessage.objects.filter(kind="reminder", hours_before=24)
    assert reminders.values("appointment").distinct().count() == 8


def test_a_series_carried_on_is_no_news(weekly, asha):
    run(NOW + timedelta(minutes=3))

    series_extension.extend_series(weekly, count=4, by=asha, at=NOW + timedelta(days=1))
    run(NOW + timedelta(days=1, minutes=3))

    assert len(mail.outbox) == 1
    assert announced("reminder", hours_before=24, appointment__series=weekly) == 12


def test_a_series_moved_and_cancelled_is_told_in_one_message_each(weekly, asha):
    run(NOW + timedelta(minutes=3))
    first = list_visits(weekly).first()
    at = NOW + timedelta(hours=1)

    moved = series_changes.change_series(first, SeriesChange(clock=time(11)), scope=Scope.ALL, by=asha, at=at)
    run(at + timedelta(minutes=3))

    body = mail.outbox[1].body
    assert "were moved" in body
    assert "Monday 9 March 2026, 11:00 am" in body
    assert "and 2 more" in body
    (row,) = AppointmentMessage.objects.filter(kind="moved")
    assert row.appointment == list_visits(moved).first()

    series_cancelling.cancel_visits(
        list_visits(moved).first(), scope=Scope.ALL, reason="Trip", by=asha, at=at + timedelta(hours=1)
    )
    run(at + timedelta(hours=2))

    assert len(mail.outbox) == 3
    assert "these appointments at Bodhi Practice are cancelled" in mail.outbox[2].body
    assert "and 2 more" in mail.outbox[2].body
    assert "Trip" not in mail.outbox[2].body
    run(NOW + timedelta(days=90))
    assert len(mail.outbox) == 3


def test_a_series_cancelled_at_once_was_never_told(weekly, asha):
    visit = list_visits(weekly).first()

    series_cancelling.cancel_visits(visit, scope=Scope.ALL, reason="Slip", by=asha, at=NOW + timedelta(seconds=30))
    run(NOW + timedelta(hours=1))

    assert mail.outbox == []


def test_the_first_visit_cancelled_at_once_leaves_the_news_of_the_others(weekly, asha):
    visit = list_visits(weekly).first()
    appointments.cancel_appointment(visit, reason="Holiday", by=asha, at=NOW + timedelta(seconds=30))

    run(NOW + timedelta(minutes=5))

    (message,) = mail.outbox
    assert "9 March" not in message.body
    assert "Monday 16 March 2026, 10:00 am" in message.body
    assert "and 1 more" in message.body
