"""How a report comes to be: asked for, written, failed, tried again."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from reports import permissions, services
from reports.generation import embedded
from reports.generation.base import GeneratedReport, GenerationError, GenerationRequest
from reports.models import Report, ReportTemplate
from reports.services import drafting, writers
from reports.tests.factories import (
    clinic_template,
    make_report,
    make_words,
    make_written_session,
    reloaded,
    settle,
    sign,
    write,
)
from sessions_app.tests.factories import make_consent, make_session, make_transcription
from synapse.audit.models import AuditEvent
from synapse.common import jobs
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job

pytestmark = pytest.mark.django_db


class CloudWriter:
    """A cloud engine: writes as the embedded one does, or raises what it was given."""

    name = "gemini"
    is_cloud = True
    is_immediate = False

    def __init__(self, error: GenerationError | None = None) -> None:
        self.error = error
        self.requests: list[GenerationRequest] = []

    def generate(self, request: GenerationRequest, *, progress: Callable[..., None] | None = None) -> GeneratedReport:
        self.requests.append(request)
        if self.error:
            raise self.error
        draft = embedded.EmbeddedGenerator().generate(request, progress=progress)
        return GeneratedReport(draft.sections, draft.unassigned, "gemini", "gemini-x", "clinical-note-1")


@pytest.fixture
def cloud(monkeypatch):
    """Set up a cloud engine; the test may give it an error."""
    writer = CloudWriter()

    monkeypatch.setattr(writers, "get_generator", lambda *, allow_cloud: writer)
    return writer


def test_a_report_is_asked_for_with_the_clinics_default_template(asha, now):
    session = make_written_session(asha)

    report = services.request_report(session, by=asha, at=now)

    assert report.status == "pending"
    assert (report.version, report.report_type) == (1, "followup")
    assert report.template.slug == "general"
    assert report.template_structure["name"] == report.template.name
    assert report.template.structure["sections"] == report.template_structure["sections"]
    assert Job.objects.get(object_id=report.pk).kind == "reports.tasks.generate"


def test_a_doctors_own_default_template_wins(asha, now):
    mine = services.set_default_template(clinic_template("soap"), by=asha, at=now)

    report = services.request_report(make_written_session(asha), by=asha, at=now)

    assert report.template == mine
    mine.refresh_from_db()
    assert (mine.usage_count, mine.last_used_at) == (1, now)


def test_the_system_asks_in_the_name_of_the_sessions_doctor(asha, now):
    report = services.request_report(make_written_session(asha), by=None, at=now)

    assert AuditEvent.objects.get(action="create", target_id=str(report.pk)).actor_label == "system"


def test_only_one_report_of_a_session_is_written_at_a_time(asha, now):
    report = make_report(asha, status="pending")

    with pytest.raises(permissions.ReportRunning):
        services.request_report(report.session, by=asha, at=now, report_type="referral")


def test_no_speech_makes_no_report(asha, now):
    session = make_session(asha, status="completed")
    make_transcription(session, status="no_speech")

    with pytest.raises(permissions.NoSpeech) as refused:
        services.request_report(session, by=asha, at=now)

    assert refused.value.code == "no_speech"
    assert not Report.objects.exists()


def test_a_doctor_who_left_keeps_no_transcript_from_becoming_a_report(asha, now):
    session = make_written_session(asha)
    type(asha).objects.filter(pk=asha.pk).update(is_active=False)
    session.doctor.refresh_from_db()

    assert services.request_report(session, by=None, at=now).is_waiting


@pytest.mark.parametrize("status", ["pending", "failed", None])
def test_a_session_without_a_finished_transcript_makes_no_report(asha, now, status):
    session = make_session(asha, status="completed")
    if status:
        make_transcription(session, status=status)

    with pytest.raises(Conflict):
        services.request_report(session, by=asha, at=now)


def test_a_receptionist_asks_for_no_report(asha, rita, now):
    with pytest.raises(NotAllowed):
        services.request_report(make_written_session(asha), by=rita, at=now)


def test_a_colleagues_private_template_is_refused(asha, ben, now):
    private = services.copy_template(clinic_template(), by=ben, at=now)

    with pytest.raises(services.UnusableTemplate):
        services.request_report(make_written_session(asha), by=asha, at=now, template=private)


def test_a_switched_off_template_is_refused(asha, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)
    services.retire_template(mine, is_active=False, by=asha, at=now)

    with pytest.raises(services.UnusableTemplate):
        services.request_report(make_written_session(asha), by=asha, at=now, template=mine)


def test_writing_fills_the_sections_with_cited_sentences(asha):
    report = make_report(asha)

    assert report.status == "completed"
    assert (report.engine, report.fallback_code) == ("embedded", "")
    sentences = [line for section in report.structured_data for line in section["sentences"]]
    assert any("nausea" in line["text"] for line in sentences)
    assert all(line["evidence"] for line in sentences)
    assert report.generated_content.count(report.title) == 1
    assert report.completeness_score is not None
    assert report.score_details["required_total"] == 5
    assert report.generation_completed_at is not None


def test_writing_twice_changes_nothing(asha):
    report = make_report(asha)
    job = Job.objects.get(object_id=report.pk)

    services.generate_report(report.pk, job=job, clock=timezone.now)

    assert reloaded(report).updated_at == report.updated_at


def test_progress_names_the_section(asha):
    report = make_report(asha)

    job = Job.objects.get(object_id=report.pk)
    assert job.progress_done == job.progress_total == len(report.structured_data)
    assert job.progress_label == report.structured_data[-1]["title"]


def test_without_consent_the_built_in_writer_works(asha, cloud):
    report = make_report(asha)

    assert cloud.requests == []
    assert (report.engine, report.fallback_code) == ("embedded", "no_consent")


def test_with_consent_the_cloud_writer_works(asha, cloud, now):
    session = make_written_session(asha)
    make_consent(session.patient, by=asha, kind="ai_note")

    report = make_report(asha, session=session)

    assert (report.engine, report.ai_model, report.fallback_code) == ("gemini", "gemini-x", "")


def test_a_permanent_refusal_falls_back_and_says_so(asha, cloud):
    cloud.error = GenerationError("refused", transient=False, code="blocked")
    session = make_written_session(asha)
    make_consent(session.patient, by=asha, kind="ai_note")

    report = make_report(asha, session=session)

    assert (report.status, report.engine, report.fallback_code) == ("completed", "embedded", "blocked")


def test_a_silent_cloud_is_tried_again_and_fails_in_the_end(asha, cloud):
    cloud.error = GenerationError("no answer", transient=True, code="timeout")
    session = make_written_session(asha)
    make_consent(session.patient, by=asha, kind="ai_note")
    report = make_report(asha, session=session, status="pending")
    job = Job.objects.get(object_id=report.pk)

    states = []
    for _ in range(jobs.MAX_ATTEMPTS):
        Job.objects.filter(pk=job.pk).update(run_at=timezone.now())
        write(report)
        states.append(reloaded(report).status)

    assert states == ["generating", "generating", "failed"]
    assert reloaded(report).error_code == "timeout"
    assert len(cloud.requests) == jobs.MAX_ATTEMPTS


def test_a_failed_report_is_written_by_the_built_in_writer_when_asked(asha, cloud, now):
    session = make_written_session(asha)
    make_consent(session.patient, by=asha, kind="ai_note")
    report = make_report(asha, session=session, status="failed")

    services.retry_report(report, by=asha, at=now, built_in=True)
    write(report)

    assert cloud.requests == []
    written = reloaded(report)
    assert (written.status, written.engine, written.fallback_code) == ("completed", "embedded", "chosen")


def test_only_a_failed_report_is_retried(asha, now):
    with pytest.raises(Conflict):
        services.retry_report(make_report(asha), by=asha, at=now)


def test_a_report_that_ended_does_not_fail_afterwards(asha, now):
    report = make_report(asha)

    services.fail_generation(report.pk, code="worker_lost", at=now)

    assert reloaded(report).status == "completed"


def test_identity_is_in_the_request_only_to_be_replaced(asha, cloud):
    session = make_written_session(asha)
    make_consent(session.patient, by=asha, kind="ai_note")
    patient = session.patient

    make_report(asha, session=session)

    (request,) = cloud.requests
    assert {patient.first_name, patient.last_name, patient.phone_primary, patient.patient_id} <= set(
        request.identifiers
    )
    told = " ".join(str(getattr(request.context, name)) for name in request.context.__slots__)
    assert not any(identifier in told for identifier in request.identifiers)
    assert str(patient.date_of_birth.year) not in told


def test_the_last_signed_plan_is_handed_to_the_writer(asha, cloud):
    first = make_written_session(asha)
    signed = sign(settle(make_report(asha, session=first), by=asha), by=asha)
    second = make_session(asha, patient=first.patient, status="completed", at=timezone.now())
    make_words(second)
    make_consent(first.patient, by=asha, kind="ai_note")

    make_report(asha, session=second)

    assert "sertraline to 75 mg" in cloud.requests[-1].context.previous_plan
    assert signed.is_signed


def test_regenerating_makes_the_next_version_and_keeps_the_old(asha, now):
    report = make_report(asha)

    again = services.regenerate(report, by=asha, at=now)
    write(again)

    assert (again.version, again.report_type) == (2, report.report_type)
    assert reloaded(report).status == "completed"
    assert permissions.has_newer_version(report)


@pytest.mark.parametrize(
    ("age", "band"), [(0, "0-9"), (34, "30-39"), (89, "80-89"), (90, "90 or older"), (104, "90 or older")]
)
def test_an_age_is_told_in_tens(age, band):
    assert drafting.age_band(age) == band


def test_the_shipped_templates_are_the_clinics(db):
    slugs = set(ReportTemplate.objects.filter(doctor=None).values_list("slug", flat=True))

    assert {"general", "psychiatry_followup", "psychiatry_initial", "soap", "dap", "birp"} <= slugs
    assert ReportTemplate.objects.get(doctor=None, is_default=True).slug == "general"


def test_the_session_date_is_told_by_its_month_in_the_clinics_zone(asha):
    session = make_written_session(asha, at=datetime(2026, 1, 31, 20, 0, tzinfo=UTC))
    report = make_report(asha, session=session, status="pending")

    context = drafting.build_request(reloaded(report)).context

    assert context.session_date == "2026-02"
    assert context.age_band == drafting.age_band(session.patient.age_on(date(2026, 2, 1)))
