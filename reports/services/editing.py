"""What a doctor does to a draft: edit, confirm, remove and restore lines, add what was left out, mark sections read."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from reports import content
from reports.content import Evidence, Section, Sentence
from reports.models import Report
from reports.services.evidence import find_evidence
from reports.services.store import (
    NotInReport,
    StaleRevision,
    UnusableSentence,
    change_draft,
    check_support,
    clean_text,
    log_correction,
    open_draft,
    require_section,
    require_sentence,
)
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict

Verdict = Literal["confirm", "remove", "restore"]
_TYPED = ("edit", "add")


class LineChanged(Conflict):
    """The line was changed in another place since it was read; `text` is the stored one."""

    code = "line_changed"

    def __init__(self, text: str) -> None:
        super().__init__("This line was changed in another window. Compare both, then choose.")
        self.text = text


def edit_sentence(
    report: Report,
    sentence_id: str,
    text: str,
    *,
    by: User,
    at: datetime,
    revision: int | None = None,
    base: str | None = None,
    continues: int | None = None,
) -> Report:
    """Change a sentence's words: its origin becomes the doctor, its evidence stays, its support is checked again.

    `revision` is the one of the whole draft the edit is based on; `base` only the words of this line, so that edits
    elsewhere are no conflict. `continues` is the revision of an earlier save of the same typing: both are one step to
    undo. Raises NotAllowed, Conflict, StaleRevision, LineChanged, NotInReport and UnusableSentence.
    """

    def change(draft: Report) -> bool:
        check_base(draft, sentence_id, base)
        if not _edit(draft, sentence_id, text, by=by, at=at):
            return False
        _join_steps(draft, continues)
        return True

    return change_draft(report, change, verb="edit_sentence", by=by, at=at, revision=revision)


def check_base(draft: Report, sentence_id: str, base: str | None) -> None:
    """Raise LineChanged, or NotInReport, unless a line still says what the doctor read; None takes any."""
    if base is None:
        return
    place = require_sentence(draft.structured_data, sentence_id)
    if place.sentence["text"] != " ".join(base.split()):
        raise LineChanged(place.sentence["text"])


def settle_sentence(
    report: Report,
    sentence_id: str,
    verdict: Verdict,
    *,
    by: User,
    at: datetime,
    revision: int | None = None,
    base: str | None = None,
) -> Report:
    """Confirm a line on the doctor's word, remove it, or restore what was confirmed or removed.

    Raises as `edit_sentence`.
    """

    def change(draft: Report) -> None:
        if content.find_sentence(draft.structured_data, sentence_id) is not None:
            check_base(draft, sentence_id, base)
        _VERDICTS[verdict](draft, sentence_id, by=by, at=at)

    return change_draft(report, change, verb=f"{verdict}_sentence", by=by, at=at, revision=revision)


def add_sentence(
    report: Report,
    section_id: str,
    text: str,
    *,
    by: User,
    at: datetime,
    revision: int | None = None,
    cid: str = "",
) -> Report:
    """Add a sentence of the doctor's own to a section; it stands on her word, with the places where it was said if it was.

    `cid` is the client's id of this sentence: a repeated one changes nothing. Raises as `edit_sentence`.
    """

    def change(draft: Report) -> bool:
        if sentence_of_cid(draft, cid) is not None:
            return False
        _add(draft, section_id, text, by=by, at=at, cid=cid)
        return True

    return change_draft(report, change, verb="add_sentence", by=by, at=at, revision=revision)


def sentence_of_cid(report: Report, cid: str) -> str | None:
    """Return the id of the sentence that a client added under this name, or None."""
    added = (entry["sentence"] for entry in report.manual_corrections if cid and entry.get("cid") == cid)
    return next(added, None)


def insert_finding(
    report: Report, key: str, section_id: str, *, by: User, at: datetime, revision: int | None = None
) -> Report:
    """Put something that was said but left out into a section, with its citation.

    `key` is the `finding_key` of an entry of the report's `missing` or `unassigned`. Raises as `edit_sentence`.
    """

    def change(draft: Report) -> None:
        finding = next((entry for entry in [*draft.missing, *draft.unassigned] if finding_key(entry) == key), None)
        if finding is None:
            raise NotInReport("finding")
        section = require_section(draft.structured_data, section_id)
        sentence = _placed(draft, section, finding)
        section["sentences"].append(sentence)
        more = {"finding": finding} if finding in draft.unassigned else {}
        draft.unassigned = [entry for entry in draft.unassigned if finding_key(entry) != key]
        log_correction(draft, verb="insert", section=section, before=None, after=sentence, by=by, at=at, **more)

    return change_draft(report, change, verb="insert_finding", by=by, at=at, revision=revision)


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

    A sentence of the doctor's own is `{"section", "text"}`; `"base"` is the line as it was read. `notes` become the
    correction notes. Raises as `edit_sentence`.
    """

    def change(draft: Report) -> bool:
        for one in changes:
            _apply(draft, one, by=by, at=at)
        if notes is not None:
            draft.correction_notes = notes
        return bool(changes) or notes is not None

    return change_draft(
        report, change, verb="apply_changes", by=by, at=at, revision=revision, also=["correction_notes"]
    )


