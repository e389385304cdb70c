"""What patients are sent about money: the outbox, its log, and the links in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.models.bills import Bill
from billing.models.ledger import Payment
from patients.models import Patient
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class BillLink(Timestamped):
    """A secret address that opens one document for a patient once, before it expires or is withdrawn."""

    class Document(models.TextChoices):
        INVOICE = "invoice", "Invoice"
        REMINDER = "reminder", "Reminder"
        RECEIPT = "receipt", "Receipt"
        STATEMENT = "statement", "Statement"
        SUPERBILL = "superbill", "Superbill"

    document = models.CharField(max_length=10, choices=Document.choices)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="bill_links")
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, null=True, blank=True, related_name="links")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="links")
    message = models.OneToOneField(
        "BillMessage", on_delete=models.PROTECT, null=True, blank=True, related_name="link", help_text="That took it."
    )
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened_count = models.PositiveSmallIntegerField(default=0)
    last_opened_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.document} link {self.pk}"


class BillMessageQuerySet(models.QuerySet["BillMessage"]):
    def visible_to(self, user: User) -> BillMessageQuerySet:
        """Return the messages about money of the patients whose bills this person may see."""
        if not user.may(Permission.VIEW_BILLS):
            return self.none()
        return self.filter(patient__in=Patient.objects.in_care_of(user))


BillMessageManager = models.Manager.from_queryset(BillMessageQuerySet)


class BillMessage(Timestamped):
    """One message to a patient about money: the row is the outbox and the log. It holds no text and no address.

    A row is taken for sending once: what was interrupted while it was being sent ends as `unknown` and never goes out
    by itself again. A reminder is one row per bill and number, so the same one is never made twice; one letter tells a
    patient of all bills that are due a reminder on a day: its `leader` goes out, the others end as it did.
    """

    Document = BillLink.Document

    class Status(models.TextChoices):
        DUE = "due", "Waiting for its time"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Not delivered"
        SKIPPED = "skipped", "Not sent"
        UNKNOWN = "unknown", "Interrupted, perhaps sent"

    class SkipReason(models.TextChoices):
        NO_ADDRESS = "no_address", "No address or number"
        OPTED_OUT = "opted_out", "The patient wants none"
        PAID = "paid", "Nothing is open any more"
        DISPUTED = "disputed", "The bill is disputed"
        CANCELLED = "cancelled", "The bill was cancelled"
        COLLECTION = "collection", "In collection or written off"

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        SMS = "sms", "SMS"
        PRINT = "print", "Printed letter"

    TRANSITIONS = {
        Status.DUE: {Status.SENDING, Status.SENT, Status.SKIPPED},
        Status.SENDING: {Status.SENT, Status.DUE, Status.FAILED, Status.UNKNOWN},
        Status.SENT: set(),
        Status.FAILED: set(),
        Status.SKIPPED: set(),
        Status.UNKNOWN: set(),
    }

    document = models.CharField(max_length=10, choices=Document.choices)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="bill_messages")
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, null=True, blank=True, related_name="messages")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="messages")
    number = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of a reminder, from 1 on its bill.")
    stage = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of a reminder: which text, 1 to 3.")
    leader = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="followers",
        help_text="Of a reminder: the row whose letter tells of this bill as well. Empty: it goes out itself.",
    )
    early_reason = EncryptedTextField(blank=True, default="", help_text="Why somebody reminded before it was time.")
    letter_date = models.DateField(help_text="The date the letter carries, by the clinic's calendar.")
    with_attachment = models.BooleanField(default=False, help_text="The file itself goes along, not only a link.")
    channel = models.CharField(max_length=5, choices=Channel.choices, default=Channel.EMAIL)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DUE)
    skip_reason = models.CharField(max_length=12, choices=SkipReason.choices, blank=True, default="")
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=60, blank=True, default="")
    provider_reference = models.CharField(max_length=120, blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = BillMessageManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bill", "number"], condition=Q(number__isnull=False), name="bill_message_reminder_once"
            )
        ]
        indexes = [
            models.Index(fields=["status", "due_at"], name="bill_message_status_due"),
            models.Index(fields=["patient", "created_at"], name="bill_message_patient"),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.pk}"
