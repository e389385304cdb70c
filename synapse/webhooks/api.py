"""`/api/v1/webhooks/`: one's own webhooks and what became of their events."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.response import Response

from synapse.api.idempotency import idempotent
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer, UtcDateTimeField
from synapse.api.viewsets import ApiRequest, Creates, Deletes, ScopedViewSet, Updates
from synapse.webhooks import services
from synapse.webhooks.kinds import NEEDS, Kind
from synapse.webhooks.models import LONGEST_DESCRIPTION, LONGEST_URL, WebhookDelivery, WebhookEndpoint

KINDS = [(kind.value, kind.label) for kind in map(Kind, NEEDS)]
EXAMPLE = OpenApiExample(
    "Tell the bookkeeping",
    value={"url": "https://hooks.example.org/events", "kinds": ["bill.issued", "bill.paid"], "description": "Books"},
    request_only=True,
)


class WebhookSerializer(ResourceSerializer[WebhookEndpoint]):
    """Where events go. `secret` is in the one answer that made the webhook."""

    url = serializers.CharField(
        max_length=LONGEST_URL,
        help_text="`https`, a public host by its name, port 443 or 8443. Looked up when it is saved and at every sending.",
    )
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=KINDS),
        min_length=1,
        max_length=len(KINDS),
        help_text="What it is told; those of the role only.",
    )
    secret = serializers.CharField(read_only=True, source="shown_secret", help_text="Shown once.")

    class Meta:
        model = WebhookEndpoint
        fields = (
            *("id", "url", "description", "kinds", "is_active", "secret", "previous_secret_until", "failing_since"),
            *("disabled_at", "disabled_reason", "created_at", "updated_at"),
        )
        read_only_fields = (
            *("previous_secret_until", "failing_since", "disabled_at", "disabled_reason", "created_at", "updated_at"),
        )


class NewWebhookSerializer(WebhookSerializer):
    """A webhook to make: it is switched on."""

    class Meta(WebhookSerializer.Meta):
        fields = ("url", "description", "kinds")  # type: ignore[assignment]  # fewer
        read_only_fields = ()  # type: ignore[assignment]  # none


class WebhookSecretSerializer(StrictSerializer):
    """The new secret, shown once, and until when events are signed with the old one as well."""

    secret = serializers.CharField(
        required=False, help_text="Shown this once. Absent when an `Idempotency-Key` brings the answer again."
    )
    previous_secret_until = UtcDateTimeField()


class WebhookReplaySerializer(StrictSerializer):
    count = serializers.IntegerField(min_value=0, help_text="Deliveries that are sent again.")


class WebhookDeliverySerializer(ResourceSerializer[WebhookDelivery]):
    """One event on its way to one webhook. What a receiver answers is kept as a number, never its text."""

    webhook = KeyField(read_only=True, source="endpoint")
    event = KeyField(read_only=True, help_text="The `id` of the message and its header `Webhook-Id`.")
    kind = serializers.ChoiceField(choices=Kind.choices, read_only=True, source="event.kind")
    occurred_at = UtcDateTimeField(read_only=True, source="event.occurred_at")

    columns = {"kind": ("event__kind",), "occurred_at": ("event__occurred_at",)}

    class Meta:
        model = WebhookDelivery
        fields = (
            *("id", "webhook", "event", "kind", "occurred_at", "status", "attempts", "next_attempt_at"),
            *("last_attempt_at", "delivered_at", "last_status_code", "last_error_code", "last_duration_ms"),
            *("created_at", "updated_at"),
        )
        read_only_fields = fields


class DeliveryFilters(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=WebhookDelivery.Status.choices)
    kind = django_filters.ChoiceFilter(field_name="event__kind", choices=Kind.choices)


@extend_schema_view(
    list=extend_schema(summary="List your webhooks"),
    create=extend_schema(
        summary="Add a webhook",
        description="The answer holds the secret events are signed with, this once.",
        request=NewWebhookSerializer,
        examples=[EXAMPLE],
    ),
    retrieve=extend_schema(summary="Read a webhook"),
    update=extend_schema(summary="Change a webhook, or switch it on or off"),
    partial_update=extend_schema(summary="Change a webhook, or switch it on or off"),
    destroy=extend_schema(summary="Delete a webhook", description="Its deliveries go with it."),
)
class WebhookViewSet(Creates, Updates, Deletes, ScopedViewSet[WebhookEndpoint]):
    """One's own webhooks. A message holds ids alone:

    `{"id", "kind", "occurred_at", "object": {"type", "id"}, "api_version": "v1"}`, with the headers `Webhook-Id`,
    `Webhook-Timestamp` and `Webhook-Signature` of Standard Webhooks. It arrives at least once, in any order.
    """

    model = WebhookEndpoint
    serializer_class = WebhookSerializer
    input_class = NewWebhookSerializer
    shown_once = ("secret",)
    orderings = {"created_at": ("created_at",)}

    def list_scope(self, rows: QuerySet[WebhookEndpoint]) -> QuerySet[WebhookEndpoint]:
        return rows.order_by("-created_at", "-pk")

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action == "create" and isinstance(request.data, Mapping):
            # Looking a host up may take its time, and the transaction of an Idempotency-Key must not wait for it.
            url = request.data.get("url")
            if isinstance(url, str):
                services.check_url(url)

    def create_object(self, fields: dict[str, Any]) -> WebhookEndpoint:
        by = self.request.user
        row, secret = services.create_endpoint(**fields, by=by, at=timezone.now(), address_checked=True)
        row.shown_secret = secret
        return row

    def update(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        row = self.row()
        fields = self.input(None, row)
        if "url" in fields:
            services.check_url(fields["url"])
        with self.held(row):
            row = services.update_endpoint(row, **fields, by=request.user, at=timezone.now(), address_checked=True)
        return self.answer(row)

    def delete_object(self, row: WebhookEndpoint) -> None:
        services.delete_endpoint(row, by=self.request.user, at=timezone.now())

    @extend_schema(
        summary="Renew a webhook's secret",
        description="For 24 hours events are signed with both.",
        request=None,
        responses={200: WebhookSecretSerializer},
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    @idempotent
    def rotate_secret(self, request: ApiRequest, pk: UUID) -> Response:
        row = self.row()
        with self.held(row):
            secret = services.rotate_secret(row, by=request.user, at=timezone.now())
        answer = {"secret": secret, "previous_secret_until": row.previous_secret_until}
        return Response(WebhookSecretSerializer(answer).data)

    @extend_schema(summary="Send a webhook a test event", request=None, responses={202: WebhookDeliverySerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def ping(self, request: ApiRequest, pk: UUID) -> Response:
        delivery = services.ping(self.row(), by=request.user, at=timezone.now())
        context = self.get_serializer_context()
        return Response(WebhookDeliverySerializer(delivery, context=context).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Send all dead deliveries again", request=None, responses={202: WebhookReplaySerializer})
    @action(detail=True, methods=["post"], url_path="replay-dead")
    @idempotent
    def replay_dead(self, request: ApiRequest, pk: UUID) -> Response:
        count = services.replay_dead(self.row(), by=request.user, at=timezone.now())
        return Response({"count": count}, status=status.HTTP_202_ACCEPTED)


@extend_schema_view(
    list=extend_schema(summary="List a webhook's deliveries", description="Of the last 30 days, the newest first."),
    retrieve=extend_schema(summary="Read one delivery"),
)
class DeliveryViewSet(ScopedViewSet[WebhookDelivery]):
    """What became of the events of one webhook."""

    model = WebhookDelivery
    serializer_class = WebhookDeliverySerializer
    filterset_class = DeliveryFilters
    orderings = {"created_at": ("created_at",), "status": ("status",)}
    related = ("event",)

    @cached_property
    def webhook(self) -> WebhookEndpoint:
        """Return the webhook of the address; raise Http404 for somebody else's."""
        rows = WebhookEndpoint.objects.visible_to(self.request.user).only("pk")
        return get_object_or_404(rows, pk=self.kwargs["webhook_pk"])

    def scope(self) -> QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.filter(endpoint=self.webhook).select_related("event")

    def list_scope(self, rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return rows.order_by("-created_at", "-pk")

    @extend_schema(
        summary="Send one delivery again",
        description="With the same event id. One that still waits to be sent is refused.",
        request=None,
        responses={202: WebhookDeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def replay(self, request: ApiRequest, webhook_pk: UUID, pk: UUID) -> Response:
        row = self.row()
        with self.held(row):
            row = services.replay(row, by=request.user, at=timezone.now())
        return self.answer(row, status.HTTP_202_ACCEPTED)
