"""What every report engine takes and gives: the request, the draft, the errors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from reports.templating.structure import Section

SectionStatus = Literal["documented", "not_discussed"]
Progress = Callable[[str, int, int], None]  # section id just finished, sections done, sections in all


@dataclass(frozen=True, slots=True)
class TranscriptSegment:
    """One utterance. Times are milliseconds on the recording clock; `speaker` is a contract speaker label.

    `mark` is what the doctor marked while it was said: moment, risk, medication or action, or nothing.
    """

    id: int
    start_ms: int
    end_ms: int
    speaker: str
    text: str
    confidence: float | None = None  # of the speech engine, 0 to 1
    mark: str = ""

    def __hash__(self) -> int:
        # A transcript is a key of what is kept about it: all of its utterances are hashed each time it is asked for.
        return hash((self.id, self.text))


@dataclass(frozen=True, slots=True)
class GenerationContext:
    """What an engine may know about the visit. Nothing in it identifies anybody.

    `private_context` is there only when the doctor ticked that an engine may have it; it is no evidence.
    """

    gender: str = ""
    age_band: str = ""
    session_type: str = ""
    session_date: str = ""
    chief_complaint: str = ""
    previous_plan: str = ""
    private_context: str = ""
    doctor_specialization: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A transcript to be drafted into sections.

    `instructions` is the template's own prompt. `identifiers` are the patient's and relatives' names, phones, e-mails and
    numbers: never sent anywhere, only replaced in what is sent.
    """

    sections: tuple[Section, ...]
    segments: tuple[TranscriptSegment, ...]
    context: GenerationContext = GenerationContext()
    instructions: str = ""
    identifiers: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One statement with the segments it rests on, in transcript order. `layout` says how it is printed.

    `item` and `state` belong to checklists (present, denied or not_assessed), `cells` to tables: pairs of column id and
    text. With `is_template` the text is the template's own or says that something was not assessed: it needs no evidence.
    `reason` says why an engine's own line was put back to not assessed.
    """

    text: str
    evidence: tuple[int, ...]
    confidence: float | None = None
    layout: Literal["prose", "paragraph", "item", "heading"] = "prose"
    topic: str = ""
    item: str = ""
    state: str = ""
    cells: tuple[tuple[str, str], ...] = ()
    is_template: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DraftSection:
    """A section of the template, filled or not discussed."""

    id: str
    status: SectionStatus
    sentences: tuple[DraftSentence, ...] = ()
    subsections: tuple["DraftSection", ...] = ()

    def all_sentences(self) -> Iterator[DraftSentence]:
        yield from self.sentences
        for subsection in self.subsections:
            yield from subsection.all_sentences()


@dataclass(frozen=True, slots=True)
class GeneratedReport:
    """What an engine wrote. `confidence` is computed by the caller's scores, never reported by a model about itself."""

    sections: tuple[DraftSection, ...]
    unassigned: tuple[DraftSentence, ...] = ()
    engine: str = "embedded"
    model: str = ""
    prompt_version: str = ""
    token_usage: dict[str, int] = field(default_factory=dict)

    def all_sentences(self) -> Iterator[DraftSentence]:
        for section in self.sections:
            yield from section.all_sentences()


class GenerationError(Exception):
    """An engine could not write the report. `transient` means a later attempt may succeed; the text holds no PHI."""

    def __init__(self, message: str, *, transient: bool, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.transient = transient
        self.code = code


class ReportGenerator(Protocol):
    """An engine that drafts reports.

    `is_cloud` says that words leave the clinic's machines, which needs the patient's consent; `is_immediate` that an
    answer takes no longer than a page may.
    """

    name: str
    model: str
    is_cloud: bool
    is_immediate: bool

    def generate(self, request: GenerationRequest, *, progress: Progress | None = None) -> GeneratedReport:
        """Draft every section of the request; raise GenerationError."""
        ...

    def regenerate_section(
        self, request: GenerationRequest, section: Section, current: DraftSection, instruction: str
    ) -> GeneratedReport:
        """Return a report of this one section, written again as asked; raise GenerationError.

        `current` holds the lines that may change. An instruction the engine cannot follow is refused with the code
        `instruction_refused` and a sentence that says which it can.
        """
        ...
