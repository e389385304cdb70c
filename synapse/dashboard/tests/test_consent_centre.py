"""The consent centre: who lacks what, and what each role sees of it."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from patients.consents import services as consent
from patients.consents import wording as consent_wording
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment
from synapse import workflows
from synapse.dashboard import consent_centre, desk_todo
from synapse.dashboard.desk import read_desk
from synapse.dashboard.worklist.consents import expiring_consents, refused_video_visits
from synapse.dashboard.worklist.core import Reader

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 4, 6, 30, tzinfo=UTC)  # a Wednesday at noon in the clinic
ZONE = timezone.get_fixed_timezone(330)


def visit_in(asha, hours, **fields):
    patient = make_patient(asha, at=AT, email=fields.pop("email", ""))
    return make_appointment(asha, patient=patient, scheduled_at=AT + timedelta(hours=hours), at=AT, **fields)


def counts_of(user):
    counts = consent_centre.count_all(Reader(user, AT, ZONE))
    return {show: count for show, count in counts.items() if count}


def lines_of(user, show):
    reader = Reader(user, AT, ZONE)
    return consent_centre.describe(list(consent_centre.rows_of(reader, show)), reader)


def test_each_view_lists_what_it_is_about(asha, ben, rita, omar):
    soon, week = visit_in(asha, 22, email="k@example.org"), visit_in(asha, 120, appointment_type="telemedicine")
    consent.record_consent(soon.patient, "treatment", method="verbal", by=asha, at=AT)
    asked = consent.ask_by_link(soon.patient, "recording", by=rita, at=AT)
    gone = consent.record_consent(week.patient, "telehealth", method="verbal", by=asha, at=AT - timedelta(days=3))
    workflows.withdraw_consent(gone, by=asha, at=AT - timedelta(days=1))
    ending = consent.record_consent(week.patient, "ai_note", method="verbal", by=asha, at=AT - timedelta(days=350))
    consent_wording.save_text(
        "treatment",
        "en",
        title="Treatment",
        text="New words",
        asks_again=True,
        effective_at=AT,
        seen_version=2,
        by=omar,
        at=AT,
    )

    everything = {"tomorrow": 1, "week": 2, "video": 1, "expiring": 1, "asked": 1, "withdrawn": 1, "old": 1}
    assert counts_of(rita) == counts_of(asha) == everything
    assert counts_of(ben) == {}
    [line] = lines_of(rita, "tomorrow")
    assert (line.what, line.is_asked, line.kinds) == ("recording (link is out)", True, ["recording"])
    assert lines_of(rita, "week")[1].kinds == ["recording", "treatment"]
    assert [line.consent for line in lines_of(rita, "expiring")] == [ending]
    assert [line.consent for line in lines_of(rita, "asked")] == [asked]


def test_the_worklist_reminds_30_days_before_until_it_was_asked_again(asha, rita):
    patient = make_patient(asha, email="k@example.org", at=AT)
    given = consent.record_consent(patient, "recording", method="verbal", by=asha, at=AT)

    def waits_at(moment):
        return list(expiring_consents(Reader(asha, moment, ZONE))) == [given]

    assert not waits_at(given.expires_at - timedelta(days=31))
    assert waits_at(given.expires_at - timedelta(days=29))
    consent.ask_by_link(patient, "recording", by=rita, at=given.expires_at - timedelta(days=29))
    assert not waits_at(given.expires_at - timedelta(days=29))


def test_a_video_visit_is_flagged_once_telehealth_is_taken_back(asha, rita):
    visit = visit_in(asha, 3, appointment_type="telemedicine")
    given = consent.record_consent(visit.patient, "telehealth", method="verbal", by=asha, at=AT)
    assert not refused_video_visits(Reader(rita, AT, ZONE)).exists()

    workflows.withdraw_consent(given, by=asha, at=AT)

    assert refused_video_visits(Reader(rita, AT, ZONE)).get() == visit
    [row] = read_desk(rita, zone=ZONE, now=AT).rows
    assert "No video wanted" in [chip.text for chip in row.chips]


def test_the_desk_says_asked_when_a_link_is_out(asha, rita):
    visit = visit_in(asha, 3, email="k@example.org")
    for kind in ("recording", "treatment"):
        consent.ask_by_link(visit.patient, kind, by=rita, at=AT)

    [row] = read_desk(rita, zone=ZONE, now=AT).rows

    assert "2 consents asked" in [chip.text for chip in row.chips]
    assert "asked by link" in next(desk_todo.todo_of(row, now=AT, is_today=True)).text


def test_a_long_page_takes_as_many_queries_as_a_short_one(asha, rita, signed_in, now):
    browser = signed_in(rita)

    def queries_for(show):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(f"/consents/?show={show}").status_code == 200
        return len(queries)

    hours = count(30)

    def add():
        patient = make_patient(asha, email="k@example.org")
        make_appointment(asha, patient=patient, scheduled_at=now + timedelta(hours=next(hours)), duration_minutes=30)
        consent.ask_by_link(patient, "recording", by=rita, at=now)

    add()
    queries_for("asked")
    few = [queries_for("week"), queries_for("asked")]
    for _ in range(4):
        add()
    assert [queries_for("week"), queries_for("asked")] == few


def test_withdrawing_sharing_closes_what_rested_on_it(asha, now):
    from reports import services
    from reports.tests.factories import make_report

    report = make_report(asha, status="signed")
    patient = report.session.patient
    given = consent.record_consent(patient, "data_sharing", method="verbal", by=asha, at=now)
    terms = {"document": "report", "email": "x@mail.example", "expires_in_hours": 24, "by": asha, "at": now}
    rests = services.share_report(report, audience="provider", **terms).share
    own = services.share_report(report, audience="patient", **terms).share

    workflows.withdraw_consent(given, by=asha, at=now)

    rests.refresh_from_db()
    own.refresh_from_db()
    assert (rests.revoked_at, rests.revoked_by, own.revoked_at) == (now, asha, None)
