"""Have the demo's words and reports written by the real engines, and do with the reports what a doctor does."""

from datetime import datetime

from django.utils import timezone

from reports import content
from reports.models import Report, ReportTemplate
from reports.services import editing, sealing, templates
from sessions_app import recordings, transcripts
from sessions_app.models import ConsultationSession
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


def _lease_speech(kinds: list[str], at: datetime) -> Job | None:
    # Jobs are queued a little after the moment the seeding began.
    return jobs.lease_next(Job.Runner.SPEECH, kinds, max(at, timezone.now()), jobs.SPEECH_LEASE_SECONDS)


def _settle(report: Report, *, by: User, at: datetime) -> None:
    for blocker in sealing.blockers_of(report):
        if blocker.code == "unsupported":
            editing.settle_sentence(report, blocker.target, "confirm", by=by, at=at)
        elif blocker.code == "required_section":
            editing.add_sentence(report, blocker.target, NOT_DISCUSSED, by=by, at=at)
