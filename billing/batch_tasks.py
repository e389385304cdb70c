"""Work on many bills in the background."""

from django.utils import timezone

from billing.models import BillBatch
from billing.services import batches
from synapse.common import jobs
from synapse.common.models import Job


@jobs.task()
def run(job: Job) -> None:
    """Do what is left of a batch, and say how far it is."""
    batch = BillBatch.objects.select_related("requested_by").get(pk=job.object_id)
    batches.run_batch(batch, at=timezone.now(), tell=lambda done, total: jobs.set_progress(job, done, total))
