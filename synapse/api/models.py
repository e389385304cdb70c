"""What was answered to a request that bore an Idempotency-Key, kept for a day."""

from django.conf import settings
from django.db import models

from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField


class IdempotencyKey(Timestamped):
    """One key of one person. The body may hold patient data, so it is encrypted."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64, help_text="Of the key the client made up.")
    request_hash = models.CharField(max_length=64, help_text="Of method, address and body.")
    status_code = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty while the request is running."
    )
    body = EncryptedTextField(blank=True, default="")
    headers = models.JSONField(default=dict, blank=True, help_text="Those of the answer that a client acts on.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key_hash"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created_at")]

    def __str__(self) -> str:
        return f"idempotency key {self.pk}"
