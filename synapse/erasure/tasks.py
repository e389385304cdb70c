"""Jobs of erasures."""

from django.utils import timezone

from synapse.common import jobs
from synapse.common.models import Job
from synapse.erasure import services


@jobs.task()
def remove_files(job: Job) -> None:
    """Remove the files of somebody who was erased; comes back while a storage keeps one."""
    if services.remove_files(job.object_id, at=timezone.now()):
        raise jobs.TransientJobError("files_left")
