"""Look at a bill's payment link after the bill changed."""

from django.utils import timezone

from billing.services import payment_links
from synapse.common import jobs
from synapse.common.jobs import PermanentJobError, TransientJobError
from synapse.common.models import Job


@jobs.task()
def review_link(job: Job) -> None:
    """Withdraw the link when it asks for what is no longer owed; the sweep does it when the provider is away for long."""
    try:
        payment_links.review_bill(job.object_id, at=timezone.now())
    except payment_links.ProviderTrouble as error:
        kind = TransientJobError if error.code == "provider_busy" else PermanentJobError
        raise kind(error.code) from error
