"""Write down what happened, and who is to be told.

An event is a row in the transaction of what it tells about: both are there or neither. Deliveries are written by a job
after that transaction, and nothing is ever sent inside one.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from synapse.common import jobs
from synapse.webhooks import kinds
from synapse.webhooks.kinds import Kind
from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent

FAN_OUT = "synapse.webhooks.tasks.fan_out"
SEND = "synapse.webhooks.tasks.send"
LEFT_AFTER = timedelta(minutes=2)  # a job that has not come by then is not coming


def emit(kind: Kind, object_id: UUID, *, at: datetime) -> None:
    """Note that something happened; call it once for it, inside its `unit_of_work()`.

    Nothing is written while no active endpoint wants the kind.
    """
    if not WebhookEndpoint.objects.subscribed_to(kind):
        return
    event = WebhookEvent.objects.create(kind=kind, object_id=object_id, occurred_at=at)
    jobs.enqueue(FAN_OUT, event.pk, key=f"webhook-event:{event.pk}")


def fan_out(event_id: UUID, *, at: datetime) -> None:
    """Write one delivery for every endpoint that wants an event and whose owner sees its object; safe to run twice."""
    with transaction.atomic():
        event = WebhookEvent.objects.select_for_update().filter(pk=event_id, fanned_out_at=None).first()
        if event is None:
            return
        endpoints = [
            endpoint
            for endpoint in WebhookEndpoint.objects.subscribed_to(event.kind)
            if kinds.is_visible(event.kind, event.object_id, endpoint.owner)
        ]
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(event=event, endpoint=endpoint, next_attempt_at=at) for endpoint in endpoints
        )
        event.fanned_out_at = at
        event.save(update_fields=["fanned_out_at", "updated_at"])
        for endpoint in endpoints:
            ask_to_send(endpoint.pk)


def fan_out_left(at: datetime) -> None:
    """Fan out the events whose job was lost."""
    left = WebhookEvent.objects.filter(fanned_out_at=None, created_at__lt=at - LEFT_AFTER).order_by("created_at")
    for event_id in left.values_list("pk", flat=True)[:100]:
        fan_out(event_id, at=at)


def ask_to_send(endpoint_id: UUID) -> None:
    """Have an endpoint's due deliveries sent soon, by one job however many they are."""
    if not jobs.is_waiting(SEND, endpoint_id):
        jobs.enqueue(SEND, endpoint_id)
