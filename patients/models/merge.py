"""Two records of one person shown as one."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from patients.models.patient import Patient
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField, EncryptedTextField


class PatientMerge(Timestamped):
    """Two records of one person shown as one. The rows of the other record stay where they are, so it can be undone."""

    kept = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="merges")
    merged = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="merged_away")
    reason = EncryptedTextField(max_length=500)
    replaced_fields = EncryptedJSONField(
        default=dict, help_text="Name to what the kept record said before and says now."
    )
    granted_accesses = models.JSONField(default=list, help_text="Ids of the accesses the merge opened.")
    merged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    merged_at = models.DateTimeField()
    reversible_until = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merged"], condition=Q(undone_at=None), name="merge_one_standing"),
            models.CheckConstraint(condition=~Q(kept=F("merged")), name="merge_two_records"),
        ]

    def __str__(self) -> str:
        return f"merge {self.pk}"
