"""One section of a draft, written again by instruction."""

from dataclasses import replace
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from reports import services
from reports.content import Section, find_section
from reports.generation.base import (
    DraftSection,
    DraftSentence,
    GeneratedReport,
    GenerationError,
    GenerationRequest,
)
from reports.models import Report, SectionRewrite
from reports.pages import engine_words
from reports.permissions import ReportSigned
from reports.services import section_writing, writers
from reports.tests.factories import make_report, reloaded
from sessions_app.tests.factories import make_consent
from synapse.audit.models import AuditEvent
from synapse.common import jobs
from synapse.common.errors import NotAllowed
from synapse.common.models import Job

pytestmark = pytest.mark.django_db


class CloudWriter:
    """A cloud engine that writes what the test says."""

    name = "gemini"
    model = "gemini-3.8-flash"
    is_cloud = True
    is_immediate = False

    def __init__(self) -> None:
        self.lines: list[DraftSentence] = [DraftSentence("Sleep is a bit better.", (4,))]
        self.error: GenerationError | None = None
        self.meanwhile: Any = None
        self.calls: list[tuple[GenerationRequest, DraftSection, str]] = []

    def regenerate_section(
        self, request: GenerationRequest, section: Any, current: DraftSection, instruction: str
    ) -> Any:
        self.calls.append((request, current, instruction))
        if self.meanwhile:
            self.meanwhile()
        if self.error:
            raise self.error
        new = replace(current, sentences=tuple(self.lines))
        tokens = {"prompt": 1000, "answer": 100, "total": 1100}
        return GeneratedReport((new,), (), "gemini", "gemini-3.8-flash-002", "clinical-note-3", tokens)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> CloudWriter:
    writer = CloudWriter()
    monkeypatch.setattr(writers, "get_generator", lambda *, allow_cloud: writer)
    return writer


def longest(report: Report) -> Section:
    """Return the section with the most lines an engine is free to write; a checklist keeps its items."""
    places = [part for section in report.structured_data for part in (section, *section["subsections"])]
    return max(places, key=lambda part: sum("item" not in line for line in part["sentences"]))


def texts(report: Report, section_id: str) -> list[str]:
    section = find_section(reloaded(report).structured_data, section_id)
    assert section is not None
    return [line["text"] for line in section["sentences"]]


def run(rewrite: SectionRewrite) -> SectionRewrite:
    jobs.run_job(str(Job.objects.get(object_id=rewrite.pk).pk))
    return SectionRewrite.objects.get(pk=rewrite.pk)


def with_consent(report: Report) -> Report:
    make_consent(report.session.patient, by=report.session.doctor, kind="ai_note")
    return report


def test_the_built_in_writer_makes_a_section_shorter_at_once(asha, now):
    report = make_report(asha)
    section = longest(report)
    before = [line["text"] for line in section["sentences"]]

    rewrite = services.rewrite_section(
        report, section["id"], "Shorter, please", by=asha, at=now, revision=report.revision
    )

    after = texts(report, section["id"])
    assert (rewrite.status, rewrite.engine, rewrite.token_usage) == ("completed", "embedded", {"cost_usd": "0"})
    assert 0 < len(after) < len(before)
    assert after == [text for text in before if text in after]
    assert reloaded(report).revision == report.revision + 1
    assert not Job.objects.filter(object_id=rewrite.pk).exists()
    assert AuditEvent.objects.filter(target_id=str(report.pk), detail__verb="rewrite_section").exists()


def test_bullets_and_running_text_change_the_form_and_no_word(asha, now):
    report = make_report(asha)
    section_id = longest(report)["id"]
    before = texts(report, section_id)

    services.rewrite_section(report, section_id, "as running text", by=asha, at=now)
    services.rewrite_section(report, section_id, "Put it in bullet points.", by=asha, at=now)

    section = find_section(reloaded(report).structured_data, section_id)
    assert texts(report, section_id) == before
    assert {line["layout"] for line in section["sentences"]} == {"item"}


def test_what_the_built_in_writer_cannot_do_is_refused_with_what_it_can(asha, now):
    report = make_report(asha)

    with pytest.raises(services.UnusableInstruction) as refused:
        services.rewrite_section(report, longest(report)["id"], "Sound more hopeful", by=asha, at=now)

    assert "shorter or longer" in refused.value.message
    assert not SectionRewrite.objects.exists()
    assert reloaded(report).revision == report.revision


@pytest.mark.parametrize("instruction", ["", "  ", "x" * 701])
def test_an_instruction_needs_words_but_not_too_many(asha, now, instruction):
    report = make_report(asha)

    with pytest.raises(services.UnusableInstruction):
        services.rewrite_section(report, longest(report)["id"], instruction, by=asha, at=now)


def test_a_rewrite_that_changes_nothing_says_so(asha, now):
    report = make_report(asha)
    section_id = longest(report)["id"]
    services.rewrite_section(report, section_id, "bullet points", by=asha, at=now)

    with pytest.raises(services.UnusableInstruction) as refused:
        services.rewrite_section(report, section_id, "bullet points", by=asha, at=now)

    assert refused.value.code == "nothing_to_change"


