"""Asking for a record, making the file, giving it away, and deleting it again."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import BinaryIO, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse

from patients.models import Patient, PatientMerge
from patients.permissions import check_is_in_care
from synapse import storage
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.models import Job
from synapse.common.transitions import advance
from synapse.encryption import data_keys
from synapse.encryption.sealed_files import SealedFile
from synapse.links.errors import LinkGone, WrongPin
from synapse.links.tokens import hash_token, new_pin, new_token
from synapse.records.exports.building import build
from synapse.records.exports.models import DAYS_TO_ANSWER, AccessRequest, ExportLink, RecordExport, due_after
from synapse.records.exports.shelf import Shelf, TimeIsUp, clear, remove_parts

logger = logging.getLogger(__name__)

MAKE = "synapse.records.tasks.make_export"
KEEP = timedelta(days=7)
MOST_WRONG_PINS = 5
MOST_USES = 5
LINK_HOURS = (24, 72, 168)
Status = RecordExport.Status


class FileGone(Conflict):
    """The file was deleted, or is not made yet."""

    code = "file_gone"

    def __init__(self) -> None:
        super().__init__("This file is not there any more. Have it made again.")


def check_can_export(user: User, patient: Patient) -> None:
    """Raise NotAllowed unless this person gives this whole record away: nobody who opened it in an emergency does."""
    if not user.may(Permission.EXPORT_RECORDS):
        raise NotAllowed("Only the treating doctors and administrators give a whole record away.")
    check_is_in_care(user, patient)


def can_open_file(user: User) -> bool:
    """Tell whether this person may read what such a file holds: transcripts are for the treating doctors alone."""
    return user.may(Permission.EXPORT_RECORDS) and user.may(Permission.CONDUCT_SESSIONS)


def note_request(
    patient: Patient,
    *,
    asked_by: str,
    way: str,
    received_on: date,
    by: User,
    at: datetime,
    representative: str = "",
) -> AccessRequest:
    """Keep that somebody asked for the record; the clock runs from the day it was received. Raises NotAllowed."""
    check_can_export(by, patient)
    representative = " ".join(representative.split())
    if asked_by == AccessRequest.AskedBy.REPRESENTATIVE and not representative:
        raise DomainError("Name the representative, and by what right they ask.", code="representative_missing")
    with unit_of_work():
        asked = AccessRequest.objects.create(
            patient=patient.kept_record,
            asked_by=asked_by,
            representative=representative,
            way=way,
            received_on=received_on,
            due_on=due_after(received_on),
            noted_by=by,
        )
        _record_request(Action.CREATE, asked, "ask_for_record", by=by)
    return asked


def extend_request(asked: AccessRequest, *, reason: str, by: User, at: datetime) -> AccessRequest:
    """Take thirty days more, once and with a reason the patient is told. Raises NotAllowed and Conflict."""
    check_can_export(by, asked.patient)
    reason = " ".join(reason.split())
    if not reason:
        raise DomainError("Say why it takes longer: the patient is told in writing.", code="empty_reason")
    with unit_of_work():
        asked = _locked_request(asked.pk)
        if not asked.is_open or asked.extended_on is not None:
            raise Conflict("This request was answered or given more time already.", code="not_extendable")
        asked.extended_on, asked.extension_reason = ClinicSettings.load().date_of(at), reason
        asked.due_on = due_after(asked.received_on, 2 * DAYS_TO_ANSWER)
        asked.save(update_fields=["extended_on", "extension_reason", "due_on", "updated_at"])
        _record_request(Action.UPDATE, asked, "extend", by=by)
    return asked


def deny_request(asked: AccessRequest, *, reason: str, note: str, by: User, at: datetime) -> AccessRequest:
    """Answer that the record is not given, on one of the lawful grounds. Raises NotAllowed and InvalidTransition."""
    check_can_export(by, asked.patient)
    if reason not in AccessRequest.DenialReason.values:
        raise DomainError("Choose the ground on which it is denied.", code="denial_reason_missing")
    with unit_of_work():
        asked = _locked_request(asked.pk)
        values = {"denial_reason": reason, "decision_note": note.strip(), "decided_by": by, "decided_at": at}
        advance(asked, AccessRequest.Status.DENIED, at=at, **values)
        _record_request(Action.UPDATE, asked, "deny", by=by)
    return asked


def start_export(asked: AccessRequest, *, with_drafts: bool, by: User, at: datetime) -> RecordExport:
    """Have the file made; while one is being made that one is returned. Raises NotAllowed and Conflict."""
    check_can_export(by, asked.patient)
    with unit_of_work():
        asked = _locked_request(asked.pk)
        if asked.was_denied:
            raise Conflict("This request was denied, so no file is made for it.", code="denied")
        running = asked.exports.filter(status=Status.MAKING).first()
        if running is not None:
            return running
        key = data_keys.new_key().hex()
        export = RecordExport.objects.create(request=asked, with_drafts=with_drafts, requested_by=by, key=key)
        detail = {"verb": "make_record_file", "drafts": with_drafts}
        record(Action.CREATE, by=by, target=export, patient_id=asked.patient_id, detail=detail)
        jobs.enqueue(MAKE, export.pk, by_id=by.pk)
    return export


def make_export(export_id: UUID, *, job: Job, clock: Callable[[], datetime]) -> None:
    """Put the file together and keep it encrypted; a run that comes twice makes nothing twice.

    Documents that take longer than one run are kept, and another job goes on.
    """
    export = RecordExport.objects.select_related("request__patient__merged_into", "requested_by").get(pk=export_id)
    if not export.is_in_the_making:
        return
    at, key, name = clock(), bytes.fromhex(export.key), storage.new_name(".zip")
    # A sealed file in between: the storage reads what the archive writes.
    with closing(SealedFile(settings.DATA_DIR / "tmp")) as sealed:
        try:
            built = build(
                export.request.patient,
                sealed,
                by=export.requested_by,
                at=at,
                with_drafts=export.with_drafts,
                shelf=Shelf(export, clock=clock),
                told=partial(_tell, job),
            )
        except TimeIsUp:
            with unit_of_work():
                jobs.enqueue(MAKE, export.pk, by_id=export.requested_by_id)
            return
        sealed.seek(0)
        size = storage.put(name, cast("BinaryIO", sealed), key=key)
    try:
        with unit_of_work():
            jobs.assert_held(job)
            facts = {
                "file_name": name,
                "size_bytes": size,
                "file_count": built.file_count,
                "manifest_sha256": built.manifest_sha256,
                "made_at": at,
                "delete_after": at + KEEP,
                "error_code": "",
            }
            advance(export, Status.READY, at=at, **facts)
            clear(export)
            detail = {"verb": "made", "files": built.file_count, "manifest": built.manifest_sha256}
            record(Action.UPDATE, by=None, target=export, patient_id=export.request.patient_id, detail=detail)
    except BaseException:
        storage.delete(name)
        raise


def fail_export(object_id: UUID, /, *, code: str, at: datetime) -> None:
    """Note that the worker gave up; may run twice."""
    with unit_of_work():
        export = RecordExport.objects.select_for_update().get(pk=object_id)
        if export.is_in_the_making:
            advance(export, Status.FAILED, at=at, error_code=code, key="")
            clear(export)


def delete_expired(at: datetime) -> int:
    """Delete the files whose week is over or that hold somebody else, and what a storage did not delete before.

    Returns how many were over. The sweep runs it.
    """
    ready = RecordExport.objects.filter(status=Status.READY)
    over = ready.filter(Q(delete_after__lte=at) | Exists(_partings()))
    pks = list(over.values_list("pk", flat=True))
    for pk in pks:
        with unit_of_work():
            delete_file(RecordExport.objects.select_for_update().get(pk=pk), at=at)
    _remove_left(RecordExport.objects.all())
    return len(pks)


def delete_file(export: RecordExport, *, at: datetime) -> None:
    """Destroy a file's key, in the caller's unit of work, and delete the file after it."""
    if not export.is_ready:
        return
    advance(export, Status.DELETED, at=at, key="")
    ExportLink.objects.filter(export=export, revoked_at=None).update(revoked_at=at, updated_at=at)
    patient_id = AccessRequest.objects.values_list("patient_id", flat=True).get(pk=export.request_id)
    record(Action.DELETE, by=None, target=export, patient_id=patient_id, detail={"verb": "delete_record_file"})
    transaction.on_commit(partial(_remove_file, export.pk), robust=True)


def remove_files(patient_id: UUID) -> int:
    """Remove what is left of the files made for somebody; return how many a storage did not delete now."""
    return _remove_left(RecordExport.objects.filter(request__patient=patient_id))


def _remove_left(exports: QuerySet[RecordExport]) -> int:
    ended = exports.exclude(status__in=(Status.MAKING, Status.READY))
    files = list(ended.exclude(file_name="").values_list("pk", flat=True))
    parts = list(
        exports.exclude(status=Status.MAKING).filter(parts__isnull=False).values_list("pk", flat=True).distinct()
    )
    return sum(not _remove_file(pk) for pk in files) + sum(remove_parts(pk) for pk in parts)


def _remove_file(export_id: UUID) -> bool:
    """Remove the file of an export that ended; False when the storage did not delete it now."""
    mine = RecordExport.objects.filter(pk=export_id)
    name = mine.values_list("file_name", flat=True).get()
    try:
        if name:
            storage.delete(name)
    except storage.StorageError as error:
        logger.warning("the file of export %s is left for the sweep: %s", export_id, str(error))
        return False
    mine.update(file_name="")
    return True


def _tell(job: Job, number: int) -> None:
    jobs.set_progress(job, number, 0, "files")


@dataclass(frozen=True)
class NewLink:
    """A link and the one time its path and PIN are known."""

    link: ExportLink
    path: str
    pin: str


def download(export: RecordExport, *, by: User, at: datetime) -> Iterator[bytes]:
    """Return the file to who may read it, and note that it was given. Raises NotAllowed, FileGone and StorageError."""
    if not can_open_file(by):
        raise NotAllowed("Only a treating doctor opens this file. Make a link for the patient instead.")
    check_is_in_care(by, export.request.patient)
    parts = _open(export)
    with unit_of_work():
        _record_given(export, {"verb": "download_record_file"}, by=by)
        _fulfil(export, by=by, at=at)
    return parts


def make_link(export: RecordExport, *, hours: int, uses: int, with_pin: bool, by: User, at: datetime) -> NewLink:
    """Make a link the patient fetches the file by; the path is known only now. Raises NotAllowed and FileGone."""
    check_can_export(by, export.request.patient)
    if hours not in LINK_HOURS or not 1 <= uses <= MOST_USES:
        raise DomainError("A link lives for one, three or seven days and is used up to five times.", code="bad_terms")
    pin = new_pin() if with_pin else ""
    pin_hash = make_password(pin) if pin else ""  # slow on purpose: before the lock
    token, token_hash = new_token()
    with unit_of_work():
        export = RecordExport.objects.select_for_update(of=("self",)).select_related("request").get(pk=export.pk)
        if not _can_be_given(export) or export.delete_after is None:
            raise FileGone
        link = ExportLink.objects.create(
            export=export,
            token_hash=token_hash,
            pin_hash=pin_hash,
            expires_at=min(at + timedelta(hours=hours), export.delete_after),
            uses_left=uses,
            created_by=by,
        )
        detail = {"verb": "link_record_file", "link": str(link.pk), "hours": hours, "uses": uses, "pin": with_pin}
        record(Action.SHARE, by=by, target=export, patient_id=export.request.patient_id, detail=detail)
    return NewLink(link, reverse("record:open", args=[token]), pin)


def revoke_link(link: ExportLink, *, by: User, at: datetime) -> None:
    """End a link at once; ending it twice changes nothing. Raises NotAllowed."""
    check_can_export(by, link.export.request.patient)
    with unit_of_work():
        if ExportLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=at, updated_at=at):
            detail = {"verb": "revoke", "link": str(link.pk)}
            record(Action.SHARE, by=by, target=link.export, patient_id=link.export.request.patient_id, detail=detail)


def find_link(token: str, *, at: datetime) -> ExportLink:
    """Return the link a token stands for while it can be used. Raises LinkGone."""
    live = ExportLink.objects.filter(
        token_hash=hash_token(token),
        revoked_at=None,
        expires_at__gt=at,
        uses_left__gt=0,
        wrong_pins__lt=MOST_WRONG_PINS,
        export__status=Status.READY,
    )
    link = live.select_related("export__request__patient").first()
    if link is None or not _can_be_given(link.export):
        raise LinkGone
    return link


def use_link(token: str, *, pin: str, at: datetime) -> tuple[RecordExport, Iterator[bytes]]:
    """Use a link up once and return the file. Raises LinkGone, WrongPin and StorageError."""
    link = find_link(token, at=at)
    if link.pin_hash:
        _check_pin(link, pin)
    parts = _open(link.export)
    with unit_of_work():
        usable = ExportLink.objects.filter(pk=link.pk, uses_left__gt=0, revoked_at=None, expires_at__gt=at)
        if not usable.update(uses_left=F("uses_left") - 1, last_used_at=at, updated_at=at):
            raise LinkGone  # somebody was faster, or it was ended in between
        _record_given(link.export, {"verb": "fetch_record_file", "link": str(link.pk)}, by=None)
        _fulfil(link.export, by=link.created_by, at=at)
    return link.export, parts


def _check_pin(link: ExportLink, pin: str) -> None:
    """Count the try before it is judged, so that many at once are no more than five."""
    mine = ExportLink.objects.filter(pk=link.pk)
    if not mine.filter(wrong_pins__lt=MOST_WRONG_PINS).update(wrong_pins=F("wrong_pins") + 1):
        raise LinkGone
    if check_password(pin.strip(), link.pin_hash):
        mine.update(wrong_pins=0)
        return
    with unit_of_work():
        detail = {"verb": "fetch_record_file", "link": str(link.pk), "reason": "wrong_pin"}
        _record_given(link.export, detail, by=None, outcome=Outcome.DENIED)
    link.refresh_from_db(fields=["wrong_pins"])
    if link.wrong_pins >= MOST_WRONG_PINS:
        raise LinkGone
    raise WrongPin(MOST_WRONG_PINS - link.wrong_pins)


def _partings() -> QuerySet[PatientMerge]:
    """Return the merges of an export's person that were undone since it was begun: it holds the record of another."""
    person = OuterRef("request__patient")
    return PatientMerge.objects.filter(Q(kept=person) | Q(merged=person), undone_at__gte=OuterRef("created_at"))


