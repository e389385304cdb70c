"""The home page of each role."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Bill
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from reports.tests.factories import make_report
from scheduling.models import WorkingHours
from scheduling.services import stages
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from sessions_app.tests.factories import make_session, make_transcription
from synapse.audit.models import AuditEvent
from synapse.dashboard.day import read_day

KOLKATA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 3, 4, 6, 30, tzinfo=UTC)  # Wednesday, 12:00 at the clinic
HOME = "/"


def day_of(doctor, now=NOON):
    return read_day(doctor, zone=KOLKATA, now=now)


def visit_at(doctor, hours, **fields):
    return make_appointment(doctor, scheduled_at=NOON + timedelta(hours=hours), **fields)


def test_the_agenda_is_today_in_the_doctors_zone(asha):
    early = make_appointment(asha, scheduled_at=datetime(2026, 3, 3, 19, 0, tzinfo=UTC))  # 0:30 on Wednesday
    make_appointment(asha, scheduled_at=datetime(2026, 3, 3, 16, 0, tzinfo=UTC))  # Tuesday evening
    make_appointment(asha, scheduled_at=datetime(2026, 3, 4, 19, 0, tzinfo=UTC))  # 0:30 on Thursday

    assert [item.visit for item in day_of(asha).agenda] == [early]


def test_the_next_visit_is_the_first_that_is_not_over(asha):
    visit_at(asha, -3, status="completed")
    visit_at(asha, -2)
    running = visit_at(asha, -0.5)
    visit_at(asha, 2)

    assert day_of(asha).brief.visit == running


def test_colleagues_visits_are_not_in_the_day(asha, ben):
    visit_at(ben, 1)

    day = day_of(asha)

    assert day.agenda == []
    assert day.brief is None


def test_the_last_signed_plan_is_on_the_card_of_the_next_visit(asha, now):
    report = make_report(asha, status="signed")
    make_appointment(asha, patient=report.session.patient, scheduled_at=now + timedelta(minutes=1))

    brief = day_of(asha, now).brief

    assert brief.session_count == 1
    assert brief.last_session == report.session
    assert any("sertraline" in line.text.lower() or "3 weeks" in line.text for line in brief.plan)


def test_drafts_wait_with_their_unsupported_lines_counted(asha, now):
    make_report(asha, with_unsupported=True)

    [entry] = day_of(asha, now).to_sign

    assert entry.unsupported >= 1


def test_the_median_wait_is_from_the_sessions_end_to_the_signature(asha, now):
    make_report(asha, status="signed")

    day = day_of(asha, now)

    assert day.minutes_to_sign == 5  # the factory's session ended five minutes ago
    assert day.wait_to_sign == "5 min"


def test_what_wants_attention_comes_from_the_worklist(asha, now):
    make_transcription(make_session(asha, status="completed"), status="failed")
    make_bill(asha, status="overdue")
    make_report(asha)  # waits for a signature in a card of its own

    assert [group.source.name for group in day_of(asha, now).attention.groups] == ["transcripts", "overdue"]


def test_who_is_here_comes_before_who_is_late(asha):
    late = visit_at(asha, -0.4)
    here = visit_at(asha, 0.6)
    stages.check_in(here, by=asha, at=NOON - timedelta(minutes=6))

    assert day_of(asha).brief.visit == here
    assert day_of(asha, NOON - timedelta(hours=1)).brief.visit == late


def test_free_times_between_visits_are_named_by_the_working_hours(asha):
    for kind, starts, ends in [("work", "09:00", "18:00"), ("break", "13:00", "14:00")]:
        WorkingHours.objects.create(
            doctor=asha, kind=kind, weekday=2, starts=starts, ends=ends, valid_from=date(2026, 1, 1)
        )
    visit_at(asha, -1, duration_minutes=60)  # 11:00 to 12:00 at the clinic
    visit_at(asha, 0.5, duration_minutes=30)  # 12:30
    visit_at(asha, 2, duration_minutes=30)  # 14:00

    gaps = [item.gap and item.gap.words for item in day_of(asha).agenda]

    assert gaps == [None, "30 min free", "Lunch, 60 min free"]


def test_a_day_without_working_hours_names_no_free_time(asha):
    visit_at(asha, -1)
    visit_at(asha, 3)

    assert [item.gap for item in day_of(asha).agenda] == [None, None]


def test_drafted_bills_are_counted(asha, ben, now):
    make_bill(asha, total="1500")
    make_bill(asha, total="500")
    make_bill(asha, status="overdue")
    make_bill(ben)

    day = day_of(asha, now)

    assert (day.unbilled, day.unbilled_count) == ({"INR": 2000}, 2)


def test_drafted_bills_of_two_currencies_are_not_added_up(asha, now):
    make_bill(asha, total="1500")
    Bill.objects.filter(pk=make_bill(asha, total="70").pk).update(currency="USD")

    assert day_of(asha, now).unbilled == {"INR": 1500, "USD": 70}


def test_whole_sums_stand_without_cents_so_that_a_phone_need_not_break_them(signed_in, asha, now):
    make_bill(asha, status=Bill.Status.PENDING, total="4100", at=now)

    assert '<span class="v num">₹4,100</span>' in signed_in(asha).get(HOME).content.decode()


def test_the_week_counts_booked_and_done(asha):
    visit_at(asha, -24, status="completed")
    visit_at(asha, -22, status="no_show")
    visit_at(asha, 1)

    day = day_of(asha)

    assert [(each.booked, each.done) for each in day.week] == [(0, 0), (1, 1), (1, 0), (0, 0), (0, 0), (0, 0)]
    assert (day.week_booked, day.week_done) == (2, 1)


def test_a_doctor_is_greeted_with_the_day(signed_in, asha, now):
    make_appointment(asha, scheduled_at=now + timedelta(seconds=30), chief_complaint="Cannot sleep")
    make_report(asha, with_unsupported=True)

    html = signed_in(asha).get(HOME).content.decode()

    for text in ("Dr Rao", "Kavya Iyer", "Cannot sleep", "Waiting for your signature", "without support"):
        assert text in html
    assert AuditEvent.objects.filter(target_type="home", actor_id=asha.pk).exists()


def test_an_open_session_comes_before_the_next_visit(signed_in, asha, now):
    session = make_session(asha)
    make_appointment(asha, scheduled_at=now + timedelta(minutes=1))

    html = signed_in(asha).get(HOME).content.decode()

    assert "Continue session" in html
    assert reverse("sessions:detail", args=[session.pk]) in html
    assert "Start walk-in session" not in html


def test_an_empty_day_says_what_will_appear(signed_in, asha):
    html = signed_in(asha).get(HOME).content.decode()

    assert "No visits today" in html
    assert "Nothing to sign" in html


def test_the_receptionists_day_begins_at_the_front_desk(signed_in, rita):
    assert signed_in(rita).get(HOME)["Location"] == reverse("dashboard:desk")


def test_an_administrator_sees_the_clinic_and_nobodys_name(signed_in, omar, asha, now):
    make_bill(asha, status="overdue")
    make_appointment(asha, patient=make_patient(doctor=asha))

    html = signed_in(omar).get(HOME).content.decode()

    assert "₹1,000.00" in html
    assert "Iyer" not in html
    assert reverse("admin:billing_feescheduleitem_changelist") in html


def test_strangers_are_led_to_sign_in(client, db):
    assert client.get(HOME).status_code == 302


def test_the_home_page_is_read(signed_in, asha):
    assert signed_in(asha).post(HOME).status_code == 405


def test_a_full_day_takes_as_many_queries_as_a_thin_one(signed_in, asha, now):
    client = signed_in(asha)
    midnight = now.astimezone(KOLKATA).replace(hour=0, minute=0, second=0, microsecond=0)

    def fill(number):
        visit = make_appointment(asha, scheduled_at=midnight + timedelta(minutes=30 * number), duration_minutes=25)
        session = sessions.start_session(visit.patient, by=asha, at=now)
        sessions.complete_session(session, by=asha, at=now)
        make_transcription(session, status="failed")
        make_bill(asha)

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(HOME).status_code == 200
        return len(queries)

    make_appointment(asha, scheduled_at=midnight + timedelta(hours=23, minutes=35), duration_minutes=20)
    for number in range(2):
        fill(number)
    make_report(asha)
    client.get(HOME)
    few = count()
    for number in range(2, 10):
        fill(number)
    make_report(asha)

    assert count() == few


@pytest.mark.parametrize(("minutes", "words"), [(5, "5 min"), (119, "119 min"), (150, "2 h"), (4400, "3 days")])
def test_the_wait_is_written_in_the_largest_unit_that_fits(asha, minutes, words):
    assert replace(day_of(asha), minutes_to_sign=minutes).wait_to_sign == words
