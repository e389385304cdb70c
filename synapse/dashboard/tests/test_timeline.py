"""The timeline of one patient: what happened, for whom, at which cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from reports.tests.factories import make_report
from scheduling.tests.factories import make_appointment
from sessions_app.tests.factories import make_session
from synapse.audit.models import Action, AuditEvent
from synapse.dashboard import timeline


@pytest.fixture
def kavya(asha):
    return make_patient(asha)


def kinds(user, patient, limit=50):
    return [entry.row._meta.model_name for entry in timeline.read_timeline(user, patient, limit=limit)]


def address_of(patient):
    return reverse("dashboard:timeline", args=[patient.pk])


def test_everything_stands_in_one_line_the_latest_first(asha, kavya, now):
    make_session(asha, patient=kavya, status="completed", at=now - timedelta(days=20))
    make_appointment(asha, patient=kavya, scheduled_at=now - timedelta(days=9), status="no_show")
    make_appointment(asha, patient=kavya, scheduled_at=now + timedelta(days=7))
    make_bill(asha, patient=kavya, status="paid", at=now - timedelta(days=2))

    entries = timeline.read_timeline(asha, kavya, limit=50)

    moments = [entry.at for entry in entries]
    assert moments == sorted(moments, reverse=True)
    assert kinds(asha, kavya).count("consultationsession") == 2
    assert [entry.row.status for entry in entries if entry.icon == "calendar-event"] == ["scheduled", "no_show"]


def test_a_report_stands_where_it_was_signed(asha, kavya):
    report = make_report(asha, session=None)

    entry = next(
        entry for entry in timeline.read_timeline(asha, report.session.patient, limit=9) if entry.row == report
    )

    assert (entry.at, entry.title, entry.action) == (report.generation_completed_at, report.title, "Open")


def test_another_patients_entries_are_not_there(asha, kavya):
    make_session(asha, status="completed")

    assert kinds(asha, kavya) == []


def test_reception_sees_visits_and_bills(asha, rita, kavya, now):
    make_bill(asha, patient=kavya, at=now - timedelta(days=2))
    make_appointment(asha, patient=kavya, scheduled_at=now + timedelta(days=7))

    assert sorted(kinds(rita, kavya)) == ["appointment", "bill"]


def test_the_page_is_for_those_in_scope_and_recorded(signed_in, asha, ben, kavya):
    fragment = signed_in(asha).get(address_of(kavya), headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in fragment
    assert "Nothing has happened yet" in fragment
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.patient_id, event.detail) == (Action.READ, kavya.pk, {"part": "timeline"})
    assert "<html" in signed_in(asha).get(address_of(kavya)).content.decode()
    assert signed_in(ben).get(address_of(kavya)).status_code == 404
    assert signed_in(asha).post(address_of(kavya)).status_code == 405


def test_older_entries_are_asked_for(signed_in, asha, kavya, now, monkeypatch):
    monkeypatch.setattr(timeline, "STEP", 2)
    for days in range(3):
        make_appointment(asha, patient=kavya, scheduled_at=now + timedelta(days=days + 1))
    client = signed_in(asha)

    first = client.get(address_of(kavya))
    assert len(first.context["entries"]) == 2
    assert "limit=4" in first.content.decode()

    assert len(client.get(f"{address_of(kavya)}?limit=4").context["entries"]) == 3
    for limit in ("x", "0", "²", "9" * 5000):
        assert client.get(f"{address_of(kavya)}?limit={limit}").status_code == 200


def test_many_entries_cost_the_queries_of_few(signed_in, asha, kavya, now):
    client = signed_in(asha)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(address_of(kavya))
        return len(captured)

    make_bill(asha, patient=kavya, at=now - timedelta(days=30))
    make_appointment(asha, patient=kavya, scheduled_at=now + timedelta(days=1))
    queries()
    few = queries()
    for days in range(2, 6):
        make_bill(asha, patient=kavya, at=now - timedelta(days=days))
        make_appointment(asha, patient=kavya, scheduled_at=now + timedelta(days=days))

    assert queries() == few
