"""The patient's summary before it is stored: which sentences of a signed report are in it, in which words and order."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypedDict

from reports.content import Sentence, walk
from reports.models import Report
from reports.queries import topics_by_section
from reports.summaries.plain_language import in_plain_words
from reports.summaries.reading import Reading, read_text

TALKED, MEDICINES, NEXT, OWN = "talked", "medicines", "next", "own"
PART_TITLES = {
    TALKED: "What we talked about",
    MEDICINES: "Your medicines",
    NEXT: "What happens next",
    OWN: "From your clinician",
}
_PARTS_BY_TOPIC = {
    "medications": MEDICINES,
    "allergies": MEDICINES,
    "plan_medications": MEDICINES,
    "plan": NEXT,
    "follow_up": NEXT,
    "education": NEXT,
    "homework": NEXT,
    "goals": NEXT,
}
# Left out until the clinician takes them in: judgements, risk, and what may hurt when it is read alone.
HELD_BACK_TOPICS = frozenset(
    [
        "risk",
        "assessment",
        "mental_status",
        "substance_use",
        "exam",
        "appearance",
        "speech",
        "thought",
        "perception",
        "cognition",
        "insight",
        "family_history",
        "response",
        "interventions",
    ]
)
_HELD_BACK_WORDS = re.compile(
    r"suicid|self.?harm|kill|\bdie\b|\bdying\b|overdos|homicid|violen|abuse|assault|\brape|trauma|weapon|\bgun\b|"
    r"alcohol|cocaine|heroin|opioid|cannabis|intoxicat|addict|psychos|psychotic|delusion|hallucinat|paranoi|"
    r"personality disorder|manipulat|attention.seeking|malinger|noncomplian|non.complian|\bhiv\b|pregnan|abortion|"
    r"sexual|affair|prison|arrest|police|custody",
    re.IGNORECASE,
)


class SummaryLine(TypedDict):
    """One line; `sources` are the ids of the report's sentences it rests on, empty when the clinician wrote it."""

    id: str
    text: str
    sources: list[str]
    origin: str
    part: str


_SAYS_NOTHING = re.compile(r"^not (?:discussed|assessed|addressed|applicable)\b|^none\.?$|^n/?a\.?$", re.IGNORECASE)

FEWEST_WORDS = 4  # "A bit better." says nothing without the question it answered


@dataclass(frozen=True)
class Proposal:
    """A sentence of the report in plain words, and why it is not in the summary by itself."""

    sentence_id: str
    text: str
    original: str
    part: str
    why_held_back: str = ""

    @property
    def line(self) -> SummaryLine:
        return SummaryLine(id=self.sentence_id, text=self.text, sources=[self.sentence_id], origin="ai", part=self.part)


def proposals_of(report: Report) -> list[Proposal]:
    """Return every sentence that rests on the recording or on the clinician's word, in reading order.

    The template's own text and "not assessed" lines tell a patient nothing and are left out.
    """
    topics = topics_by_section(report)
    gender = report.session.patient.gender
    return [
        _proposal(sentence, topics.get(section["id"], ()), gender)
        for section in walk(report.structured_data)
        for sentence in section["sentences"]
        if _is_sourced(sentence)
    ]


def first_lines(report: Report) -> list[SummaryLine]:
    """Return the lines a new summary begins with."""
    return in_order([proposal.line for proposal in proposals_of(report) if not proposal.why_held_back])


def offers_of(report: Report, lines: list[SummaryLine]) -> list[Proposal]:
    """Return what could still be taken in."""
    used = {source for line in lines for source in line["sources"]}
    return [proposal for proposal in proposals_of(report) if proposal.sentence_id not in used]


def in_order(lines: list[SummaryLine]) -> list[SummaryLine]:
    """Sort by part; within a part the order stays."""
    parts = list(PART_TITLES)
    return sorted(lines, key=lambda line: parts.index(line["part"]))


def reading_of(lines: list[SummaryLine]) -> Reading:
    return read_text(" ".join(line["text"] for line in lines))


def by_part(lines: list[SummaryLine]) -> Iterator[tuple[str, list[SummaryLine]]]:
    """Yield the heading and the lines of each part that has any."""
    for part, title in PART_TITLES.items():
        own = [line for line in lines if line["part"] == part]
        if own:
            yield title, own


def _proposal(sentence: Sentence, topics: Collection[str], gender: str) -> Proposal:
    plain = in_plain_words(sentence["text"], gender=gender)
    part = next((_PARTS_BY_TOPIC[topic] for topic in topics if topic in _PARTS_BY_TOPIC), TALKED)
    why = ""
    if "risk" in topics or (topics and HELD_BACK_TOPICS.issuperset(topics)):
        why = "A judgement or about risk: read it as the patient would."
    elif _HELD_BACK_WORDS.search(sentence["text"]):
        why = "Sensitive: read it as the patient would."
    elif part == TALKED and len(plain.text.split()) < FEWEST_WORDS:
        why = "Too short to be understood alone."
    elif plain.is_unclear:
        why = "Check whom it means."
    return Proposal(sentence["id"], plain.text, sentence["text"], part, why)


def _is_sourced(sentence: Sentence) -> bool:
    if sentence["origin"] == "template" or sentence.get("state") == "not_assessed":
        return False
    if _SAYS_NOTHING.search(sentence["text"]):
        return False
    return bool(sentence["evidence"]) or sentence["origin"] == "doctor" or sentence["support"] == "confirmed"
