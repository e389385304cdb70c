"""What the review page shows: a report as lines, chips and counts, so that templates only lay out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reports import permissions, queries, services
from reports.content import SOURCE_CORRECTED, Evidence, Section, Sentence, all_sentences, walk
from reports.models import Report
from reports.pages import beside, engine_words, steps
from reports.pages.scores import ScoreRow, score_rows
from reports.pages.style import words_of_used
from reports.printing import rendering
from reports.sealing import signing
from reports.services.editing import evidence_of_finding
from reports.templating.structure import parse_structure
from sessions_app import permissions as session_permissions
from sessions_app.transcripts import wording
from sessions_app.transcripts.lines import OTHER_NAMES
from synapse.accounts.models import User

SHOWN_FINDINGS = 8
FINDING_KINDS = {
    "risk": "Risk",
    "medication": "Medication",
    "allergy": "Allergy",
    "diagnosis": "Diagnosis",
    "plan": "Plan",
    "substance": "Substances",
    "symptom": "Symptom",
}
EXPORT_CHOICES = (
    ("pdf", "PDF"),
    ("docx", "Word"),
    ("txt", "Plain text"),
    ("md", "Markdown"),
    ("json", "JSON"),
    ("fhir", "FHIR"),
)
PAGE_KEYS = (
    ("J", "Next line"),
    ("K", "Line before"),
    ("Space", "Play or stop"),
    ("E", "Change this line"),
    ("X", "Remove this line"),
    ("V", "Keep this line, I confirm it"),
    ("Ctrl Z", "Undo"),
    ("Ctrl Shift Z", "Redo"),
    ("Alt ↑ ↓", "In a text box: move the line"),
    ("Alt Enter", "In a text box: split the line"),
    ("C", "Mark this section checked"),
    ("Ctrl Enter", "Sign"),
)


@dataclass(frozen=True)
class Chip:
    """A place in the recording, as a button: one utterance, or several that follow each other."""

    segments: list[int]
    ms: int
    time: str
    quote: str

    @property
    def segment(self) -> int:
        return self.segments[0]


@dataclass(frozen=True)
class Line:
    """One sentence as it stands on the page."""

    id: str
    text: str
    chips: list[Chip]
    reasons: list[str]
    is_unsettled: bool
    is_doubtful: bool
    is_confirmed: bool
    is_own: bool
    layout: str
    is_item: bool = False  # of a checklist: its state can be set by hand
    correction: list[wording.Part] = field(default_factory=list)

    @property
    def needs_a_look(self) -> bool:
        return self.is_unsettled or self.is_doubtful or self.is_confirmed or bool(self.correction)


@dataclass(frozen=True)
class Group:
    """Lines that are laid out together: running prose, a list, or a heading."""

    kind: str
    lines: list[Line]


@dataclass(frozen=True)
class Part:
    """The place of a section or subsection where its sentences stand."""

    id: str
    title: str
    groups: list[Group]
    removed: list[Line]
    is_not_discussed: bool
    is_subsection: bool


@dataclass(frozen=True)
class SectionView:
    """One top-level section."""

    id: str
    title: str
    parts: list[Part]
    is_checked: bool
    is_required: bool
    is_not_discussed: bool
    to_settle: int

    @property
    def lines(self) -> list[Line]:
        return [line for part in self.parts for group in part.groups for line in group.lines]


@dataclass(frozen=True)
class Finding:
    """Something that was said and stands nowhere in the report."""

    key: str
    text: str
    chip: Chip | None
    speaker: str
    mark: str = ""
    kind: str = ""
    place: str = ""  # the section it fits best


@dataclass(frozen=True)
class Progress:
    """How far the review is, in counts and words."""

    checked: int
    total: int
    to_settle: int
    blockers: list[services.Blocker]

    @property
    def percent(self) -> int:
        return round(100 * self.checked / self.total) if self.total else 0

    @property
    def is_ready(self) -> bool:
        return not self.blockers

    @property
    def headline(self) -> str:
        return f"{self.checked} of {self.total} sections checked"

    @property
    def advice(self) -> str:
        """Say what is left to do before signing."""
        empty = sum(1 for blocker in self.blockers if blocker.code == "required_section")
        todo = []
        if self.to_settle:
            todo.append(f"settle {self.to_settle} {'line' if self.to_settle == 1 else 'lines'}")
        if empty:
            todo.append(f"write {empty} required {'section' if empty == 1 else 'sections'}")
        if undecided := sum(1 for blocker in self.blockers if blocker.code == "risk_undispositioned"):
            todo.append(f"decide about {undecided} risk {'statement' if undecided == 1 else 'statements'}")
        if any(blocker.code == "transcript_changed" for blocker in self.blockers):
            todo.append("reload the page: the transcript was corrected")
        if not todo:
            if self.checked < self.total:
                return "Signing says that you have read the rest."
            return "Everything is settled. You can sign."
        words = todo[0] if len(todo) == 1 else f"{', '.join(todo[:-1])} and {todo[-1]}"
        return f"{words[:1].upper()}{words[1:]} before you sign."


@dataclass(frozen=True)
class ReviewPage:
    """Everything on the page of a written report."""

    report: Report
    sections: list[SectionView]
    progress: Progress
    findings: list[Finding]
    unassigned: list[Finding]
    scores: list[ScoreRow]
    seal: signing.Seal
    can_edit: bool
    sign_refusal: str  # why this person cannot sign it now
    can_export: bool
    can_amend: bool
    may_hear: bool
    has_newer: bool
    corrected_after_signing_at: datetime | None = None
    places: list[tuple[str, str]] = field(default_factory=list)
    rules_used: list[str] = field(default_factory=list)
    last_step: str = ""
    next_step: str = ""

    @property
    def can_sign(self) -> bool:
        return not self.sign_refusal

    @property
    def engine_words(self) -> str:
        return f"by {rendering.engine_name(self.report)}" if self.report.engine else "written by hand"

    @property
    def fallback_words(self) -> str:
        return engine_words.of_fallback(self.report.fallback_code)

    @property
    def rules_title(self) -> str:
        count = len(self.rules_used)
        return f"{count} of your rules {'was' if count == 1 else 'were'} used."

    @property
    def shown_findings(self) -> list[Finding]:
        return self.findings[:SHOWN_FINDINGS]

    @property
    def more_findings(self) -> list[Finding]:
        return self.findings[SHOWN_FINDINGS:]


def review_page(report: Report, user: User) -> ReviewPage:
    """Return the page of a draft or a signed report as this person sees it."""
    sections = [section_view(report, section) for section in report.structured_data]
    blockers = services.blockers_of(report) if report.is_draft else []
    can_edit = permissions.can_edit(user, report)
    done, undone = services.history.stacks(report.manual_corrections)
    return ReviewPage(
        report=report,
        sections=sections,
        progress=Progress(
            checked=sum(section.is_checked for section in sections),
            total=len(sections),
            to_settle=sum(section.to_settle for section in sections),
            blockers=blockers,
        ),
        findings=[finding_view(report, entry) for entry in report.missing] if can_edit else [],
        unassigned=[finding_view(report, entry) for entry in report.unassigned] if can_edit else [],
        scores=score_rows(report),
        seal=signing.verify(report),
        can_edit=can_edit,
        sign_refusal=permissions.why_not_sign(user, report),
        can_export=permissions.can_export(user, report),
        can_amend=permissions.can_amend(user, report),
        may_hear=session_permissions.can_read_words(user, report.session),
        has_newer=permissions.has_newer_version(report),
        corrected_after_signing_at=queries.corrected_after_signing_at(report),
        places=list(places_for_findings(report.structured_data)),
        rules_used=words_of_used(report),
        last_step=steps.step_words(done),
        next_step=steps.step_words(undone),
    )


def section_view(report: Report, section: Section) -> SectionView:
    """Return one top-level section."""
    required = {template.id for template in parse_structure(report.template_structure) if template.required}
    removed = _removed_lines(report)
    parts = [_part(part, removed, is_subsection=part is not section) for part in walk([section])]
    shown = [part for part in parts if part.is_subsection or part.groups or part.removed or not section["subsections"]]
    return SectionView(
        id=section["id"],
        title=section["title"],
        parts=shown,
        is_checked=section["id"] in report.checked_sections,
        is_required=section["id"] in required,
        is_not_discussed=section["status"] != "documented",
        to_settle=sum(sentence["support"] == "unsupported" for sentence in all_sentences([section])),
    )


def line_view(sentence: Sentence) -> Line:
    return Line(
        id=sentence["id"],
        text=sentence["text"],
        chips=chips_of(sentence["evidence"]),
        reasons=[flag["detail"] for flag in sentence["flags"] if flag["kind"] != SOURCE_CORRECTED],
        is_unsettled=sentence["support"] == "unsupported",
        is_doubtful=sentence["support"] == "partial",
        is_confirmed=sentence["support"] == "confirmed",
        is_own=sentence["origin"] == "doctor",
        layout=sentence.get("layout", "prose"),
        is_item=bool(sentence.get("item")),
        correction=correction_view(sentence),
    )


def correction_view(sentence: Sentence) -> list[wording.Part]:
    """Return how the cited words were corrected after the sentence was written; empty when they were not."""
    mark = next((flag for flag in sentence["flags"] if flag["kind"] == SOURCE_CORRECTED), None)
    if mark is None:
        return []
    return wording.around_changes(wording.compare(_spoken(mark["before"]), _spoken(mark["after"])))


def _spoken(said: str) -> str:
    """Write the speakers of cited words as on the page."""
    lines = [line.partition(": ") for line in said.splitlines()]
    return " ".join(f"{OTHER_NAMES.get(speaker, speaker.capitalize())}: {words}" for speaker, _, words in lines)


def chips_of(evidence: list[Evidence]) -> list[Chip]:
    """Return one button a place; a question and its answer are one place, played from the question on."""
    runs: list[list[Evidence]] = []
    for place in evidence:
        if runs and place["segment"] == runs[-1][-1]["segment"] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return [
        Chip(
            segments=[place["segment"] for place in run],
            ms=run[0]["start_ms"],
            time=rendering.clock(run[0]["start_ms"]),
            quote=" – ".join(place["quote"] for place in run),
        )
        for run in runs
    ]


def finding_view(report: Report, finding: dict[str, Any]) -> Finding:
    evidence = evidence_of_finding(finding)
    chips = chips_of(evidence)
    return Finding(
        key=services.finding_key(finding),
        text=finding["text"],
        chip=chips[0] if chips else None,
        speaker=beside.speaker_name(report.session, evidence[0]["speaker"]) if evidence else "",
        mark=finding.get("mark", ""),
        kind=FINDING_KINDS.get(finding.get("kind", ""), ""),
        place=finding.get("place", ""),
    )


def places_for_findings(sections: list[Section]) -> Iterator[tuple[str, str]]:
    """Yield id and name of every place a finding can be put into."""
    for section in sections:
        if not section["subsections"]:
            yield section["id"], section["title"]
        for part in section["subsections"]:
            yield part["id"], f"{section['title']}: {part['title']}"


def _part(section: Section, removed: dict[str, list[Line]], *, is_subsection: bool) -> Part:
    return Part(
        id=section["id"],
        title=section["title"],
        groups=list(_groups(section["sentences"])),
        removed=removed.get(section["id"], []),
        is_not_discussed=section["status"] != "documented",
        is_subsection=is_subsection,
    )


def _groups(sentences: list[Sentence]) -> Iterator[Group]:
    """Put prose that follows each other into one paragraph and items into one list."""
    kinds = {"item": "list", "heading": "heading"}
    run: list[Line] = []
    kind = ""
    for sentence in sentences:
        layout = sentence.get("layout", "prose")
        own = kinds.get(layout, "prose")
        if run and (own != kind or own == "heading" or layout == "paragraph"):
            yield Group(kind, run)
            run = []
        kind = own
        run.append(line_view(sentence))
    if run:
        yield Group(kind, run)


def _removed_lines(report: Report) -> dict[str, list[Line]]:
    """Return the lines the doctor removed and did not restore, by section."""
    present = {sentence["id"] for sentence in all_sentences(report.structured_data)}
    removed: dict[str, dict[str, Line]] = {}
    for entry in services.history.in_effect(report.manual_corrections):
        if entry["verb"] == "remove" and entry["sentence"] not in present:
            removed.setdefault(entry["section"], {})[entry["sentence"]] = line_view(entry["before"])
    return {section: list(lines.values()) for section, lines in removed.items()}
