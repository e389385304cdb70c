"""Verbs of an endpoint: make it, change it, renew its secret, test it, send again what failed, delete it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from synapse.accounts.models import User
from synapse.accounts.roles import CAPABILITIES
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.transitions import advance
from synapse.webhooks import addresses, delivering, kinds, signing
from synapse.webhooks.events import ask_to_send
from synapse.webhooks.kinds import Kind
from synapse.webhooks.models import LONGEST_URL, WebhookDelivery, WebhookEndpoint, WebhookEvent

MOST_ENDPOINTS = 10  # of one person
OLD_SECRET_VALID = timedelta(hours=24)

Status = WebhookDelivery.Status


class BadKinds(DomainError):
    """A kind nobody knows, or one this role is not told."""

    code = "bad_kinds"
    field = "kinds"


def check_url(url: str) -> None:
    """Raise BadAddress unless events may go there now; looks the host up, so call it in no transaction."""
    if len(url) > LONGEST_URL:
        raise addresses.BadAddress(f"The address may have {LONGEST_URL} characters at most.")
    addresses.resolve(addresses.read_url(url))


def check_kinds(wanted: Iterable[str], *, by: User) -> list[str]:
    """Return the kinds in their own order. Raises BadKinds for none, an unknown one, or one the role is not told."""
    chosen = set(wanted)
    allowed = kinds.kinds_for(by)
    if not chosen:
        raise BadKinds("Choose at least one event.")
    if not chosen <= set(allowed):
        raise BadKinds("One of these events does not exist or is not for your role.")
    return [str(kind) for kind in allowed if kind in chosen]


def create_endpoint(
    *, url: str, kinds: Iterable[str], description: str = "", by: User, at: datetime, address_checked: bool = False
) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint and return it with its secret, which is shown once.

    `address_checked` says that `check_url` passed in this request, before a transaction began. Raises NotAllowed,
    BadAddress, BadKinds and Conflict (there are ten already).
    """
    _check_may_have(by)
    chosen = check_kinds(kinds, by=by)
    if not address_checked:
        check_url(url)
    secret = signing.new_secret()
    with audit.unit_of_work():
        if WebhookEndpoint.objects.filter(owner=by).count() >= MOST_ENDPOINTS:
            raise Conflict(f"There are {MOST_ENDPOINTS} webhooks already. Delete one that is no longer used.")
        endpoint = WebhookEndpoint.objects.create(
            owner=by, url=url, kinds=chosen, description=description.strip(), secret=secret
        )
        audit.record(Action.CREATE, by=by, target=endpoint, detail={"kinds": chosen})
    return endpoint, secret


def update_endpoint(
    endpoint: WebhookEndpoint,
    *,
    by: User,
    at: datetime,
    url: str | None = None,
    kinds: Iterable[str] | None = None,
    description: str | None = None,
    is_active: bool | None = None,
    address_checked: bool = False,
) -> WebhookEndpoint:
    """Change what is given; switching on again forgets why it was off. Raises NotAllowed, BadAddress and BadKinds."""
    _check_own(endpoint, by)
    values: dict[str, object] = {}
    if kinds is not None:
        values["kinds"] = check_kinds(kinds, by=by)
    if url is not None:
        if not address_checked:
            check_url(url)
        values["url"] = url
    if description is not None:
        values["description"] = description.strip()
    with audit.unit_of_work():
        endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        if is_active is True and not endpoint.is_active:
            values |= {"is_active": True, "disabled_at": None, "disabled_reason": "", "failing_since": None}
        for name, value in values.items():
            setattr(endpoint, name, value)
        endpoint.save(update_fields=[*values, "updated_at"])
        if is_active is False and endpoint.is_active:
            delivering.switch_off(endpoint, WebhookEndpoint.DisabledReason.BY_HAND, at=at)
            values["is_active"] = False
        if values:
            audit.record(Action.UPDATE, by=by, target=endpoint, detail={"fields": sorted(values)})
    return endpoint