def test_undo_brings_every_replaced_line_back(asha, now):
    report = make_report(asha)
    section = longest(report)
    rewrite = services.rewrite_section(report, section["id"], "shorter, as bullet points", by=asha, at=now)
    shorter = find_section(rewrite.report.structured_data, section["id"])["sentences"]

    services.undo(report, by=asha, at=now)

    assert find_section(reloaded(report).structured_data, section["id"])["sentences"] == section["sentences"]
    services.redo(report, by=asha, at=now)
    assert find_section(reloaded(report).structured_data, section["id"])["sentences"] == shorter


def test_a_cloud_writer_works_as_a_job_and_its_lines_go_through_the_guard(asha, now, cloud):
    report = with_consent(make_report(asha))
    section_id = longest(report)["id"]
    cloud.lines = [DraftSentence("Takes lithium 300 mg at night.", (4,))]

    rewrite = services.rewrite_section(report, section_id, "Say it kindly", by=asha, at=now)
    assert rewrite.is_running
    done = run(rewrite)

    [line] = find_section(reloaded(report).structured_data, section_id)["sentences"]
    assert (done.status, done.engine, done.ai_model) == ("completed", "gemini", "gemini-3.8-flash-002")
    assert (line["origin"], line["support"]) == ("ai", "unsupported")
    assert cloud.calls[0][2] == "Say it kindly"
    assert Job.objects.get(object_id=rewrite.pk).state == "done"


def test_tokens_and_cost_are_kept_with_the_section_and_added_to_the_report(asha, now, cloud):
    report = with_consent(make_report(asha))
    Report.objects.filter(pk=report.pk).update(token_usage={"prompt": 10, "total": 10, "cost_usd": "0.5"})

    rewrite = run(services.rewrite_section(report, longest(report)["id"], "Kindly", by=asha, at=now))

    assert rewrite.token_usage == {"prompt": 1000, "answer": 100, "total": 1100, "cost_usd": "0.001125"}
    usage = reloaded(report).token_usage
    assert (usage["prompt"], usage["total"], usage["cost_usd"]) == (1010, 1110, "0.501125")


def test_without_consent_no_word_leaves_and_the_built_in_writer_follows_if_it_can(asha, now, cloud):
    report = make_report(asha)
    section_id = longest(report)["id"]

    rewrite = services.rewrite_section(report, section_id, "bullet points", by=asha, at=now)
    with pytest.raises(services.UnusableInstruction):
        services.rewrite_section(report, section_id, "Say it kindly", by=asha, at=now)

    assert (rewrite.status, rewrite.engine, rewrite.fallback_code) == ("completed", "embedded", "no_consent")
    assert cloud.calls == []


def test_consent_withdrawn_before_the_job_runs_is_respected(asha, now, cloud):
    report = make_report(asha)
    consent = make_consent(report.session.patient, by=report.session.doctor, kind="ai_note")
    rewrite = services.rewrite_section(report, longest(report)["id"], "Say it kindly", by=asha, at=now)
    type(consent).objects.filter(pk=consent.pk).update(status="withdrawn", withdrawn_at=now)

    done = run(rewrite)

    assert (done.status, done.error_code, cloud.calls) == ("failed", "instruction_refused", [])


def test_what_the_doctor_wrote_changed_or_confirmed_stays_where_it_stood(asha, now, cloud):
    report = with_consent(make_report(asha))
    section = longest(report)
    first, second = section["sentences"][:2]
    services.edit_sentence(report, first["id"], "Changed by hand.", by=asha, at=now)
    services.settle_sentence(report, second["id"], "confirm", by=asha, at=now)
    services.add_sentence(report, section["id"], "Added by hand.", by=asha, at=now)

    run(services.rewrite_section(report, section["id"], "Kindly", by=asha, at=now))

    after = texts(report, section["id"])
    assert after[:2] == ["Changed by hand.", second["text"]]
    assert "Added by hand." in after
    assert "Sleep is a bit better." in after
    assert [line.text for line in cloud.calls[0][1].sentences] == [line["text"] for line in section["sentences"][2:]]


def test_the_doctors_lines_are_replaced_when_asked(asha, now, cloud):
    report = with_consent(make_report(asha))
    section_id = longest(report)["id"]
    services.add_sentence(report, section_id, "Added by hand.", by=asha, at=now)

    run(services.rewrite_section(report, section_id, "Kindly", by=asha, at=now, include_own=True))

    assert texts(report, section_id) == ["Sleep is a bit better."]


def test_a_change_made_meanwhile_stands_and_the_rewrite_says_so(asha, now, cloud):
    report = with_consent(make_report(asha))
    section = longest(report)
    cloud.meanwhile = lambda: services.edit_sentence(
        report, section["sentences"][0]["id"], "Changed meanwhile.", by=asha, at=timezone.now()
    )

    done = run(services.rewrite_section(report, section["id"], "Kindly", by=asha, at=now))

    assert (done.status, done.error_code, done.token_usage["cost_usd"]) == ("failed", "section_changed", "0.001125")
    assert texts(report, section["id"])[0] == "Changed meanwhile."
    assert "Your change stands" in engine_words.of_rewrite(done.error_code)


