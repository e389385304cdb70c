"""A whole report by each kind of service: real clients, stand-ins, the job, consent, what is stored."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from reports import services
from reports.content import all_sentences
from reports.models import SectionRewrite
from reports.tests.factories import make_report, make_written_session, reloaded
from reports.tests.generation.model_server import GeminiServer, OpenAIServer
from reports.tests.generation.scripted_model import quoting
from sessions_app.tests.factories import make_consent
from synapse.common import jobs
from synapse.common.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def openai(settings: Any) -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as server:
        server.model = quoting
        settings.REPORT_BACKEND, settings.OPENAI_MODEL = "openai", "llama3.2:3b"
        settings.OPENAI_BASE_URL = f"{server.url}/v1"
        yield server


@pytest.fixture
def gemini(settings: Any) -> Iterator[GeminiServer]:
    with GeminiServer().running() as server:
        server.model = quoting
        settings.REPORT_BACKEND, settings.GEMINI_API_KEY = "gemini", "key"
        settings.GOOGLE_GEMINI_BASE_URL = server.url
        yield server


def test_a_server_of_the_clinic_writes_without_consent_and_costs_nothing(asha, openai):
    report = make_report(asha)

    assert (report.engine, report.ai_model, report.fallback_code) == ("openai", "llama3.2:3b", "")
    assert report.token_usage["cost_usd"] == "0"
    assert report.token_usage["total"] == 120
    assert any("depressed" in line["text"] for line in all_sentences(report.structured_data))


def test_a_public_server_writes_only_with_consent(asha, openai, settings):
    settings.OPENAI_MODEL = "gpt-oss:120b-cloud"
    without = make_report(asha)
    session = make_written_session(asha)
    make_consent(session.patient, by=asha, kind="ai_note")

    with_consent = make_report(asha, session=session)

    assert (without.engine, without.fallback_code) == ("embedded", "no_consent")
    assert len(openai.requests) == 1
    assert with_consent.engine == "openai"
    assert with_consent.token_usage["cost_usd"] is None


def test_what_gemini_wrote_is_kept_with_tokens_and_list_price(asha, gemini):
    session = make_written_session(asha)
    make_consent(session.patient, by=asha, kind="ai_note")

    report = make_report(asha, session=session)

    assert (report.engine, report.ai_model) == ("gemini", "gemini-3.8-flash-002")
    assert report.token_usage["total"] == 127
    assert Decimal(report.token_usage["cost_usd"]) > 0


def test_a_section_is_written_again_by_the_service_from_the_doors_to_the_draft(asha, now, openai):
    report = make_report(asha)
    section = next(one for one in report.structured_data if one["sentences"] and "item" not in one["sentences"][0])
    openai.model = lambda schema, prompt: {
        section["id"]: {"status": "documented", "sentences": [{"text": "She feels depressed.", "evidence": ["2"]}]}
    }

    rewrite = services.rewrite_section(report, section["id"], "Say it in three words", by=asha, at=now)
    jobs.run_job(str(Job.objects.get(object_id=rewrite.pk).pk))

    after = next(one for one in reloaded(report).structured_data if one["id"] == section["id"])
    assert SectionRewrite.objects.get(pk=rewrite.pk).status == "completed"
    assert [line["text"] for line in after["sentences"]] == ["She feels depressed."]
    assert "Say it in three words" in str(openai.requests[-1][1]["messages"])
    assert reloaded(report).token_usage["total"] == 240


def test_a_service_that_answers_nonsense_three_times_leaves_a_report_to_try_again(asha, openai, now):
    openai.model = None
    openai.answer("I am only a language model.")
    report = make_report(asha, status="pending")
    job = Job.objects.get(object_id=report.pk)

    for _ in range(jobs.MAX_ATTEMPTS):
        Job.objects.filter(pk=job.pk).update(run_at=now)
        jobs.run_job(str(job.pk))

    assert (reloaded(report).status, reloaded(report).error_code) == ("failed", "bad_answer")
    assert len(openai.requests) == jobs.MAX_ATTEMPTS
