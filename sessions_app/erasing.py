"""What the sessions app keeps of a patient, and how it goes when they are erased: the keys of all sound first."""

from datetime import datetime
from uuid import UUID

from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.recordings import deletion
from sessions_app.recordings import keys as recording_keys
from sessions_app.spool import store as spool
from sessions_app.uploads import store as upload_store
from synapse import storage
from synapse.common import erasures
from synapse.encryption import erasing
from synapse.encryption.erasing import Rows


def register() -> None:
    """Register step and files; called when the app is ready."""
    erasing.register(
        "sessions",
        destroy_keys,
        Rows("sessions_app.TranscriptEdit", ("transcription__session__patient",), "corrections of transcripts"),
        Rows(
            "sessions_app.Transcription",
            ("session__patient",),
            "transcripts",
            also=lambda at: {"error_message": "", "updated_at": at},
        ),
        Rows("sessions_app.SessionMove", ("from_patient", "to_patient"), "moves of sessions"),
        Rows("sessions_app.AudioUpload", ("session__patient",), "uploads"),
        Rows("sessions_app.ConsultationSession", ("patient",), "sessions", also=lambda at: {"updated_at": at}),
    )
    erasures.register_files("sessions", remove_files)


def destroy_keys(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Destroy the data key of every recording, so that no copy anywhere can be heard, and let none be made any more."""
    sessions = ConsultationSession.objects.filter(patient=patient_id)
    heard = sum(bool(recording_keys.destroy(pk, at=at)) for pk in sessions.values_list("pk", flat=True))
    sessions.filter(audio_deleted_at=None).update(audio_deleted_at=at)
    return {"recordings": heard} if heard else {}


def remove_files(patient_id: UUID) -> int:
    """Erase what lies on disk or in the bucket of the patient's recordings; return how many are still there."""
    left = 0
    store, parts = spool.default_store(), upload_store.default_store()
    for session in ConsultationSession.objects.filter(patient=patient_id).order_by("pk"):
        for upload_id in AudioUpload.objects.filter(session=session).values_list("pk", flat=True):
            parts.erase(upload_id)
        deletion.erase_files(session.pk)
        is_spooled = session.pk in store.session_ids()
        left += is_spooled or _is_stored(session)
    return left


def _is_stored(session: ConsultationSession) -> bool:
    session.refresh_from_db(fields=["audio_name"])
    if not session.audio_name:
        return False
    try:
        storage.size(session.audio_name)
    except storage.StoredFileMissing:
        return False
    except storage.StorageError:
        return True
    return True
