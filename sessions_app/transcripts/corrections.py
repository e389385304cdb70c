"""Verbs of correcting a transcript: text, speakers, lines, readings. Each is one edit that can be undone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sessions_app import permissions, queries
from sessions_app.models import Transcription
from sessions_app.trail import record_change
from sessions_app.transcripts import witnesses
from sessions_app.transcripts.edit_history import REDO, TYPED, UNDO, edit, locked, spliced, take_back
from sessions_app.transcripts.segments import (
    NotCorrectable,
    Segment,
    confirmed,
    corrected,
    merged,
    pattern_for,
    split,
    voice_of,
    words_of,
)
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict

GONE = "This line is not in the transcript any more. Reload the page."
LONGEST_NOTES = 4_000


class SegmentsGone(NotCorrectable):
    """Lines to be corrected are not in the transcript; `fields` says which, by their places in what was sent."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(GONE)
        self.fields = {f"segments.{place}.id": [GONE] for place in places}


def correct_segments(
    transcription: Transcription,
    changes: Sequence[Mapping[str, Any]],
    *,
    by: User,
    at: datetime,
    notes: str | None = None,
    revision: int | None = None,
    continues: int | None = None,
) -> Transcription:
    """Change text or speaker of segments: `{"id", "text"?, "speaker"?}` each. What was first heard is kept with it.

    `continues` is the revision of an edit of the same line by the same person, still being typed: both become one.
    Raises NotAllowed, NotCorrectable, LineChanged, and Conflict when there is no finished transcript.
    """
    wanted = {change["id"]: change for change in changes}
    notes = None if notes is None else _checked_notes(notes)

    def change(row: Transcription) -> list[Segment]:
        here = {segment["id"] for segment in row.segments}
        if gone := [place for place, one in enumerate(changes) if one["id"] not in here]:
            raise SegmentsGone(gone)
        return [
            corrected(segment, text=wanted[segment["id"]].get("text"), speaker=wanted[segment["id"]].get("speaker"))
            if segment["id"] in wanted
            else segment
            for segment in row.segments
        ]

    for one in changes:
        if "text" in one and one["text"] is None:
            raise NotCorrectable("A line cannot be empty. Write what was said.")
    verb = TYPED if any("text" in one for one in changes) else "speaker" if changes else "correction_notes"
    return edit(transcription, change, verb=verb, by=by, at=at, revision=revision, notes=notes, continues=continues)


def swap_speakers(
    transcription: Transcription, *, by: User, at: datetime, revision: int | None = None
) -> Transcription:
    """Exchange doctor and patient in the whole transcript. Raises as `correct_segments`."""
    other = {"doctor": "patient", "patient": "doctor"}

    def change(row: Transcription) -> list[Segment]:
        return [corrected(segment, speaker=other.get(segment["speaker"])) for segment in row.segments]

    return edit(transcription, change, verb="swap", by=by, at=at, revision=revision)


def relabel_from(
    transcription: Transcription, segment_id: int, speaker: str, *, by: User, at: datetime, revision: int | None = None
) -> Transcription:
    """Give a segment and every later one of the same voice to another speaker. Raises as `correct_segments`.

    Where the engine told voices apart, two unnamed ones are not the same.
    """

    def change(row: Transcription) -> list[Segment]:
        first = _segment(row, segment_id)
        return [
            corrected(segment, speaker=speaker)
            if segment["start_ms"] >= first["start_ms"] and voice_of(segment) == voice_of(first)
            else segment
            for segment in row.segments
        ]

    return edit(transcription, change, verb="speaker", by=by, at=at, revision=revision)


def restore_segment(
    transcription: Transcription, segment_id: int, *, by: User, at: datetime, revision: int | None = None
) -> Transcription:
    """Put a line back to the words and the speaker that were first heard. Raises as `correct_segments`."""

    def change(row: Transcription) -> list[Segment]:
        line = _segment(row, segment_id)
        first = corrected(line, text=line.get("original_text"), speaker=line.get("original_speaker"))
        return spliced(row.segments, [segment_id], [first])

    return edit(transcription, change, verb="restore", by=by, at=at, revision=revision)


def merge_with_previous(
    transcription: Transcription, segment_id: int, *, by: User, at: datetime, revision: int | None = None
) -> Transcription:
    """Join a line to the one before it, whose id and speaker stay. Raises as `correct_segments`."""

    def change(row: Transcription) -> list[Segment]:
        line = _segment(row, segment_id)
        before = queries.previous_segment(row.segments, line)
        if before is None:
            raise NotCorrectable("This is the first line: there is none before it.")
        return spliced(row.segments, [before["id"], line["id"]], [merged(before, line)])

    return edit(transcription, change, verb="merge", by=by, at=at, revision=revision)


def split_segment(
    transcription: Transcription, segment_id: int, place: int, *, by: User, at: datetime, revision: int | None = None
) -> Transcription:
    """Cut a line before its word number `place`, from 1; the second part gets a new id. Raises as `correct_segments`."""

    def change(row: Transcription) -> list[Segment]:
        parts = split(_segment(row, segment_id), place, new_id=row.next_segment_id)
        row.next_segment_id += 1
        return spliced(row.segments, [segment_id], parts)

    return edit(transcription, change, verb="split", by=by, at=at, revision=revision)


