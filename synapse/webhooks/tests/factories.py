"""Endpoints and events for tests."""

from datetime import datetime
from uuid import UUID, uuid4

from synapse.accounts.models import User
from synapse.webhooks import signing
from synapse.webhooks.kinds import Kind
from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent


def make_endpoint(owner: User, *kinds: Kind, url: str = "http://127.0.0.1:9/events", **fields) -> WebhookEndpoint:
    wanted = [str(kind) for kind in kinds or (Kind.APPOINTMENT_BOOKED,)]
    return WebhookEndpoint.objects.create(owner=owner, url=url, kinds=wanted, secret=signing.new_secret(), **fields)


def make_delivery(
    endpoint: WebhookEndpoint, *, at: datetime, kind: Kind = Kind.PING, object_id: UUID | None = None, **fields
) -> WebhookDelivery:
    event = WebhookEvent.objects.create(kind=kind, object_id=object_id or uuid4(), occurred_at=at, fanned_out_at=at)
    return WebhookDelivery.objects.create(event=event, endpoint=endpoint, next_attempt_at=at, **fields)
