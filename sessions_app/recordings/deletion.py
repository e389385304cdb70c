"""The end of a recording: by its rule, by hand, or with a cancelled session. Each leaves a certificate in the trail.

The data key goes in the transaction, so that no copy can be read from its commit on; the files go after it, and a sweep
comes back for those a storage would not delete.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import models, transaction

from patients import holds
from sessions_app import permissions, queries, watchers
from sessions_app.models import ConsultationSession, RecordingKey
from sessions_app.recordings import keys as recording_keys
from sessions_app.recordings import retention
from sessions_app.recordings.retention import Rule
from sessions_app.spool import store as spool
from synapse import storage
from synapse.accounts.models import User
from synapse.audit import chain
from synapse.audit.models import Action, AuditEvent
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError

logger = logging.getLogger(__name__)

STRAY_AFTER = timedelta(hours=1)


class Reason(models.TextChoices):
    """Why somebody deletes a recording before its time. Codes, so that the trail holds no words about a patient."""

    PATIENT_ASKED = "patient_asked", "The patient asked for it"
    BY_MISTAKE = "by_mistake", "It was recorded by mistake"
    TOO_PRIVATE = "too_private", "It holds what should not be kept"
    NOT_NEEDED = "not_needed", "Nobody needs it any more"


@dataclass(frozen=True)
class Certificate:
    """What the trail says of a deleted recording; `is_whole` tells that the row is the one that was written."""

    number: int
    at: datetime
    by: str
    rule: str
    reason: str
    facts: Mapping[str, Any]
    is_whole: bool


def delete_when_due(session: ConsultationSession, *, by: User | None, at: datetime) -> bool:
    """Delete the recording when its rule says so now; True when it was deleted. Signing and the sweep call it."""
    if session.audio_deleted_at is not None or not queries.has_audio(session):
        return False
    plan = retention.plan_of(session, at)
    if not plan.is_due(at) or plan.rule is None:
        return False
    try:
        return delete_recording(session, rule=plan.rule, by=by, at=at)
    except holds.OnHold:  # placed since
        return False


def delete_by_hand(session: ConsultationSession, *, reason: str, by: User, at: datetime) -> None:
    """Delete a recording before its time, for one of `Reason`.

    Raises NotAllowed, DomainError for another reason, and Conflict while the session runs, its words are being written,
    a hold stands or there is no recording.
    """
    permissions.check_can_conduct(by, session)
    if reason not in Reason.values:
        raise DomainError("Choose why the recording is deleted.", code="reason_missing")
    if session.audio_deleted_at is not None or not queries.has_audio(session):
        raise Conflict("There is no recording to delete.", code="no_audio")
    if (held_by := retention.plan_of(session, at).held_by) is not None:
        raise Conflict(WAITS[held_by], code="audio_needed")
    delete_recording(session, rule=Rule.BY_HAND, reason=reason, by=by, at=at)


WAITS = {
    retention.Hold.SESSION: "The session is still running. Finish it, then delete its recording.",
    retention.Hold.LEGAL: "A legal hold stands on this record: nothing of it is deleted until the hold is released.",
    retention.Hold.WORDS: "The words are being written from this recording. Wait until they are there.",
}


def delete_recording(
    session: ConsultationSession, *, rule: Rule, by: User | None, at: datetime, reason: str = ""
) -> bool:
    """Destroy a recording's key and erase its files; sum, length and words stay. False when it was gone already.

    Raises OnHold: what is deleted is measured before the lock, and a hold may be placed while that takes its time.
    """
    facts = _facts_of(session)
    with unit_of_work():
        locked = ConsultationSession.objects.select_for_update().get(pk=session.pk)
        if locked.audio_deleted_at is not None:
            return False
        holds.check_not_held(session.patient_id)
        seal = retention.seal_of(session)
        detail = {
            "what": "audio",
            "rule": str(rule),
            **({"reason": reason} if reason else {}),
            **facts,
            "key": recording_keys.destroy(session.pk, at=at),
            **({"report": str(seal.report_id), "report_hash": seal.content_hash} if seal else {}),
        }
        session.audio_deleted_at, session.audio_peaks = at, []
        session.audio_sha256 = session.audio_sha256 or facts["sha256"]
        session.save(update_fields=["audio_deleted_at", "audio_peaks", "audio_sha256", "updated_at"])
        record(Action.DELETE, by=by, target=session, patient_id=session.patient_id, detail=detail)
        transaction.on_commit(partial(erase_files, session.pk))
        transaction.on_commit(partial(watchers.session_changed, session.pk))
    return True


def delete_with_session(session: ConsultationSession, *, by: User, at: datetime) -> None:
    """Delete what a cancelled session recorded, and let nothing more be recorded into it. Raises OnHold."""
    if queries.has_audio(session):
        delete_recording(session, rule=Rule.CANCELLED, by=by, at=at)
    else:
        recording_keys.destroy(session.pk, at=at)


def erase_files(session_id: UUID) -> None:
    """Erase the files of a deleted recording; what a storage does not delete now is left to the sweep."""
    spool.default_store().delete(session_id)
    name = ConsultationSession.objects.values_list("audio_name", flat=True).get(pk=session_id)
    if not name:
        return
    try:
        storage.delete(name)
    except storage.StorageError as error:
        logger.warning("the file of session %s is left for the sweep: %s", session_id, str(error))
        return
    ConsultationSession.objects.filter(pk=session_id, audio_name=name).update(audio_name="")


def sweep(at: datetime) -> None:
    """Delete every recording whose time has come, and what is still there of those deleted before."""
    for session in retention.due_recordings(at):
        delete_when_due(session, by=None, at=at)
    left = ConsultationSession.objects.filter(audio_deleted_at__isnull=False).exclude(audio_name="")
    for session_id in left.values_list("pk", flat=True):
        erase_files(session_id)
    _sweep_spools(at)
    recording_keys.clear_log()


def certificate_of(session: ConsultationSession) -> Certificate | None:
    """Return the certificate of a session's deleted recording."""
    if session.audio_deleted_at is None:
        return None
    # By patient, since that is what the trail is indexed by; a session may have been moved from another one.
    patients = {session.patient_id, *session.moves.values_list("from_patient_id", flat=True)}
    event = (
        AuditEvent.objects.filter(
            patient_id__in=patients,
            action=Action.DELETE,
            target_type=session._meta.label,
            target_id=str(session.pk),
            detail__what="audio",
        )
        .order_by("seq")
        .first()
    )
    if event is None:
        return None
    return Certificate(
        number=event.seq,
        at=event.at,
        by=event.actor_label,
        rule=event.detail.get("rule", ""),
        reason=event.detail.get("reason", ""),
        facts=event.detail,
        is_whole=chain.event_mac(event) == event.mac,
    )


