"""What a patient signed with: the lines of a finger, or a typed name."""

from __future__ import annotations

from django.db import models

from patients.models.consent import Consent
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField, EncryptedJSONField


class ConsentSignature(Timestamped):
    """The signature under one answer; `Consent.signature_hash` binds it to the words and the moment."""

    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="signature")
    strokes = EncryptedJSONField(default=list, help_text="Lines of points in a field of 1000 by 300.")
    typed_name = EncryptedCharField(max_length=120, blank=True, default="")
    signed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"signature {self.pk}"
