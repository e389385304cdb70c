"""The link a patient is sent to answer by: the row is the outbox, and what opens the page."""

from __future__ import annotations

from django.db import models

from patients.models.consent import Consent
from synapse.common.models import Timestamped


class ConsentLink(Timestamped):
    """One link to one question. It holds no text, no address and no number.

    It works as long as its consent waits: answered, taken back, replaced or over, it opens nothing. It is taken for
    sending once: what was interrupted while it was being sent ends as `unknown` and never goes out by itself again.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        SMS = "sms", "SMS"

    class Status(models.TextChoices):
        DUE = "due", "Waiting for its time"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Not delivered"
        SKIPPED = "skipped", "Not sent"
        UNKNOWN = "unknown", "Interrupted, perhaps sent"

    class SkipReason(models.TextChoices):
        OVER = "over", "It waits for no answer any more"
        OPTED_OUT = "opted_out", "The patient wants none"
        NO_ADDRESS = "no_address", "No address or number"

    TRANSITIONS = {
        Status.DUE: {Status.SENDING, Status.SKIPPED},
        Status.SENDING: {Status.SENT, Status.DUE, Status.FAILED, Status.UNKNOWN},
        Status.SENT: set(),
        Status.FAILED: set(),
        Status.SKIPPED: set(),
        Status.UNKNOWN: set(),
    }

    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="link")
    channel = models.CharField(max_length=5, choices=Channel.choices)
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the token is in the message alone.")
    language = models.CharField(max_length=12, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DUE)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    provider_reference = models.CharField(max_length=120, blank=True, default="")
    skip_reason = models.CharField(max_length=10, choices=SkipReason.choices, blank=True, default="")
    error_code = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["status", "due_at"], name="consent_link_status_due")]

    def __str__(self) -> str:
        return f"link {self.pk}"

    @property
    def is_on_its_way(self) -> bool:
        return self.status in {self.Status.DUE, self.Status.SENDING}

    @property
    def has_failed(self) -> bool:
        """Whether nothing reached the patient and nothing will."""
        return self.status in {self.Status.FAILED, self.Status.SKIPPED}