def _can_be_given(export: RecordExport) -> bool:
    return RecordExport.objects.filter(~Exists(_partings()), pk=export.pk, status=Status.READY).exists()


def _open(export: RecordExport) -> Iterator[bytes]:
    if not _can_be_given(export):
        raise FileGone
    return storage.open_range(export.file_name, key=bytes.fromhex(export.key))


def _fulfil(export: RecordExport, *, by: User, at: datetime) -> None:
    asked = _locked_request(export.request_id)
    if asked.is_open:
        advance(asked, AccessRequest.Status.FULFILLED, at=at, decided_by=by, decided_at=at)
        _record_request(Action.UPDATE, asked, "fulfil", by=by)


def _locked_request(pk: UUID) -> AccessRequest:
    return AccessRequest.objects.select_for_update(of=("self",)).select_related("patient").get(pk=pk)


def _record_request(action: Action, asked: AccessRequest, verb: str, *, by: User | None) -> None:
    record(action, by=by, target=asked, patient_id=asked.patient_id, detail={"verb": verb, "due": str(asked.due_on)})


def _record_given(
    export: RecordExport, detail: Mapping[str, object], *, by: User | None, outcome: Outcome = Outcome.ALLOWED
) -> None:
    """Note a disclosure: the whole record left."""
    given = {"document": "record", "file": str(export.pk), "drafts": export.with_drafts, **detail}
    action, patient = Action.EXPORT if by is not None else Action.SHARE, export.request.patient
    record(action, by=by, target=patient, patient_id=patient.pk, outcome=outcome, detail=given)
