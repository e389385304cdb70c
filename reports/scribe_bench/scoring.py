"""A report held against what its synthetic session allows: what is unsupported, missed, somebody else's, invented."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from reports.content import walk
from reports.generation.assemble import AssembledReport, iter_sentences
from reports.generation.risk_panel import find_risk_statements

from .loading import BenchSession, ErrorKind

KINDS: tuple[ErrorKind, ...] = ("unsupported", "missed", "wrong_speaker", "invented_normal")
# How the page shows the sentence with the error: nothing said, a warning, a block. What is missing is offered (to be
# inserted, or in the risk panel) or not.
MARKS = ("unmarked", "doubtful", "blocked", "offered", "not_offered")
_MARK_OF = {"supported": "unmarked", "partial": "doubtful", "unsupported": "blocked"}
UNWARNED = ("unmarked", "not_offered")  # the doctor sees no sign of it


@dataclass(frozen=True, slots=True)
class Error:
    """One expectation that was not met. `sentence` is the one at fault, empty where something is missing."""

    kind: ErrorKind
    what: str
    severity: int
    mark: str
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """What came of one session."""

    session: str
    expectations: int
    sentences: int
    seconds: float
    error_code: str = ""
    errors: tuple[Error, ...] = ()
    sections: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), **{kind: sum(error.kind == kind for error in self.errors) for kind in KINDS}}


def score_report(session: BenchSession, report: AssembledReport, *, seconds: float) -> Score:
    """Return how a report does against its session; `seconds` is how long it took."""
    written = [line for line in iter_sentences(report.sections) if line["origin"] != "template"]
    errors = [
        *_forbidden(session, written),
        *_cited(session, written),
        *_filled(session, report.sections),
        *_missed(session, written, _shown_besides(session, report)),
    ]
    if session.refuses:
        errors += [_error("unsupported", "a report although nobody spoke", 3, line) for line in written]
    return Score(
        session=session.id,
        expectations=session.expectations,
        sentences=len(written),
        seconds=round(seconds, 3),
        errors=tuple(errors),
        sections=report.sections,
        usage=report.token_usage,
    )


def score_refusal(session: BenchSession, code: str, *, seconds: float) -> Score:
    """Return the score of a session an engine wrote no report of; right where nobody spoke, else all of it is missed."""
    is_right = session.refuses and code == "no_speech"
    missed = [] if is_right else [Error("missed", one.what, one.severity, "not_offered") for one in session.must_say]
    return Score(session.id, session.expectations, 0, round(seconds, 3), "" if is_right else code, tuple(missed))


def totals_of(scores: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums over sessions (as JSON), and how many errors of each severity are marked in which way."""
    scores = list(scores)
    matrix = {mark: {str(severity): 0 for severity in (1, 2, 3)} for mark in MARKS}
    for score in scores:
        for error in score["errors"]:
            matrix[error["mark"]][str(error["severity"])] += 1
    counts: Counter[str] = Counter()
    for score in scores:
        for name in ("expectations", "sentences", *KINDS):
            counts[name] += score[name]
    return {
        **{name: counts[name] for name in ("expectations", "sentences", *KINDS)},
        "sessions": len(scores),
        "failed": sum(bool(score["error_code"]) for score in scores),
        "unwarned": sum(error["mark"] in UNWARNED for score in scores for error in score["errors"]),
        "severe_unwarned": sum(matrix[mark]["3"] for mark in UNWARNED),
        "support_by_severity": matrix,
        "seconds": round(sum(score["seconds"] for score in scores), 3),
    }


def _forbidden(session: BenchSession, written: Sequence[Mapping[str, Any]]) -> Iterator[Error]:
    for rule in session.must_not_say:
        line = next((line for line in written if rule.is_said_in(line["text"])), None)
        if line is not None:
            yield _error(rule.kind, rule.what, rule.severity, line)


def _cited(session: BenchSession, written: Sequence[Mapping[str, Any]]) -> Iterator[Error]:
    for line in written:
        if session.must_not_cite & {place["segment"] for place in line["evidence"]}:
            yield _error("unsupported", "a sentence that rests on noise", 2, line)
            return


def _filled(session: BenchSession, sections: Sequence[Any]) -> Iterator[Error]:
    for section in walk(sections):
        if section["id"] not in session.empty_sections:
            continue
        line = next((line for line in iter_sentences([section]) if line["origin"] != "template"), None)
        if line is not None:
            yield _error("unsupported", f"{section['title']} filled although nothing was said for it", 2, line)


def _shown_besides(session: BenchSession, report: AssembledReport) -> list[str]:
    """Return what the page shows beside the report: findings to insert, and the risk panel's quotes."""
    findings = [f"{entry['text']} {entry.get('quote', '')}" for entry in (*report.missing, *report.unassigned)]
    risks = [
        " ".join(place["quote"] for place in statement["evidence"])
        for statement in find_risk_statements(session.segments)
    ]
    return findings + risks


def _missed(session: BenchSession, written: Sequence[Mapping[str, Any]], offered: Sequence[str]) -> Iterator[Error]:
    for rule in session.must_say:
        if any(rule.pattern.search(line["text"]) for line in written):
            continue
        is_offered = any(rule.pattern.search(text) for text in offered)
        yield Error("missed", rule.what, rule.severity, "offered" if is_offered else "not_offered")


def _error(kind: ErrorKind, what: str, severity: int, line: Mapping[str, Any]) -> Error:
    return Error(kind, what, severity, _MARK_OF[line["support"]], line["text"])
