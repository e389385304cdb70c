"""Bills, the money that moved on them, and the clinic's fee schedule."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.common.triggers import Trigger
from synapse.encryption.fields import (
    EncryptedCharField,
    EncryptedDecimalField,
    EncryptedJSONField,
    EncryptedTextField,
)

if TYPE_CHECKING:
    from synapse.accounts.models import User


class BillType(models.TextChoices):
    """The kind of visit a bill is for."""

    NEW_PATIENT = "new_patient", "New patient"
    FOLLOWUP = "followup", "Follow-up"
    CONSULTATION = "consultation", "Consultation"
    EMERGENCY = "emergency", "Emergency"
    TELEMEDICINE = "telemedicine", "Telemedicine"
    PROCEDURE = "procedure", "Procedure"


class FeeScheduleItem(Timestamped):
    """The price of one kind of visit: by session type and the minutes it took."""

    session_type = models.CharField(max_length=20, choices=BillType.choices)
    description = models.CharField(max_length=120)
    cpt_code = models.CharField(max_length=10, blank=True, default="")
    minimum_minutes = models.PositiveSmallIntegerField(default=0, help_text="Applies from this many minutes on.")
    unit_price = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["session_type", "valid_from"], name="fee_type_from")]

    def __str__(self) -> str:
        return f"{self.description} from {self.minimum_minutes} min"


class BillQuerySet(models.QuerySet["Bill"]):
    def visible_to(self, user: User) -> BillQuerySet:
        """Return all bills to the front desk and admins, those of a doctor's patients to the doctor, else none."""
        if not user.may(Permission.VIEW_BILLS):
            return self.none()
        return self.filter(patient__in=Patient.objects.visible_to(user))

    def open(self) -> BillQuerySet:
        return self.filter(status__in=Bill.OPEN)


BillManager = models.Manager.from_queryset(BillQuerySet)


