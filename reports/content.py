"""The sections of a report as plain data: types, walking, finding, and what still keeps it from being signed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from reports.templating.structure import Section as TemplateSection
from reports.templating.structure import leaves, parse_structure

Origin = Literal["ai", "doctor", "template"]
Support = Literal["supported", "partial", "unsupported", "confirmed"]


class Evidence(TypedDict):
    """One place in the recording. Times are milliseconds on the recording clock; `quote` is what was said there."""

    segment: int
    start_ms: int
    end_ms: int
    speaker: str
    quote: str


# The words a sentence cites were corrected after it was written; gone when the doctor confirms or edits the sentence.
SOURCE_CORRECTED = "source_corrected"


class Flag(TypedDict):
    """Why a sentence needs a look, in words; `before` and `after` are the cited words, when these were corrected."""

    kind: str
    detail: str
    before: NotRequired[str]
    after: NotRequired[str]


class Sentence(TypedDict):
    """One statement of the report."""

    id: str
    text: str
    origin: str
    evidence: list[Evidence]
    support: str
    flags: list[Flag]
    layout: NotRequired[str]
    confidence: NotRequired[float | None]
    item: NotRequired[str]  # id of the checklist item it answers
    state: NotRequired[str]  # of that item: present, denied or not_assessed
    cells: NotRequired[dict[str, str]]  # of a table row, by column id; `text` says the same in one line


RISK_WORDS = {
    "suicide": "Suicide",
    "self_harm": "Self-harm",
    "violence": "Violence",
    "abuse": "Abuse",
    "substance": "Substances",
}
DISPOSITION_WORDS = {
    "current": "current",
    "past": "past",
    "denied": "denied",
    "not_relevant": "not clinically relevant",
}


class RiskStatement(TypedDict):
    """Something said about suicide, self-harm, violence, abuse or substances. The product quotes, it does not score.

    `polarity` is stated, denied or asked; `subject` is patient or other (whose illness or wish it is), `time` current,
    past or unknown; all three are readings of the words, shown as such, and `is_unsure` says that the words can be read
    both ways. `disposition` is empty until the clinician
    decides: current, past, denied or not_relevant; `by` is a user's id and `at` ISO 8601.
    """

    id: str
    kind: str
    polarity: str
    subject: str
    time: str
    is_unsure: NotRequired[bool]
    evidence: list[Evidence]
    disposition: str
    by: str
    at: str


class Section(TypedDict):
    """One heading with its sentences, or with subsections that hold them."""

    id: str
    title: str
    status: str
    sentences: list[Sentence]
    subsections: list["Section"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sentence stands."""

    section: Section
    index: int

    @property
    def sentence(self) -> Sentence:
        return self.section["sentences"][self.index]


def walk(sections: Iterable[Section]) -> Iterator[Section]:
    """Yield every section, each parent before its subsections."""
    for section in sections:
        yield section
        yield from walk(section["subsections"])


def all_sentences(sections: Iterable[Section]) -> Iterator[Sentence]:
    """Yield every sentence in reading order."""
    for section in walk(sections):
        yield from section["sentences"]


def find_section(sections: Iterable[Section], section_id: str) -> Section | None:
    return next((section for section in walk(sections) if section["id"] == section_id), None)


def find_sentence(sections: Iterable[Section], sentence_id: str) -> Place | None:
    for section in walk(sections):
        for index, sentence in enumerate(section["sentences"]):
            if sentence["id"] == sentence_id:
                return Place(section, index)
    return None


def next_sentence_id(sections: Iterable[Section], used: Iterable[str] = ()) -> str:
    """Return an id no sentence has or had: `d1`, `d2` and so on, for sentences written by hand."""
    taken = {sentence["id"] for sentence in all_sentences(sections)} | set(used)
    number = 1
    while f"d{number}" in taken:
        number += 1
    return f"d{number}"


def set_statuses(sections: Iterable[Section]) -> None:
    """Mark each section documented when it or a subsection holds a sentence, in place."""
    for section in sections:
        set_statuses(section["subsections"])
        is_documented = bool(section["sentences"]) or any(
            part["status"] == "documented" for part in section["subsections"]
        )
        section["status"] = "documented" if is_documented else "not_discussed"


def unfilled_required(sections: Iterable[Section], structure: Any) -> list[TemplateSection]:
    """Return the required sections of the template that hold no sentence; a parent is filled by any subsection."""
    documented = {section["id"] for section in walk(sections) if section["status"] == "documented"}
    template = parse_structure(structure)
    wanted = [section for section in template if section.required]
    wanted += [part for part, parent in leaves(template) if parent is not None and part.required]
    return [section for section in wanted if section.id not in documented]
