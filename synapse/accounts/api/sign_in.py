"""`/api/v1/auth/token/` and `/api/v1/tokens/`."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import exceptions, status
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.accounts import services, tokens
from synapse.accounts.api.serializers import (
    CreatedTokenSerializer,
    NewTokenSerializer,
    SignedInSerializer,
    SignInSerializer,
    TokenSerializer,
)
from synapse.accounts.models import ApiToken
from synapse.api.viewsets import ApiRequest, ApiView, Deletes, ScopedViewSet
from synapse.audit.context import client_ip

SIGN_IN = OpenApiExample(
    "A script that reads bills",
    value={
        "username": "doctor",
        "password": "the password",
        "name": "Monthly export",
        "scopes": ["read", "billing"],
        "expires_in_hours": 24,
    },
    request_only=True,
)
SIGNED_IN = OpenApiExample(
    "A token",
    value={
        "token": "syn_3vN0mYV0YkqvD2o1rS8c1uT5tV8mHhQm9m3bq2m1xYk",
        "expires_at": "2026-03-02T09:30:00Z",
        "scopes": ["read", "billing"],
    },
    response_only=True,
)


class SentToken(BasePermission):
    """Whoever sends a token may end that token, whatever else it grants."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):
            raise exceptions.NotAuthenticated("Send the token to end: Authorization: Bearer …", code="not_signed_in")
        return True


class TokenView(ApiView):
    """A token for a program, in exchange for a person's password and code."""

    throttle_scopes = {"POST": "token"}

    def get_authenticators(self) -> list[Any]:
        # Signing in looks at what the body says alone: neither a cookie nor an old token is asked.
        return [] if self._is_sign_in() else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [AllowAny()] if self._is_sign_in() else [SentToken()]

    def _is_sign_in(self) -> bool:
        return getattr(self.request, "method", "") == "POST"

    @extend_schema(
        operation_id="auth_token_create",
        summary="Sign in",
        description=(
            "401 `otp_required` says that the password is right and the account wants a code as well, `otp_invalid` "
            "that the code is not right. Ten tries a minute from one address."
        ),
        request=SignInSerializer,
        responses={200: SignedInSerializer},
        examples=[SIGN_IN, SIGNED_IN],
    )
    def post(self, request: Request) -> Response:
        serializer = SignInSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        lifetime = sent.get("expires_in_hours")
        made = tokens.sign_in_for_token(
            request._request,
            sent["username"],
            sent["password"],
            otp=sent.get("otp", ""),
            name=sent.get("name", ""),
            scopes=sent.get("scopes"),
            lifetime=tokens.SIGN_IN_LIFETIME if lifetime is None else timedelta(hours=lifetime),
            address=client_ip(request.META),
            at=timezone.now(),
        )
        shown = {"token": made.secret, "expires_at": made.token.expires_at, "scopes": made.token.scopes}
        return Response(SignedInSerializer(shown).data)

    @extend_schema(
        operation_id="auth_token_destroy", summary="Sign out", description="Ends the token that is sent with it."
    )
    def delete(self, request: ApiRequest) -> Response:
        assert isinstance(request.auth, ApiToken)  # nobody else is let in
        tokens.revoke_token(request.auth, by=request.user, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(summary="List your tokens", description="Those that still work, the newest first."),
    retrieve=extend_schema(summary="Read one of your tokens"),
    destroy=extend_schema(summary="End one of your tokens", description="Programs that use it are signed out at once."),
)
class TokenViewSet(Deletes, ScopedViewSet[ApiToken]):
    """One's own live tokens."""

    model = ApiToken
    serializer_class = TokenSerializer
    throttle_scopes = {"create": "password"}

    def scope(self) -> models.QuerySet[ApiToken]:
        return tokens.tokens_of(self.request.user, at=timezone.now())

    # A secret is kept nowhere, so no `Idempotency-Key` can bring it back.
    @extend_schema(
        summary="Make a token",
        description="Asks for the password again. The answer is the only one that holds the secret.",
        request=NewTokenSerializer,
        responses={201: CreatedTokenSerializer},
    )
    def create(self, request: ApiRequest) -> Response:
        sent = self.input(NewTokenSerializer)
        now = timezone.now()
        services.check_identity(
            request._request,
            request.user,
            sent["password"],
            sent.get("otp", ""),
            address=client_ip(request.META),
            at=now,
        )
        made = tokens.create_token(
            request.user,
            name=sent["name"],
            scopes=sent["scopes"],
            lifetime=timedelta(hours=sent["expires_in_hours"]),
            by=request.user,
            at=now,
        )
        context = {**self.get_serializer_context(), "secret": made.secret}
        return Response(CreatedTokenSerializer(made.token, context=context).data, status=status.HTTP_201_CREATED)

    def delete_object(self, row: ApiToken) -> None:
        tokens.revoke_token(row, by=self.request.user, at=timezone.now())
