"""Payment links of a provider, and the close of the clinic's day."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.models.bills import Bill
from billing.models.ledger import Payment
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField, EncryptedDecimalField, EncryptedJSONField, EncryptedTextField


class PaymentLink(Timestamped):
    """A page of a payment provider where one bill can be paid; what comes back becomes a payment once."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        PAID = "paid", "Paid"
        EXPIRED = "expired", "Expired"
        CANCELLED = "cancelled", "Withdrawn"

    TRANSITIONS = {
        Status.OPEN: {Status.PAID, Status.EXPIRED, Status.CANCELLED},
        # Money may arrive for a link that was given up: it is taken, as credit where nothing is open.
        Status.EXPIRED: {Status.PAID},
        Status.CANCELLED: {Status.PAID},
        Status.PAID: set(),
    }

    class Problem(models.TextChoices):
        """What a person has to look at."""

        AS_CREDIT = "as_credit", "Kept as credit: the bill took nothing or less"
        OTHER_AMOUNT = "other_amount", "Another amount was reported: nothing is booked"
        OTHER_CURRENCY = "other_currency", "Another currency was reported: nothing is booked"

    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="payment_links")
    provider = models.CharField(max_length=40)
    provider_reference = models.CharField(max_length=120)
    url = EncryptedCharField(max_length=500)
    amount = EncryptedDecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    expires_at = models.DateTimeField(null=True, blank=True)
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="payment_link"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the provider was last asked about it.")
    problem = models.CharField(max_length=16, choices=Problem.choices, blank=True, default="")
    reported = EncryptedJSONField(
        default=dict, blank=True, help_text="Of money that was not booked: amount, currency, reference."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_reference"], name="payment_link_once"),
            models.UniqueConstraint(fields=["bill"], condition=Q(status="open"), name="payment_link_one_open_per_bill"),
        ]
        indexes = [models.Index(fields=["status", "checked_at"], name="payment_link_status_checked")]

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_reference}"


class DayClose(Timestamped):
    """What was counted at the end of a day beside what the ledger expects. A recount is a new row."""

    date = models.DateField(help_text="By the clinic's calendar.")
    currency = models.CharField(max_length=3)
    version = models.PositiveSmallIntegerField(default=1)
    expected = EncryptedJSONField(help_text="Method to amount, received less refunded.")
    counted = EncryptedJSONField(help_text="Method to amount.")
    opening_float = EncryptedDecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="Cash in the drawer before the first payment."
    )
    denominations = EncryptedJSONField(default=dict, blank=True, help_text="Note or coin to how many were counted.")
    reasons = EncryptedJSONField(default=dict, blank=True, help_text="Method to why it differs.")
    note = EncryptedTextField(blank=True, default="")
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["date", "currency", "version"], name="day_close_version_once")]

    def __str__(self) -> str:
        return f"{self.date} {self.currency} {self.version}"
