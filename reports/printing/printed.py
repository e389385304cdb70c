"""A report as it is printed, before any format: order, words and numbers of sources are decided here and only here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reports.content import DISPOSITION_WORDS, RISK_WORDS, Evidence, RiskStatement, Section, Sentence
from reports.generation.tristate import DENIED, PRESENT, claim_of
from reports.generation.tristate_concepts import concept_of
from reports.models import Report
from reports.printing import rendering, statements
from reports.printing.loading import given_co_signatures, signed_addenda
from reports.printing.notices import Notice, notices_of
from reports.printing.rendering import Header
from reports.sealing import seals
from reports.sealing.seals import PrintedSeal
from reports.templating.structure import Entry, leaves, parse_structure
from reports.templating.structure import Section as TemplateSection

DRAFT_WORDS = "Draft, not signed"
NOT_DISCUSSED = "Not discussed"
NOT_ASSESSED = "Not assessed this session"
STATE_WORDS = {PRESENT: "Present", DENIED: "Denied"}
DESCRIBED = "Described"
PAST_ONLY = "In the past, now not assessed"
PAST_CLAIM = re.compile(r"In the past \((.*)\)\. Now: not assessed\.$", re.DOTALL)
ROWS_BY_HEADING = 2
NO_DISPOSITION = "not decided"


@dataclass(frozen=True)
class Words:
    """One sentence with the numbers of its sources."""

    text: str
    sources: tuple[int, ...] = ()


@dataclass(frozen=True)
class Paragraph:
    """Sentences printed together."""

    sentences: list[Words]
    is_list_item: bool = False
    is_heading: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under column names; a row's sources stand in its last cell."""

    columns: list[str]
    rows: list[list[Words]]

    @property
    def opening_rows(self) -> list[list[Words]]:
        """Return the rows that stay with the heading when a page ends here."""
        return self.rows[:ROWS_BY_HEADING]

    @property
    def further_rows(self) -> list[list[Words]]:
        return self.rows[ROWS_BY_HEADING:]

    @property
    def width_percent(self) -> int:
        """Return how wide one column is, in percent."""
        return 100 // len(self.columns)


@dataclass(frozen=True)
class Block:
    """One heading with what stands under it. `section_id` is empty for what the sections do not hold."""

    title: str
    level: int
    paragraphs: list[Paragraph] = field(default_factory=list)
    table: Table | None = None
    is_not_discussed: bool = False
    section_id: str = ""

    @property
    def is_top(self) -> bool:
        return self.level == 1


@dataclass(frozen=True)
class Fact:
    """A label and a value of the document's head."""

    label: str
    value: str


@dataclass(frozen=True)
class Signature:
    """Who signed, and the lines under the name."""

    name: str
    lines: list[str]
    content_hash: str = ""


@dataclass(frozen=True)
class Source:
    """A numbered place in the recording."""

    number: int
    evidence: Evidence

    @property
    def time(self) -> str:
        return rendering.clock(self.evidence["start_ms"])


@dataclass(frozen=True)
class PrintedReport:
    """Everything a printed report says, in order."""

    report: Report
    title: str
    header: Header
    facts: list[Fact]
    notices: list[Notice]
    blocks: list[Block]
    signatures: list[Signature]
    sources: list[Source]
    notes: list[str]
    footer: str
    printed_at: datetime
    seal: PrintedSeal | None = None

    @property
    def draft_words(self) -> str:
        """Return what stands on every page of a draft; empty once it is signed."""
        return "" if self.report.is_signed else DRAFT_WORDS

    @property
    def sources_note(self) -> str:
        """Name the numbered places in one line; empty when nothing is cited."""
        if not self.sources:
            return ""
        places = " · ".join(f"{source.number} {source.time}" for source in self.sources)
        return f"Sources, time in the recording: {places}."

    @property
    def closing_notes(self) -> list[str]:
        return [note for note in (self.sources_note, *self.notes) if note]

    @property
    def written_notes(self) -> list[str]:
        """Return the closing notes of formats without a picture: how the seal is checked comes first."""
        return [self.seal.sentence, *self.closing_notes] if self.seal else self.closing_notes


