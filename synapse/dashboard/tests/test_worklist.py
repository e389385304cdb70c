"""What waits for whom, what is done with a row in place, and who may."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.models import Bill, FeeScheduleItem
from billing.services import editing
from billing.tests.factories import make_bill
from patients.consents.services import decline_consent, record_consent
from patients.models import Consent
from patients.tests.factories import make_patient
from reports.models import Report
from reports.services import addenda, co_signing
from reports.tests.factories import make_report
from scheduling.models import Appointment, AppointmentMessage
from scheduling.series.recurrence import Frequency, Rule
from scheduling.services import series as services
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from sessions_app.models import Transcription
from sessions_app.tests.factories import make_session, make_transcription, record_audio
from sessions_app.transcripts import services as transcripts
from synapse.audit.models import AuditEvent, AuditSubject
from synapse.common.models import Job
from synapse.dashboard.worklist import registry, visits
from synapse.dashboard.worklist.core import Reader

KOLKATA = ZoneInfo("Asia/Kolkata")
FRIDAY_NOON = datetime(2026, 3, 6, 6, 30, tzinfo=UTC)
PAGE = "/worklist/"


def rows_of(user, name, at=None):
    """Return the items of one source as this person sees them."""
    found = registry.read_worklist(Reader(user, at or timezone.now(), KOLKATA), only=lambda one: one.name == name)
    return [row.item for group in found.groups for row in group.rows]


def act_on(client, source, row, act, **data):
    return client.post(reverse("dashboard:worklist_act", args=[source, row.pk, act]), data)


def make_failed_words(doctor):
    """Make a session whose transcript failed and whose sound is there."""
    session = make_session(doctor)
    record_audio(session)
    sessions.complete_session(session, by=doctor, at=timezone.now())
    words = session.transcriptions.get()
    transcripts.start_processing(words, at=timezone.now())
    transcripts.fail(words, message="The speech engine stopped.", at=timezone.now())
    return words


def make_series(doctor, now):
    """Book two weekly visits, one of them six days ago: one is left."""
    first = (now - timedelta(days=6)).astimezone(KOLKATA)
    wish = services.SeriesWish(
        patient=make_patient(doctor=doctor),
        doctor=doctor,
        rule=Rule(Frequency.WEEKLY, weekdays=(first.weekday(),)).ending(times=2),
        first_day=first.date(),
        clock=first.time().replace(second=0, microsecond=0),
        duration_minutes=30,
        appointment_type="followup",
    )
    return services.create_series(wish, overbooking_reason="Asked for", by=doctor, at=now - timedelta(days=20))


def test_consents_are_asked_for_before_visits_of_today_and_the_next_working_day(asha):
    monday = make_appointment(asha, scheduled_at=FRIDAY_NOON + timedelta(days=3), appointment_type="telemedicine")
    make_appointment(asha, scheduled_at=FRIDAY_NOON + timedelta(days=4))  # Tuesday
    asked = make_appointment(asha, scheduled_at=FRIDAY_NOON + timedelta(hours=2))
    refused = make_appointment(asha, scheduled_at=FRIDAY_NOON + timedelta(hours=3))
    for visit in (asked, refused):
        record_consent(visit.patient, "treatment", method="written", by=asha, at=FRIDAY_NOON)
    record_consent(asked.patient, "recording", method="written", by=asha, at=FRIDAY_NOON)
    decline_consent(refused.patient, "recording", method="verbal", by=asha, at=FRIDAY_NOON)

    [item] = rows_of(asha, "consents", FRIDAY_NOON)

    assert item.pk == monday.pk
    assert "recording and treatment and video visits" in item.text


def test_an_expired_consent_is_asked_for_again(asha):
    visit = make_appointment(asha, scheduled_at=FRIDAY_NOON + timedelta(hours=2))
    record_consent(visit.patient, "recording", method="written", by=asha, at=FRIDAY_NOON - timedelta(days=400))

    assert [item.pk for item in rows_of(asha, "consents", FRIDAY_NOON)] == [visit.pk]


def test_failed_words_wait_until_a_later_try(asha, now):
    failed = make_transcription(make_session(asha, status="completed"), status="failed")

    assert [item.pk for item in rows_of(asha, "transcripts", now)] == [failed.pk]
    Transcription.objects.create(session=failed.session, retry_count=1)
    assert rows_of(asha, "transcripts", now) == []


def test_recordings_that_hold_nothing_are_named(asha, now):
    silent = make_transcription(make_session(asha, status="completed"), status="no_speech")
    nothing = make_session(asha, status="completed")
    make_session(asha, status="completed", with_recording=False)

    assert [item.pk for item in rows_of(asha, "no-speech", now)] == [silent.pk]
    assert [item.pk for item in rows_of(asha, "no-sound", now)] == [nothing.pk]


def test_a_session_left_open_since_yesterday_is_named(asha, now):
    left = make_session(asha, at=now - timedelta(days=1))

    assert [item.pk for item in rows_of(asha, "left-open", now)] == [left.pk]


def test_drafts_say_how_many_lines_have_no_support(asha, now):
    make_report(asha, with_unsupported=True)

    [item] = rows_of(asha, "to-sign", now)

    assert (item.link_label, item.chip) == ("Review", "1 line without support")


def test_what_a_supervisor_is_asked_and_what_she_returned(asha, ben, now):
    report = make_report(asha, status="signed")
    request = co_signing.ask_co_signature(report, supervisor=ben, by=asha, at=now)

    assert [item.pk for item in rows_of(ben, "to-co-sign", now)] == [request.pk]
    co_signing.return_for_revision(request, "The dose is missing.", by=ben, at=now)
    assert rows_of(ben, "to-co-sign", now) == []
    assert [item.pk for item in rows_of(asha, "returned", now)] == [request.pk]


def test_sessions_without_a_bill_and_bills_without_a_price(asha, now):
    unbilled = make_session(asha, status="completed")
    FeeScheduleItem.objects.all().delete()
    without_price = make_bill(asha, total=None)
    with_price = make_bill(asha)

    assert [item.pk for item in rows_of(asha, "unbilled", now)] == [unbilled.pk]
    drafts = {item.pk: item for item in rows_of(asha, "bills-to-send", now)}
    assert drafts[without_price.pk].chip == "Price missing"
    assert with_price.pk not in drafts  # its codes wait for her first
    editing.confirm_codes(with_price, by=asha, at=now)
    drafts = {item.pk: item for item in rows_of(asha, "bills-to-send", now)}
    assert drafts[with_price.pk].acts == ("hand-over",)  # there is no address to mail it to


def test_past_visits_nobody_closed_are_asked_about(asha, now):
    past = make_appointment(asha, scheduled_at=now - timedelta(hours=3))
    make_appointment(asha, scheduled_at=now - timedelta(hours=6), status="completed")
    make_appointment(asha, scheduled_at=now - timedelta(minutes=50))  # may still be going on

    assert [item.pk for item in rows_of(asha, "open-visits", now)] == [past.pk]


def test_a_lost_message_waits_until_a_later_one_went_out(asha, now):
    visit = make_appointment(asha, scheduled_at=now + timedelta(hours=30))
    message = {"appointment": visit, "patient": visit.patient, "kind": "reminder", "channel": "email"}
    AppointmentMessage.objects.create(**message, status="failed", hours_before=71, due_at=now - timedelta(hours=2))

    assert [item.pk for item in rows_of(asha, "unreached", now)] == [visit.pk]
    AppointmentMessage.objects.create(**message, status="sent", hours_before=23, due_at=now)
    assert rows_of(asha, "unreached", now) == []


def test_who_asked_for_another_time_waits(asha, now):
    visit = make_appointment(asha, scheduled_at=now + timedelta(hours=30))
    Appointment.objects.filter(pk=visit.pk).update(patient_asked_at=now)

    assert [item.pk for item in rows_of(asha, "asked", now)] == [visit.pk]
    registry.perform(visits.ASKED, visits.ASKED.act("settle"), visit, by=asha, at=now)
    assert rows_of(asha, "asked", now) == []


def test_a_series_about_to_end_goes_on_or_was_all(signed_in, asha, now):
    series = make_series(asha, now)
    client = signed_in(asha)

    [item] = rows_of(asha, "series", now)

    assert (item.pk, item.text.split(" · ")[0]) == (series.pk, "1 visit left")
    act_on(client, "series", series, "extend")
    assert series.appointments.filter(scheduled_at__gt=now).count() == 5
    assert rows_of(asha, "series", now) == []


def test_a_series_that_may_end_is_not_named_again(signed_in, asha, now):
    series = make_series(asha, now)

    act_on(signed_in(asha), "series", series, "let-end")

    assert rows_of(asha, "series", now) == []


def test_an_addendum_is_work_from_its_first_words_on(asha, now):
    draft = addenda.open_addendum(make_report(asha, status="signed"), by=asha, at=now)

    assert rows_of(asha, "addenda", now) == []

    addenda.save_addendum(draft, "The pharmacy called.", by=asha, at=now)

    assert [item.pk for item in rows_of(asha, "addenda", now)] == [draft.pk]


def test_the_desk_sees_visits_consents_and_bills_and_nothing_clinical(asha, rita):
    names = {source.name for source in registry.sources_for(rita)}

    money = {"unbilled", "bills-to-send", "denied-claims", "silent-claims", "lost-money-mail", "after-last", "disputed"}
    money |= {"letters-to-print", "overdue", "open-days", "kept-credit", "payment-links", "needless-fees"}
    asked = {"consents", "consents-expiring", "consents-video"}
    assert names == {*asked, "asked", "unreached", "open-visits", "series", *money}


def test_an_administrator_sees_failed_work_and_no_drafts(asha, omar, now):
    make_report(asha)
    failed = make_transcription(make_session(asha, status="completed"), status="failed")
    names = {source.name for source in registry.sources_for(omar)}

    assert "failed-work" in names
    assert names.isdisjoint({"to-sign", "failed-reports", "no-speech", "addenda"})
    assert [item.pk for item in rows_of(omar, "transcripts", now)] == [failed.pk]


def test_a_colleague_sees_nothing_of_it(asha, ben, now):
    make_report(asha)
    make_failed_words(asha)
    make_bill(asha)
    make_appointment(asha, scheduled_at=now - timedelta(hours=3))

    assert registry.read_worklist(Reader(ben, now, KOLKATA)).groups == []
    assert registry.count_waiting(ben) == 0


def test_a_failed_transcript_is_retried_and_leaves(signed_in, asha):
    failed = make_failed_words(asha)
    client = signed_in(asha)

    response = act_on(client, "transcripts", failed, "retry")

    assert response["Location"] == PAGE
    assert Transcription.objects.filter(session=failed.session, retry_count=1).exists()
    assert "Transcript failed" not in client.get(PAGE).content.decode()


def test_a_failed_report_is_retried(signed_in, asha):
    report = make_report(asha, status="failed")

    act_on(signed_in(asha), "failed-reports", report, "retry")

    assert Report.objects.get(pk=report.pk).status == "pending"


def test_a_consent_is_noted(signed_in, asha, now):
    visit = make_appointment(asha, scheduled_at=now + timedelta(minutes=5))

    act_on(signed_in(asha), "consents", visit, "recording-written")

    assert Consent.objects.get(patient=visit.patient).status == "live"


def test_a_visit_is_closed_and_somebody_elses_is_not_found(signed_in, asha, ben, rita, now):
    visit = make_appointment(asha, scheduled_at=now - timedelta(hours=3))

    assert act_on(signed_in(ben), "open-visits", visit, "took-place").status_code == 404
    assert act_on(signed_in(rita), "open-visits", visit, "took-place").status_code == 302

    visit.refresh_from_db()
    assert visit.status == "completed"
    assert act_on(signed_in(rita), "open-visits", visit, "took-place").status_code == 404


def test_a_no_show_of_today_is_taken_back(signed_in, asha):
    at = datetime(2026, 3, 4, 6, 30, tzinfo=UTC)
    visit = make_appointment(asha, scheduled_at=at - timedelta(hours=2))
    reader = Reader(asha, at, KOLKATA)
    act = visits.OPEN.act("no-show")

    registry.perform(visits.OPEN, act, visit, by=asha, at=at)

    assert rows_of(asha, "open-visits", at) == []
    assert act.can_be_undone(visit, reader)
    assert not act.can_be_undone(visit, Reader(asha, at + timedelta(days=1), KOLKATA))
    undo = visits.OPEN.act(act.undone_by)
    row = registry.find_row(visits.OPEN, undo, visit.pk, reader)
    registry.perform(visits.OPEN, undo, row, by=asha, at=at)
    assert [item.pk for item in rows_of(asha, "open-visits", at)] == [visit.pk]


def test_what_is_set_aside_leaves_for_its_person_alone_and_can_be_taken_back(signed_in, asha, omar, now):
    failed = make_failed_words(asha)
    client = signed_in(asha)

    response = client.post(
        reverse("dashboard:worklist_act", args=["transcripts", failed.pk, "set-aside"]), HTTP_HX_REQUEST="true"
    )

    assert "Transcript failed" not in response.content.decode()
    assert reverse("dashboard:worklist_act", args=["transcripts", failed.pk, "take-back"]) in response.content.decode()
    assert [item.pk for item in rows_of(omar, "transcripts", now)] == [failed.pk]
    act_on(client, "transcripts", failed, "take-back")
    assert [item.pk for item in rows_of(asha, "transcripts", now)] == [failed.pk]


def test_a_draft_cannot_be_set_aside(signed_in, asha):
    report = make_report(asha)

    assert act_on(signed_in(asha), "to-sign", report, "set-aside").status_code == 404


def test_a_bill_is_drafted_for_a_session_without_one(signed_in, asha):
    session = make_session(asha, status="completed")

    act_on(signed_in(asha), "unbilled", session, "draft")

    assert Bill.objects.filter(session=session, status="pending").exists()


def test_given_up_work_starts_again(signed_in, omar, now):
    job = Job.objects.create(
        kind="sessions_app.tasks.archive_audio",
        object_id="7d444840-9dc0-11d1-b245-5ffdce74fad2",
        run_at=now,
        state="dead",
        attempts=3,
        finished_at=now,
        runner="speech",  # nobody takes it in a test
    )

    act_on(signed_in(omar), "failed-work", job, "again")

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("queued", 0)


def test_a_source_of_another_role_is_refused_and_audited(signed_in, asha, rita):
    report = make_report(asha, status="failed")

    assert act_on(signed_in(rita), "failed-reports", report, "retry").status_code == 403
    assert AuditEvent.objects.filter(outcome="denied", actor_id=rita.pk).exists()


def test_what_there_is_not_is_not_found_and_acts_are_posted(signed_in, asha):
    failed = make_failed_words(asha)
    client = signed_in(asha)

    assert act_on(client, "nothing", failed, "retry").status_code == 404
    assert act_on(client, "transcripts", failed, "delete").status_code == 404
    assert client.get(reverse("dashboard:worklist_act", args=["transcripts", failed.pk, "retry"])).status_code == 405


def test_reading_the_list_names_whose_data_it_shows(signed_in, asha):
    failed = make_failed_words(asha)

    html = signed_in(asha).get(PAGE).content.decode()

    assert "Kavya Iyer" in html
    event = AuditEvent.objects.get(target_type="worklist")
    assert event.actor_id == asha.pk
    assert [one.patient_id for one in AuditSubject.objects.filter(event_seq=event.seq)] == [failed.session.patient_id]


def test_the_navigation_counts_what_waits(signed_in, asha):
    make_failed_words(asha)
    make_report(asha)
    client = signed_in(asha)

    before = client.get("/").content.decode()
    counted = client.get(reverse("web:counts")).json()["counts"]["dashboard:worklist"]
    after = client.get("/").content.decode()

    assert "data-counts-fresh" not in before
    assert counted == sum(registry.count_by_source(Reader(asha, timezone.now(), KOLKATA)).values()) >= 2
    assert f'<span class="count" data-count="dashboard:worklist">{counted}<' in after
    assert "data-counts-fresh" in after


def test_what_a_person_does_has_the_numbers_counted_again(signed_in, asha):
    failed = make_failed_words(asha)
    client = signed_in(asha)
    client.get(reverse("web:counts"))

    response = client.post(
        reverse("dashboard:worklist_act", args=["transcripts", failed.pk, "retry"]), HTTP_HX_REQUEST="true"
    )

    assert "synapse:counts" in response["HX-Trigger"]
    assert "data-counts-fresh" not in client.get("/").content.decode()


def test_a_page_counts_nothing_by_itself(signed_in, asha, monkeypatch):
    monkeypatch.setattr(registry, "count_by_source", lambda *args: pytest.fail("the page counted"))

    assert signed_in(asha).get("/patients/").status_code == 200


def test_a_source_that_is_empty_by_its_scope_counts_nothing(asha, now):
    nothing = replace(visits.OPEN, rows=lambda reader: Appointment.objects.none())

    counted = registry.count_by_source(Reader(asha, now, KOLKATA), [nothing, visits.ASKED])

    assert counted == {"open-visits": 0, "asked": 0}
    assert registry.count_by_source(Reader(asha, now, KOLKATA), [nothing]) == {"open-visits": 0}


def test_an_empty_list_says_so(signed_in, ben):
    assert "All done" in signed_in(ben).get(PAGE).content.decode()


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_a_long_list_takes_as_many_queries_as_a_short_one(signed_in, request, asha, person, now):
    client = signed_in(request.getfixturevalue(person))

    def fill(number):
        make_failed_words(asha)
        make_bill(asha)
        make_report(asha)
        make_appointment(asha, scheduled_at=now - timedelta(hours=3 + number))
        make_appointment(asha, scheduled_at=now + timedelta(minutes=55 * number + 1))

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        return len(queries)

    fill(0)
    fill(1)
    client.get(PAGE)
    few = count()
    for number in range(2, 6):
        fill(number)

    assert count() == few
