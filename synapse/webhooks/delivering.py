"""Send what is due: take one delivery, commit, post it outside of any transaction, then write down what became of it.

At least once: a delivery whose worker never came back is sent again, with the same event id, so that the receiver can
tell. Its order among others is not kept. A delivery is taken by one worker at a time, by a lease. A receiver that is
down is asked with one event at a time; the others wait with it.
"""

import json
import logging
import random
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Q, QuerySet

from synapse.accounts.choices import NotificationEvent
from synapse.accounts.services import notify
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.transitions import advance
from synapse.webhooks import kinds, signing
from synapse.webhooks.events import ask_to_send, fan_out_left
from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from synapse.webhooks.outgoing import Answer, post

logger = logging.getLogger(__name__)

API_VERSION = "v1"
# How long after one attempt the next one comes. After the last the delivery is given up: about a day and a half.
WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=24),
)
MOST_ATTEMPTS = len(WAITS) + 1
JITTER = 0.2  # of a wait, so that receivers that failed together are not asked again together
LEASE = timedelta(minutes=1)  # far above what one attempt takes
RUN_SECONDS = 20.0  # a job of the queue may take 120
FAILING_AT_MOST = timedelta(days=3)
KEPT = timedelta(days=30)

Status = WebhookDelivery.Status
Problem = WebhookDelivery.Problem
DisabledReason = WebhookEndpoint.DisabledReason


