"""People who came without a visit and whose name the desk does not know yet."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from scheduling.models.appointment import Appointment
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class WalkInQuerySet(models.QuerySet["WalkIn"]):
    def visible_to(self, user: User) -> WalkInQuerySet:
        """Return everybody to the front desk and admins, else nobody."""
        return self if user.may(Permission.MANAGE_ALL_APPOINTMENTS) else self.none()

    def waiting(self, since: datetime) -> WalkInQuerySet:
        """Return those who came since then and neither have a visit yet nor left."""
        return self.filter(arrived_at__gte=since, appointment=None, left_at=None)


WalkInManager = models.Manager.from_queryset(WalkInQuerySet)


class WalkIn(Timestamped):
    """Somebody in the waiting room without a name: an end to it is a visit, or that they left."""

    arrived_at = models.DateTimeField()
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    note = EncryptedCharField(max_length=120, blank=True, default="", help_text="What the desk needs to find them.")
    appointment = models.OneToOneField(
        Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="walk_in"
    )
    left_at = models.DateTimeField(null=True, blank=True)

    objects = WalkInManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(appointment=None) | Q(left_at=None), name="walk_in_one_end"),
        ]
        indexes = [models.Index(fields=["arrived_at"], name="walk_in_at")]

    def __str__(self) -> str:
        return f"walk-in {self.pk}"
