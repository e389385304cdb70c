"""Have the demo's words and reports written by the real engines, and do with the reports what a doctor does."""

from datetime import datetime

from django.utils import timezone

from reports import content
from reports.generation import named_generator
from reports.models import Report, ReportTemplate
from reports.services import benching, editing, risk, sealing, templates
from sessions_app.models import ConsultationSession
from sessions_app.recordings import services as recordings
from sessions_app.transcripts import services as transcripts
from synapse.accounts.models import User
from synapse.common import jobs
from synapse.common.models import Job

# A slip the guard must catch: the patient said fifty.
UNSUPPORTED_LINE = "Takes sertraline 100 mg in the morning."
NOT_DISCUSSED = "Not discussed in this session."


def choose_templates(doctor: User, second_doctor: User, *, at: datetime) -> None:
    """Give both doctors a template of their own for new reports."""
    for user, slug in ((doctor, "psychiatry_followup"), (second_doctor, "soap")):
        shipped = ReportTemplate.objects.get(slug=slug, doctor=None)
        templates.set_default_template(shipped, by=user, at=at)


def write_transcripts_and_reports(*, at: datetime) -> None:
    """Run the queued work of the sessions here: batch pass, kept audio file, first report."""
    speech_kinds = [transcripts.TRANSCRIBE, recordings.ARCHIVE]
    while (job := _lease_speech(speech_kinds, at)) is not None:
        jobs.run_leased(job)
    for job in Job.objects.filter(runner=Job.Runner.WORKER, state=Job.State.QUEUED).order_by("created_at"):
        jobs.run_job(str(job.pk))


def finish_report(session: ConsultationSession, wanted: str, *, at: datetime) -> None:
    """Sign the session's report, leave it a draft, or leave a line in it that nothing supports."""
    report = session.reports.filter(status=Report.Status.COMPLETED).first()
    if report is None or wanted in {"draft", "none"}:
        return
    if wanted == "unsupported":
        first = next(one for one in content.all_sentences(report.structured_data) if one["evidence"])
        editing.edit_sentence(report, first["id"], UNSUPPORTED_LINE, by=session.doctor, at=at)
        return
    _settle(report, by=session.doctor, at=at)
    report.refresh_from_db()
    sealing.sign_report(report, by=session.doctor, at=at, password_checked=True)


def measure_the_built_in_writer(*, at: datetime) -> None:
    """Run the public bench once on the engine of this machine, so that its page shows figures from the first day on."""
    engine = named_generator("embedded")
    scores = list(benching.bench_engine(engine, at=at))
    benching.store_bench(scores, engine, started_at=at, at=max(at, timezone.now()))


def _lease_speech(kinds: list[str], at: datetime) -> Job | None:
    # Jobs are queued a little after the moment the seeding began.
    return jobs.lease_next(Job.Runner.SPEECH, kinds, max(at, timezone.now()), jobs.SPEECH_LEASE_SECONDS)


def _settle(report: Report, *, by: User, at: datetime) -> None:
    for blocker in sealing.blockers_of(report):
        if blocker.code == "unsupported":
            editing.settle_sentence(report, blocker.target, "confirm", by=by, at=at)
        elif blocker.code == "required_section":
            editing.add_sentence(report, blocker.target, NOT_DISCUSSED, by=by, at=at)
    report.refresh_from_db()
    for statement in risk.undecided(report):
        risk.decide_risk(report, [statement["id"]], _decision(statement), by=by, at=at)


def _decision(statement: content.RiskStatement) -> str:
    """Return what the demo's doctors decide: what the words themselves say."""
    if statement["subject"] == "other":
        return risk.NOT_RELEVANT
    if statement["polarity"] == "denied":
        return risk.DENIED
    return risk.PAST if statement["time"] == "past" else risk.CURRENT
