"""Write one section of a draft again as the doctor asks: at once with the built-in engine, as a job with any other."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db import IntegrityError, transaction

from reports.content import Section, Sentence, next_sentence_id, walk
from reports.generation import assemble, tristate
from reports.generation.base import (
    DraftSection,
    DraftSentence,
    GeneratedReport,
    GenerationError,
    GenerationRequest,
)
from reports.generation.guard import guard_for
from reports.generation.prices import add_usage, with_cost
from reports.models import Report, SectionRewrite
from reports.services.drafting import build_request
from reports.services.store import (
    MOST_ATTEMPTS,
    StaleRevision,
    follow_sections,
    log_correction,
    open_draft,
    require_section,
    save_change,
)
from reports.services.writers import choose_writer, words_leave
from reports.templating.structure import Section as TemplateSection
from reports.templating.structure import parse_structure
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import Conflict, DomainError
from synapse.common.models import Job
from synapse.common.transitions import advance
from synapse.outside.calls import Purpose

Status = SectionRewrite.Status
Clock = Callable[[], datetime]
REWRITE = "reports.tasks.rewrite_section"
VERB = "rewrite"
LONGEST_INSTRUCTION = 700  # characters
_ALSO = ("token_usage", "reviewed_by", "reviewed_at")


class UnusableInstruction(DomainError):
    """An instruction that is empty, too long, or that the engine cannot follow; the message says which it can."""

    code = "instruction_refused"


class RewriteRunning(Conflict):
    """This section is being written again already."""

    code = "rewrite_running"


class SectionChanged(Conflict):
    """The section was changed while it was being written again, so the doctor's change stands."""

    code = "section_changed"


def rewrite_section(
    report: Report,
    section_id: str,
    instruction: str,
    *,
    by: User,
    at: datetime,
    revision: int | None = None,
    include_own: bool = False,
) -> SectionRewrite:
    """Have a section written again as `instruction` says; look at the result's status.

    With the built-in engine it is completed on return, with any other it is pending and its job does the rest. Lines the
    doctor wrote, changed or confirmed stay as they are unless `include_own`. What was replaced is one step of the report's
    history, to be undone as any other. `section_id` may be a subsection's. Raises NotAllowed, Conflict,
    StaleRevision, NotInReport and UnusableInstruction.
    """
    draft = _draft_of(open_draft(report, by=by, revision=revision))
    wish = _clean_instruction(instruction)
    require_section(draft.structured_data, section_id)
    if _template_section(draft, section_id).type == "fixed":
        raise UnusableInstruction("This text is the template's own. Change it in the template.")
    writer, _ = choose_writer(draft, at=at)
    rewrite = SectionRewrite(
        report=draft, section_id=section_id, instruction=wish, include_own=include_own, requested_by=by
    )
    if writer.is_immediate:
        try:
            _write(rewrite, draft, at=at)
        except GenerationError as error:
            raise UnusableInstruction(error.message) from None
        return rewrite
    with unit_of_work():
        try:
            with transaction.atomic():
                rewrite.save(force_insert=True)
        except IntegrityError:
            raise RewriteRunning("This section is being written already. Wait until it is there.") from None
        jobs.enqueue(REWRITE, rewrite.pk, by_id=by.pk, run_at=at)
        record(
            Action.UPDATE,
            by=by,
            target=draft,
            patient_id=draft.session.patient_id,
            detail={"verb": "ask_rewrite", "rewrite": str(rewrite.pk)},
        )
    return rewrite


def run_rewrite(rewrite_id: UUID, *, job: Job, clock: Clock) -> None:
    """Write a waiting section: the body of its job, which may run twice without harm.

    Raises TransientJobError, PermanentJobError and LeaseLost.
    """
    rewrite = SectionRewrite.objects.select_related("report", "requested_by").get(pk=rewrite_id)
    if not rewrite.is_running:
        return
    if rewrite.status == Status.PENDING:
        advance(rewrite, Status.RUNNING, at=clock())
    jobs.set_progress(job, 0, 1)
    try:
        draft = _draft_of(open_draft(rewrite.report, by=rewrite.requested_by))
        _write(rewrite, draft, at=clock(), job=job)
    except GenerationError as error:
        raised = jobs.TransientJobError if error.transient else jobs.PermanentJobError
        raise raised(error.code) from None
    except DomainError as error:
        raise jobs.PermanentJobError(error.code) from None
    jobs.set_progress(job, 1, 1)