def delete_endpoint(endpoint: WebhookEndpoint, *, by: User, at: datetime) -> None:
    """Delete an endpoint with its deliveries. Raises NotAllowed."""
    _check_own(endpoint, by)
    with audit.unit_of_work():
        audit.record(Action.DELETE, by=by, target=endpoint)
        endpoint.delete()


def rotate_secret(endpoint: WebhookEndpoint, *, by: User, at: datetime) -> str:
    """Give an endpoint a new secret and return it, this once; the old one is valid for 24 hours. Raises NotAllowed."""
    _check_own(endpoint, by)
    secret = signing.new_secret()
    with audit.unit_of_work():
        endpoint.refresh_from_db(from_queryset=WebhookEndpoint.objects.select_for_update())
        endpoint.previous_secret, endpoint.secret = endpoint.secret, secret
        endpoint.previous_secret_until = at + OLD_SECRET_VALID
        endpoint.save(update_fields=["previous_secret", "secret", "previous_secret_until", "updated_at"])
        audit.record(Action.UPDATE, by=by, target=endpoint, detail={"verb": "rotate_secret"})
    return secret


def ping(endpoint: WebhookEndpoint, *, by: User, at: datetime) -> WebhookDelivery:
    """Send a test event to an endpoint, like any other. Raises NotAllowed, and Conflict when it is switched off."""
    _check_own(endpoint, by)
    with audit.unit_of_work():
        _check_is_on(endpoint)
        event = WebhookEvent.objects.create(kind=Kind.PING, object_id=endpoint.pk, occurred_at=at, fanned_out_at=at)
        delivery = WebhookDelivery.objects.create(event=event, endpoint=endpoint, next_attempt_at=at)
        audit.record(Action.UPDATE, by=by, target=endpoint, detail={"verb": "ping"})
        ask_to_send(endpoint.pk)
    return delivery


def replay(delivery: WebhookDelivery, *, by: User, at: datetime) -> WebhookDelivery:
    """Send a delivered or dead delivery again, with the same event id.

    Raises NotAllowed, InvalidTransition while it waits to be sent, and Conflict when the endpoint is switched off.
    """
    _check_own(delivery.endpoint, by)
    with audit.unit_of_work():
        _check_is_on(delivery.endpoint)
        _send_again(delivery, at=at)
        detail = {"verb": "replay", "event": str(delivery.event_id)}
        audit.record(Action.UPDATE, by=by, target=delivery.endpoint, detail=detail)
        ask_to_send(delivery.endpoint_id)
    return delivery


def replay_dead(endpoint: WebhookEndpoint, *, by: User, at: datetime) -> int:
    """Send everything that was given up again and return how much that is. Raises NotAllowed and Conflict."""
    _check_own(endpoint, by)
    with audit.unit_of_work():
        _check_is_on(endpoint)
        dead = list(endpoint.deliveries.select_for_update().filter(status=Status.DEAD))
        for delivery in dead:
            _send_again(delivery, at=at)
        if dead:
            audit.record(Action.UPDATE, by=by, target=endpoint, detail={"verb": "replay_dead", "count": len(dead)})
            ask_to_send(endpoint.pk)
    return len(dead)


def _send_again(delivery: WebhookDelivery, *, at: datetime) -> None:
    advance(delivery, Status.PENDING, at=at, attempts=0, next_attempt_at=at, delivered_at=None)


def _check_is_on(endpoint: WebhookEndpoint) -> None:
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, is_active=True).exists():
        raise Conflict("This webhook is switched off. Switch it on first.", code="switched_off")


def _check_may_have(by: User) -> None:
    if not kinds.kinds_for(by):
        raise NotAllowed("Your role is told no events.")


def _check_own(endpoint: WebhookEndpoint, by: User) -> None:
    if endpoint.owner_id != by.pk:
        raise NotAllowed("This is somebody else’s webhook.")
    # A token limited to some of its owner's capabilities must not lead the events of others elsewhere.
    granted = {kind for kind, permission in kinds.NEEDS.items() if permission in CAPABILITIES.get(by.role, ())}
    if not granted.intersection(endpoint.kinds) <= set(kinds.kinds_for(by)):
        raise NotAllowed("This token’s scopes do not reach all events of this webhook.", code="scope_missing")
