"""Patients given to a colleague."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class HandoverQuerySet(models.QuerySet["Handover"]):
    def visible_to(self, user: User) -> HandoverQuerySet:
        """Return the handovers a doctor gave or took, an admin's are all."""
        if not user.may(Permission.SHARE_PATIENTS):
            return self.none()
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return self
        return self.filter(Q(from_doctor=user) | Q(to_doctor=user))

    def covering(self, at: datetime) -> HandoverQuerySet:
        """Return the leave covers that hold at a moment."""
        return self.filter(ended_at=None, starts_at__lte=at, ends_at__gt=at)


HandoverManager = models.Manager.from_queryset(HandoverQuerySet)


class Handover(Timestamped):
    """Patients given to a colleague, for good or until a leave is over. Its accesses name the patients."""

    from_doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers_given")
    to_doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers_taken")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: for good.")
    all_patients = models.BooleanField(default=False)
    reason = EncryptedTextField(max_length=500)
    handed_over_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = HandoverManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="handover_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"handover {self.pk}"