def fail_rewrite(rewrite_id: UUID, *, code: str, at: datetime) -> None:
    """End a rewrite whose job was given up; the section stays as it is. `code` holds no patient data."""
    with unit_of_work():
        rewrite = SectionRewrite.objects.select_for_update(of=("self",)).get(pk=rewrite_id)
        if rewrite.is_running:
            advance(rewrite, Status.FAILED, at=at, error_code=code[:60], finished_at=at)


def _write(rewrite: SectionRewrite, draft: Report, *, at: datetime, job: Job | None = None) -> None:
    """Ask the engine for the section and store what it wrote; the section must not have changed meanwhile."""
    writer, fallback_code = choose_writer(draft, at=at)
    request = build_request(draft)
    section = require_section(draft.structured_data, rewrite.section_id)
    with words_leave(draft, Purpose.SECTION):
        written = writer.regenerate_section(
            request,
            _template_section(draft, rewrite.section_id),
            _current(section, include_own=rewrite.include_own),
            rewrite.instruction,
        )
    facts = {
        "engine": written.engine,
        "ai_model": written.model,
        "prompt_version": written.prompt_version,
        "token_usage": with_cost(written.model, written.token_usage, is_cloud=writer.is_cloud, on=at.date()),
        "fallback_code": fallback_code,
    }
    try:
        _store(rewrite, list(walk([section])), written, request, facts, at=at, job=job)
    except DomainError:
        # The answer is not taken, but it was paid for.
        SectionRewrite.objects.filter(pk=rewrite.pk).update(updated_at=at, **facts)
        raise


def _store(
    rewrite: SectionRewrite,
    asked: list[Section],
    written: GeneratedReport,
    request: GenerationRequest,
    facts: dict[str, Any],
    *,
    at: datetime,
    job: Job | None,
) -> None:
    """Put the written lines into the draft as it stands at this moment; again when somebody changed another section."""
    for attempt in range(1, MOST_ATTEMPTS + 1):
        draft = open_draft(rewrite.report, by=rewrite.requested_by)
        section = require_section(draft.structured_data, rewrite.section_id)
        if _lines(section) != [part["sentences"] for part in asked]:
            raise SectionChanged("This section was changed in the meantime. Your change stands; ask again if you wish.")
        _replace_lines(rewrite, draft, section, written, request, at=at)
        draft.token_usage = add_usage(draft.token_usage, facts["token_usage"])
        _mark_unread(draft, rewrite.section_id)
        follow_sections(draft)
        try:
            with unit_of_work():
                if job is not None:
                    jobs.assert_held(job)
                save_change(draft, verb="rewrite_section", by=rewrite.requested_by, at=at, also=_ALSO)
                if rewrite._state.adding:
                    rewrite.save(force_insert=True)
                advance(rewrite, Status.COMPLETED, at=at, finished_at=at, **facts)
        except StaleRevision:
            if attempt == MOST_ATTEMPTS:
                raise
        else:
            rewrite.report = draft
            return


def _replace_lines(
    rewrite: SectionRewrite,
    draft: Report,
    section: Section,
    written: GeneratedReport,
    request: GenerationRequest,
    *,
    at: datetime,
) -> None:
    """Change the section's lines in place. Raises UnusableInstruction when they would stay as they are."""
    before = _lines(section)
    was_edited = draft.manually_edited
    place = _template_section(draft, rewrite.section_id)
    proven = tristate.enforce(written.sections[0], place, request.segments, is_whole=False)
    for part, new in zip(walk([section]), _walk_draft(proven), strict=True):
        old = part["sentences"]
        part["sentences"] = _merged(draft, part, new, request, include_own=rewrite.include_own)
        _log(draft, part, old, by=rewrite.requested_by, at=at)
    draft.manually_edited = was_edited
    if _lines(section) == before:
        raise UnusableInstruction(
            "Nothing would change: the section reads like that already.", code="nothing_to_change"
        )


def _merged(
    draft: Report, part: Section, new: DraftSection, request: GenerationRequest, *, include_own: bool
) -> list[Sentence]:
    """Return the new lines with the doctor's own where they stood; a line that is the same keeps its id and its marks."""
    old = part["sentences"]
    unused = [sentence for sentence in old if _may_change(sentence, include_own=include_own)]
    lines: list[Sentence] = []
    ranks: list[int] = []
    for drafted in new.sentences:
        same = next((line for line in unused if _is_same(line, drafted)), None)
        source = same or _closest(unused, drafted)
        ranks.append(old.index(source) if source is not None else (ranks[-1] if ranks else -1))
        if same is not None:
            unused.remove(same)
            lines.append({**same, "layout": drafted.layout})
        else:
            lines.append(_new_line(draft, drafted, request, taken=lines))
    for index, sentence in enumerate(old):
        if not _may_change(sentence, include_own=include_own):
            place = next((at for at, rank in enumerate(ranks) if rank > index), len(lines))
            lines.insert(place, sentence)
            ranks.insert(place, index)
    return lines


