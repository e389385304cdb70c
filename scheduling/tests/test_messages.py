"""What is planned of messages, what is dropped, and what goes out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core import mail

from patients.contact.reaching import CannotSend
from patients.tests.factories import make_patient
from scheduling.messages.queries import list_messages, message_states
from scheduling.models import AppointmentMessage
from scheduling.services import appointments, messages, sending, undoing
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings

pytestmark = pytest.mark.django_db
# A Monday, 14:30 at the clinic (Asia/Kolkata).
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def clinic():
    clinic = ClinicSettings.load()
    clinic.name, clinic.phone, clinic.message_channels = "Bodhi Practice", "+91 20 2640 1000", "email"
    clinic.save()
    return clinic


@pytest.fixture
def kavya(asha):
    return make_patient(doctor=asha, email="kavya@example.org", phone_primary="+919822012345")


def book(doctor, patient, *, days=10, at=NOW, **fields):
    return make_appointment(doctor, patient=patient, scheduled_at=NOW + timedelta(days=days), at=at, **fields)


def planned(visit, *, status="due"):
    rows = visit.messages.filter(status=status).order_by("due_at")
    return [(row.kind, row.hours_before, row.due_at) for row in rows]


def kinds(visit, status="due"):
    return [kind for kind, _, _ in planned(visit, status=status)]


def run(at):
    return sending.send_due(at)


def test_a_booking_plans_its_confirmation_and_the_clinics_reminders(asha, kavya, clinic):
    visit = book(asha, kavya)

    assert planned(visit) == [
        ("booked", None, NOW + messages.SETTLING),
        ("reminder", 72, visit.scheduled_at - timedelta(hours=72)),
        ("reminder", 24, visit.scheduled_at - timedelta(hours=24)),
        ("reminder", 2, visit.scheduled_at - timedelta(hours=2)),
    ]


def test_a_visit_of_tomorrow_gets_only_the_reminders_that_still_make_sense(asha, kavya, clinic):
    visit = make_appointment(asha, patient=kavya, scheduled_at=NOW + timedelta(hours=25), at=NOW)

    assert [(kind, hours) for kind, hours, _ in planned(visit)] == [("booked", None), ("reminder", 2)]


def test_who_came_without_a_visit_and_is_sent_on_to_another_day_is_told_and_reminded(asha, kavya, clinic):
    visit = book(asha, kavya, days=0, is_walk_in=True)

    moved = appointments.reschedule_appointment(
        visit, scheduled_at=NOW + timedelta(days=10), reason="Full today", by=asha, at=NOW
    )

    assert kinds(visit) == []
    assert kinds(moved) == ["moved", "reminder", "reminder", "reminder"]


def test_walk_ins_and_past_visits_are_told_nobody(asha, kavya, clinic):
    begun = make_appointment(asha, patient=kavya, scheduled_at=NOW - timedelta(minutes=5), at=NOW)
    walk_in = make_appointment(asha, scheduled_at=NOW + timedelta(hours=1), at=NOW, is_walk_in=True)

    assert planned(begun) == planned(walk_in) == []


def test_quiet_hours_put_a_reminder_off_or_forward(asha, kavya, clinic):
    # 09:30 at the clinic: the reminder of 07:30 waits until 08:00.
    later = make_appointment(asha, patient=kavya, scheduled_at=datetime(2026, 3, 10, 4, 0, tzinfo=UTC), at=NOW)
    # 08:15 at the clinic: 08:00 would be too late, so it goes at 20:45 the evening before.
    early = make_appointment(asha, scheduled_at=datetime(2026, 3, 11, 2, 45, tzinfo=UTC), at=NOW)

    assert planned(later)[-1] == ("reminder", 2, datetime(2026, 3, 10, 2, 30, tzinfo=UTC))
    assert planned(early)[-1] == ("reminder", 2, datetime(2026, 3, 10, 15, 15, tzinfo=UTC))


def test_a_confirmation_at_night_waits_unless_the_visit_is_at_dawn(asha, kavya, clinic):
    night = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 22:30
    calm = make_appointment(asha, patient=kavya, scheduled_at=night + timedelta(days=2), at=night)
    dawn = make_appointment(asha, scheduled_at=datetime(2026, 3, 3, 2, 0, tzinfo=UTC), at=night)

    assert planned(calm)[0][2] == datetime(2026, 3, 3, 2, 30, tzinfo=UTC)
    assert planned(dawn)[0][2] == night + messages.SETTLING


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Europe/Berlin", "2026-03-28T10:00", "2026-03-29T10:00"),
        ("America/New_York", "2026-11-01T10:00", "2026-11-02T10:00"),
        ("Australia/Sydney", "2026-10-03T10:00", "2026-10-04T10:00"),
    ],
)
def test_one_reminder_each_over_a_change_of_the_clock(asha, kavya, clinic, zone, before, after):
    from zoneinfo import ZoneInfo

    clinic.timezone = zone
    clinic.save()
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    booked_at = start - timedelta(days=5)
    visit = make_appointment(asha, patient=kavya, scheduled_at=start, at=booked_at)

    moment = booked_at
    while moment < start:
        run(moment)
        moment += timedelta(minutes=30)
    sent = visit.messages.filter(kind="reminder", status="sent")

    assert sorted(sent.values_list("hours_before", flat=True)) == [2, 24, 72]
    assert len(mail.outbox) == 4


def test_what_is_undone_within_a_minute_is_never_told(asha, kavya, clinic):
    visit = book(asha, kavya)
    appointments.cancel_appointment(visit, reason="Wrong patient", by=asha, at=NOW + timedelta(seconds=20))

    run(NOW + timedelta(minutes=5))

    assert mail.outbox == []
    assert set(kinds(visit, "skipped")) == {"booked", "reminder"}


def test_a_move_drops_the_old_reminders_and_tells_the_new_time(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    at = NOW + timedelta(minutes=10)
    moved = appointments.reschedule_appointment(
        visit, scheduled_at=visit.scheduled_at + timedelta(days=1), reason="", by=asha, at=at
    )

    run(at + timedelta(minutes=3))

    assert kinds(visit) == []
    assert kinds(moved) == ["reminder"] * 3
    assert [message.subject for message in mail.outbox] == [
        "Your appointment on Thursday 12 March",
        "Your appointment has a new time: Friday 13 March",
    ]


def test_a_move_that_is_taken_back_at_once_is_not_told(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    at = NOW + timedelta(minutes=10)
    start = visit.scheduled_at
    moved = appointments.reschedule_appointment(
        visit, scheduled_at=start + timedelta(days=1), reason="", by=asha, at=at
    )
    back = appointments.reschedule_appointment(moved, scheduled_at=start, reason="", by=asha, at=at)

    run(at + timedelta(minutes=3))

    assert len(mail.outbox) == 1
    assert kinds(back) == ["reminder"] * 3


def test_a_cancellation_that_is_undone_in_time_is_not_told(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    at = NOW + timedelta(minutes=10)
    appointments.cancel_appointment(visit, reason="Slip", by=asha, at=at)
    again = undoing.undo_change(visit, by=asha, at=at + timedelta(seconds=20))

    run(at + timedelta(minutes=3))

    assert len(mail.outbox) == 1
    assert kinds(again) == ["reminder"] * 3


def test_a_cancellation_undone_after_it_was_told_is_news(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    at = NOW + timedelta(minutes=10)
    appointments.cancel_appointment(visit, reason="Slip", by=asha, at=at)
    run(at + timedelta(minutes=3))
    undoing.undo_change(visit, by=asha, at=at + timedelta(minutes=4))

    run(at + timedelta(minutes=7))

    subjects = [message.subject for message in mail.outbox]
    assert subjects[1:] == [
        "Your appointment on Thursday 12 March is cancelled",
        "Your appointment on Thursday 12 March",
    ]


def test_a_cancelled_visit_is_told_once_and_carries_no_link(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    appointments.cancel_appointment(visit, reason="Doctor is ill", by=asha, at=NOW + timedelta(hours=1))

    run(NOW + timedelta(hours=2))
    run(NOW + timedelta(hours=3))

    booked, cancelled = mail.outbox
    assert cancelled.subject == "Your appointment on Thursday 12 March is cancelled"
    assert "/visit/" in booked.body
    assert "/visit/" not in cancelled.body
    assert "ill" not in cancelled.body.replace("will", "")


def test_who_wants_no_messages_gets_none_also_when_that_comes_later(asha, rita, kavya, clinic):
    visit = book(asha, kavya)
    messages.set_preference(kavya, channel="none", by=rita, at=NOW)
    other = book(asha, kavya, days=12)

    assert run(NOW + timedelta(days=11)) == 0
    assert planned(other) == []
    assert kinds(visit) == []
    assert set(visit.messages.values_list("skip_reason", flat=True)) == {"opted_out"}


def test_who_wants_messages_again_is_reminded_of_visits_booked_before(asha, rita, kavya, clinic):
    visit = book(asha, kavya, days=2)
    messages.set_preference(kavya, channel="none", by=rita, at=NOW)
    messages.plan_missing_reminders(NOW + timedelta(minutes=10))
    assert kinds(visit) == []
    messages.set_preference(kavya, channel="email", by=rita, at=NOW + timedelta(hours=1))

    messages.plan_missing_reminders(NOW + timedelta(hours=1))
    messages.plan_missing_reminders(NOW + timedelta(hours=1))

    assert kinds(visit) == ["reminder", "reminder"]


def test_a_doctor_sees_what_was_told_of_the_own_visits_only(asha, ben, rita, kavya, clinic):
    mine, theirs = book(asha, kavya), book(ben, kavya, days=12)

    def seen_by(user):
        return {row.appointment for row in list_messages(user, kavya)}

    assert (seen_by(asha), seen_by(ben), seen_by(rita)) == ({mine}, {theirs}, {mine, theirs})


def test_what_is_shown_of_many_visits_is_one_query(asha, kavya, clinic, django_assert_num_queries):
    visits = [book(asha, kavya, days=days) for days in (3, 4, 5)]
    run(NOW + timedelta(minutes=3))

    with django_assert_num_queries(1):
        states = message_states(visits)

    assert {states[visit.pk].word for visit in visits} == {"Booked: sent"}


def test_the_wish_of_the_patient_goes_before_the_clinics_and_what_is_missing_is_said(asha, rita, kavya, clinic):
    messages.set_preference(kavya, channel="both", by=rita, at=NOW)
    kavya.email = ""
    kavya.save()
    visit = book(asha, kavya)

    run(NOW + timedelta(minutes=3))

    states = dict(visit.messages.filter(kind="booked").values_list("channel", "status"))
    assert states == {"email": "skipped", "sms": "sent"}
    assert visit.messages.get(kind="booked", channel="email").skip_reason == "no_address"
    row = visit.messages.get(kind="booked", channel="sms")
    text = (Path(django_settings.DATA_DIR) / "sms" / f"{row.pk}.txt").read_text()
    assert text.startswith("+919822012345\n\nBodhi Practice: appointment booked for Thursday 12 March, 2:30 pm.")


def test_sms_is_not_planned_where_it_is_not_offered(asha, rita, kavya, clinic, settings):
    settings.SMS_BACKEND = ""
    messages.set_preference(kavya, channel="both", by=rita, at=NOW)

    assert {row.channel for row in book(asha, kavya).messages.all()} == {"email"}


def test_a_confirmed_visit_gets_only_the_reminders_of_its_last_day_and_is_asked_nothing(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    appointments.confirm_appointment(visit, by=asha, at=NOW + timedelta(hours=1))

    run(visit.scheduled_at - timedelta(hours=72))
    run(visit.scheduled_at - timedelta(hours=24))

    assert visit.messages.get(hours_before=72).skip_reason == "confirmed"
    asked, plain = mail.outbox
    assert asked.from_email == "Bodhi Practice <noreply@localhost>"
    assert "whether you will come" in asked.body
    assert "whether you will come" not in plain.body
    assert "/visit/" in plain.body
    visit.refresh_from_db()
    assert (visit.reminder_sent, visit.reminder_at) == (True, visit.scheduled_at - timedelta(hours=24))


def test_a_worker_that_was_away_sends_the_nearest_reminder_only(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))

    run(visit.scheduled_at - timedelta(hours=20))

    assert visit.messages.get(hours_before=72).skip_reason == "too_late"
    assert visit.messages.get(hours_before=24).status == "sent"


def test_other_times_of_the_clinic_hold_for_visits_booked_before(asha, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    clinic.reminder_hours = [48]
    clinic.save()

    messages.plan_missing_reminders(visit.scheduled_at - timedelta(hours=73))
    messages.plan_missing_reminders(visit.scheduled_at - timedelta(hours=72))
    run(visit.scheduled_at - timedelta(hours=72))
    run(visit.scheduled_at - timedelta(hours=48))

    assert visit.messages.get(hours_before=72).skip_reason == "not_wanted"
    assert visit.messages.get(hours_before=48).status == "sent"


def test_looking_for_missing_reminders_costs_the_same_for_many_visits(asha, kavya, clinic, django_assert_num_queries):
    for number in range(12):
        make_appointment(asha, scheduled_at=NOW + timedelta(days=2, hours=number), at=NOW)
    AppointmentMessage.objects.filter(kind="reminder").delete()

    with django_assert_num_queries(10):
        planned = messages.plan_missing_reminders(NOW)

    assert planned == 24


def test_a_reminder_by_hand_goes_out_at_once_and_not_twice(asha, rita, kavya, clinic):
    visit = book(asha, kavya)
    run(NOW + timedelta(minutes=3))
    night = NOW + timedelta(hours=10)
    (row,) = messages.send_reminder(visit, by=rita, at=night)
    with pytest.raises(messages.Conflict):
        messages.send_reminder(visit, by=rita, at=night)

    run(night)

    row.refresh_from_db()
    assert (row.status, row.requested_by, row.again) == ("sent", rita, 1)
    again = messages.send_again(row, by=rita, at=night + timedelta(hours=1))
    assert again.again == 2
    assert message_states([visit])[visit.pk].word == "Reminder: sent"


def test_why_no_reminder_can_go_is_said(asha, rita, clinic):
    nobody = make_patient(doctor=asha, email="", phone_primary="+919822012345")
    visit = book(asha, nobody)

    with pytest.raises(CannotSend, match="no e-mail address"):
        messages.send_reminder(visit, by=rita, at=NOW)
    messages.set_preference(nobody, channel="none", by=rita, at=NOW)
    with pytest.raises(CannotSend, match="wants no messages"):
        messages.send_reminder(visit, by=rita, at=NOW)


def test_a_confirmation_has_a_calendar_file_without_a_clinical_word(asha, kavya, clinic):
    book(asha, kavya, appointment_type="emergency", chief_complaint="Panic attacks")

    run(NOW + timedelta(minutes=3))

    ((name, content, kind),) = mail.outbox[0].attachments
    assert (name, kind.split(";")[0]) == ("appointment.ics", "text/calendar")
    text = content if isinstance(content, str) else content.decode()
    assert "Panic" not in text
    assert "mergency" not in text
    assert "Kavya" not in text
    assert "SUMMARY:Bodhi Practice" in text