class Bill(Timestamped):
    """One invoice. Paid and outstanding amounts follow from its ledger entries."""

    Type = BillType

    class Status(models.TextChoices):
        PENDING = "pending", "Draft"
        SENT = "sent", "Sent"
        PARTIALLY_PAID = "partially_paid", "Partly paid"
        PAID = "paid", "Paid"
        OVERDUE = "overdue", "Overdue"
        CANCELLED = "cancelled", "Cancelled"
        REFUNDED = "refunded", "Refunded"

    class Collection(models.TextChoices):
        NONE = "none", "None"
        REMINDED = "reminded", "Reminded"
        DISPUTED = "disputed", "Disputed"
        IN_COLLECTION = "in_collection", "In collection"
        WRITTEN_OFF = "written_off", "Written off"

    TRANSITIONS = {
        Status.PENDING: {Status.SENT, Status.PARTIALLY_PAID, Status.PAID, Status.CANCELLED},
        Status.SENT: {Status.PARTIALLY_PAID, Status.PAID, Status.OVERDUE, Status.CANCELLED},
        Status.PARTIALLY_PAID: {Status.PAID, Status.OVERDUE, Status.REFUNDED},
        Status.OVERDUE: {Status.PARTIALLY_PAID, Status.PAID, Status.CANCELLED, Status.REFUNDED},
        Status.PAID: {Status.PARTIALLY_PAID, Status.REFUNDED},
        Status.CANCELLED: set(),
        Status.REFUNDED: set(),
    }
    OPEN = (Status.PENDING, Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE)

    bill_number = models.CharField(max_length=24, unique=True, null=True, blank=True, help_text="Given at issue.")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="bills")
    session = models.ForeignKey(
        ConsultationSession, on_delete=models.PROTECT, null=True, blank=True, related_name="bills"
    )
    appointment = models.ForeignKey(Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="bills")
    bill_type = models.CharField(max_length=20, choices=Type.choices)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    currency = models.CharField(max_length=3)

    line_items = EncryptedJSONField(
        default=list, blank=True, help_text="Contract section 4; also price_missing and note."
    )
    subtotal = EncryptedDecimalField(max_digits=12, decimal_places=2)
    discount_amount = EncryptedDecimalField(max_digits=12, decimal_places=2)
    tax_rate = EncryptedDecimalField(max_digits=5, decimal_places=2)
    tax_amount = EncryptedDecimalField(max_digits=12, decimal_places=2)
    total_amount = EncryptedDecimalField(max_digits=12, decimal_places=2)
    paid_amount = EncryptedDecimalField(max_digits=12, decimal_places=2)
    outstanding_amount = EncryptedDecimalField(max_digits=12, decimal_places=2)

    bill_date = models.DateField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    payment_terms = models.CharField(max_length=80, blank=True, default="")

    primary_diagnosis_code = EncryptedCharField(max_length=10, blank=True, default="", help_text="ICD-10.")
    procedure_codes = models.JSONField(default=list, blank=True, help_text="CPT codes.")

    insurance_claim_number = EncryptedCharField(max_length=60, blank=True, default="")
    insurance_provider = EncryptedCharField(max_length=120, blank=True, default="")
    insurance_covered_amount = EncryptedDecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    patient_responsibility = EncryptedDecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    copay_amount = EncryptedDecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    deductible_amount = EncryptedDecimalField(max_digits=12, decimal_places=2, null=True, blank=True)

    payment_method = models.CharField(max_length=16, blank=True, default="")
    last_payment_date = models.DateField(null=True, blank=True)
    notes = EncryptedTextField(blank=True, default="", help_text="Printed for the patient.")
    internal_notes = EncryptedTextField(blank=True, default="")
    payment_instructions = EncryptedTextField(blank=True, default="")

    reminder_sent_count = models.PositiveSmallIntegerField(default=0)
    last_reminder_sent_at = models.DateTimeField(null=True, blank=True)
    collection_status = models.CharField(max_length=16, choices=Collection.choices, default=Collection.NONE)
    exported_formats = models.JSONField(default=list, blank=True)
    cancelled_reason = EncryptedTextField(blank=True, default="")

    generated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generated_bills")
    processed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="processed_bills"
    )

    objects = BillManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "cancelled"]) | Q(bill_number__isnull=False),
                name="bill_issued_has_number",
            ),
            models.CheckConstraint(
                condition=Q(bill_number=None)
                | Q(issued_at__isnull=False, bill_date__isnull=False, due_date__isnull=False),
                name="bill_number_has_dates",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "due_date"], name="bill_status_due"),
            models.Index(fields=["patient", "created_at"], name="bill_patient_created"),
        ]

    def __str__(self) -> str:
        return self.bill_number or "draft bill"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class LedgerEntry(models.Model):
    """Money that moved on a bill. Entries are never changed or deleted; a correction is a new entry.

    A trigger keeps that; a key rotation may write the ciphertext anew in a statement that raises `key_generation`.
    """

    class Kind(models.TextChoices):
        CHARGE = "charge", "Charge"
        REVERSAL = "reversal", "Charge taken back"
        PAYMENT = "payment", "Payment"
        REFUND = "refund", "Refund"

    class Method(models.TextChoices):
        CASH = "cash", "Cash"
        CARD = "card", "Card"
        UPI = "upi", "UPI"
        BANK_TRANSFER = "bank_transfer", "Bank transfer"
        INSURANCE = "insurance", "Insurance"
        OTHER = "other", "Other"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="ledger_entries")
    position = models.PositiveSmallIntegerField(help_text="Place in the bill's ledger, from 1.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = EncryptedDecimalField(
        max_digits=12, decimal_places=2, help_text="Always positive; the kind says the direction."
    )
    method = models.CharField(max_length=16, choices=Method.choices, blank=True, default="")
    reference = EncryptedCharField(max_length=80, blank=True, default="")
    reason = EncryptedTextField(blank=True, default="")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key_generation = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bill", "position"], name="ledger_one_per_position")]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class LedgerMonth(models.Model):
    """What was charged, paid and refunded in one month of the clinic, kept in the ledger's own transaction.

    Amounts are ciphertext and cannot be summed in SQL; `check_ledger` compares this row with the entries.
    """

    period = models.CharField(max_length=6, help_text="Year and month in the clinic's zone, such as 202509.")
    currency = models.CharField(max_length=3)
    charged = EncryptedDecimalField(max_digits=14, decimal_places=2)
    paid = EncryptedDecimalField(max_digits=14, decimal_places=2)
    refunded = EncryptedDecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["period", "currency"], name="ledger_month_once")]

    def __str__(self) -> str:
        return f"{self.period} {self.currency}"


_LEDGER_FACTS = ("id", "bill_id", "position", "kind", "method", "at", "by_id")

TRIGGERS = [
    Trigger(
        name="ledger_entry_no_update",
        model="billing.LedgerEntry",
        event="UPDATE",
        message="Ledger entries are never changed; record a new one.",
        when=" OR ".join(
            ["NEW.key_generation <= OLD.key_generation", *(f"NEW.{name} <> OLD.{name}" for name in _LEDGER_FACTS)]
        ),
    ),
    Trigger(
        name="ledger_entry_no_delete",
        model="billing.LedgerEntry",
        event="DELETE",
        message="Ledger entries are never deleted.",
    ),
]
