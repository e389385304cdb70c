"""Take a whole archive in: a new record with its own ids, beside everybody who is here already.

Rows keep their ids, so that seals, chains and places in recordings go on to fit; visible numbers are given anew. Only
an archive signed with a key of this installation is loaded: its rows go into the tables as they are.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from patients.finding import indexing
from patients.models import Patient, PatientAccess
from reports.models import Report, ReportTemplate, TemplateVersion
from reports.sealing import signing
from sessions_app.models import ConsultationSession, RecordingKey
from synapse import storage
from synapse.accounts.models import ClinicSettings, User, UserProfile
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict
from synapse.common.numbering import next_patient_number, next_session_number
from synapse.encryption import data_keys, masters
from synapse.encryption.data_keys import WrappedKey
from synapse.encryption.masters import RECORDINGS
from synapse.records.archives.checking import BadArchive, check, opened, pieces, table
from synapse.records.exports.entities import ENTITIES, Entity
from synapse.records.exports.models import ArchiveImport
from synapse.records.exports.values import Plain, plain_to_row


class NotWhole(Conflict):
    """The archive is not what was signed, or was signed elsewhere."""

    code = "archive_not_whole"


class AlreadyHere(Conflict):
    """The person, or a row of theirs, is in this installation; nothing is written over."""

    code = "already_here"


@dataclass
class Sound:
    """A recording put into the storage, and the key it lies under, as it is kept."""

    name: str
    key: WrappedKey
    size: int


@dataclass
class Load:
    """What is being taken in. `rows` are unsaved, by entity; `known` every id they may name."""

    digest: str
    rows: dict[str, list[models.Model]] = field(default_factory=dict)
    known: dict[type[models.Model], set[Any]] = field(default_factory=dict)
    sounds: dict[UUID, Sound] = field(default_factory=dict)


def load(file: BinaryIO, *, doctor: User, by: User | None, at: datetime) -> ArchiveImport:
    """Take an archive in and open the record to a doctor; one that was taken in before is returned as it was.

    All or nothing: one unit of work. Raises BadArchive, NotWhole and AlreadyHere.
    """
    verdict = check(file)
    done = ArchiveImport.objects.filter(manifest_sha256=verdict.manifest_sha256).select_related("patient").first()
    if done is not None:
        return done
    if not verdict.is_whole:
        raise NotWhole(" ".join(verdict.words[:3]))
    with opened(file) as archive:
        taken = Load(verdict.manifest_sha256)
        try:
            people, templates = table(archive, "data/people.json"), table(archive, "data/templates.json")
            _read_rows(archive, taken)
            _check_new(taken)
            _store_sounds(archive, taken)
            with unit_of_work():
                _save_people(people)
                _save_templates(templates, at=at)
                return _save(taken, verdict.manifest, verdict.key_id, doctor=doctor, by=by, at=at)
        except BaseException:
            for sound in taken.sounds.values():
                storage.delete(sound.name)
            raise


def _read_rows(archive: zipfile.ZipFile, taken: Load) -> None:
    for entity in ENTITIES:
        if not entity.loads:
            continue
        fields = entity.fields
        try:
            rows = [plain_to_row(entity.model, plain, fields) for plain in table(archive, f"data/{entity.name}.json")]
        except (ValidationError, KeyError, TypeError, ValueError):
            raise BadArchive(f"data/{entity.name}.json holds something its columns cannot.") from None
        taken.rows[entity.name] = rows
        taken.known[entity.model] = {row.pk for row in rows}


def _check_new(taken: Load) -> None:
    """Raise AlreadyHere when any row's id is taken: this is the same person, or part of them."""
    for name, rows in taken.rows.items():
        model = _entity(name).model
        if model._base_manager.filter(pk__in=[row.pk for row in rows]).exists():
            raise AlreadyHere("This record, or a part of it, is here already. Nothing was changed.")


def _store_sounds(archive: zipfile.ZipFile, taken: Load) -> None:
    """Put the recordings into the storage under new keys, before anything is locked."""
    names = set(archive.namelist())
    for session in taken.rows["sessions"]:
        path = f"audio/{session.session_id}.ogg"  # type: ignore[attr-defined]  # a session
        if path in names:
            name, key = storage.new_name(".ogg"), data_keys.new_key()
            size = storage.put(name, _Stream(pieces(archive, archive.getinfo(path))), key=key)  # type: ignore[arg-type]  # read is all that is asked of it
            taken.sounds[session.pk] = Sound(name, masters.configured().wrap(key, purpose=RECORDINGS), size)


