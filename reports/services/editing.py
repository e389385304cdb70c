"""What a doctor does to a draft: edit, confirm, remove and restore lines, add what was left out, mark sections read."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from reports import content
from reports.content import Evidence, Section, Sentence
from reports.models import Report
from reports.services.store import (
    NotInReport,
    StaleRevision,
    UnusableSentence,
    check_support,
    clean_text,
    log_correction,
    open_draft,
    require_section,
    require_sentence,
    store_change,
)
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work

Verdict = Literal["confirm", "remove", "restore"]


def edit_sentence(
    report: Report, sentence_id: str, text: str, *, by: User, at: datetime, revision: int | None = None
) -> Report:
    """Change a sentence's words: its origin becomes the doctor, its evidence stays, its support is checked again.

    `revision` is the one the edit is based on. Raises NotAllowed, Conflict, StaleRevision, NotInReport and
    UnusableSentence.
    """
    draft = open_draft(report, by=by, revision=revision)
    if _edit(draft, sentence_id, text, by=by, at=at):
        store_change(draft, verb="edit_sentence", by=by, at=at)
    return draft


def settle_sentence(
    report: Report, sentence_id: str, verdict: Verdict, *, by: User, at: datetime, revision: int | None = None
) -> Report:
    """Confirm a line on the doctor's word, remove it, or restore what was confirmed or removed.

    Raises as `edit_sentence`.
    """
    draft = open_draft(report, by=by, revision=revision)
    _VERDICTS[verdict](draft, sentence_id, by=by, at=at)
    store_change(draft, verb=f"{verdict}_sentence", by=by, at=at)
    return draft


def add_sentence(
    report: Report, section_id: str, text: str, *, by: User, at: datetime, revision: int | None = None
) -> Report:
    """Add a sentence of the doctor's own to a section; it stands on the doctor's word. Raises as `edit_sentence`."""
    draft = open_draft(report, by=by, revision=revision)
    _add(draft, section_id, text, by=by, at=at)
    store_change(draft, verb="add_sentence", by=by, at=at)
    return draft


def insert_finding(
    report: Report, key: str, section_id: str, *, by: User, at: datetime, revision: int | None = None
) -> Report:
    """Put something that was said but left out into a section, with its citation.

    `key` is the `finding_key` of an entry of the report's `missing` or `unassigned`. Raises as `edit_sentence`.
    """
    draft = open_draft(report, by=by, revision=revision)
    finding = next((entry for entry in [*draft.missing, *draft.unassigned] if finding_key(entry) == key), None)
    if finding is None:
        raise NotInReport("finding")
    draft.unassigned = [entry for entry in draft.unassigned if finding_key(entry) != key]
    section = require_section(draft.structured_data, section_id)
    sentence = _new_sentence(draft, section, finding["text"], origin="ai", evidence=evidence_of_finding(finding))
    check_support(draft, sentence)
    section["sentences"].append(sentence)
    log_correction(draft, verb="insert", section=section, before=None, after=sentence, by=by, at=at)
    store_change(draft, verb="insert_finding", by=by, at=at)
    return draft


def apply_changes(
    report: Report,
    changes: Sequence[Mapping[str, Any]],
    *,
    by: User,
    at: datetime,
    notes: str | None = None,
    revision: int | None = None,
) -> Report:
    """Apply several changes or none: each is `{"id", "text" | "support": "confirmed" | "removed": true}`.

    A sentence of the doctor's own is `{"section", "text"}`. `notes` become the correction notes. Raises as
    `edit_sentence`.
    """
    draft = open_draft(report, by=by, revision=revision)
    for change in changes:
        _apply(draft, change, by=by, at=at)
    if notes is not None:
        draft.correction_notes = notes
    if changes or notes is not None:
        store_change(draft, verb="apply_changes", by=by, at=at, also=["correction_notes"])
    return draft


def mark_section_checked(report: Report, section_id: str, *, is_checked: bool = True, by: User, at: datetime) -> Report:
    """Note that the doctor has read a section, or take it back; with the last one the report counts as reviewed.

    Raises NotAllowed, Conflict and NotInReport.
    """
    draft = open_draft(report, by=by)
    if all(section["id"] != section_id for section in draft.structured_data):
        raise NotInReport("section")
    others = [known for known in draft.checked_sections if known != section_id]
    draft.checked_sections = [*others, section_id] if is_checked else others
    _store_review(draft, verb="check_section" if is_checked else "uncheck_section", by=by, at=at)
    return draft


def mark_reviewed(report: Report, *, by: User, at: datetime) -> Report:
    """Note that the doctor has read the whole report. Raises NotAllowed and Conflict."""
    draft = open_draft(report, by=by)
    draft.checked_sections = [section["id"] for section in draft.structured_data]
    _store_review(draft, verb="review", by=by, at=at)
    return draft


def finding_key(finding: Mapping[str, Any]) -> str:
    """Return a name for a finding that stays while its words and its place in the recording do."""
    evidence = evidence_of_finding(finding)
    place = evidence[0]["segment"] if evidence else 0
    return f"{place}-{zlib.crc32(str(finding['text']).encode()):08x}"


def evidence_of_finding(finding: Mapping[str, Any]) -> list[Evidence]:
    """Return the citation of an entry of `missing` (one place, written flat) or `unassigned` (a list of them)."""
    if "evidence" in finding:
        return list(finding["evidence"])
    return [
        {
            "segment": finding["segment"],
            "start_ms": finding["start_ms"],
            "end_ms": finding["end_ms"],
            "speaker": finding["speaker"],
            "quote": finding["quote"],
        }
    ]


def _apply(draft: Report, change: Mapping[str, Any], *, by: User, at: datetime) -> None:
    sentence_id = change.get("id")
    if not isinstance(sentence_id, str):
        _add(draft, str(change.get("section", "")), str(change.get("text", "")), by=by, at=at)
    elif change.get("removed") is True:
        _remove(draft, sentence_id, by=by, at=at)
    elif "text" in change:
        _edit(draft, sentence_id, str(change["text"]), by=by, at=at)
    elif change.get("support") == "confirmed":
        _confirm(draft, sentence_id, by=by, at=at)
    else:
        raise UnusableSentence("Say what changes: the text, that you confirm it, or that it is removed.")


def _edit(draft: Report, sentence_id: str, text: str, *, by: User, at: datetime) -> bool:
    """Set a sentence's text; False when it is the same."""
    place = require_sentence(draft.structured_data, sentence_id)
    new_text = clean_text(text)
    if new_text == place.sentence["text"]:
        return False
    before = place.sentence.copy()
    place.sentence["text"] = new_text
    place.sentence["origin"] = "doctor"
    _drop_corrected_flag(place.sentence)
    if not _is_written_by_hand(draft, sentence_id):
        check_support(draft, place.sentence)
    _log(draft, "edit", place, before, by=by, at=at)
    return True


