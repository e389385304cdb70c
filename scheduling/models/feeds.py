"""Calendars outside: addresses others subscribe to, and calendars taken in as busy times."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from synapse.common.models import Timestamped


class CalendarFeed(Timestamped):
    """A secret address under which a calendar program reads a doctor's visits; revoked, it answers 404."""

    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_feeds")
    label = models.CharField(max_length=60, blank=True, default="", help_text="Where it is used.")
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the address is shown once.")
    with_names = models.BooleanField(default=False, help_text="Patients' names leave the clinic with this.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_read_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"feed {self.pk}"


class BusyCalendar(Timestamped):
    """A calendar a doctor took in: its entries stand in this one as busy times, without their words."""

    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="busy_calendars")
    label = models.CharField(max_length=60)
    entry_count = models.PositiveIntegerField(default=0)
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"busy calendar {self.pk}"