def _new_line(
    draft: Report, drafted: DraftSentence, request: GenerationRequest, *, taken: Sequence[Sentence]
) -> Sentence:
    used = [entry["sentence"] for entry in draft.manual_corrections]
    used += [line["id"] for line in taken]
    sentence_id = next_sentence_id(draft.structured_data, used)
    line = assemble.contract_sentence(drafted, sentence_id, guard_for(request.segments))
    return cast("Sentence", line)


def _may_change(sentence: Sentence, *, include_own: bool) -> bool:
    """Tell whether an engine may replace this line: one of its own that the doctor has neither changed nor confirmed.

    Of the template's lines only a checklist item that was not assessed may become something else.
    """
    if sentence["origin"] == "template":
        return bool(sentence.get("item"))
    return include_own or (sentence["origin"] == "ai" and sentence["support"] != "confirmed")


def _is_same(line: Sentence, drafted: DraftSentence) -> bool:
    return line["text"] == drafted.text and _cited(line) == set(drafted.evidence)


def _closest(lines: Sequence[Sentence], drafted: DraftSentence) -> Sentence | None:
    """Return the old line that cites most of what the new one cites."""
    best = max(lines, key=lambda line: len(_cited(line) & set(drafted.evidence)), default=None)
    return best if best is not None and _cited(best) & set(drafted.evidence) else None


def _cited(line: Sentence) -> set[int]:
    return {place["segment"] for place in line["evidence"]}


def _current(section: Section, *, include_own: bool) -> DraftSection:
    """Return the lines of a section an engine may change."""
    return DraftSection(
        section["id"],
        "documented" if section["status"] == "documented" else "not_discussed",
        tuple(_drafted(line) for line in section["sentences"] if _may_change(line, include_own=include_own)),
        tuple(_current(part, include_own=include_own) for part in section["subsections"]),
    )


def _drafted(line: Sentence) -> DraftSentence:
    return DraftSentence(
        text=line["text"],
        evidence=tuple(place["segment"] for place in line["evidence"]),
        confidence=line.get("confidence"),
        layout=line.get("layout", "prose"),  # type: ignore[arg-type]  # written by engines from the same list
        item=line.get("item", ""),
        state=line.get("state", ""),
        cells=tuple(line.get("cells", {}).items()),
        is_template=line["origin"] == "template",
    )


def _log(draft: Report, section: Section, before: list[Sentence], *, by: User, at: datetime) -> None:
    """Keep what was replaced as one step of the report's history: lines taken out from the last on, then lines put in."""
    after = section["sentences"]
    same = [line for line in before if line in after]
    if same != [line for line in after if line in before]:
        same = []
    for index, line in reversed(list(enumerate(before))):
        if line not in same:
            log_correction(draft, verb=VERB, section=section, before=line, after=None, index=index, by=by, at=at)
    for index, line in enumerate(after):
        if line not in same:
            new = deepcopy(line)
            log_correction(draft, verb=VERB, section=section, before=None, after=new, index=index, by=by, at=at)


def _lines(section: Section) -> list[list[Sentence]]:
    return [part["sentences"] for part in walk([section])]


def _mark_unread(draft: Report, section_id: str) -> None:
    """Note that a section reads anew: it has to be checked again, and so has the report."""
    top = next(
        section for section in draft.structured_data if any(part["id"] == section_id for part in walk([section]))
    )
    draft.checked_sections = [known for known in draft.checked_sections if known != top["id"]]
    draft.reviewed_by = draft.reviewed_at = None


def _walk_draft(section: DraftSection) -> list[DraftSection]:
    return [section, *(inner for part in section.subsections for inner in _walk_draft(part))]


def _template_section(draft: Report, section_id: str) -> TemplateSection:
    sections = parse_structure(draft.template_structure)
    places = [place for section in sections for place in (section, *section.subsections)]
    return next(place for place in places if place.id == section_id)


def _draft_of(report: Report) -> Report:
    """Return the draft with what building a request needs."""
    return Report.objects.select_related("session__patient", "session__doctor", "template", "transcription").get(
        pk=report.pk
    )


def _clean_instruction(instruction: str) -> str:
    cleaned = " ".join(instruction.split())
    if not cleaned:
        raise UnusableInstruction("Say how the section should read, for instance “shorter” or “as bullet points”.")
    if len(cleaned) > LONGEST_INSTRUCTION:
        raise UnusableInstruction(f"An instruction has at most {LONGEST_INSTRUCTION} characters.")
    return cleaned
