"""A report in another form: its lines stand under the headings of another template, with their citations and edits."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from datetime import datetime
from typing import cast

from reports import permissions
from reports.content import Section, Sentence, all_sentences, find_section, walk
from reports.generation import assemble, named_generator
from reports.models import Report, ReportTemplate
from reports.services import history, merging
from reports.services.drafting import UnusableTemplate, count_use, may_use, next_version, request_for, snapshot_of
from reports.services.evidence import rebound
from reports.services.refreshing import kept_ids
from reports.services.sealing import require_whole
from reports.services.store import check_support, follow_sections, segments_of
from reports.templating.structure import Section as TemplateSection
from reports.templating.structure import leaves, parse_structure
from sessions_app import queries as session_queries
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work

# What a line is when nothing else tells: the kind of statement its old heading holds, by the heading's topic.
_KINDS = {
    "chief_complaint": "cc",
    "history": "hpi",
    "review_of_systems": "ros",
    "past_history": "pmh",
    "family_history": "pmh",
    "social": "social",
    "medications": "meds",
    "allergies": "allergy",
    "vitals": "vitals",
    "results": "results",
    "assessment": "assessment",
    "education": "education",
    "interventions": "education",
    "response": "response",
    "plan": "plan",
    "plan_medications": "plan",
    "follow_up": "plan",
    "homework": "plan",
    "goals": "plan",
}
_OBSERVED = ("exam", "mental_status", "appearance", "speech", "thought", "perception", "cognition", "insight")


def convert_report(
    report: Report, template: ReportTemplate, *, by: User, at: datetime, report_type: str | None = None
) -> Report:
    """Make a draft of this report in another form; the report itself stays as it is, signed or not.

    Every line keeps its words, evidence and support and stands under the heading that asks for it; one that fits none
    goes to the list of what fits no section. Headings that stay empty are filled from the transcript. Raises
    NotAllowed, Conflict, SealBroken and UnusableTemplate.
    """
    permissions.check_can_convert(by, report)
    require_whole(report, by=by)
    source = Report.objects.select_related("session__patient", "session__doctor", "transcription").get(pk=report.pk)
    if not template.is_active or not may_use(source.session.doctor, by, template):
        raise UnusableTemplate("This template cannot be used. Choose another one.")
    kind = report_type or source.report_type
    converted = _converted(source, template, kind, by=by, at=at)
    with unit_of_work():
        converted.version = next_version(source.session, kind)
        converted.save(force_insert=True)
        count_use(template, at=at)
        detail = {"verb": "convert", "from": str(source.pk)}
        record(Action.CREATE, by=by, target=converted, patient_id=source.session.patient_id, detail=detail)
    return converted


def _converted(source: Report, template: ReportTemplate, kind: str, *, by: User, at: datetime) -> Report:
    """Return the report in its new form, not stored yet."""
    words = session_queries.current_transcription(source.session) or source.transcription
    draft = Report(
        session=source.session,
        template=template,
        transcription=words if words.is_completed else source.transcription,
        report_type=kind,
        status=Report.Status.COMPLETED,
        converted_from=source,
        template_version=template.version,
        template_structure=snapshot_of(template),
        engine=source.engine,
        ai_model=source.ai_model,
        prompt_version=source.prompt_version,
        fallback_code=source.fallback_code,
        generation_started_at=at,
        generation_completed_at=at,
        applied_rules=source.applied_rules,
        risk_statements=deepcopy(source.risk_statements),
        correction_notes=source.correction_notes,
        manual_corrections=[*source.manual_corrections, _barrier(by, at)],
        manually_edited=source.manually_edited,
        evidence_bound_at=at,
    )
    structure = parse_structure(draft.template_structure)
    request = request_for(draft.session, draft.transcription, structure, instructions=template.ai_prompt)
    written = assemble.assemble(named_generator("embedded").generate(request), request)
    fresh = cast("list[Section]", written.sections)
    draft.structured_data = [_emptied(section) for section in fresh]
    kept = kept_ids(source)
    lines = list(_lines_of(source, kept))
    _bind(draft, [line for line, _ in lines])
    unplaced = _place(draft, lines, fresh, kept=kept, structure=structure, source=source)
    _fill(draft, fresh, used=[entry["sentence"] for entry in draft.manual_corrections])
    draft.unassigned = [*deepcopy(source.unassigned), *unplaced]
    follow_sections(draft)
    return draft


def _lines_of(source: Report, kept: set[str]) -> Iterator[tuple[Sentence, Section]]:
    """Yield copies of the lines that are to be carried over, each with its old place; the template's own are not."""
    for section in walk(source.structured_data):
        for line in section["sentences"]:
            if line["origin"] != "template" or line["id"] in kept:
                yield deepcopy(line), section


def _bind(draft: Report, lines: Iterable[Sentence]) -> None:
    """Bind the lines to the draft's transcript, which may be newer than the one they were written from."""
    segments = segments_of(draft.transcription)
    for line in lines:
        bound = rebound(line["evidence"], segments, by_time=False)
        if bound != line["evidence"]:
            line["evidence"] = bound
            if line["support"] != "confirmed":
                check_support(draft, line)