def _facts_of(session: ConsultationSession) -> dict[str, Any]:
    """Return what is about to be deleted, without a word of it."""
    store = spool.default_store()
    is_spooled = not session.audio_name
    seconds, sha256 = session.audio_duration_seconds, session.audio_sha256
    if is_spooled and (seconds is None or not sha256):
        try:
            timeline = store.timeline(session.pk)
            seconds, sha256 = timeline.pcm_ms / 1000, timeline.sha256
        except spool.SpoolDamaged:
            logger.warning("session %s: a recording that cannot be read any more is deleted", session.pk)
    return {
        "kind": "pcm" if is_spooled else session.audio_format,
        "source": session.audio_source,
        "seconds": round(seconds or 0, 1),
        "bytes": store.size(session.pk) if is_spooled else session.audio_size_bytes or 0,
        "sha256": sha256,
    }


def _sweep_spools(at: datetime) -> None:
    """Remove the spools of recordings that were deleted, and of no session at all."""
    store = spool.default_store()
    found = store.session_ids()
    deleted = set(
        RecordingKey.objects.filter(pk__in=found, destroyed_at__isnull=False).values_list("session_id", flat=True)
    )
    known = set(ConsultationSession.objects.filter(pk__in=found).values_list("pk", flat=True))
    for session_id in found:
        touched_at = store.last_write_at(session_id) or 0.0
        is_stray = session_id not in known and touched_at < (at - STRAY_AFTER).timestamp()
        if session_id in deleted or is_stray:
            store.delete(session_id)
            logger.info("the spool of %s is removed", session_id)
