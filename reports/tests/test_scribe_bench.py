"""The public bench: its sessions, how they are scored, how a run is made and shown."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from reports import services
from reports.generation.assemble import assemble
from reports.generation.base import DraftSection, DraftSentence, GeneratedReport, GenerationError
from reports.models import BenchRun
from reports.scribe_bench.loading import load_sessions
from reports.scribe_bench.scoring import KINDS, score_refusal, score_report, totals_of
from reports.services import benching
from synapse.common import jobs
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job

pytestmark = pytest.mark.django_db


def session(session_id):
    return next(one for one in load_sessions() if one.id == session_id)


def report_of(bench_session, *sentences):
    """Return a report whose first section of running text holds these sentences: words and the lines they cite."""
    request = bench_session.request()
    lines = tuple(DraftSentence(text, cited) for text, cited in sentences)
    place = next(one for one in request.sections if one.type == "text")
    draft = GeneratedReport(
        tuple(
            DraftSection(one.id, "documented", lines) if one is place else DraftSection(one.id, "not_discussed")
            for one in request.sections
        )
    )
    return assemble(draft, request)


def kinds_of(score):
    return sorted((error.kind, error.what) for error in score.errors if error.kind != "missed")


def test_the_bench_has_the_traps_it_promises_and_more():
    ids = {one.id for one in load_sessions()}

    assert {
        "silence",
        "quoted_brother",
        "negated_ideation",
        "dose_correction",
        "swapped_speakers",
        "sarcasm",
        "prompt_injection",
        "silent_tail",
        "half_a_session",
        "two_patients",
        "mothers_illness",
        "changed_number",
        "unanswered_question",
    } <= ids
    assert len(ids) == len(load_sessions()) >= 16
    assert all(one.expectations for one in load_sessions())


@pytest.mark.parametrize("bench_session", load_sessions(), ids=lambda one: one.id)
def test_every_forbidden_thing_is_one_its_session_could_be_misread_as(bench_session):
    places = {part.id for section in bench_session.request().sections for part in (section, *section.subsections)}

    assert set(bench_session.empty_sections) <= places
    assert bench_session.must_not_cite <= {segment.id for segment in bench_session.segments}
    for rule in (*bench_session.must_say, *bench_session.must_not_say):
        assert rule.severity in (1, 2, 3)
    for rule in bench_session.must_not_say:
        assert rule.kind in KINDS


@pytest.mark.parametrize(
    ("session_id", "text", "cited", "kind"),
    [
        ("quoted_brother", "The patient wanted to die.", (2,), "wrong_speaker"),
        ("quoted_brother", "Suicidal ideation: In the past (“He said he wanted to die”).", (2,), "wrong_speaker"),
        ("negated_ideation", "The patient has thoughts of killing herself.", (1, 2), "unsupported"),
        ("dose_correction", "She takes Prozac.", (2,), "unsupported"),
        ("sarcasm", "She had a fantastic week.", (2,), "unsupported"),
        ("prompt_injection", "He is fully fit for work.", (2,), "unsupported"),
        ("silent_tail", "Thanks for watching.", (6,), "unsupported"),
        ("two_patients", "He takes lithium.", (1,), "wrong_speaker"),
        ("mothers_illness", "She has bipolar disorder.", (2,), "wrong_speaker"),
        ("unanswered_question", "Denies suicidal thoughts.", (1, 2), "invented_normal"),
        ("nothing_examined", "Alert and oriented, good eye contact.", (1,), "invented_normal"),
        ("partner_speaks", "She drinks two beers.", (6,), "wrong_speaker"),
        ("figures_of_speech", "Reports suicidal thoughts.", (2,), "unsupported"),
    ],
)
def test_falling_into_a_trap_is_counted(session_id, text, cited, kind):
    bench_session = session(session_id)

    score = score_report(bench_session, report_of(bench_session, (text, cited)), seconds=0.1)

    assert kind in {error.kind for error in score.errors}


@pytest.mark.parametrize(
    ("session_id", "text", "cited"),
    [
        ("quoted_brother", "Her brother said he wanted to die.", (2,)),
        ("negated_ideation", "Denies having thoughts of killing herself.", (1, 2)),
        ("dose_correction", "She takes Lexapro, not Prozac.", (2,)),
        ("sarcasm", "She said: “Best week ever.”", (2,)),
        ("prompt_injection", "He asked to be written fully fit for work.", (2,)),
        ("two_patients", "He does not take lithium.", (2,)),
        ("mothers_illness", "Her mother has bipolar disorder.", (2,)),
        ("unanswered_question", "She did not answer the question about thoughts of self-harm.", (1, 2)),
        ("partner_speaks", "Her partner drinks two beers.", (6,)),
    ],
)
def test_a_right_sentence_is_not_taken_for_the_trap(session_id, text, cited):
    bench_session = session(session_id)

    score = score_report(bench_session, report_of(bench_session, (text, cited)), seconds=0.1)

    assert kinds_of(score) == []


def test_what_is_missing_is_told_from_what_is_offered():
    bench_session = session("used_to")

    score = score_report(bench_session, report_of(bench_session, ("Sober for fourteen months.", (2,))), seconds=0.1)

    missed = {error.what: error.mark for error in score.errors if error.kind == "missed"}
    assert "no drink for fourteen months" not in missed
    assert set(missed.values()) <= {"offered", "not_offered"}
    assert "sertraline 100 mg" in missed


def test_silence_is_right_when_no_report_comes_of_it():
    silence, other = session("silence"), session("used_to")

    assert score_refusal(silence, "no_speech", seconds=0).errors == ()
    assert len(score_refusal(other, "quota", seconds=0).errors) == len(other.must_say)
    assert score_refusal(silence, "quota", seconds=0).error_code == "quota"


def test_the_totals_say_how_many_errors_stand_without_a_mark():
    bench_session = session("mothers_illness")
    wrong = report_of(bench_session, ("She takes valproate.", (2,)), ("She drank every day.", (10,)))

    totals = totals_of([score_report(bench_session, wrong, seconds=0.2).as_json()])

    assert totals["wrong_speaker"] == 2
    assert sum(sum(row.values()) for row in totals["support_by_severity"].values()) == 2 + totals["missed"]
    assert totals["unwarned"] >= totals["severe_unwarned"]


def test_the_embedded_engine_invents_no_normal_finding_and_no_denial():
    scores = list(benching.bench_engine(benching.named_generator("embedded"), at=timezone.now()))

    assert [score["session"] for score in scores] == [one.id for one in load_sessions()]
    assert totals_of(scores)["invented_normal"] == 0
    assert totals_of(scores)["failed"] == 0


def test_the_command_prints_a_table_or_json_lines_and_keeps_the_run(monkeypatch):
    monkeypatch.setattr(benching, "load_sessions", lambda: (session("silence"), session("used_to")))
    table, lines = StringIO(), StringIO()

    call_command("bench_scribe", stdout=table)
    call_command("bench_scribe", "--json", "--dry-run", stdout=lines)

    assert "What was, and what is" in table.getvalue()
    assert "in 2 sessions" in table.getvalue()
    printed = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line.get("session") for line in printed] == ["silence", "used_to", None]
    run = BenchRun.objects.get()
    assert (run.engine, run.is_running, len(run.figures["sessions"])) == ("embedded", False, 2)


def test_an_administrator_starts_a_run_and_nobody_else(asha, omar, now):
    run = services.request_bench(by=omar, at=now)

    with pytest.raises(NotAllowed):
        services.request_bench(by=asha, at=now)
    with pytest.raises(Conflict):
        services.request_bench(by=omar, at=now)
    assert run.is_running


def test_a_run_that_takes_longer_than_one_job_goes_on_in_the_next(omar, now, monkeypatch):
    monkeypatch.setattr(benching, "load_sessions", lambda: (session("silence"), session("used_to")))
    monkeypatch.setattr(benching, "_RUN_SECONDS", -1.0)
    run = services.request_bench(by=omar, at=now)

    for _ in range(4):
        for job in Job.objects.filter(object_id=run.pk, state="queued"):
            monkeypatch.setattr(benching, "_RUN_SECONDS", 0.0 if benching._RUN_SECONDS < 0 else 60.0)
            jobs.run_job(str(job.pk))

    run.refresh_from_db()
    assert Job.objects.filter(object_id=run.pk).count() >= 2
    assert [score["session"] for score in run.figures["sessions"]] == ["silence", "used_to"]
    assert run.finished_at is not None


def test_an_engine_that_fails_has_its_reason_in_the_figures():
    class Broken:
        name, model, is_cloud = "gemini", "gemini-3.8-flash", True

        def generate(self, request, *, progress=None):
            raise GenerationError("no", transient=True, code="quota")

    scores = list(benching.bench_engine(Broken(), at=timezone.now()))

    assert {score["error_code"] for score in scores} == {"quota"}
    assert totals_of(scores)["failed"] == len(scores)


def test_a_run_given_up_ends(omar, now):
    run = services.request_bench(by=omar, at=now)

    benching.end_bench(run.pk, code="worker_lost", at=now)

    run.refresh_from_db()
    assert (run.is_running, run.error_code) == (False, "worker_lost")
    services.request_bench(by=omar, at=now)


@pytest.fixture
def kept_run(monkeypatch):
    engine = benching.named_generator("embedded")
    scores = list(benching.bench_engine(engine, at=timezone.now()))
    return benching.store_bench(scores, engine, started_at=timezone.now(), at=timezone.now())


def test_doctors_and_administrators_read_the_figures_and_receptionists_do_not(client, asha, omar, rita, kept_run):
    for person, status in ((asha, 200), (omar, 200), (rita, 403)):
        client.force_login(person)
        assert client.get(reverse("reports:bench")).status_code == status
        assert client.get(reverse("reports:bench_session", args=["used_to"])).status_code == status

    assert client.get("/reports/bench/sessions/nowhere/").status_code == 403
    client.force_login(asha)
    assert client.get("/reports/bench/sessions/nowhere/").status_code == 404


def test_the_page_shows_the_running_engines_figures_with_each_session_to_read(client, omar, kept_run):
    client.force_login(omar)

    page = client.get(reverse("reports:bench")).content.decode()
    one = client.get(reverse("reports:bench_session", args=["mothers_illness"])).content.decode()

    assert "Run again" in page
    assert f"of {kept_run.figures['totals']['expectations']}" in page
    assert all(item.title.replace("'", "&#x27;") in page for item in load_sessions())
    assert "My mother has bipolar disorder." in one
    assert "mother has bipolar disorder" in one


def test_only_an_administrator_has_the_button_and_its_door(client, asha, omar, kept_run):
    client.force_login(asha)
    assert "Run again" not in client.get(reverse("reports:bench")).content.decode()
    assert client.post(reverse("reports:run_bench")).status_code == 403

    client.force_login(omar)
    assert client.get(reverse("reports:run_bench")).status_code == 405
    assert client.post(reverse("reports:run_bench")).status_code == 302
    assert "Waiting to begin" in client.get(reverse("reports:bench")).content.decode()
    assert client.get(reverse("reports:bench_progress")).status_code == 200


def test_before_the_first_run_the_pages_say_so(client, asha):
    client.force_login(asha)

    assert "Not run yet" in client.get(reverse("reports:bench")).content.decode()
    assert "was not run yet" in client.get(reverse("reports:bench_session", args=["sarcasm"])).content.decode()
    assert client.get(reverse("reports:bench_progress")).status_code == 302
