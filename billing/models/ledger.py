"""Money that moved: payments, and the ledger that every balance is a sum of."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.models.bills import Bill, BillType
from billing.models.claims import Payer
from patients.models import Patient
from synapse.accounts.roles import Permission
from synapse.common.triggers import Trigger, not_replaced
from synapse.encryption.fields import EncryptedCharField, EncryptedDecimalField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class Method(models.TextChoices):
    """How money comes and goes."""

    CASH = "cash", "Cash"
    CARD = "card", "Card"
    UPI = "upi", "UPI"
    BANK_TRANSFER = "bank_transfer", "Bank transfer"
    INSURANCE = "insurance", "Insurance"
    OTHER = "other", "Other"


class PatientAccount(models.Model):
    """What a patient has to their credit in one currency. Its row lock is taken before the locks of the bills.

    `credit` is the sum of the account's entries; `check_ledger` compares them.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="accounts")
    currency = models.CharField(max_length=3)
    credit = EncryptedDecimalField(max_digits=12, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "currency"], name="account_once")]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.currency}"


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to(self, user: User) -> PaymentQuerySet:
        """Return the payments of the patients whose bills this person may see."""
        if not user.may(Permission.VIEW_BILLS):
            return self.none()
        return self.filter(patient__in=Patient.objects.in_care_of(user))


PaymentManager = models.Manager.from_queryset(PaymentQuerySet)


class Payment(models.Model):
    """Money that was received once, with its receipt; entries say which bills it paid.

    Never changed or deleted: a mistyped one is reversed by new entries. The id is the idempotency key.
    """

    class PaidBy(models.TextChoices):
        PATIENT = "patient", "Patient"
        INSURER = "insurer", "Insurer"
        OTHER = "other", "Somebody else"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    receipt_number = models.CharField(max_length=24, unique=True)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="payments")
    currency = models.CharField(max_length=3)
    amount = EncryptedDecimalField(max_digits=12, decimal_places=2)
    method = models.CharField(max_length=16, choices=Method.choices)
    paid_by = models.CharField(max_length=8, choices=PaidBy.choices, default=PaidBy.PATIENT)
    insurer = models.ForeignKey(Payer, on_delete=models.PROTECT, null=True, blank=True, related_name="payments")
    reference = EncryptedCharField(max_length=80, blank=True, default="")
    at = models.DateTimeField()
    booked_on = models.DateField(help_text="The clinic's date of then; it stays when the clinic changes its time zone.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    key_generation = models.PositiveIntegerField(default=1)

    objects = PaymentManager()

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="payment_by_time"),
            models.Index(fields=["patient", "at"], name="payment_patient_time"),
        ]

    def __str__(self) -> str:
        return self.receipt_number


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    def visible_to(self, user: User) -> LedgerEntryQuerySet:
        """Return the entries of the patients whose bills this person may see."""
        if not user.may(Permission.VIEW_BILLS):
            return self.none()
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return self
        return self.filter(patient__in=Patient.objects.in_care_of(user))


LedgerEntryManager = models.Manager.from_queryset(LedgerEntryQuerySet)


