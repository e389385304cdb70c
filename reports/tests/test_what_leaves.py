"""What leaves the house for a cloud writer: one patient's words, with consent, each call written down."""

import hashlib
import json

import pytest
from django.db import DatabaseError, transaction

from patients.consents import services as consents
from patients.tests.factories import make_patient
from reports import services
from reports.generation import named_generator
from reports.generation.base import GenerationError
from reports.tests.factories import make_report, make_words, reloaded
from reports.tests.generation.model_server import GeminiServer
from reports.tests.generation.scripted_model import quoting
from sessions_app.tests.factories import make_consent, make_session
from synapse.audit.models import AuditEvent
from synapse.common import jobs
from synapse.common.models import Job
from synapse.encryption.fields import EncryptedCharField, EncryptedTextField
from synapse.outside import calls
from synapse.outside.models import OutsideCall

pytestmark = pytest.mark.django_db
OTHER = "Zebulon-canary"


@pytest.fixture
def gemini(settings):
    with GeminiServer().running() as server:
        server.model = quoting
        settings.REPORT_BACKEND, settings.GEMINI_API_KEY = "gemini", "key"
        settings.GOOGLE_GEMINI_BASE_URL = server.url
        yield server


def run_job(object_id):
    job = Job.objects.filter(object_id=object_id).latest("created_at")
    jobs.run_job(str(job.pk))


def full_of(word, patient):
    """Put a word into every text a patient's record holds."""
    for field in patient._meta.concrete_fields:
        if isinstance(field, EncryptedCharField | EncryptedTextField):
            setattr(patient, field.name, word[: field.max_length or 99])
    patient.tags = [word]
    patient.save()
    return patient


@pytest.fixture
def agreed(asha, gemini, now):
    """A patient who agreed, beside another one of the same doctor whose record is full of canaries."""
    other = full_of(OTHER, make_patient(asha))
    crowded = make_session(asha, patient=other, status="completed", chief_complaint=OTHER)
    make_words(crowded, [("patient", f"I am {OTHER} and I sleep badly.")])
    make_consent(other, by=asha, kind="ai_note")
    session = make_session(asha, status="completed")
    make_words(session)
    consent = make_consent(session.patient, by=asha, kind="ai_note")
    return session, consent, crowded


def test_nothing_of_a_second_patient_is_in_any_request_and_each_request_is_a_row(agreed, asha, gemini, now):
    session, _, crowded = agreed
    make_report(asha, session=crowded)
    gemini.requests.clear()
    before = OutsideCall.objects.count()

    report = make_report(asha, session=session)
    section = report.structured_data[0]["id"]
    rewrite = services.rewrite_section(report, section, "Say it kindly", by=asha, at=now)
    run_job(rewrite.pk)

    sent = [json.dumps(body) for _, body, _ in gemini.requests]
    assert len(sent) >= 2
    assert not any(OTHER in body for body in sent)
    assert not any(session.patient.last_name in body or session.patient.patient_id in body for body in sent)
    rows = list(OutsideCall.objects.order_by("at"))[before:]
    assert len(rows) == len(sent)
    assert {row.purpose for row in rows} == {"report", "section"}
    assert {(row.patient_id, row.target_id, row.engine, row.host, row.outcome) for row in rows} == {
        (session.patient_id, report.pk, "gemini", "127.0.0.1", "answered")
    }
    assert all(row.bytes_out > 500 and row.bytes_in > 50 and len(row.sha256) == 64 for row in rows)


def test_a_consent_withdrawn_between_queueing_and_calling_keeps_the_words_here(agreed, asha, gemini, now):
    session, consent, _ = agreed
    report = make_report(asha, session=session, status="pending")
    consents.withdraw_consent(consent, by=asha, at=now)

    run_job(report.pk)

    assert gemini.requests == []
    assert not OutsideCall.objects.exists()
    assert (reloaded(report).engine, reloaded(report).fallback_code) == ("embedded", "no_consent")


def test_a_consent_withdrawn_while_an_attempt_failed_stops_the_next_one(agreed, asha, gemini, now):
    session = agreed[0]
    gemini.model = None
    gemini.refuse(503)
    may_leave = iter([True, True, False])
    request = services.drafting.build_request(make_report(asha, session=session, status="pending"))
    with (
        calls.errand(calls.Purpose.REPORT, may_leave=lambda: next(may_leave)),
        pytest.raises(GenerationError) as refused,
    ):
        named_generator("gemini").generate(request)

    assert refused.value.code == "no_consent"
    assert len(gemini.requests) == 1


def test_without_an_errand_nothing_leaves(agreed, asha, gemini):
    request = services.drafting.build_request(make_report(asha, session=agreed[0], status="pending"))

    with pytest.raises(calls.Unnamed):
        named_generator("gemini").generate(request)
    assert gemini.requests == []


def test_a_row_is_completed_once_and_never_changed_or_deleted(now):
    with calls.errand(calls.Purpose.REPORT, may_leave=lambda: True):
        call = calls.begin(engine="gemini", model="m", host="h.example")
    call.sent(b"word")
    call.end(is_answered=True)
    row = OutsideCall.objects.get()

    assert (row.sha256, row.bytes_out) == (hashlib.sha256(b"word").hexdigest(), 4)
    call.sent(b"more")
    call.end(is_answered=False)
    for change in (
        lambda: OutsideCall.objects.update(bytes_out=0),
        lambda: OutsideCall.objects.update(host="other"),
        lambda: OutsideCall.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert OutsideCall.objects.get().outcome == "answered"


def test_the_pages_show_it_to_administrator_and_treating_doctor_alone(agreed, asha, ben, rita, omar, signed_in):
    session = agreed[0]
    make_report(asha, session=session)
    mine = f"/patients/{session.patient_id}/outside/"
    number = session.patient.patient_id

    pages = {
        "omar": signed_in(omar).get("/audit/outside/", {"patient": number, "days": ""}),
        "nobody": signed_in(omar).get("/audit/outside/", {"patient": "PAT-1"}),
        "asha": signed_in(asha).get(mine),
    }
    table = signed_in(omar).get("/audit/outside/export/")

    digest = OutsideCall.objects.get(patient_id=session.patient_id).sha256
    assert [digest in pages[who].content.decode() for who in ("omar", "asha", "nobody")] == [True, True, False]
    assert table.status_code in (200, 302)
    if table.status_code == 200:
        assert digest in table.content.decode()
    assert signed_in(ben).get(mine).status_code == 404
    assert signed_in(rita).get(mine).status_code == 403
    assert {signed_in(one).get("/audit/outside/").status_code for one in (asha, rita)} == {403}
    assert not AuditEvent.objects.filter(detail__icontains=digest).exists()
