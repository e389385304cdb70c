"""What a doctor wants to know before a visit, in the record's own words.

Nothing here is made up or scored: the last report is quoted, sentence by sentence, only while its seal holds; risk is
what the panels of the last reports quote, with what was decided about it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from patients.models import Consent, Patient
from patients.queries import ConsentState, consent_states
from reports.content import DISPOSITION_WORDS, RISK_WORDS, RiskStatement, Sentence, all_sentences
from reports.models import Addendum, Report, SealEntry
from reports.queries import PLAN_TOPICS, latest_versions, reports_to_sign, sections_about
from reports.sealing import signing
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.models import User

REPORTS_READ = 6  # the last reports, for scores and risk
REPORTS_FOR_RISK = 3
LONGEST_SUMMARY = 3  # sentences
LONGEST_PLAN = 8
ASSESSMENT_TOPICS = ("assessment", "diagnosis")
STORY_TOPICS = ("history", "mood", "chief_complaint", "response", "subjective")
RISK_TOPICS = ("risk",)
# The questionnaires people name in sessions; a number has to stand in the same sentence.
_SCORE = re.compile(
    r"\b(?:PHQ[- ]?(?:2|9|15)|GAD[- ]?[27]|HAM[- ]?[AD]|HDRS|MADRS|BDI|YMRS|PCL[- ]?5|AUDIT(?:-C)?|EPDS|MMSE|MoCA|"
    r"Y[- ]?BOCS|WHO[- ]?5|K[- ]?10|DASS[- ]?21|ISI|ORS|SRS)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d")
_POLARITY = {"stated": "said", "denied": "denied", "asked": "asked, not clearly answered"}
_TIME = {"current": "now", "past": "in the past", "unknown": ""}
# What is still open or stands comes before what is over.
_GRAVITY = {"current": 0, "": 1, "past": 2, "denied": 3}


@dataclass(frozen=True)
class Quote:
    """A sentence as a signed report has it, and which one."""

    text: str
    report: Report

    @property
    def said_at(self) -> datetime:
        return self.report.session.started_at


@dataclass(frozen=True)
class RiskFlag:
    """Something said about risk, as the panel of a report quotes it, and what a doctor decided about it.

    `quotes` are (speaker, words): a denial needs its question.
    """

    kind: str
    quotes: list[tuple[str, str]]
    reading: str
    decided: str
    report: Report

    @property
    def said_at(self) -> datetime:
        return self.report.session.started_at


@dataclass(frozen=True)
class ConsentChip:
    """The answer to one question, in a few words."""

    noun: str
    state: ConsentState

    @property
    def words(self) -> str:
        if self.state.is_live:
            return f"{self.noun} consent"
        if self.state.request and not self.state.is_refused:
            return f"{self.noun} consent asked by link"
        return f"No consent to {self.noun.lower()}" if self.state.is_refused else f"{self.noun} consent not asked"


@dataclass(frozen=True)
class Brief:
    """One visit, prepared."""

    visit: Appointment
    consents: list[ConsentChip]
    session_count: int
    last_session: ConsultationSession | None
    last_report: Report | None
    is_broken: bool
    summary: list[Quote]
    plan: list[Quote]
    scores: list[Quote]
    safety: list[Quote]
    risks: list[RiskFlag]
    unsigned: list[Report]
    addenda: list[Addendum]
    unwritten: list[ConsultationSession]

    @property
    def patient(self) -> Patient:
        return self.visit.patient.kept_record

    @property
    def may_record(self) -> bool:
        return self.consents[0].state.is_live

    @property
    def medications(self) -> list[str]:
        return [line.strip(" -•\t") for line in self.patient.current_medications.splitlines() if line.strip(" -•\t")]

    @property
    def has_left_overs(self) -> bool:
        return bool(self.unsigned or self.addenda or self.unwritten)


def read_brief(visit: Appointment, *, by: User, at: datetime) -> Brief:
    """Gather what the doctor's own scope holds about a visit's patient, in a fixed number of queries."""
    held = list(
        ConsultationSession.objects.filter(
            doctor=by, patient__in=visit.patient.records(), status=ConsultationSession.Status.COMPLETED
        )
        .defer("session_notes", "private_context", "audio_peaks")
        .order_by("-started_at")
    )
    written = _last_written(visit, by)
    whole, is_broken = _whole([report for report in written if report.is_signed])
    last = whole[0] if whole else None
    return Brief(
        visit=visit,
        consents=_consents(visit, at),
        session_count=len(held),
        last_session=held[0] if held else None,
        last_report=last,
        is_broken=is_broken,
        summary=_summary(last) if last else [],
        plan=_sentences(last, PLAN_TOPICS)[:LONGEST_PLAN] if last else [],
        scores=[quote for report in whole for quote in _scores(report)],
        safety=_sentences(last, RISK_TOPICS) if last else [],
        risks=_risks([report for report in written if not report.is_signed or report in whole][:REPORTS_FOR_RISK]),
        unsigned=list(
            reports_to_sign(by)
            .filter(session__patient__in=visit.patient.records())
            .select_related("session")
            .defer("structured_data", "generated_content")
        ),
        addenda=list(
            Addendum.objects.begun_by(by)
            .filter(report__session__patient__in=visit.patient.records())
            .select_related("report")
            .defer("text", "report__structured_data", "report__generated_content")
        ),
        unwritten=_unwritten(visit, by),
    )


def _last_written(visit: Appointment, by: User) -> list[Report]:
    reports = Report.objects.visible_to(by).filter(
        session__patient__in=visit.patient.records(),
        status__in=[Report.Status.COMPLETED, Report.Status.SIGNED],
        erased_at=None,
    )
    newest = latest_versions(reports).select_related("session__doctor", "session__patient", "transcription")
    return list(newest.order_by("-session__started_at", "-version")[:REPORTS_READ])


def _whole(signed: Sequence[Report]) -> tuple[list[Report], bool]:
    """Return the reports whose seal holds, and whether one's does not: such a report is never quoted."""
    entries = {
        entry.object_id: entry
        for entry in SealEntry.objects.filter(kind=SealEntry.Kind.REPORT, object_id__in=[one.pk for one in signed])
    }
    whole = [one for one in signed if signing.verify_with(one, entries.get(one.pk)) is signing.Seal.WHOLE]
    return whole, len(whole) < len(signed)


