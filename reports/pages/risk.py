"""The risk panel of a report's page: each statement as quotes, readings in words, and what was decided."""

from dataclasses import dataclass

from reports.content import DISPOSITION_WORDS, RISK_WORDS, RiskStatement
from reports.models import Report
from reports.pages import beside
from reports.pages.presenting import Chip, chips_of

DISPOSITION_CHOICES = tuple((value, words.capitalize()) for value, words in DISPOSITION_WORDS.items())
_POLARITY_WORDS = {"stated": "said", "denied": "denied", "asked": "asked, not clearly answered"}
_SUBJECT_WORDS = {"patient": "of the patient", "other": "of somebody else or in general"}
_TIME_WORDS = {"current": "now", "past": "in the past", "unknown": "no time said"}
_UNSURE_WORDS = "the words can be read both ways"


@dataclass(frozen=True)
class Quote:
    """Words of one speaker, with the time at which they were said."""

    speaker: str
    words: str
    chip: Chip


@dataclass(frozen=True)
class Choice:
    """One decision that can be made about a statement."""

    value: str
    words: str
    is_chosen: bool = False


@dataclass(frozen=True)
class RiskRow:
    """One statement of the panel."""

    id: str
    quotes: list[Quote]
    readings: list[str]
    choices: list[Choice]
    decided: str

    @property
    def first_words(self) -> str:
        return self.quotes[0].words


@dataclass(frozen=True)
class RiskGroup:
    """The statements of one kind; `open_ids` are those still to be decided, settled by one press when several."""

    kind: str
    words: str
    rows: list[RiskRow]
    open_ids: list[str]

    @property
    def choices(self) -> list[Choice]:
        return [Choice(value, words) for value, words in DISPOSITION_CHOICES]

    @property
    def has_several_open(self) -> bool:
        return len(self.open_ids) > 1


@dataclass(frozen=True)
class RiskPanel:
    """Everything said about risk in the session of a report."""

    groups: list[RiskGroup]

    @property
    def total(self) -> int:
        return sum(len(group.rows) for group in self.groups)

    @property
    def to_decide(self) -> int:
        return sum(len(group.open_ids) for group in self.groups)


def risk_panel(report: Report) -> RiskPanel:
    """Return the panel of a draft or a signed report."""
    statements: list[RiskStatement] = report.risk_statements
    groups = []
    for kind, words in RISK_WORDS.items():
        own = [statement for statement in statements if statement["kind"] == kind]
        if own:
            rows = [_row(report, statement) for statement in own]
            groups.append(RiskGroup(kind, words, rows, [one["id"] for one in own if not one["disposition"]]))
    return RiskPanel(groups)


def _row(report: Report, statement: RiskStatement) -> RiskRow:
    readings = [
        _POLARITY_WORDS[statement["polarity"]],
        _SUBJECT_WORDS[statement["subject"]],
        _TIME_WORDS[statement["time"]],
    ]
    if statement.get("is_unsure"):
        readings.append(_UNSURE_WORDS)
    chosen = statement["disposition"]
    return RiskRow(
        id=statement["id"],
        quotes=[
            Quote(beside.speaker_name(report.session, place["speaker"]), place["quote"], chips_of([place])[0])
            for place in statement["evidence"]
        ],
        readings=readings,
        choices=[Choice(value, words, value == chosen) for value, words in DISPOSITION_CHOICES],
        decided=dict(DISPOSITION_CHOICES).get(chosen, ""),
    )
