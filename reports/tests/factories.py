"""Builders of reports. States are reached through their verbs; the embedded engine writes."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from reports import services
from reports.content import Sentence, all_sentences
from reports.models import Report, ReportTemplate
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.tests.factories import make_session, segment_of
from sessions_app.transcripts import services as transcripts
from synapse.accounts.models import User
from synapse.common import jobs
from synapse.common.models import Job

# A follow-up as a transcript has it: enough for every section of the shipped follow-up template.
CONSULTATION = [
    ("doctor", "So what brings you in today?"),
    ("patient", "I have been feeling depressed and my sleep is poor."),
    ("doctor", "How has your sleep been since we last met?"),
    ("patient", "A bit better. I still wake up around four in the morning, maybe three nights a week."),
    ("doctor", "Any side effects from the sertraline?"),
    ("patient", "I had some nausea the first week. I take sertraline 50 mg every morning."),
    ("doctor", "Have you had any thoughts of suicide?"),
    ("patient", "No, I have not had any thoughts of suicide."),
    ("doctor", "I think this is moderate depression, and it is improving."),
    ("doctor", "We will increase your sertraline to 75 mg every morning."),
    ("doctor", "Please continue your sleep diary. I would like to see you again in 3 weeks."),
]
UNSUPPORTED = "Takes lithium 300 mg at night."


def make_words(session: ConsultationSession, lines: list[tuple[str, str]] | None = None) -> Transcription:
    """Give a session a finished transcript; each line takes four seconds."""
    now = timezone.now()
    transcription = Transcription.objects.create(session=session)
    transcripts.start_processing(transcription, at=now)
    return transcripts.store_result(
        transcription,
        segments=[
            segment_of(speaker, place * 4_000, place * 4_000 + 3_600, text)
            for place, (speaker, text) in enumerate(lines or CONSULTATION)
        ],
        service="embedded",
        model="tiny.en",
        language="en-US",
        confidence=0.9,
        processing_seconds=1.0,
        at=now,
    )


def make_written_session(doctor: User, **fields: Any) -> ConsultationSession:
    """Make a completed session with its words."""
    session = make_session(doctor, status="completed", **fields)
    make_words(session)
    return session


def clinic_template(slug: str = "psychiatry_followup") -> ReportTemplate:
    return ReportTemplate.objects.get(doctor=None, slug=slug)


def make_report(
    doctor: User,
    *,
    session: ConsultationSession | None = None,
    status: str = "completed",
    template: ReportTemplate | None = None,
    with_unsupported: bool = False,
) -> Report:
    """Ask for a report and walk it to a status; `with_unsupported` leaves a line that has to be settled."""
    now = timezone.now()
    session = session or make_written_session(doctor)
    report = services.request_report(session, by=doctor, at=now, template=template or clinic_template())
    if status == "pending":
        return report
    if status == "failed":
        services.fail_generation(report.pk, code="timeout", at=now)
        return reloaded(report)
    write(report)
    report = reloaded(report)
    if with_unsupported:
        report = make_unsupported(report, by=doctor)
    if status == "signed":
        report = sign(settle(report, by=doctor), by=doctor)
    return report


def write(report: Report) -> None:
    """Run the report's job as the worker would."""
    jobs.run_job(str(Job.objects.filter(object_id=report.pk).latest("created_at").pk))


def settle(report: Report, *, by: User) -> Report:
    """Confirm every unsupported line fill every empty required section, decide about every risk statement."""
    for blocker in services.blockers_of(report):
        if blocker.code == "unsupported":
            report = services.settle_sentence(report, blocker.target, "confirm", by=by, at=timezone.now())
        elif blocker.code == "required_section":
            report = services.add_sentence(report, blocker.target, "Not assessed today.", by=by, at=timezone.now())
    return decide_all(report, by=by)


def decide_all(report: Report, *, by: User) -> Report:
    """Decide about every open risk statement."""
    if open_ones := [one["id"] for one in report.risk_statements if not one["disposition"]]:
        report = services.decide_risk(report, open_ones, "current", by=by, at=timezone.now())
    return report


def sign(report: Report, *, by: User) -> Report:
    at = timezone.now() + timedelta(milliseconds=1)
    return services.sign_report(report, by=by, at=at, password_checked=True)


def make_unsupported(report: Report, *, by: User) -> Report:
    """Change the first cited line into something nobody said."""
    line = first_sentence(report)
    return services.edit_sentence(report, line["id"], UNSUPPORTED, by=by, at=timezone.now())


def first_sentence(report: Report) -> Sentence:
    """Return the first sentence that cites the recording."""
    return next(sentence for sentence in all_sentences(report.structured_data) if sentence["evidence"])


def line_about(report: Report, words: str) -> Sentence:
    """Return the first sentence that has these words in it."""
    return next(line for line in all_sentences(report.structured_data) if words in line["text"])


def reloaded(report: Report) -> Report:
    return Report.objects.select_related("session__patient", "session__doctor", "transcription", "template").get(
        pk=report.pk
    )
