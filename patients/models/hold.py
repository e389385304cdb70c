"""Why a record must not be destroyed for now."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models.patient import Patient
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    def standing(self) -> LegalHoldQuerySet:
        """Return the holds nobody released."""
        return self.filter(released_at=None)


LegalHoldManager = models.Manager.from_queryset(LegalHoldQuerySet)


class LegalHold(Timestamped):
    """A record is wanted by a court, an authority or in a dispute: nothing of it is erased until the hold is released."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="legal_holds")
    reason = EncryptedTextField(max_length=500)
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)

    objects = LegalHoldManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(released_at=None, released_by=None)
                | Q(released_at__isnull=False, released_by__isnull=False),
                name="legal_hold_released_by_somebody",
            )
        ]
        indexes = [models.Index(fields=["patient", "released_at"], name="legal_hold_standing")]

    def __str__(self) -> str:
        return f"hold {self.pk}"

    @property
    def is_standing(self) -> bool:
        return self.released_at is None