def mark_section_checked(report: Report, section_id: str, *, is_checked: bool = True, by: User, at: datetime) -> Report:
    """Note that the doctor has read a section, or take it back; with the last one the report counts as reviewed.

    Raises NotAllowed, Conflict and NotInReport.
    """
    # Read inside the unit: two windows that check different sections at once keep both marks.
    with unit_of_work():
        draft = open_draft(report, by=by)
        if all(section["id"] != section_id for section in draft.structured_data):
            raise NotInReport("section")
        others = [known for known in draft.checked_sections if known != section_id]
        draft.checked_sections = [*others, section_id] if is_checked else others
        _store_review(draft, verb="check_section" if is_checked else "uncheck_section", by=by, at=at)
    return draft


def mark_reviewed(report: Report, *, by: User, at: datetime) -> Report:
    """Note that the doctor has read the whole report. Raises NotAllowed and Conflict."""
    with unit_of_work():
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
        return
    if "base" in change:
        check_base(draft, sentence_id, change["base"])
    if change.get("removed") is True:
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
    if _is_written_by_hand(draft, sentence_id):
        place.sentence["evidence"] = find_evidence(draft, new_text)
    else:
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
    after = section["sentences"][index].copy()
    log_correction(draft, verb="restore", section=section, before=None, after=after, by=by, at=at, index=index)


def _add(draft: Report, section_id: str, text: str, *, by: User, at: datetime, cid: str = "") -> None:
    section = require_section(draft.structured_data, section_id)
    words = clean_text(text)
    sentence = new_sentence(draft, section, words, origin="doctor", evidence=find_evidence(draft, words))
    section["sentences"].append(sentence)
    more: dict[str, Any] = {"cid": cid} if cid else {}
    log_correction(draft, verb="add", section=section, before=None, after=sentence.copy(), by=by, at=at, **more)


def _placed(draft: Report, section: Section, finding: Mapping[str, Any]) -> Sentence:
    """Return a finding as a sentence; one that the doctor wrote or confirmed in another form stays as it is."""
    sentence = new_sentence(draft, section, finding["text"], origin="ai", evidence=evidence_of_finding(finding))
    if finding.get("origin") == "doctor" or finding.get("support") == "confirmed":
        sentence["origin"], sentence["support"] = finding["origin"], finding["support"]
    else:
        check_support(draft, sentence)
    return sentence


def _join_steps(draft: Report, continues: int | None) -> None:
    """Make the edit just logged part of the one before it, when that was the same typing in the same line."""
    *earlier, last = draft.manual_corrections
    if continues is None or not earlier or draft.revision != continues:
        return
    before = earlier[-1]
    if (before["verb"], before["sentence"], before["by"]) in [(verb, last["sentence"], last["by"]) for verb in _TYPED]:
        draft.manual_corrections = [*earlier[:-1], {**before, "after": last["after"]}]


def new_sentence(
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
