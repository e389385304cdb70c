"""The scores of a report in words: what each number counts, and what lowered it."""

from dataclasses import dataclass, field

from reports.content import find_sentence
from reports.generation.scores import Fault, faults_of
from reports.models import Report

_SHOWN_FAULTS = 8
_FAULT_WORDS = {
    "unsupported": "not sure to be supported",
    "fragment": "no whole sentence",
    "repeated": "says what another line says",
    "first_person": "speaks in the first person",
    "long": "very long",
}
_LONGEST_SHOWN = 70  # characters


@dataclass(frozen=True)
class FaultLine:
    """A line that lowers the quality, and why."""

    sentence: str
    words: str
    reason: str


@dataclass(frozen=True)
class ScoreRow:
    """One number with what it counts; `formula` names how it was computed."""

    name: str
    number: str
    words: str
    notes: list[str] = field(default_factory=list)
    faults: list[FaultLine] = field(default_factory=list)
    formula: str = ""


def score_rows(report: Report) -> list[ScoreRow]:
    """Return the scores of a report that could be computed."""
    rows = [_completeness(report), _quality(report), _confidence(report)]
    return [row for row in rows if row is not None]


def _completeness(report: Report) -> ScoreRow | None:
    if report.completeness_score is None:
        return None
    counts = report.score_details
    missing = counts.get("findings_total", 0) - counts.get("findings_covered", 0)
    words = (
        f"{counts.get('required_documented', 0)} of {counts.get('required_total', 0)} required sections; "
        f"{counts.get('findings_covered', 0)} of {counts.get('findings_total', 0)} findings in the transcript are in the report"
    )
    notes = [
        "Half the number is the sections, half the findings. It looks for what was said, not for what should be asked."
    ]
    if missing:
        notes.insert(
            0,
            f"{missing} {'is' if missing == 1 else 'are'} left out: see the list of what was said but is not in the note.",
        )
    return ScoreRow("Completeness", f"{report.completeness_score:.2f}", words, notes)


def _quality(report: Report) -> ScoreRow | None:
    if report.quality_score is None:
        return None
    counts = report.score_details
    to_check, total = counts.get("to_check", 0), counts.get("sentences", 0)
    words = "Every line is supported by what was said"
    if to_check:
        words = f"{to_check} {'line needs' if to_check == 1 else 'lines need'} checking"
    if total:
        words = f"{words}, of {total}"
    faults = faults_of(report.structured_data)
    shown = [line for fault in faults[:_SHOWN_FAULTS] if (line := _fault_line(report, fault)) is not None]
    notes = [f"{len(faults) - len(shown)} more lower it."] if len(faults) > len(shown) else []
    notes.append("It counts form and support, not whether the care was right.")
    return ScoreRow(
        "Form and support", f"{report.quality_score:.2f}", words, notes, shown, str(counts.get("quality_formula", ""))
    )


def _confidence(report: Report) -> ScoreRow | None:
    if report.confidence_score is None:
        return None
    count = report.score_details.get("confidence_of", 0)
    words = "How often a reviewer keeps lines like these, times how well the cited words were heard"
    notes = [f"The mean of {count} lines. It is measured, never what a model says about itself."] if count else []
    return ScoreRow("Confidence", f"{report.confidence_score:.2f}", words, notes)


def _fault_line(report: Report, fault: Fault) -> FaultLine | None:
    place = find_sentence(report.structured_data, fault.sentence)
    if place is None:
        return None
    text = place.sentence["text"]
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN].rsplit(' ', 1)[0]} …"
    return FaultLine(fault.sentence, short, _FAULT_WORDS[fault.kind])