def replace_text(
    transcription: Transcription,
    wanted: str,
    replacement: str,
    *,
    by: User,
    at: datetime,
    whole_words: bool = True,
    match_case: bool = False,
    only: tuple[int, int] | None = None,
    revision: int | None = None,
) -> Transcription:
    """Put other words for a text wherever it stands, or only at its n-th place, from 0, in one segment: `(id, n)`.

    Raises as `correct_segments`, and NotCorrectable when the text stands nowhere.
    """
    pattern = pattern_for(wanted, whole_words=whole_words, match_case=match_case)

    def with_replacement(segment: Segment) -> Segment:
        if only is not None and segment["id"] != only[0]:
            return segment
        places = list(pattern.finditer(segment["text"]))
        if only is not None:
            places = places[only[1] : only[1] + 1]
        text = segment["text"]
        for place in reversed(places):
            text = text[: place.start()] + replacement + text[place.end() :]
        return corrected(segment, text=text) if places else segment

    def change(row: Transcription) -> list[Segment]:
        segments = [with_replacement(segment) for segment in row.segments]
        if all(new is old for new, old in zip(segments, row.segments, strict=True)):
            raise NotCorrectable("These words are not in the transcript. Nothing was replaced.")
        return segments

    return edit(transcription, change, verb="replace", by=by, at=at, revision=revision)


def confirm_words(
    transcription: Transcription,
    segment_id: int,
    *,
    place: int | None = None,
    by: User,
    at: datetime,
    revision: int | None = None,
) -> Transcription:
    """Note that a word, from 0, or every word of a line was listened to and is right. Raises as `correct_segments`."""

    def change(row: Transcription) -> list[Segment]:
        return spliced(row.segments, [segment_id], [confirmed(_segment(row, segment_id), place)])

    return edit(transcription, change, verb="confirm", by=by, at=at, revision=revision)


def take_heard_back(
    transcription: Transcription,
    segment_id: int,
    place: int,
    *,
    by: User,
    at: datetime,
    revision: int | None = None,
) -> Transcription:
    """Put a word the engine changed to a known term back to what it heard. Raises as `correct_segments`."""

    def change(row: Transcription) -> list[Segment]:
        line = _segment(row, segment_id)
        words = words_of(line)
        if not 0 <= place < len(words) or not words[place].get("heard"):
            raise NotCorrectable("This word was not changed. Reload the page.")
        texts = [word["text"] for word in words]
        texts[place] = words[place]["heard"]
        return spliced(row.segments, [segment_id], [corrected(line, text=" ".join(texts))])

    return edit(transcription, change, verb=TYPED, by=by, at=at, revision=revision)


def choose_reading(
    transcription: Transcription,
    reading_id: int,
    which: str,
    *,
    by: User,
    at: datetime,
    text: str = "",
    revision: int | None = None,
) -> Transcription:
    """Settle a place where the two passes differ: `live`, `batch`, or `typed` with a text. Who and when is kept.

    Raises as `correct_segments`.
    """

    def change(row: Transcription) -> list[Segment]:
        readings = witnesses.readings_from(row.readings)
        reading = next((one for one in readings if one.id == reading_id), None)
        where = witnesses.find_place(reading, row.segments) if reading is not None and reading.is_open else None
        if reading is None or where is None:
            raise NotCorrectable("These words were changed already. Reload the page.")
        words = {"live": reading.live.text, "batch": reading.batch.text, "typed": text}.get(which)
        if words is None or (which == "typed" and not words.strip()):
            raise NotCorrectable("Choose one of the two readings, or write what was said.")
        choice = {"which": which, "text": words, "by": str(by.pk), "at": at.isoformat(), "revision": row.revision + 1}
        row.readings = [{**entry, "choice": choice} if entry["id"] == reading_id else entry for entry in row.readings]
        return spliced(row.segments, [where.segment["id"]], [witnesses.apply_reading(where, words)])

    return edit(transcription, change, verb="choose", by=by, at=at, revision=revision)


def undo(transcription: Transcription, *, by: User, at: datetime, revision: int | None = None) -> Transcription:
    """Take the latest edit back. Raises NotAllowed, NothingToTakeBack, and Conflict when it came after `revision`."""
    return take_back(transcription, UNDO, by=by, at=at, revision=revision)


def redo(transcription: Transcription, *, by: User, at: datetime, revision: int | None = None) -> Transcription:
    """Do again what was last taken back, unless something else was edited since. Raises as `undo`."""
    return take_back(transcription, REDO, by=by, at=at, revision=revision)


def save_notes(transcription: Transcription, text: str, *, seen: str, by: User, at: datetime) -> Transcription:
    """Keep what the doctor says about the corrections; `seen` is the text the page showed.

    Raises NotAllowed, NotCorrectable, and Conflict when the notes were changed in another window meanwhile.
    """
    permissions.check_can_read_words(by, transcription.session)
    text, seen = _checked_notes(text), _one_line_end(seen)
    with unit_of_work():
        row = locked(transcription)
        if row.correction_notes not in {seen, text}:
            raise Conflict("The notes were changed in another window. Copy yours, then reload the page.")
        row.correction_notes = text
        row.save(update_fields=["correction_notes", "updated_at"])
        record_change(row.session, "correction_notes", by=by, target=row)
    return row


def _checked_notes(text: str) -> str:
    text = _one_line_end(text)
    if len(text) > LONGEST_NOTES:
        raise NotCorrectable(f"Correction notes hold at most {LONGEST_NOTES} characters.")
    return text


def _one_line_end(text: str) -> str:
    # Browsers send CRLF; what is stored has one kind of line end, or it would differ from itself.
    return text.replace("\r\n", "\n")


def _segment(row: Transcription, segment_id: int) -> Segment:
    segment: Segment | None = next((one for one in row.segments if one["id"] == segment_id), None)
    if segment is None:
        raise NotCorrectable(GONE)
    return segment
