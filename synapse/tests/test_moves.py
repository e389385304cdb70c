"""A session begun under the wrong patient goes to the right one, with all it owns or not at all."""

from datetime import timedelta

import pytest
from django.urls import reverse

from billing.models import Bill
from billing.services import issuing
from patients.models import PatientAccess
from patients.tests.factories import make_patient
from reports.tests.factories import make_report, make_words
from scheduling.tests.factories import make_appointment
from sessions_app.models import SessionMove
from sessions_app.permissions import NoConsent
from sessions_app.tests.factories import make_consent, make_session, record_audio
from synapse import workflows
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

REASON = "Started from the wrong chart."


@pytest.fixture
def right(asha):
    return make_patient(doctor=asha, first_name="Noor", last_name="Haddad")


def moved(session, to, *, by, now, reason=REASON):
    return workflows.move_session(session, to, reason=reason, by=by, at=now)


def test_sound_words_bill_visit_and_draft_follow_the_session(asha, right, now):
    visit = make_appointment(asha, scheduled_at=now - timedelta(minutes=5))
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now)
    make_consent(session.patient, by=asha)
    record_audio(session)
    make_words(session)
    workflows.complete_consultation(session, by=asha, at=now)
    make_report(asha, session=session)
    make_consent(right, by=asha)
    wrong = session.patient

    moved(session, right, by=asha, now=now)

    session.refresh_from_db()
    visit.refresh_from_db()
    assert session.patient == right
    assert visit.session is None
    drafts = Bill.objects.filter(session=session).order_by("created_at")
    assert [(bill.patient, bill.status) for bill in drafts] == [(wrong, "cancelled"), (right, "pending")]
    assert session.reports.count() == 2
    move = SessionMove.objects.get(session=session)
    assert (move.from_patient, move.to_patient, move.reason) == (wrong, right, REASON)
    trail = AuditEvent.objects.filter(target_id=str(session.pk), detail__verb__in=["move_away", "move_here"])
    assert {event.patient_id for event in trail} == {wrong.pk, right.pk}


def test_access_and_last_seen_of_both_records_follow(asha, right, now):
    session = make_session(asha, status="completed", with_recording=False)
    wrong = session.patient

    moved(session, right, by=asha, now=now)

    wrong.refresh_from_db()
    right.refresh_from_db()
    assert (wrong.last_seen_at, right.last_seen_at) == (None, session.started_at)
    seen = PatientAccess.objects.filter(source="seen", ended_at=None)
    assert [access.patient for access in seen] == [right]


def test_a_running_session_is_moved_too(asha, right, now):
    session = make_session(asha)
    make_consent(right, by=asha)
    record_audio(session)

    moved(session, right, by=asha, now=now)

    session.refresh_from_db()
    assert (session.patient, session.is_live) == (right, True)
    assert not Bill.objects.filter(session=session).exists()


def test_sound_needs_the_right_patients_consent(asha, right, now):
    session = make_session(asha)
    record_audio(session)

    with pytest.raises(NoConsent):
        moved(session, right, by=asha, now=now)

    session.refresh_from_db()
    assert session.patient != right


def test_a_signed_report_stays_where_it_is(asha, right, now):
    session = make_session(asha, status="completed", with_recording=False)
    make_words(session)
    make_report(asha, session=session, status="signed")

    with pytest.raises(Conflict, match="signed"):
        moved(session, right, by=asha, now=now)


def test_an_issued_bill_comes_first(asha, right, now):
    session = make_session(asha, with_recording=False)
    bill = workflows.complete_consultation(session, by=asha, at=now)
    issuing.issue_bill(bill, by=asha, at=now)

    with pytest.raises(Conflict, match="issued"):
        moved(session, right, by=asha, now=now)


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_move_needs_its_reason(asha, right, now, reason):
    session = make_session(asha, with_recording=False)

    with pytest.raises(Exception, match="Say why"):
        moved(session, right, by=asha, now=now, reason=reason)


def test_a_strange_doctor_and_reception_do_not_move_but_an_administrator_does(asha, ben, rita, omar, right, now):
    session = make_session(asha, status="completed", with_recording=False)

    for stranger in (ben, rita):
        with pytest.raises(NotAllowed):
            moved(session, right, by=stranger, now=now)
    moved(session, right, by=omar, now=now)

    session.refresh_from_db()
    assert session.patient == right


def test_the_page_finds_the_patient_says_what_is_missing_and_moves(asha, right, signed_in, now):
    session = make_session(asha)
    record_audio(session)
    client = signed_in(asha)
    address = reverse("sessions:move", args=[session.pk])

    found = client.post(reverse("sessions:move_find", args=[session.pk]), {"query": "Noor"})
    without = client.get(address, {"to": right.pk})
    make_consent(right, by=asha)
    refused = client.post(f"{address}?to={right.pk}", {"to": right.pk, "reason": ""})
    done = client.post(f"{address}?to={right.pk}", {"to": right.pk, "reason": REASON})

    assert f"?to={right.pk}" in found.content.decode()
    assert "has not agreed to that" in without.content.decode()
    assert refused.status_code == 422
    assert done.status_code == 302
    session.refresh_from_db()
    assert session.patient == right


def test_a_patient_out_of_scope_is_not_there(asha, ben, signed_in):
    session = make_session(asha, with_recording=False)
    foreign = make_patient(doctor=ben)

    answer = signed_in(asha).get(reverse("sessions:move", args=[session.pk]), {"to": foreign.pk})

    assert answer.status_code == 404
