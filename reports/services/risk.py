"""What a doctor decides about risk: each statement of the panel, and each item of a checklist."""

from collections.abc import Collection, Mapping
from datetime import datetime

from reports import content
from reports.content import RiskStatement
from reports.generation import tristate
from reports.models import Report
from reports.services.blockers import Blocker
from reports.services.store import (
    NotInReport,
    change_draft,
    clean_text,
    log_correction,
    open_draft,
    require_sentence,
    save_change,
)
from reports.templating.structure import Entry, leaves, parse_structure
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError

CURRENT, PAST, DENIED, NOT_RELEVANT = "current", "past", "denied", "not_relevant"


class UnknownDisposition(DomainError):
    """A decision about a risk statement that there is not."""

    code = "unknown_disposition"


class UnusableState(DomainError):
    """A state a checklist item cannot be set to."""

    code = "unusable_state"


def decide_risk(
    report: Report,
    statement_ids: Collection[str],
    disposition: str,
    *,
    by: User,
    at: datetime,
    revision: int | None = None,
) -> Report:
    """Note what the doctor decides about statements of the risk panel; an empty disposition takes it back.

    Raises NotAllowed, Conflict, StaleRevision, NotInReport and UnknownDisposition.
    """
    if not statement_ids:
        raise NotInReport("risk statement")
    return decide_risks(report, dict.fromkeys(statement_ids, disposition), by=by, at=at, revision=revision)


def decide_risks(
    report: Report, dispositions: Mapping[str, str], *, by: User, at: datetime, revision: int | None = None
) -> Report:
    """Do as `decide_risk` for several statements, each with a disposition of its own (statement id → disposition)."""
    if not {"", *content.DISPOSITION_WORDS}.issuperset(dispositions.values()):
        raise UnknownDisposition("Choose current, past, denied or not clinically relevant.")
    draft = open_draft(report, by=by, revision=revision)
    known: dict[str, RiskStatement] = {statement["id"]: statement for statement in draft.risk_statements}
    if unknown := sorted(dispositions.keys() - known.keys()):
        raise NotInReport("risk statement", unknown[0])
    for statement_id, disposition in dispositions.items():
        statement = known[statement_id]
        statement["disposition"] = disposition
        statement["by"] = str(by.pk) if disposition else ""
        statement["at"] = at.isoformat() if disposition else ""
    with unit_of_work():
        save_change(draft, verb="decide_risk", by=by, at=at)
        for disposition in sorted(set(dispositions.values())):
            decided = sorted(key for key, value in dispositions.items() if value == disposition)
            detail = {"verb": "risk_disposition", "statements": decided, "disposition": disposition}
            record(Action.UPDATE, by=by, target=draft, patient_id=draft.session.patient_id, detail=detail)
    return draft


def undecided(report: Report) -> list[RiskStatement]:
    """Return the risk statements nobody has decided about."""
    return [statement for statement in report.risk_statements if not statement["disposition"]]


def undecided_blockers(report: Report) -> list[Blocker]:
    """Return what keeps a draft with undecided risk statements from being signed, one for each."""
    return [
        Blocker("risk_undispositioned", "Decide what this risk statement means.", statement["id"])
        for statement in undecided(report)
    ]


def set_item_state(
    report: Report,
    sentence_id: str,
    state: str,
    *,
    words: str = "",
    by: User,
    at: datetime,
    revision: int | None = None,
) -> Report:
    """Set an item of a checklist by hand: present in the doctor's words, denied, or not assessed.

    The line stands on the doctor's word: origin doctor, support confirmed. Raises NotAllowed, Conflict, StaleRevision,
    NotInReport, UnusableSentence (present without words) and UnusableState.
    """
    if state not in tristate.STATES:
        raise UnusableState("Choose present, denied or not assessed.")

    def change(draft: Report) -> None:
        place = require_sentence(draft.structured_data, sentence_id)
        item = _item_of(draft, place)
        before = place.sentence.copy()
        line = place.sentence
        line["text"], line["state"] = _item_text(item, state, words), state
        line["origin"], line["support"], line["flags"] = "doctor", "confirmed", []
        if state != before.get("state"):
            place.sentence["evidence"] = []
        after = place.sentence.copy()
        log_correction(
            draft, verb="state", section=place.section, before=before, after=after, by=by, at=at, index=place.index
        )

    return change_draft(report, change, verb="set_item_state", by=by, at=at, revision=revision)


def _item_of(draft: Report, place: content.Place) -> Entry:
    wanted = place.sentence.get("item")
    for section, _ in leaves(parse_structure(draft.template_structure)):
        for item in section.items:
            if section.id == place.section["id"] and item.id == wanted:
                return item
    raise UnusableState("This line is no item of a checklist. Change its words instead.")


def _item_text(item: Entry, state: str, words: str) -> str:
    if state == tristate.NOT_ASSESSED:
        return tristate.not_assessed(item).text
    if state == tristate.DENIED:
        return f"{item.title}: Denied{f' ({clean_text(words)})' if words.strip() else ''}."
    return f"{item.title}: {clean_text(words)}"