def printed_report(report: Report, at: datetime, *, is_shared: bool = False, with_logo: bool = True) -> PrintedReport:
    """Return a report as it is printed. `at` is printed on drafts.

    With `is_shared` it is what somebody outside may open: of a newer version only that there is one.
    """
    numbering = _Numbering()
    blocks = [*_section_blocks(report, numbering), *_risk_blocks(report, numbering), *_addendum_blocks(report)]
    blocks += _statement_blocks(report)
    patient = report.session.patient
    draft = "" if report.is_signed else f" · {DRAFT_WORDS.upper()}"
    return PrintedReport(
        report=report,
        title=report.title,
        header=rendering.header_of(report.session.doctor, with_logo=with_logo),
        facts=_facts(report),
        notices=list(notices_of(report, is_shared=is_shared)),
        blocks=blocks,
        signatures=list(_signatures(report, at)),
        sources=numbering.sources,
        notes=list(_notes(report)),
        footer=(
            f"{patient.full_name} · {patient.patient_id} · {report.session.session_id} v{report.version} · "
            f"confidential{draft}"
        ),
        printed_at=at,
        seal=seals.seal_of(report),
    )


class _Numbering:
    """Numbers the cited places in reading order; a place cited twice keeps its number."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Source] = {}

    @property
    def sources(self) -> list[Source]:
        return list(self._known.values())

    def numbers_of(self, evidence: Sequence[Evidence]) -> tuple[int, ...]:
        numbers = set()
        for place in evidence:
            key = (place["segment"], place["start_ms"])
            numbers.add(self._known.setdefault(key, Source(len(self._known) + 1, place)).number)
        return tuple(sorted(numbers))

    def words(self, sentence: Sentence) -> Words:
        return Words(sentence["text"], self.numbers_of(sentence["evidence"]))


def _section_blocks(report: Report, numbering: _Numbering) -> Iterator[Block]:
    places = _places_of_template(report)
    for section in report.structured_data:
        yield from _blocks_of(section, places, numbering, level=1)


def _places_of_template(report: Report) -> dict[str, TemplateSection]:
    structure = parse_structure(report.template_structure)
    return {section.id: section for section in structure} | {place.id: place for place, _ in leaves(structure)}


def _blocks_of(
    section: Section, places: dict[str, TemplateSection], numbering: _Numbering, *, level: int
) -> Iterator[Block]:
    place = places.get(section["id"], TemplateSection(section["id"], section["title"]))
    parts = section["subsections"]
    has_own_words = place.type in {"checklist", "fixed"} or any(
        places[part["id"]].type in {"checklist", "fixed"} for part in parts if part["id"] in places
    )
    if section["status"] != "documented" and not has_own_words:
        yield Block(section["title"], level, is_not_discussed=True, section_id=section["id"])
        return
    yield _block_of(section, place, numbering, level)
    for part in parts:
        yield from _blocks_of(part, places, numbering, level=level + 1)


def _block_of(section: Section, place: TemplateSection, numbering: _Numbering, level: int) -> Block:
    sentences = section["sentences"]
    table = None
    if place.type == "checklist":
        table = _checklist(sentences, place, numbering)
        sentences = [
            sentence for sentence in sentences if sentence.get("item") not in {item.id for item in place.items}
        ]
    elif place.type == "table":
        table = _table(sentences, place, numbering)
        sentences = [sentence for sentence in sentences if not sentence.get("cells")]
    paragraphs = list(_paragraphs(sentences, numbering, is_list=place.type == "list"))
    if place.type == "fixed" and not paragraphs:
        paragraphs = [Paragraph([Words(line)]) for line in place.fixed_text.splitlines() if line.strip()]
    return Block(section["title"], level, paragraphs, table, section_id=section["id"])


def _checklist(sentences: list[Sentence], place: TemplateSection, numbering: _Numbering) -> Table:
    """Print what was found item by item, and in one last row every item that was not assessed.

    Silence is never a normal finding.
    """
    rows, silent = [], []
    for item in place.items:
        assessed = [
            sentence
            for sentence in sentences
            if sentence.get("item") == item.id and sentence.get("state") != "not_assessed"
        ]
        for sentence in assessed:
            finding, claim = finding_of(claim_of(sentence["text"], item.id), sentence.get("state", ""), item)
            rows.append([Words(item.title), Words(finding), Words(claim, numbering.numbers_of(sentence["evidence"]))])
        if not assessed:
            silent.append(item.title)
    if silent:
        rows.append([Words(", ".join(silent)), Words(NOT_ASSESSED), Words("")])
    return Table(["Item", "Finding", "In words"], rows)


def finding_of(claim: str, state: str, item: Entry) -> tuple[str, str]:
    """Return what is printed of a line as its finding, and in words.

    What lies in the past is not present, and what a clinician describes, such as mood, is neither present nor absent.
    """
    if past := PAST_CLAIM.match(claim):
        return PAST_ONLY, past[1]
    word = STATE_WORDS.get(state, "")
    return DESCRIBED if state == PRESENT and concept_of(item).is_observed else word, beside_its_state(claim, word)


def beside_its_state(claim: str, state: str) -> str:
    """Return a claim such as `Denied (“I have no plan”).` without the state that stands in the column before it."""
    opening = f"{state} ("
    if not state or not claim.startswith(opening):
        return claim
    return claim[len(opening) :].removesuffix(".").removesuffix(")")


def _table(sentences: list[Sentence], place: TemplateSection, numbering: _Numbering) -> Table | None:
    rows = []
    for sentence in sentences:
        cells = sentence.get("cells")
        if cells:
            row = [Words(cells.get(column.id, "")) for column in place.columns]
            row[-1] = Words(row[-1].text, numbering.numbers_of(sentence["evidence"]))
            rows.append(row)
    return Table([column.title for column in place.columns], rows) if rows else None


def _paragraphs(sentences: list[Sentence], numbering: _Numbering, *, is_list: bool) -> Iterator[Paragraph]:
    """Group prose that follows each other; items, headings and paragraphs begin anew."""
    run: list[Words] = []
    for sentence in sentences:
        layout = sentence.get("layout", "prose")
        words = numbering.words(sentence)
        is_item = layout == "item" or (is_list and layout != "heading")
        if run and (is_item or layout != "prose"):
            yield Paragraph(run)
            run = []
        if is_item or layout == "heading":
            yield Paragraph([words], is_list_item=is_item, is_heading=layout == "heading")
        else:
            run.append(words)
    if run:
        yield Paragraph(run)


def _risk_blocks(report: Report, numbering: _Numbering) -> Iterator[Block]:
    """Quote what was said about risk and what the clinician decided about each statement."""
    statements: list[RiskStatement] = report.risk_statements
    if statements:
        lines = [Paragraph([_risk_words(statement, numbering)], is_list_item=True) for statement in statements]
        yield Block("Said about risk", 1, lines)


def _risk_words(statement: RiskStatement, numbering: _Numbering) -> Words:
    kind = RISK_WORDS[statement["kind"]]
    quotes = " – ".join(f"“{place['quote']}”" for place in statement["evidence"])
    decided = DISPOSITION_WORDS.get(statement["disposition"], NO_DISPOSITION)
    time = rendering.clock(statement["evidence"][0]["start_ms"])
    return Words(f"{kind}, {time}: {quotes} Clinician: {decided}.", numbering.numbers_of(statement["evidence"]))


def _addendum_blocks(report: Report) -> Iterator[Block]:
    for addendum in signed_addenda(report):
        author = rendering.header_of(addendum.author, with_logo=False)
        signed = rendering.moment(addendum.signed_at) if addendum.signed_at else ""
        lines = [Paragraph([Words(line)]) for line in addendum.text.splitlines() if line.strip()]
        lines.append(Paragraph([Words(f"Added and signed by {author.practitioner}, {signed}.")]))
        yield Block(f"Addendum {addendum.number}", 1, lines)


def _statement_blocks(report: Report) -> Iterator[Block]:
    """Print what the patient says about the report: it goes wherever the report goes."""
    for statement in statements.of_report(report):
        yield Block(statement.title, 1, [Paragraph([Words(line)]) for line in statement.paragraphs])


def _facts(report: Report) -> list[Fact]:
    session, patient = report.session, report.session.patient
    return [
        Fact("Patient", patient.full_name),
        Fact("Seen", rendering.seen(session)),
        Fact("Born", rendering.long_date(patient.date_of_birth)),
        Fact("Session", session.session_id),
        Fact("Number", patient.patient_id),
        Fact("Report", f"{report.get_report_type_display()}, version {report.version}"),
    ]


def _signatures(report: Report, at: datetime) -> Iterator[Signature]:
    if report.signed_by is None or report.signed_at is None:
        yield Signature(f"{DRAFT_WORDS}.", [f"Printed {rendering.moment(at)}."])
        return
    yield Signature(
        rendering.header_of(report.signed_by, with_logo=False).full_name,
        [f"Signed {rendering.moment(report.signed_at)} with password. Version {report.version}."],
        report.content_hash,
    )
    for co_signature in given_co_signatures(report):
        supervisor = rendering.header_of(co_signature.supervisor, with_logo=False).full_name
        when = rendering.moment(co_signature.decided_at) if co_signature.decided_at else ""
        yield Signature(supervisor, [f"Co-signed as supervisor {when}."])


def _notes(report: Report) -> Iterator[str]:
    gaps = rendering.gap_notes(report)
    if gaps:
        yield f"The recording has gaps: {', '.join(gaps)}. Nothing said there is in this report."
    yield rendering.provenance(report)