def _place(
    draft: Report,
    lines: Sequence[tuple[Sentence, Section]],
    fresh: Sequence[Section],
    *,
    kept: set[str],
    structure: tuple[TemplateSection, ...],
    source: Report,
) -> list[Sentence]:
    """Put each line under its new heading, in place; return those that have none."""
    titles = {section["id"]: section["title"] for section in walk(draft.structured_data)}
    told = [(line, section["id"]) for section in walk(fresh) for line in section["sentences"]]
    wordings = _earlier_wordings(source)
    old_structure = parse_structure(source.template_structure)
    places = {leaf.id: leaf for leaf, _ in leaves(structure)}
    unplaced: list[Sentence] = []
    for line, old in lines:
        same_heading = old["id"] in places and titles[old["id"]] == old["title"]
        twin, section_id = _told_again([line, *wordings.get(line["id"], [])], told)
        if same_heading:
            twin, section_id = (twin, section_id) if section_id == old["id"] else (None, old["id"])
        if not section_id:
            section_id = _by_topic(line, old, old_structure, structure)
        target = find_section(draft.structured_data, section_id) if section_id else None
        if target is None:
            unplaced.append(line)
            continue
        _fit(line, twin if line["id"] not in kept else None, places.get(section_id), stays=same_heading)
        target["sentences"].append(line)
    return unplaced


def _earlier_wordings(source: Report) -> dict[str, list[Sentence]]:
    wordings: dict[str, list[Sentence]] = {}
    for entry in history.in_effect(source.manual_corrections):
        if entry["before"]:
            wordings.setdefault(entry["sentence"], []).append(entry["before"])
    return wordings


def _told_again(wordings: Sequence[Sentence], told: Sequence[tuple[Sentence, str]]) -> tuple[Sentence | None, str]:
    """Return the line of the fresh draft that says the same, and its heading: the engine's own reading of the template."""
    for wording in wordings:
        for line, section_id in told:
            if line["origin"] != "template" and merging.says_the_same(wording, line):
                return line, section_id
    return None, ""


def _by_topic(
    line: Sentence,
    old: Section,
    old_structure: tuple[TemplateSection, ...],
    structure: tuple[TemplateSection, ...],
) -> str:
    """Return the heading that is about what the line is about, or nothing."""
    from reports.generation.facts import Fact
    from reports.generation.mapping import places_of, topics_for

    topics = next(
        (place.topics for place in places_of(old_structure) if old["id"] in (place.leaf_id, place.section_id)), ()
    )
    kinds = list(dict.fromkeys(_KINDS.get(topic, "exam" if topic in _OBSERVED else "hpi") for topic in topics)) or [
        "hpi"
    ]
    wanted: list[str] = [] if len(topics) > 1 else list(topics)
    for kind in kinds if len(topics) == 1 else kinds[:1]:
        wanted += topics_for(Fact(line["text"], (), 1.0, kind, 0))
    for topic in [*wanted, *topics]:
        for place in places_of(structure):
            if topic in place.topics:
                return place.leaf_id or place.section_id
    return ""


def _fit(line: Sentence, twin: Sentence | None, place: TemplateSection | None, *, stays: bool) -> None:
    """Give a line the form of its new heading: an item of its checklist, a row of its table, a bullet."""
    if stays and twin is None:
        return
    line.pop("item", None)
    line.pop("state", None)
    line.pop("cells", None)
    if twin is not None:
        for name in ("item", "state", "cells"):
            if name in twin:
                line[name] = twin[name]
        line["layout"] = twin.get("layout", "prose")
    elif place is not None and (place.type == "list" or place.style.layout == "bullets"):
        line["layout"] = "item"
    elif place is not None and place.style.layout == "prose" and line.get("layout") == "item":
        line["layout"] = "prose"


def _fill(draft: Report, fresh: Sequence[Section], *, used: Iterable[str]) -> None:
    """Fill headings without a line from the fresh draft, and add what the new template itself says."""
    present = list(all_sentences(draft.structured_data))
    taken = set(used) | {line["id"] for line in present}
    for section in walk(fresh):
        target = find_section(draft.structured_data, section["id"])
        if target is None:
            continue
        is_empty = not target["sentences"]
        for index, line in enumerate(section["sentences"]):
            is_own = line["origin"] == "template"
            if not (is_own or is_empty) or any(merging.says_the_same(line, other) for other in present):
                continue
            line["id"] = merging.free_id(taken)
            target["sentences"].insert(min(index, len(target["sentences"])), line)


def _emptied(section: Section) -> Section:
    return {**section, "sentences": [], "subsections": [_emptied(part) for part in section["subsections"]]}


def _barrier(by: User, at: datetime) -> history.Entry:
    """Return the entry of the log behind which undo does not go: those changes were made to the other report."""
    return {
        "sentence": "",
        "section": "",
        "index": None,
        "verb": history.BARRIER,
        "before": None,
        "after": None,
        "by": str(by.pk),
        "at": at.isoformat(),
        "step": 0,
    }
