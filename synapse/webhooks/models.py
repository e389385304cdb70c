"""Addresses of other programs, what happened, and what became of telling it to them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from synapse.accounts.models import User
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField
from synapse.webhooks.kinds import Kind

LONGEST_URL = 500
LONGEST_DESCRIPTION = 120


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def visible_to(self, user: User) -> WebhookEndpointQuerySet:
        """Return a person's own endpoints; nobody sees somebody else's."""
        return self.filter(owner=user) if user.is_active else self.none()

    def subscribed_to(self, kind: str) -> list[WebhookEndpoint]:
        """Return the active endpoints of active people that want a kind. The lists are few and short: read, not searched."""
        active = self.filter(is_active=True, owner__is_active=True).select_related("owner")
        return [endpoint for endpoint in active if kind in endpoint.kinds]


WebhookEndpointManager = models.Manager.from_queryset(WebhookEndpointQuerySet)


class WebhookEndpoint(Timestamped):
    """Where a person's program is told what happens, in what that person sees."""

    class DisabledReason(models.TextChoices):
        BY_HAND = "by_hand", "Switched off"
        GONE = "gone", "The receiver said it is gone"
        FAILING = "failing", "The receiver did not take anything for three days"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = EncryptedCharField(max_length=LONGEST_URL, help_text="It may hold the receiver's own secret.")
    description = EncryptedCharField(max_length=LONGEST_DESCRIPTION, blank=True, default="")
    kinds = models.JSONField(default=list, help_text="The kinds it is told.")
    secret = EncryptedCharField(max_length=80)
    previous_secret = EncryptedCharField(max_length=80, blank=True, default="")
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    failing_since = models.DateTimeField(null=True, blank=True, help_text="Nothing was taken since then.")
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=8, choices=DisabledReason.choices, blank=True, default="")

    objects = WebhookEndpointManager()

    # Set on the copy of the row whose making is answered; nowhere else is the secret shown.
    shown_secret: str

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_active=True, disabled_at=None, disabled_reason="")
                | (Q(is_active=False, disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="webhook_disabled_says_why",
            )
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class WebhookEvent(Timestamped):
    """Something that happened once, by ids alone; written in the transaction in which it happened."""

    kind = models.CharField(max_length=24, choices=Kind.choices)
    object_id = models.UUIDField()
    occurred_at = models.DateTimeField()
    fanned_out_at = models.DateTimeField(null=True, blank=True, help_text="When its deliveries were written.")

    class Meta:
        indexes = [
            models.Index(fields=["occurred_at"], name="webhook_event_at"),
            models.Index(fields=["created_at"], condition=Q(fanned_out_at=None), name="webhook_event_left"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def visible_to(self, user: User) -> WebhookDeliveryQuerySet:
        """Return the deliveries of a person's own endpoints."""
        return self.filter(endpoint__in=WebhookEndpoint.objects.visible_to(user))


WebhookDeliveryManager = models.Manager.from_queryset(WebhookDeliveryQuerySet)


class WebhookDelivery(Timestamped):
    """One event on its way to one endpoint. What the receiver answered is kept as a number and a word of ours."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Given up"

    TRANSITIONS = {
        Status.PENDING: {Status.DELIVERED, Status.DEAD},
        Status.DELIVERED: {Status.PENDING},
        Status.DEAD: {Status.PENDING},
    }

    class Problem(models.TextChoices):
        HOST_UNKNOWN = "host_unknown", "The host is not found"
        ADDRESS_REFUSED = "address_refused", "The host has an address inside a private network"
        CONNECT_FAILED = "connect_failed", "Nobody answers there"
        TLS_FAILED = "tls_failed", "Its certificate is not valid"
        TIMED_OUT = "timed_out", "It did not answer in time"
        BAD_ANSWER = "bad_answer", "It did not answer in HTTP"
        REDIRECT = "redirect", "It redirects elsewhere, which is not followed"
        GONE = "gone", "It said that it is gone"
        HTTP_ERROR = "http_error", "It answered with an error"
        INTERRUPTED = "interrupted", "The sending was interrupted"
        NOT_VISIBLE = "not_visible", "You no longer see what it is about"
        SWITCHED_OFF = "switched_off", "The webhook was switched off"

    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since it was first sent, or sent again by hand.")
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error_code = models.CharField(max_length=15, choices=Problem.choices, blank=True, default="")
    last_duration_ms = models.PositiveIntegerField(null=True, blank=True)

    objects = WebhookDeliveryManager()

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="pending"), name="webhook_delivery_due"),
            models.Index(fields=["endpoint", "created_at"], name="webhook_delivery_listed"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=Q(lease_until=None, lease_token=None)
                | Q(lease_until__isnull=False, lease_token__isnull=False),
                name="webhook_delivery_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"

    @property
    def can_be_sent_again(self) -> bool:
        return self.Status.PENDING in self.TRANSITIONS[self.Status(self.status)]

    @property
    def is_tried_again(self) -> bool:
        """Tell whether it waits after an attempt that failed."""
        return self.status == self.Status.PENDING and self.attempts > 0
