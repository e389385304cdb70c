"""The history of a transcript: one edit with one revision a change, undone and done again by further edits.

A write names the revision it saw. What others changed meanwhile stays, unless it is the very line that is written:
then nothing is stored and `LineChanged` says how the line stands now.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sessions_app import permissions, queries
from sessions_app.models import TranscriptEdit, Transcription
from sessions_app.trail import record_change
from sessions_app.transcripts.segments import Segment, count_words, says_the_same, speakers_of, text_of
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict

Change = Callable[[Transcription], list[Segment]]
UNDO, REDO, TYPED = "undo", "redo", "correct"


class LineChanged(Conflict):
    """A line was changed by somebody else after the page showed it; `lines` are these lines as they stand."""

    code = "line_changed"

    def __init__(self, lines: Sequence[Segment]) -> None:
        super().__init__("This line was changed in another window meanwhile. Choose which words stand.")
        self.lines = list(lines)


class NothingToTakeBack(Conflict):
    """There is no edit left to undo or to redo."""

    code = "nothing_to_undo"


def edit(
    transcription: Transcription,
    change: Change,
    *,
    verb: str,
    by: User,
    at: datetime,
    revision: int | None,
    notes: str | None = None,
    continues: int | None = None,
) -> Transcription:
    """Change the segments under the row's lock and keep what was replaced; nothing is kept when nothing changed."""
    permissions.check_can_read_words(by, transcription.session)
    with unit_of_work():
        row = locked(transcription)
        old = row.segments
        new = change(row)
        before, after = _difference(old, new)
        if notes is not None:
            row.correction_notes = notes
        if before or after:
            if revision is not None:
                _check_unchanged(row, before, revision)
            after = _signed(before, after, by=by, at=at)
            row.segments = _with(new, after)
            kept = _continued(row, continues, before, by=by)
            if kept is None:
                kept = TranscriptEdit(transcription=row, verb=verb, before=before, by=by)
            _store(row, kept, after, replaced=before, by=by, at=at)
        elif notes is not None:
            row.save(update_fields=["correction_notes", "updated_at"])
        if before or after or notes is not None:
            record_change(row.session, verb, by=by, target=row)
    return row


def take_back(
    transcription: Transcription, verb: str, *, by: User, at: datetime, revision: int | None
) -> Transcription:
    """Undo or redo, as `verb` says, by one more edit; `revision` is what the page showed.

    Raises NotAllowed, NothingToTakeBack, and Conflict when what would go came after that revision.
    """
    permissions.check_can_read_words(by, transcription.session)
    with unit_of_work():
        row = locked(transcription)
        target = queries.edit_to_undo(row) if verb == UNDO else queries.edit_to_redo(row)
        if target is None:
            raise NothingToTakeBack("Nothing is left to undo." if verb == UNDO else "Nothing is left to redo.")
        if revision is not None and target.revision > revision:
            raise Conflict("The words were changed in another window meanwhile. Reload the page to see them first.")
        row.segments = spliced(row.segments, [one["id"] for one in target.after], target.before)
        _mark_choice(row, target, is_undone=verb == UNDO)
        taking_back = TranscriptEdit(transcription=row, verb=verb, before=target.after, by=by)
        _store(row, taking_back, target.before, replaced=target.after, by=by, at=at)
        target.undone_by = taking_back
        target.save(update_fields=["undone_by", "updated_at"])
        record_change(row.session, verb, by=by, target=row)
    return row


def locked(transcription: Transcription) -> Transcription:
    """Return the row as stored, locked for this transaction; raise Conflict unless its words are finished."""
    rows = Transcription.objects.select_for_update(of=("self",)).select_related("session")
    row = rows.defer(*queries.BESIDE_THE_WORDS).get(pk=transcription.pk)
    if not row.is_completed:
        raise Conflict("Only a finished transcript is corrected.")
    return row


def _store(
    row: Transcription,
    edit: TranscriptEdit,
    after: Sequence[Segment],
    *,
    replaced: Sequence[Segment],
    by: User,
    at: datetime,
) -> None:
    row.revision += 1
    edit.after, edit.revision, edit.at = list(after), row.revision, at
    edit.save()
    row.transcript_text = text_of(row.segments)
    row.character_count = len(row.transcript_text)
    row.word_count = count_words(row.segments)
    row.speakers = speakers_of(row.segments)
    if not _says_the_same(replaced, after):
        row.manually_corrected, row.corrected_by, row.corrected_at = True, by, at
    row.save(
        update_fields=[
            "segments",
            "readings",
            "next_segment_id",
            "revision",
            "transcript_text",
            "character_count",
            "word_count",
            "speakers",
            "manually_corrected",
            "corrected_by",
            "corrected_at",
            "correction_notes",
            "updated_at",
        ]
    )


