"""What is shown before a visit: the record's own words, to the visit's doctor alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.consents.services import record_consent
from patients.tests.factories import make_patient
from reports.models import Report
from reports.tests.factories import make_report, make_words
from scheduling.tests.factories import make_appointment
from sessions_app.tests.factories import make_session
from synapse.audit.models import AuditEvent
from synapse.common import triggers
from synapse.dashboard.brief import has_score, read_brief


def visit_of(doctor, patient, now, **fields):
    return make_appointment(doctor, patient=patient, scheduled_at=now + timedelta(minutes=2), **fields)


def address_of(visit):
    return reverse("dashboard:brief", args=[visit.pk])


def test_the_last_signed_report_is_quoted_in_its_own_sentences(asha, now):
    report = make_report(asha, status="signed")
    visit = visit_of(asha, report.session.patient, now)

    brief = read_brief(visit, by=asha, at=now)

    texts = report.generated_content
    assert brief.last_report == report
    assert 1 <= len(brief.summary) <= 3
    assert all(quote.text in texts for quote in [*brief.summary, *brief.plan, *brief.safety])
    assert any("75 mg" in quote.text for quote in brief.plan)


def test_risk_is_quoted_with_what_was_decided(asha, now):
    report = make_report(asha, status="signed")
    visit = visit_of(asha, report.session.patient, now)

    [flag] = read_brief(visit, by=asha, at=now).risks

    assert flag.kind == "Suicide"
    assert ("Patient", "No, I have not had any thoughts of suicide.") in flag.quotes
    assert (flag.decided, flag.said_at) == ("current", report.session.started_at)


def test_a_draft_is_not_quoted_but_named_as_unsigned(asha, now):
    draft = make_report(asha)
    visit = visit_of(asha, draft.session.patient, now)

    brief = read_brief(visit, by=asha, at=now)

    assert brief.last_report is None
    assert (brief.summary, brief.plan, brief.safety) == ([], [], [])
    assert brief.unsigned == [draft]
    assert brief.risks  # what was said about risk does not wait for a signature


def test_a_report_whose_seal_is_broken_is_not_quoted(asha, now):
    report = make_report(asha, status="signed")
    visit = visit_of(asha, report.session.patient, now)
    with triggers.lifted(connection):
        Report.objects.filter(pk=report.pk).update(content_hash="0" * 64)

    brief = read_brief(visit, by=asha, at=now)

    assert brief.is_broken
    assert (brief.summary, brief.plan, brief.risks) == ([], [], [])


def test_medications_allergies_and_consents_stand_as_recorded(asha, now):
    patient = make_patient(
        doctor=asha, current_medications="- Sertraline 50 mg\n\nMelatonin 3 mg", allergies="Penicillin"
    )
    record_consent(patient, "telehealth", method="verbal", by=asha, at=now)
    visit = visit_of(asha, patient, now, appointment_type="telemedicine")

    brief = read_brief(visit, by=asha, at=now)

    assert brief.medications == ["Sertraline 50 mg", "Melatonin 3 mg"]
    assert [one.words for one in brief.consents] == [
        "Recording consent not asked",
        "Treatment consent not asked",
        "Video consent",
    ]
    assert not brief.may_record


@pytest.mark.parametrize(
    ("text", "is_score"),
    [
        ("PHQ-9 fell from 16 to 12.", True),
        ("GAD-7 today: 11.", True),
        ("The PHQ-9 was handed out.", False),
        ("Wakes at 4 am most nights.", False),
    ],
)
def test_a_score_is_a_questionnaire_with_a_number(text, is_score):
    assert has_score(text) is is_score


def test_the_brief_is_read_by_the_visits_doctor_and_audited(signed_in, asha, now):
    visit = visit_of(asha, make_patient(doctor=asha), now)

    response = signed_in(asha).get(address_of(visit))

    assert response.status_code == 200
    assert "Start without recording" in response.content.decode()
    assert AuditEvent.objects.filter(actor_id=asha.pk, patient_id=visit.patient_id, detail__part="brief").exists()


@pytest.mark.parametrize(("person", "status"), [("ben", 404), ("rita", 403), ("omar", 403)])
def test_nobody_else_reads_it(signed_in, request, asha, now, person, status):
    visit = visit_of(asha, make_patient(doctor=asha), now)

    response = signed_in(request.getfixturevalue(person)).get(address_of(visit))

    assert response.status_code == status
    assert "Iyer" not in response.content.decode()


def test_many_reports_take_as_many_queries_as_two(asha, now):
    first = make_report(asha, status="signed")
    patient = first.session.patient
    visit = visit_of(asha, patient, now)

    def count():
        with CaptureQueriesContext(connection) as queries:
            read_brief(visit, by=asha, at=now)
        return len(queries)

    def hold(days):
        session = make_session(asha, patient=patient, status="completed", at=now - timedelta(days=days))
        make_words(session)
        return make_report(asha, session=session, status="signed" if days > 2 else "completed")

    hold(1)
    few = count()
    hold(2)
    hold(3)

    assert count() == few