def _confirm(draft: Report, sentence_id: str, *, by: User, at: datetime) -> None:
    place = require_sentence(draft.structured_data, sentence_id)
    before = place.sentence.copy()
    place.sentence["support"] = "confirmed"
    _drop_corrected_flag(place.sentence)
    _log(draft, "confirm", place, before, by=by, at=at)


def _drop_corrected_flag(sentence: Sentence) -> None:
    """Note that the doctor has seen the sentence with the corrected words."""
    sentence["flags"] = [flag for flag in sentence["flags"] if flag["kind"] != content.SOURCE_CORRECTED]


def _remove(draft: Report, sentence_id: str, *, by: User, at: datetime) -> None:
    place = require_sentence(draft.structured_data, sentence_id)
    removed = place.section["sentences"].pop(place.index)
    log_correction(
        draft, verb="remove", section=place.section, before=removed, after=None, by=by, at=at, index=place.index
    )


def _restore(draft: Report, sentence_id: str, *, by: User, at: datetime) -> None:
    """Bring a removed line back to where it stood, or have a confirmed one checked again."""
    place = content.find_sentence(draft.structured_data, sentence_id)
    if place is not None:
        before = place.sentence.copy()
        if not _is_written_by_hand(draft, sentence_id):
            check_support(draft, place.sentence)
        _log(draft, "restore", place, before, by=by, at=at)
        return
    removal = next(
        (
            entry
            for entry in reversed(draft.manual_corrections)
            if entry["sentence"] == sentence_id and entry["verb"] == "remove"
        ),
        None,
    )
    if removal is None:
        raise NotInReport("line")
    section = require_section(draft.structured_data, removal["section"])
    index = min(removal["index"], len(section["sentences"]))
    section["sentences"].insert(index, removal["before"])
    _log(draft, "restore", content.Place(section, index), None, by=by, at=at)


def _add(draft: Report, section_id: str, text: str, *, by: User, at: datetime) -> None:
    section = require_section(draft.structured_data, section_id)
    sentence = _new_sentence(draft, section, clean_text(text), origin="doctor", evidence=[])
    section["sentences"].append(sentence)
    log_correction(draft, verb="add", section=section, before=None, after=sentence, by=by, at=at)


def _new_sentence(
    draft: Report, section: Section, text: str, *, origin: content.Origin, evidence: list[Evidence]
) -> Sentence:
    """Return a sentence laid out as the last one of its section; it counts as confirmed until it is checked."""
    used = [entry["sentence"] for entry in draft.manual_corrections]
    last = section["sentences"][-1].get("layout", "prose") if section["sentences"] else "prose"
    return {
        "id": content.next_sentence_id(draft.structured_data, used),
        "text": text,
        "origin": origin,
        "evidence": evidence,
        "support": "confirmed",
        "flags": [],
        "layout": "prose" if last == "heading" else last,
        "confidence": None,
    }


def _is_written_by_hand(draft: Report, sentence_id: str) -> bool:
    """Tell whether the doctor added this sentence; there is nothing in the recording to check it against."""
    return any(entry["sentence"] == sentence_id and entry["verb"] == "add" for entry in draft.manual_corrections)


def _log(draft: Report, verb: str, place: content.Place, before: Sentence | None, *, by: User, at: datetime) -> None:
    log_correction(draft, verb=verb, section=place.section, before=before, after=place.sentence.copy(), by=by, at=at)


def _store_review(draft: Report, *, verb: str, by: User, at: datetime) -> None:
    """Save which sections were read; who reviewed the report is set while all of them are."""
    is_whole = {section["id"] for section in draft.structured_data} <= set(draft.checked_sections)
    draft.reviewed_by, draft.reviewed_at = (by, at) if is_whole else (None, None)
    with unit_of_work():
        stored = Report.objects.select_for_update().only("revision", "status").get(pk=draft.pk)
        if stored.revision != draft.revision or stored.status != Report.Status.COMPLETED:
            raise StaleRevision
        draft.save(update_fields=["checked_sections", "reviewed_by", "reviewed_at", "updated_at"])
        record(Action.UPDATE, by=by, target=draft, patient_id=draft.session.patient_id, detail={"verb": verb})


_VERDICTS = {"confirm": _confirm, "remove": _remove, "restore": _restore}