class _Stream:
    """Pieces as something to read from."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            try:
                self._rest = next(self._parts)
            except StopIteration:
                return b""
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def _save(taken: Load, manifest: Plain, key_id: str, *, doctor: User, by: User | None, at: datetime) -> ArchiveImport:
    people = set(User.objects.values_list("pk", flat=True))
    templates = set(ReportTemplate.objects.values_list("pk", flat=True))
    taken.known |= {User: people, ReportTemplate: templates}
    _number_anew(taken, at=at)
    for entity in ENTITIES:
        for row in taken.rows.get(entity.name, []):
            _mend_relations(entity, row, taken)
            # Raw: the times in the archive stand, and nothing is worked out anew.
            row.save_base(raw=True, force_insert=True)
    patients = list(Patient.objects.filter(pk__in=taken.known[Patient]))
    for patient in patients:
        indexing.set_hashes(patient)
        Patient.objects.filter(pk=patient.pk).update(**{name: getattr(patient, name) for name in indexing.HASH_COLUMNS})
        indexing.write_tokens(patient)
    kept = next(patient for patient in patients if patient.merged_into_id is None)
    _open_to(kept, doctor, by=by, at=at)
    imported = ArchiveImport.objects.create(
        manifest_sha256=taken.digest,
        patient=kept,
        made_at=datetime.fromisoformat(manifest["made_at"]),
        key_id=key_id,
        counts={name: len(rows) for name, rows in taken.rows.items()},
        seals=_seals(taken.rows["reports"]),
        imported_by=by,
    )
    detail = {"verb": "import_record", "manifest": taken.digest, "seals": imported.seals}
    record(Action.CREATE, by=by, target=kept, patient_id=kept.pk, detail=detail)
    return imported


def _number_anew(taken: Load, *, at: datetime) -> None:
    """Give visible numbers of this installation; those of money keep theirs, marked, since papers quote them."""
    mark, today = taken.digest[:4], ClinicSettings.load().date_of(at)
    for patient in taken.rows["patient"]:
        patient.patient_id = next_patient_number(today)  # type: ignore[attr-defined]
        indexing.set_hashes(patient)  # type: ignore[arg-type]
    for session in taken.rows["sessions"]:
        session.session_id = next_session_number(today)  # type: ignore[attr-defined]
        _give_sound(session, taken.sounds.get(session.pk))  # type: ignore[arg-type]
    for bill in taken.rows["bills"]:
        bill.bill_number = f"{bill.bill_number}~{mark}" if bill.bill_number else None  # type: ignore[attr-defined]
    for payment in taken.rows["payments"]:
        payment.receipt_number = f"{payment.receipt_number}~{mark}"  # type: ignore[attr-defined]


def _give_sound(session: ConsultationSession, sound: Sound | None) -> None:
    session.audio_name = sound.name if sound else ""
    session.audio_size_bytes = sound.size if sound else session.audio_size_bytes


def _mend_relations(entity: Entity, row: models.Model, taken: Load) -> None:
    """Let go of what a row names and nobody here knows. Raises BadArchive where it cannot be without."""
    for one in row._meta.concrete_fields:
        target = getattr(row, one.attname)
        if not isinstance(one, models.ForeignKey) or target is None:
            continue
        if target in taken.known.get(one.related_model, set()):
            continue
        if not one.null:
            raise BadArchive(f"data/{entity.name}.json names something that is not in the archive.")
        setattr(row, one.attname, None)
    if isinstance(row, ConsultationSession) and (sound := taken.sounds.get(row.pk)):
        _after_session(row, sound)


def _after_session(session: ConsultationSession, sound: Sound) -> None:
    RecordingKey.objects.create(
        session=session, wrapped=sound.key.wrapped, key_id=sound.key.key_id, created_at=session.started_at
    )


def _open_to(patient: Patient, doctor: User, *, by: User | None, at: datetime) -> None:
    """Open the record to the doctor who goes on with the patient."""
    PatientAccess.objects.get_or_create(
        patient=patient,
        doctor=doctor,
        source=PatientAccess.Source.REGISTERED,
        ended_at=None,
        defaults={"granted_at": at, "granted_by": by or doctor},
    )


def _seals(reports: Sequence[models.Model]) -> dict[str, int]:
    """Count how the seals of the reports stand here, read anew from the database."""
    states: dict[str, int] = {}
    for report in Report.objects.filter(pk__in=[one.pk for one in reports]).select_related("session"):
        state = signing.verify(report).value
        states[state] = states.get(state, 0) + 1
    return states


def _save_people(people: list[Plain]) -> None:
    """Make an account nobody can sign in to for each person who is not here, so that the record says who did what."""
    for plain in people:
        pk = UUID(plain["id"])
        if User.objects.filter(pk=pk).exists():
            continue
        name = f"record-{pk.hex[:12]}"
        user = User(pk=pk, username=name, email=f"{name}@invalid", role=plain["role"], is_active=False)
        user.first_name, user.last_name = plain["first_name"], plain["last_name"]
        user.set_unusable_password()
        user.save(force_insert=True)
        UserProfile.objects.create(
            user=user, license_number=plain["license_number"], specialization=plain["specialization"]
        )


def _save_templates(templates: list[Plain], *, at: datetime) -> None:
    """Keep the forms reports were written with, switched off: the seals name them."""
    for plain in templates:
        pk = UUID(plain["id"])
        if ReportTemplate.objects.filter(pk=pk).exists():
            continue
        slug = f"{plain['slug'][:50]}-{pk.hex[:8]}"
        content = {"name": plain["name"], "structure": plain["structure"]}
        template = ReportTemplate.objects.create(pk=pk, slug=slug, is_active=False, **content)
        TemplateVersion.objects.create(template=template, version=template.version, saved_at=at, **content)


def _entity(name: str) -> Entity:
    return next(entity for entity in ENTITIES if entity.name == name)
