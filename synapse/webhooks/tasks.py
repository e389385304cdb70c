"""Background work of webhooks."""

from django.utils import timezone

from synapse.common import jobs
from synapse.common.models import Job
from synapse.webhooks import delivering, events


@jobs.task()
def fan_out(job: Job) -> None:
    """Write the deliveries of one event."""
    events.fan_out(job.object_id, at=timezone.now())


@jobs.task()
def send(job: Job) -> None:
    """Send what is due to one endpoint."""
    delivering.send_due(job.object_id, at=timezone.now())
