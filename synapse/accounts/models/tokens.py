"""Tokens by which a person's programs sign in to the API."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from synapse.accounts import scopes
from synapse.accounts.models.people import User
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, user: User) -> ApiTokenQuerySet:
        """Return one's own tokens; everybody's to whoever manages people."""
        return self if user.may(Permission.MANAGE_PEOPLE) else self.filter(user=user)

    def live(self, at: datetime) -> ApiTokenQuerySet:
        """Return the tokens that open something at a moment."""
        return self.filter(revoked_at=None, expires_at__gt=at, user__is_active=True)

    def revoke(self, at: datetime) -> int:
        """End these tokens and return how many were live; the caller writes the trail."""
        return self.filter(revoked_at=None).update(revoked_at=at)

    def newest_first(self) -> ApiTokenQuerySet:
        return self.order_by("-created_at")


ApiTokenManager = models.Manager.from_queryset(ApiTokenQuerySet)


class ApiToken(Timestamped):
    """One program's way in: the secret is shown once and kept only as a hash."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80, blank=True, help_text="Empty: a program signed in with the password.")
    prefix = models.CharField(max_length=8, help_text="How the secret begins, to tell tokens apart.")
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenManager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "expires_at"], name="api_token_user_expires"),
            models.Index(fields=["expires_at"], name="api_token_expires"),
        ]

    def __str__(self) -> str:
        return self.prefix

    @property
    def may_read(self) -> bool:
        return scopes.Scope.READ in self.scopes

    @property
    def may_write(self) -> bool:
        return scopes.Scope.WRITE in self.scopes

    @property
    def permissions(self) -> frozenset[Permission]:
        """The capabilities the token grants, as far as its owner's role holds them."""
        return scopes.permissions_of(self.scopes)

    @property
    def scope_labels(self) -> list[str]:
        """The scopes in words."""
        return scopes.labels_of(self.scopes)
