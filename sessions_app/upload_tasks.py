"""Background work of uploads: read a whole one into its session, and look after those nobody finished."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from sessions_app.models import AudioUpload
from sessions_app.spool import store as spool
from sessions_app.uploads import reading as upload_reading
from sessions_app.uploads import services as uploads
from sessions_app.uploads import store as upload_store
from sessions_app.uploads.sound_files import NotSound
from synapse.common import jobs
from synapse.common.jobs import PermanentJobError, TransientJobError
from synapse.common.models import Job

KIB = 1024


def _could_not_be_read(object_id: UUID, *, code: str, at: datetime) -> None:
    uploads.fail_upload(AudioUpload.objects.get(pk=object_id), code=code, at=at)


@jobs.task(on_failure=_could_not_be_read)
def read_upload(job: Job) -> None:
    """Read the sound of an upload that has arrived and make it the session's recording."""
    upload = AudioUpload.objects.select_related("session").get(pk=job.object_id)

    def show(done: int, total: int) -> None:
        jobs.extend_lease(job, at=timezone.now(), lease_seconds=jobs.SPEECH_LEASE_SECONDS)
        jobs.set_progress(job, done // KIB, total // KIB, "reading")

    if upload.status == AudioUpload.Status.RECEIVED:
        if code := upload_reading.obstacle(upload, at=timezone.now()):
            raise PermanentJobError(code)
        try:
            sound = upload_reading.read_sound(upload, show)
        except NotSound as error:
            raise PermanentJobError(error.code) from None
        except (upload_store.PartsDamaged, spool.SpoolDamaged):
            raise PermanentJobError("damaged") from None
        except spool.StorageFailed:
            raise TransientJobError("storage") from None
        if code := upload_reading.take_recording(upload, sound, job, at=timezone.now()):
            raise PermanentJobError(code)
    upload_reading.settle(upload, at=timezone.now())


def settle_left_uploads(at: datetime) -> None:
    """End uploads that nobody has touched for a day."""
    uploads.settle_left(at)
