"""Where a person is signed in: one row a browser session."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models

from synapse.accounts.models.clinic import ClinicSettings
from synapse.accounts.models.people import User

# From the sign-in on, whatever is done meanwhile.
LONGEST_SIGN_IN = timedelta(hours=12)


class UserSessionQuerySet(models.QuerySet["UserSession"]):
    def open_at(self, at: datetime) -> UserSessionQuerySet:
        """Return the sessions that show something at a moment: not locked, not left alone, not too old."""
        idle = timedelta(minutes=ClinicSettings.load().idle_lock_minutes)
        return self.filter(locked_at=None, last_used_at__gt=at - idle, signed_in_at__gt=at - LONGEST_SIGN_IN)


UserSessionManager = models.Manager.from_queryset(UserSessionQuerySet)


class UserSession(models.Model):
    """A browser in which somebody is signed in; the row goes when the session ends.

    Its id stays the same when the session's key is changed, so an open socket knows it by that. What the browser's
    session itself holds (see `browser_sessions`, `locking`) stands here as well, for whoever has no session to read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browser_sessions")
    key_hash = models.CharField(max_length=64, unique=True)
    browser = models.CharField(max_length=30, blank=True)
    system = models.CharField(max_length=30, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    signed_in_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    locked_at = models.DateTimeField(null=True, blank=True)

    objects = UserSessionManager()

    def __str__(self) -> str:
        return f"session {self.pk}"

    @property
    def is_on_a_phone(self) -> bool:
        return self.system in {"iPhone", "Android"}