def body_of(event: WebhookEvent) -> bytes:
    """Return an event as it is sent: its own id, what happened, when, and the id of the object it is about."""
    payload = {
        "id": str(event.pk),
        "kind": event.kind,
        "occurred_at": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "object": {"type": kinds.object_type_of(event.kind), "id": str(event.object_id)},
        "api_version": API_VERSION,
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def secrets_in_use(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """Return the secrets an event is signed with: the present one, and for a day after renewing it the one before."""
    is_old_valid = endpoint.previous_secret_until is not None and at < endpoint.previous_secret_until
    return [endpoint.secret, endpoint.previous_secret] if is_old_valid else [endpoint.secret]


def send_due(endpoint_id: UUID, *, at: datetime) -> int:
    """Send what is due to an endpoint, the oldest first, and return how much was taken; safe to run twice at once.

    Stops when the receiver is down or the run's time is over; the sweep comes back to the rest.
    """
    started = monotonic()
    taken = 0
    for pk in list(
        _due(at)
        .filter(endpoint=endpoint_id)
        .order_by("next_attempt_at", "created_at")
        .values_list("pk", flat=True)[:200]
    ):
        # The wall clock may jump while this runs; the monotonic one does not.
        passed = monotonic() - started
        if passed > RUN_SECONDS:
            break
        answer = send_one(pk, at=at + timedelta(seconds=passed))
        if answer is not None and answer.is_taken:
            taken += 1
        elif answer is not None and answer.is_unreachable:
            break
    return taken


def send_one(pk: UUID, *, at: datetime) -> Answer | None:
    """Send one delivery if it is still due and right; None when nothing was sent."""
    delivery = _claim(pk, at)
    if delivery is None:
        return None
    if (problem := _why_not(delivery)) is not None:
        _settle(delivery, Status.DEAD, at=at, last_error_code=problem)
        return None
    body = body_of(delivery.event)
    secrets = secrets_in_use(delivery.endpoint, at)
    headers = signing.headers_for(delivery.event_id, body, secrets_in_use=secrets, at=at)
    answer = post(delivery.endpoint.url, body, headers)
    _note(delivery, answer, at=at)
    return answer


def _due(at: datetime) -> QuerySet[WebhookDelivery]:
    is_free = Q(lease_until=None) | Q(lease_until__lt=at)
    return WebhookDelivery.objects.filter(is_free, status=Status.PENDING, next_attempt_at__lte=at)


def _claim(pk: UUID, at: datetime) -> WebhookDelivery | None:
    """Take a due delivery in one conditional UPDATE that counts the attempt; None when another worker was faster."""
    token = uuid4()
    values = {"lease_token": token, "lease_until": at + LEASE, "last_attempt_at": at, "updated_at": at}
    if not _due(at).filter(pk=pk).update(attempts=F("attempts") + 1, **values):
        return None
    delivery = WebhookDelivery.objects.select_related("event", "endpoint__owner").filter(lease_token=token).first()
    if delivery is None:  # deleted with its endpoint
        return None
    if delivery.attempts > MOST_ATTEMPTS:
        # Every attempt so far took its worker with it.
        _settle(delivery, Status.DEAD, at=at, last_error_code=Problem.INTERRUPTED)
        return None
    return delivery


def _why_not(delivery: WebhookDelivery) -> str | None:
    """Return why a delivery must not go out: rules are asked at every attempt, since much may have changed since."""
    if not delivery.endpoint.is_active:
        return Problem.SWITCHED_OFF
    event, owner = delivery.event, delivery.endpoint.owner
    return None if kinds.is_visible(event.kind, event.object_id, owner) else Problem.NOT_VISIBLE


def _note(delivery: WebhookDelivery, answer: Answer, *, at: datetime) -> None:
    outcome = {
        "last_status_code": answer.status_code,
        "last_error_code": answer.problem,
        "last_duration_ms": answer.duration_ms,
    }
    if answer.is_taken:
        _settle(delivery, Status.DELIVERED, at=at, delivered_at=at, **outcome)
        _note_success(delivery.endpoint_id, at=at)
        return
    if answer.problem == Problem.GONE or delivery.attempts >= MOST_ATTEMPTS:
        _settle(delivery, Status.DEAD, at=at, **outcome)
    else:
        _put_off(delivery, answer, at=at, **outcome)
    _note_failure(delivery.endpoint_id, answer, at=at)


def _note_success(endpoint_id: UUID, *, at: datetime) -> None:
    """Forget that a receiver was down, and send what waited for it; what it refused by name keeps its time."""
    if WebhookEndpoint.objects.filter(pk=endpoint_id, failing_since__isnull=False).update(failing_since=None):
        waiting = WebhookDelivery.objects.filter(endpoint=endpoint_id, status=Status.PENDING, lease_until=None)
        waiting.filter(last_status_code=None, next_attempt_at__gt=at).update(next_attempt_at=at)


def _settle(delivery: WebhookDelivery, to: str, *, at: datetime, **fields: object) -> None:
    """End a delivery that this worker holds; does nothing when its lease was lost."""
    with transaction.atomic():
        if _held(delivery).select_for_update().exists():
            advance(delivery, to, at=at, lease_until=None, lease_token=None, **fields)
    logger.info("webhook delivery %s: %s %s", delivery.pk, to, fields.get("last_error_code", ""))


def _put_off(delivery: WebhookDelivery, answer: Answer, *, at: datetime, **fields: object) -> None:
    """Let a delivery wait for its next attempt, and with it all others where the receiver as a whole is down."""
    later = next_attempt_at(delivery.attempts, at)
    _held(delivery).update(next_attempt_at=later, lease_until=None, lease_token=None, updated_at=at, **fields)
    if answer.is_unreachable:
        others = WebhookDelivery.objects.filter(endpoint=delivery.endpoint_id, status=Status.PENDING)
        others.filter(lease_until=None, next_attempt_at__lt=later).update(next_attempt_at=later)
    logger.info("webhook delivery %s: attempt %s, %s", delivery.pk, delivery.attempts, answer.problem)


def next_attempt_at(attempts: int, at: datetime) -> datetime:
    """Return when a delivery that failed so many times is tried again."""
    wait = WAITS[min(attempts, len(WAITS)) - 1]
    return at + wait * (1 + random.uniform(0, JITTER))  # noqa: S311  spreads load, guards nothing


def _held(delivery: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(pk=delivery.pk, lease_token=delivery.lease_token, lease_token__isnull=False)


def _note_failure(endpoint_id: UUID, answer: Answer, *, at: datetime) -> None:
    """Switch an endpoint off that says it is gone, or takes nothing for days."""
    with audit.unit_of_work():
        endpoints = WebhookEndpoint.objects.select_for_update(of=("self",)).select_related("owner")
        endpoint = endpoints.filter(pk=endpoint_id).first()
        if endpoint is None or not endpoint.is_active:  # deleted or switched off while it was asked
            return
        if endpoint.failing_since is None:
            endpoint.failing_since = at
            endpoint.save(update_fields=["failing_since", "updated_at"])
        if answer.problem == Problem.GONE:
            disable(endpoint, DisabledReason.GONE, at=at)
        elif at - endpoint.failing_since >= FAILING_AT_MOST:
            disable(endpoint, DisabledReason.FAILING, at=at)


def disable(endpoint: WebhookEndpoint, reason: str, *, at: datetime) -> None:
    """Switch an endpoint off by itself and tell its owner; call it inside `unit_of_work()`."""
    switch_off(endpoint, reason, at=at)
    audit.record(Action.UPDATE, by=None, target=endpoint, detail={"verb": "disable", "reason": str(reason)})
    notify(endpoint.owner, NotificationEvent.WEBHOOK_DISABLED)


def switch_off(endpoint: WebhookEndpoint, reason: str, *, at: datetime) -> None:
    """Make an endpoint inactive and give up what waits for it; inside the caller's unit of work."""
    endpoint.is_active, endpoint.disabled_at, endpoint.disabled_reason = False, at, reason
    endpoint.save(update_fields=["is_active", "disabled_at", "disabled_reason", "updated_at"])
    for delivery in endpoint.deliveries.select_for_update().filter(status=Status.PENDING):
        advance(delivery, Status.DEAD, at=at, lease_until=None, lease_token=None, last_error_code=Problem.SWITCHED_OFF)


def send_all_due(at: datetime) -> None:
    """Ask for what is due to be sent, endpoint by endpoint, and for events whose job was lost."""
    fan_out_left(at)
    for endpoint_id in set(_due(at).values_list("endpoint_id", flat=True)):
        with transaction.atomic():
            ask_to_send(endpoint_id)


def purge(at: datetime) -> None:
    """Delete events older than 30 days with their deliveries, except what still waits to be sent."""
    purgeable(at).delete()


def purgeable(at: datetime) -> QuerySet[WebhookEvent]:
    """Return the events whose time is over."""
    old = WebhookEvent.objects.filter(occurred_at__lt=at - KEPT)
    return old.exclude(deliveries__status=Status.PENDING)