def _consents(visit: Appointment, at: datetime) -> list[ConsentChip]:
    """Return the answers that matter for the visit, the one about recording first."""
    by_kind = {state.kind: state for state in consent_states(visit.patient, at=at)}
    nouns = [(Consent.Kind.RECORDING, "Recording"), (Consent.Kind.TREATMENT, "Treatment")]
    if visit.appointment_type == Appointment.Type.TELEMEDICINE:
        nouns.append((Consent.Kind.TELEHEALTH, "Video"))
    return [ConsentChip(noun, by_kind[kind]) for kind, noun in nouns]


def _summary(report: Report) -> list[Quote]:
    """Return up to three of the report's own sentences: what it concludes, then what it tells."""
    concluded = _sentences(report, ASSESSMENT_TOPICS)[: LONGEST_SUMMARY - 1]
    told = [quote for quote in _sentences(report, STORY_TOPICS) if quote not in concluded]
    return [*told[: LONGEST_SUMMARY - len(concluded)], *concluded]


def _sentences(report: Report, topics: Sequence[str]) -> list[Quote]:
    sections = sections_about(report, topics)
    return [
        Quote(sentence["text"], report)
        for section in sections
        for sentence in section["sentences"]
        if _says_something(sentence)
    ]


def _says_something(sentence: Sentence) -> bool:
    """Leave out what a template prints by itself and checklist items nobody asked about."""
    return sentence["origin"] != "template" and sentence.get("state") != "not_assessed"


def _scores(report: Report) -> Iterable[Quote]:
    for sentence in all_sentences(report.structured_data):
        if has_score(sentence["text"]):
            yield Quote(sentence["text"], report)


def has_score(text: str) -> bool:
    """Tell whether a sentence names a questionnaire and a number besides the one in its name."""
    without_name, found = _SCORE.subn("", text)
    return bool(found) and _NUMBER.search(without_name) is not None


def _risks(reports: Iterable[Report]) -> list[RiskFlag]:
    """Return what the panels quote, without what a doctor called not relevant; what stands comes first."""
    found = [
        (statement, report)
        for report in reports
        for statement in report.risk_statements
        if statement["disposition"] != "not_relevant" and statement["evidence"]
    ]
    found.sort(key=lambda pair: _GRAVITY[pair[0]["disposition"]])
    return [_flag(statement, report) for statement, report in found]


def _flag(statement: RiskStatement, report: Report) -> RiskFlag:
    of_other = "about somebody else or in general" if statement["subject"] == "other" else ""
    reading = [_POLARITY[statement["polarity"]], _TIME[statement["time"]], of_other]
    return RiskFlag(
        kind=RISK_WORDS[statement["kind"]],
        quotes=[(place["speaker"].replace("_", " ").capitalize(), place["quote"]) for place in statement["evidence"]],
        reading=", ".join(filter(None, reading)),
        decided=DISPOSITION_WORDS.get(statement["disposition"], ""),
        report=report,
    )


def _unwritten(visit: Appointment, by: User) -> list[ConsultationSession]:
    """Return held sessions without any report whose words are there or on their way."""
    reports = Report.objects.filter(session=OuterRef("pk"))
    words = Transcription.objects.filter(
        Q(status__in=Transcription.WAITING) | Q(status=Transcription.Status.COMPLETED), session=OuterRef("pk")
    )
    return list(
        ConsultationSession.objects.filter(
            ~Exists(reports),
            Exists(words),
            doctor=by,
            patient__in=visit.patient.records(),
            status=ConsultationSession.Status.COMPLETED,
        )
        .only("session_id", "started_at")
        .order_by("-started_at")
    )
