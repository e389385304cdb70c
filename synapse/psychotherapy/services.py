"""Verbs of a private note: begin, save, delete; and what erasure does. Every one of them is its author's alone."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from patients.models import Patient
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, NotAllowed
from synapse.psychotherapy import keys, sealing
from synapse.psychotherapy.models import EarlierVersion, ProcessNote

LONGEST = 20_000


class NoteConflict(Conflict):
    """The note was saved in another window since it was read; `text` and `saved_at` are the stored ones."""

    code = "notes_conflict"

    def __init__(self, text: str, saved_at: datetime) -> None:
        super().__init__("This note was changed in another window. Compare both and save again.")
        self.text = text
        self.saved_at = saved_at


def begin_note(patient: Patient, *, session: ConsultationSession | None = None, by: User, at: datetime) -> ProcessNote:
    """Return an empty note to write in: the one that was left empty here, or a new one. Raises NotAllowed."""
    check_may_write(by)
    place = ProcessNote.objects.visible_to(by).filter(patient_id=patient.pk, session_id=session.pk if session else None)
    with unit_of_work():
        for left in place.filter(revision=1):
            return left
        note = ProcessNote(
            author_id=by.pk,
            patient_id=patient.pk,
            session_id=session.pk if session else None,
            saved_at=at,
            sitting_began_at=at,
        )
        note.sealed = _sealed(note, "", key=keys.key_to_write(by.pk, at=at))
        note.save(force_insert=True)
        _record(Action.CREATE, note, by=by)
    return note


def save_note(note: ProcessNote, *, text: str, based_on: datetime | None, by: User, at: datetime) -> datetime:
    """Store what the author wrote and return when the stored text was saved; `based_on` is when the edited one was.

    The text of an earlier sitting is kept. Raises NotAllowed, and NoteConflict when it was saved elsewhere since.
    """
    check_is_author(by, note)
    # Browsers send CRLF; the stored text has one kind of line end, or every save would look like a change.
    text = text.replace("\r\n", "\n")
    with unit_of_work():
        stored = ProcessNote.objects.select_for_update().get(pk=note.pk)
        key = keys.key_of(stored.author_id)
        present = _unsealed(stored, key=key)
        if present == text:
            return stored.saved_at
        if stored.saved_at != based_on:
            raise NoteConflict(present, stored.saved_at)
        if stored.is_new_sitting(at) and present:
            EarlierVersion.objects.create(
                note=stored, revision=stored.revision, sealed=bytes(stored.sealed), saved_at=stored.saved_at
            )
            stored.sitting_began_at = at
        stored.revision += 1
        stored.sealed, stored.saved_at = _sealed(stored, text, key=key), at
        stored.save(update_fields=["revision", "sealed", "saved_at", "sitting_began_at", "updated_at"])
        _record(Action.UPDATE, stored, by=by)
    return at


def delete_note(note: ProcessNote, *, by: User, at: datetime) -> None:
    """Destroy a note with its earlier versions: it is no part of the record, so no retention holds it.

    Raises NotAllowed.
    """
    check_is_author(by, note)
    with unit_of_work():
        _record(Action.DELETE, note, by=by)
        note.delete()


def read_text(note: ProcessNote, *, by: User) -> str:
    """Return what a note says. Raises NotAllowed, and DecryptionError for bytes that are not this note's."""
    check_is_author(by, note)
    return _unsealed(note, key=keys.key_of(note.author_id))


def read_earlier(version: EarlierVersion, *, by: User) -> str:
    """Return what a note said at the end of an earlier sitting. Raises NotAllowed and DecryptionError."""
    check_is_author(by, version.note)
    key = keys.key_of(version.note.author_id)
    return sealing.unseal(bytes(version.sealed), note_id=version.note_id, revision=version.revision, key=key)


def erase_notes(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Destroy what anybody wrote about a patient who is erased, inside the erasure's unit of work."""
    sessions = ConsultationSession.objects.filter(patient_id=patient_id).values("pk")
    notes = ProcessNote.objects.filter(Q(session_id=None, patient_id=patient_id) | Q(session_id__in=sessions))
    count = notes.count()
    notes.delete()
    return {"private notes": count}


def check_may_write(user: User) -> None:
    """Raise NotAllowed unless the person treats patients."""
    if not can_write(user):
        raise NotAllowed("Private notes are written by those who treat patients.")


def can_write(user: User) -> bool:
    return user.is_active and user.may(Permission.CONDUCT_SESSIONS)


def check_is_author(user: User, note: ProcessNote) -> None:
    """Raise NotAllowed for everybody but the author."""
    check_may_write(user)
    if note.author_id != user.pk:
        raise NotAllowed("A private note is its author's alone.")


def _sealed(note: ProcessNote, text: str, *, key: bytes) -> bytes:
    return sealing.seal(text, note_id=note.pk, revision=note.revision, key=key)


def _unsealed(note: ProcessNote, *, key: bytes) -> str:
    return sealing.unseal(bytes(note.sealed), note_id=note.pk, revision=note.revision, key=key)


def _record(action: Action, note: ProcessNote, *, by: User) -> None:
    record(action, by=by, target=("psychotherapy.ProcessNote", str(note.pk)), patient_id=note.patient_id)