def test_the_page_says_why_a_section_was_not_written_again(asha, now, cloud, signed_in):
    report = with_consent(make_report(asha))
    rewrite = services.rewrite_section(report, longest(report)["id"], "Kindly", by=asha, at=now)
    section_writing.fail_rewrite(rewrite.pk, code="quota", at=now)

    door = reverse("reports:rewrite_state", args=[report.pk, rewrite.pk])
    answer = signed_in(asha).get(door, headers={"HX-Request": "true"})

    assert answer.status_code == 409
    assert "at Gemini is used up for now." in answer["HX-Trigger"]


def test_a_change_of_another_section_meanwhile_is_kept_and_hinders_nothing(asha, now, cloud):
    report = with_consent(make_report(asha))
    section = longest(report)
    other = next(one for one in report.structured_data if not any(p is section for p in (one, *one["subsections"])))
    place = (other["subsections"] or [other])[0]["id"]
    cloud.meanwhile = lambda: services.add_sentence(report, place, "Added meanwhile.", by=asha, at=timezone.now())

    done = run(services.rewrite_section(report, section["id"], "Kindly", by=asha, at=now))

    assert done.status == "completed"
    assert "Added meanwhile." in texts(report, place)


def test_a_silent_cloud_is_tried_again_and_leaves_the_section_in_the_end(asha, now, cloud):
    report = with_consent(make_report(asha))
    section = longest(report)
    cloud.error = GenerationError("late", transient=True, code="timeout")
    rewrite = services.rewrite_section(report, section["id"], "Kindly", by=asha, at=now)
    job = Job.objects.get(object_id=rewrite.pk)

    for _ in range(jobs.MAX_ATTEMPTS):
        Job.objects.filter(pk=job.pk).update(run_at=now)
        jobs.run_job(str(job.pk))

    rewrite.refresh_from_db()
    assert (rewrite.status, rewrite.error_code, len(cloud.calls)) == ("failed", "timeout", jobs.MAX_ATTEMPTS)
    assert texts(report, section["id"]) == [line["text"] for line in section["sentences"]]


def test_a_filter_ends_the_rewrite_at_once_and_says_why(asha, now, cloud):
    report = with_consent(make_report(asha))
    cloud.error = GenerationError("no", transient=False, code="blocked")

    done = run(services.rewrite_section(report, longest(report)["id"], "Kindly", by=asha, at=now))

    assert (done.status, done.error_code) == ("failed", "blocked")
    assert "filter" in engine_words.of_rewrite("blocked")


def test_a_section_is_written_by_one_job_at_a_time(asha, now, cloud):
    report = with_consent(make_report(asha))
    section_id = longest(report)["id"]
    rewrite = services.rewrite_section(report, section_id, "Kindly", by=asha, at=now)

    with pytest.raises(services.RewriteRunning):
        services.rewrite_section(report, section_id, "Again", by=asha, at=now)
    run(rewrite)
    services.rewrite_section(report, section_id, "Again", by=asha, at=now)


def test_a_job_that_runs_twice_writes_once(asha, now, cloud):
    report = with_consent(make_report(asha))
    rewrite = services.rewrite_section(report, longest(report)["id"], "Kindly", by=asha, at=now)
    run(rewrite)

    section_writing.run_rewrite(rewrite.pk, job=Job.objects.get(object_id=rewrite.pk), clock=timezone.now)

    assert len(cloud.calls) == 1


def test_a_rewritten_section_counts_as_unread(asha, now):
    report = services.mark_reviewed(make_report(asha), by=asha, at=now)
    section_id = longest(report)["id"]

    services.rewrite_section(report, section_id, "shorter", by=asha, at=now)

    after = reloaded(report)
    assert len(after.checked_sections) == len(report.checked_sections) - 1
    assert after.reviewed_by is None


def test_the_instruction_is_nowhere_in_the_audit_or_the_job(asha, now, cloud):
    report = with_consent(make_report(asha))

    rewrite = services.rewrite_section(report, longest(report)["id"], "Call her Meera", by=asha, at=now)

    job = Job.objects.get(object_id=rewrite.pk)
    assert "Meera" not in str(list(AuditEvent.objects.values())) + str(job.__dict__)


def test_only_a_treating_doctors_draft_is_rewritten(asha, rita, now):
    signed = make_report(asha, status="signed")
    draft = make_report(asha)

    with pytest.raises(ReportSigned):
        services.rewrite_section(signed, longest(signed)["id"], "shorter", by=asha, at=now)
    with pytest.raises(NotAllowed):
        services.rewrite_section(draft, longest(draft)["id"], "shorter", by=rita, at=now)
    with pytest.raises(services.NotInReport):
        services.rewrite_section(draft, "nowhere", "shorter", by=asha, at=now)
    with pytest.raises(services.StaleRevision):
        services.rewrite_section(draft, longest(draft)["id"], "shorter", by=asha, at=now, revision=99)
