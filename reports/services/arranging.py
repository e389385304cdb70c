"""How a doctor arranges the lines of a draft: move, split and merge them, set them as a list, quote the transcript."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from reports import content
from reports.content import Evidence, Sentence
from reports.generation.base import TranscriptSegment
from reports.models import Report
from reports.services.editing import new_sentence
from reports.services.store import (
    NotInReport,
    UnusableSentence,
    change_draft,
    check_support,
    clean_text,
    evidence_of,
    log_correction,
    require_section,
    require_sentence,
    segments_of,
)
from synapse.accounts.models import User

Layout = Literal["bullets", "prose"]
LAYOUTS = {"bullets": "item", "prose": "prose"}
MOST_QUOTED = 6  # utterances in one quote
_NOT_A_WORD = re.compile(r"[^\w'’%-]+")


def move_sentence(report: Report, sentence_id: str, section_id: str, index: int, *, by: User, at: datetime) -> Report:
    """Put a line at a place (0 is the first) of a section, with its evidence.

    Raises NotAllowed, Conflict and NotInReport.
    """

    def change(draft: Report) -> bool:
        place = require_sentence(draft.structured_data, sentence_id)
        target = require_section(draft.structured_data, section_id)
        came_from, old_index = place.section, place.index
        if target is came_from and index == old_index:
            return False
        line = came_from["sentences"].pop(old_index)
        new_index = max(0, min(index, len(target["sentences"])))
        before = line.copy()
        if target is not came_from:
            # An item of a checklist and a row of a table belong to their section; elsewhere they are lines.
            line.pop("item", None)
            line.pop("state", None)
            line.pop("cells", None)
        target["sentences"].insert(new_index, line)
        log_correction(
            draft,
            verb="move",
            section=target,
            before=before,
            after=line.copy(),
            by=by,
            at=at,
            index=new_index,
            from_section=came_from["id"],
            from_index=old_index,
        )
        return True

    return change_draft(report, change, verb="move_sentence", by=by, at=at)


def split_sentence(report: Report, sentence_id: str, place: int, *, by: User, at: datetime) -> Report:
    """Cut a line before its word number `place` (1 is the second word); both halves cite what it cited.

    Raises NotAllowed, Conflict, NotInReport, and UnusableSentence when a half would be empty.
    """

    def change(draft: Report) -> None:
        found = require_sentence(draft.structured_data, sentence_id)
        words = found.sentence["text"].split()
        if not 0 < place < len(words):
            raise UnusableSentence("Put the cursor between two words of the line to cut it there.")
        before = found.sentence.copy()
        first, second = _as_sentence(words[:place], is_first=True), _as_sentence(words[place:])
        rest = new_sentence(draft, found.section, second, origin="doctor", evidence=list(before["evidence"]))
        rest["layout"] = before.get("layout", "prose")
        _reword(draft, found.sentence, first, was=before)
        _check_half(draft, rest, was=before)
        found.section["sentences"].insert(found.index + 1, rest)
        _log_edit(draft, "split", found, before, by=by, at=at)
        log_correction(
            draft,
            verb="split",
            section=found.section,
            before=None,
            after=rest.copy(),
            by=by,
            at=at,
            index=found.index + 1,
        )

    return change_draft(report, change, verb="split_sentence", by=by, at=at)


def merge_with_previous(report: Report, sentence_id: str, *, by: User, at: datetime) -> Report:
    """Join a line to the one before it in its section; the joined line cites what both cited.

    Raises NotAllowed, Conflict, NotInReport, and UnusableSentence for the first line of a section.
    """

    def change(draft: Report) -> None:
        second = require_sentence(draft.structured_data, sentence_id)
        if second.index == 0:
            raise UnusableSentence("This is the first line of its section: there is none before it to join.")
        first = content.Place(second.section, second.index - 1)
        before, gone = first.sentence.copy(), second.sentence
        joined = clean_text(f"{before['text']} {gone['text']}")
        cited = {place["segment"]: place for place in [*before["evidence"], *gone["evidence"]]}
        first.sentence["evidence"] = sorted(cited.values(), key=lambda place: place["start_ms"])
        confirmed = "confirmed" in (before["support"], gone["support"])
        _reword(draft, first.sentence, joined, was=before, is_confirmed=confirmed)
        second.section["sentences"].pop(second.index)
        _log_edit(draft, "merge", first, before, by=by, at=at)
        log_correction(
            draft, verb="merge", section=second.section, before=gone, after=None, by=by, at=at, index=second.index
        )

    return change_draft(report, change, verb="merge_sentences", by=by, at=at)


def set_layout(report: Report, section_id: str, layout: Layout, *, by: User, at: datetime) -> Report:
    """Set the lines of a section as bullets or as running text. Raises NotAllowed, Conflict and NotInReport."""

    def change(draft: Report) -> bool:
        section = require_section(draft.structured_data, section_id)
        changed = False
        for part in content.walk([section]):
            for index, line in enumerate(part["sentences"]):
                if line.get("layout") in ("heading", LAYOUTS[layout]) or line.get("item") or line.get("cells"):
                    continue
                before = line.copy()
                line["layout"] = LAYOUTS[layout]
                place = content.Place(part, index)
                _log_edit(draft, "layout", place, before, by=by, at=at)
                changed = True
        return changed

    return change_draft(report, change, verb="set_layout", by=by, at=at)


def insert_quote(
    report: Report,
    section_id: str,
    segment_ids: Sequence[int],
    quote: str,
    *,
    by: User,
    at: datetime,
) -> Report:
    """Put words of the transcript at the end of a section, in quotation marks, saying who said them and citing where.

    `quote` is the part of the utterances that is taken; empty takes all of them. Raises NotAllowed, Conflict,
    NotInReport, and UnusableSentence when these words were not said there.
    """

    def change(draft: Report) -> None:
        section = require_section(draft.structured_data, section_id)
        said = _utterances(draft, segment_ids)
        words = clean_text(quote or " ".join(segment.text for segment in said))
        if _plain(words) not in _plain(" ".join(segment.text for segment in said)):
            raise UnusableSentence("These words are not in that part of the transcript. Select them again.")
        evidence: list[Evidence] = [evidence_of(segment) for segment in said]
        text = f"{_speaker_words(said)}: “{words.strip('“”')}”"
        sentence = new_sentence(draft, section, text, origin="doctor", evidence=evidence)
        check_support(draft, sentence)
        index = len(section["sentences"])
        section["sentences"].append(sentence)
        log_correction(
            draft, verb="quote", section=section, before=None, after=sentence.copy(), by=by, at=at, index=index
        )

    return change_draft(report, change, verb="insert_quote", by=by, at=at)


def _utterances(draft: Report, segment_ids: Sequence[int]) -> list[TranscriptSegment]:
    wanted = set(segment_ids)
    said = [segment for segment in segments_of(draft.transcription) if segment.id in wanted]
    if not wanted or len(said) != len(wanted):
        raise NotInReport("part of the transcript")
    if len(said) > MOST_QUOTED:
        raise UnusableSentence(f"A quote takes at most {MOST_QUOTED} utterances.")
    return said


def _speaker_words(said: Sequence[TranscriptSegment]) -> str:
    speakers = list(dict.fromkeys(segment.speaker for segment in said))
    if len(speakers) > 1:
        return "Said in the session"
    if speakers[0].startswith("doctor"):
        return "The clinician said"
    return "The patient said" if speakers[0] == "patient" else "Said in the session"


def _reword(draft: Report, line: Sentence, text: str, *, was: Sentence, is_confirmed: bool | None = None) -> None:
    """Give a line new words that say what it said: one the doctor confirmed stays so, another is checked again."""
    line["text"] = text
    line["origin"] = "doctor"
    confirmed = was["support"] == "confirmed" if is_confirmed is None else is_confirmed
    if confirmed:
        line["support"] = "confirmed"
    else:
        check_support(draft, line)


def _check_half(draft: Report, line: Sentence, *, was: Sentence) -> None:
    if was["support"] != "confirmed":
        check_support(draft, line)


def _log_edit(draft: Report, verb: str, place: content.Place, before: Sentence, *, by: User, at: datetime) -> None:
    after = place.sentence.copy()
    log_correction(draft, verb=verb, section=place.section, before=before, after=after, by=by, at=at)


def _as_sentence(words: Sequence[str], *, is_first: bool = False) -> str:
    """Write a half of a cut line as a sentence of its own."""
    text = " ".join(words).rstrip(",;: ")
    text = re.sub(r"^(?:and|but|so) (?=\w)", "", text) if not is_first else text
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "”")) else f"{text}."


def _plain(text: str) -> str:
    return f" {' '.join(_NOT_A_WORD.sub(' ', text.lower()).split())} "