class LedgerEntry(models.Model):
    """Money that moved on a bill, or on a patient's credit. Never changed or deleted; a correction is a new entry.

    A trigger keeps that; a key rotation may write the ciphertext anew in a statement that raises `key_generation`.
    """

    class Kind(models.TextChoices):
        CHARGE = "charge", "Charge"
        DEBIT_ADJUSTMENT = "debit_adjustment", "Adjustment, more"
        CREDIT_ADJUSTMENT = "credit_adjustment", "Adjustment, less"
        WRITE_OFF = "write_off", "Written off"
        PAYMENT = "payment", "Payment"
        REFUND = "refund", "Refund"
        OVERPAYMENT = "overpayment", "Kept as credit"
        CREDIT_APPLIED = "credit_applied", "Paid from credit"
        CREDIT_REFUND = "credit_refund", "Credit paid out"
        REVERSAL = "reversal", "Reversal"

    Method = Method

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="ledger_entries")
    currency = models.CharField(max_length=3)
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_entries")
    position = models.PositiveIntegerField(
        help_text="Place in the bill's ledger, from 1; of entries without a bill in the patient's account."
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="entries")
    amount = EncryptedDecimalField(
        max_digits=12, decimal_places=2, help_text="Always positive; the kind says the direction."
    )
    method = models.CharField(max_length=16, choices=Method.choices, blank=True, default="")
    reference = EncryptedCharField(max_length=80, blank=True, default="")
    reason = EncryptedTextField(blank=True, default="")
    at = models.DateTimeField()
    booked_on = models.DateField(help_text="The clinic's date of then; it stays when the clinic changes its time zone.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    key_generation = models.PositiveIntegerField(default=1)

    objects = LedgerEntryManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bill", "position"], name="ledger_one_per_position"),
            models.UniqueConstraint(
                fields=["patient", "currency", "position"],
                condition=Q(bill__isnull=True),
                name="ledger_one_per_account_position",
            ),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False) | (~Q(kind="reversal") & Q(reverses__isnull=True)),
                name="ledger_reversal_names_entry",
            ),
            models.CheckConstraint(
                condition=Q(bill__isnull=False) | Q(kind__in=["overpayment", "credit_refund", "reversal"]),
                name="ledger_only_credit_has_no_bill",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "at"], name="ledger_kind_at"),
            models.Index(fields=["at"], name="ledger_at"),
            models.Index(fields=["booked_on"], name="ledger_by_booking"),
        ]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class LedgerMonth(models.Model):
    """What moved in one month of the clinic for one doctor, bill type and payer, kept in the ledger's transaction.

    Amounts are ciphertext and cannot be summed in SQL; `check_ledger` compares this row with the entries. A reversal
    counts in its own month against what it reverses, so a figure may be below zero.
    """

    period = models.CharField(max_length=6, help_text="Year and month in the clinic's zone, such as 202509.")
    currency = models.CharField(max_length=3)
    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    bill_type = models.CharField(
        max_length=20, choices=BillType.choices, blank=True, default="", help_text="Empty: on no bill."
    )
    paid_by = models.CharField(
        max_length=8, choices=Payment.PaidBy.choices, blank=True, default="", help_text="Of payments."
    )
    charged = EncryptedDecimalField(max_digits=14, decimal_places=2)
    adjusted = EncryptedDecimalField(max_digits=14, decimal_places=2, help_text="Above zero: more is charged.")
    written_off = EncryptedDecimalField(max_digits=14, decimal_places=2)
    received = EncryptedDecimalField(max_digits=14, decimal_places=2, help_text="What is kept as credit included.")
    refunded = EncryptedDecimalField(max_digits=14, decimal_places=2)
    credit_applied = EncryptedDecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["period", "currency", "doctor", "bill_type", "paid_by"],
                condition=Q(doctor__isnull=False),
                name="ledger_month_once",
            ),
            models.UniqueConstraint(
                fields=["period", "currency", "bill_type", "paid_by"],
                condition=Q(doctor__isnull=True),
                name="ledger_month_once_without_doctor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period} {self.currency}"


def _kept(name: str, model: str, noun: str, facts: tuple[str, ...], nullable: tuple[str, ...]) -> list[Trigger]:
    """Return the refusals of a change or deletion; ciphertext may be written anew with a higher `key_generation`."""
    changed = [f"NEW.{fact} <> OLD.{fact}" for fact in (*facts, *nullable)]
    changed += [f"(NEW.{fact} IS NULL) <> (OLD.{fact} IS NULL)" for fact in nullable]
    return [
        Trigger(
            name=f"{name}_no_update",
            model=model,
            event="UPDATE",
            message=f"{noun} are never changed; record a new one.",
            when=" OR ".join(["NEW.key_generation <= OLD.key_generation", *changed]),
        ),
        Trigger(name=f"{name}_no_delete", model=model, event="DELETE", message=f"{noun} are never deleted."),
    ]


TRIGGERS = [
    *_kept(
        "ledger_entry",
        "billing.LedgerEntry",
        "Ledger entries",
        ("id", "patient_id", "currency", "position", "kind", "method", "at", "booked_on"),
        ("bill_id", "reverses_id", "payment_id", "by_id"),
    ),
    *_kept(
        "payment",
        "billing.Payment",
        "Payments",
        ("id", "receipt_number", "patient_id", "currency", "method", "paid_by", "at", "booked_on"),
        ("insurer_id", "by_id"),
    ),
]
_SAME_PLACE = "kept_row.position = NEW.position AND "
TRIGGERS += not_replaced(
    "ledger_entry",
    "billing.LedgerEntry",
    "Ledger entries are never replaced.",
    keys=(
        "kept_row.id = NEW.id",
        f"{_SAME_PLACE} kept_row.bill_id = NEW.bill_id",
        (
            f"{_SAME_PLACE} kept_row.bill_id IS NULL AND NEW.bill_id IS NULL AND kept_row.patient_id = NEW.patient_id "
            "AND kept_row.currency = NEW.currency"
        ),
        "kept_row.reverses_id = NEW.reverses_id",
    ),
) + not_replaced(
    "payment",
    "billing.Payment",
    "Payments are never replaced.",
    keys=("kept_row.id = NEW.id", "kept_row.receipt_number = NEW.receipt_number"),
)