def _says_the_same(before: Sequence[Segment], after: Sequence[Segment]) -> bool:
    """Whether an edit left every word and speaker as it was, such as hearing a doubtful word again."""
    return len(before) == len(after) and all(
        old["id"] == new["id"] and says_the_same(old, new) for old, new in zip(before, after, strict=True)
    )


def _difference(old: Sequence[Segment], new: Sequence[Segment]) -> tuple[list[Segment], list[Segment]]:
    """Return the segments that go and those that come, each in order."""
    had = {segment["id"]: segment for segment in old}
    has = {segment["id"]: segment for segment in new}
    before = [segment for segment in old if has.get(segment["id"]) != segment]
    after = [segment for segment in new if had.get(segment["id"]) != segment]
    return before, after


def _signed(before: Sequence[Segment], after: Sequence[Segment], *, by: User, at: datetime) -> list[Segment]:
    """Note on each segment whose words or speaker changed who did it, and when."""
    had = {segment["id"]: segment for segment in before}
    who = {"corrected_by": str(by.pk), "corrected_at": at.isoformat()}
    return [
        segment if segment["id"] in had and says_the_same(had[segment["id"]], segment) else {**segment, **who}
        for segment in after
    ]


def _with(segments: Sequence[Segment], changed: Sequence[Segment]) -> list[Segment]:
    new = {segment["id"]: segment for segment in changed}
    return [new.get(segment["id"], segment) for segment in segments]


def spliced(segments: Sequence[Segment], gone: Sequence[int], put: Sequence[Segment]) -> list[Segment]:
    """Return the segments with some taken out and others put in, each after the one before it in `put`.

    The first of `put` stands already: a merge and a split both keep the first id.
    """
    here = {segment["id"] for segment in segments}
    following: dict[int, list[Segment]] = {}
    anchor = put[0]["id"]
    for segment in put:
        if segment["id"] in here:
            anchor = segment["id"]
        following.setdefault(anchor, []).append(segment)
    result: list[Segment] = []
    for segment in segments:
        if segment["id"] in following:
            result += following[segment["id"]]
        elif segment["id"] not in gone:
            result.append(segment)
    return result


def _check_unchanged(row: Transcription, touched: Sequence[Segment], revision: int) -> None:
    """Raise LineChanged when a line that is written does not stand as it did at the revision the writer saw.

    Raise Conflict for a revision that is still to come: nobody can have seen it.
    """
    if revision > row.revision:
        raise Conflict("This page does not know the transcript as it is. Reload it, then try again.")
    seen: dict[int, Segment | None] = {}
    for edit in row.edits.filter(revision__gt=revision).order_by("revision"):
        for segment in edit.before:
            seen.setdefault(segment["id"], segment)
    changed = [
        line
        for line in touched
        if (before := seen.get(line["id"])) is not None
        and not (says_the_same(before, line) and before["end_ms"] == line["end_ms"])
    ]
    if changed:
        raise LineChanged(changed)


def _continued(
    row: Transcription, continues: int | None, before: Sequence[Segment], *, by: User
) -> TranscriptEdit | None:
    """Return the edit that is still being typed, if the last one is: the same person's, of the same line."""
    if continues is None or continues != row.revision:
        return None
    last = row.edits.filter(revision=row.revision, verb=TYPED, by=by, undone_by=None).first()
    if last is None or [one["id"] for one in last.before] != [one["id"] for one in before]:
        return None
    return last


def _mark_choice(row: Transcription, target: TranscriptEdit, *, is_undone: bool) -> None:
    """Open a reading again when its choice is taken back, and close it when that is."""
    root = target
    while (undone := getattr(root, "undoes", None)) is not None:
        root = undone
    if root.verb != "choose":
        return
    row.readings = [
        {**entry, "choice": {**entry["choice"], "is_undone": is_undone}}
        if entry.get("choice") and entry["choice"]["revision"] == root.revision
        else entry
        for entry in row.readings
    ]
