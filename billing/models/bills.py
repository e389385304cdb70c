"""Bills: what was done, what it costs and who pays which part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
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


class BillQuerySet(models.QuerySet["Bill"]):
    def visible_to(self, user: User) -> BillQuerySet:
        """Return all bills to the front desk and admins, those of a doctor's patients to the doctor, else none."""
        if not user.may(Permission.VIEW_BILLS):
            return self.none()
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return self
        return self.filter(patient__in=Patient.objects.in_care_of(user))

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

    class Purpose(models.TextChoices):
        """What is charged: a visit, or that it did not take place."""

        VISIT = "visit", "Visit"
        LATE_CANCEL = "late_cancel", "Cancelled late"
        NO_SHOW = "no_show", "Missed visit"

    # An issued bill's status follows from its ledger and the calendar: see `billing.ledger.entries.status_of`.
    TRANSITIONS = {
        Status.PENDING: {Status.SENT, Status.CANCELLED},
        Status.SENT: {Status.PARTIALLY_PAID, Status.PAID, Status.OVERDUE, Status.CANCELLED},
        Status.PARTIALLY_PAID: {Status.SENT, Status.PAID, Status.OVERDUE, Status.REFUNDED},
        Status.OVERDUE: {Status.SENT, Status.PARTIALLY_PAID, Status.PAID, Status.CANCELLED, Status.REFUNDED},
        Status.PAID: {Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE, Status.CANCELLED, Status.REFUNDED},
        Status.CANCELLED: set(),
        Status.REFUNDED: set(),
    }
    # How far it is chased; `billing.reminders.collection.move` makes the steps. What is paid in full is chased no more.
    COLLECTION_TRANSITIONS = {
        Collection.NONE: {Collection.REMINDED, Collection.DISPUTED, Collection.IN_COLLECTION, Collection.WRITTEN_OFF},
        Collection.REMINDED: {Collection.NONE, Collection.DISPUTED, Collection.IN_COLLECTION, Collection.WRITTEN_OFF},
        Collection.DISPUTED: {Collection.NONE, Collection.REMINDED, Collection.WRITTEN_OFF},
        Collection.IN_COLLECTION: {
            Collection.NONE,
            Collection.REMINDED,
            Collection.DISPUTED,
            Collection.WRITTEN_OFF,
        },
        Collection.WRITTEN_OFF: {Collection.NONE, Collection.REMINDED},
    }
    MORE_TRANSITIONS = {"collection_status": COLLECTION_TRANSITIONS}
    OPEN = (Status.PENDING, Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE)
    CLOSED = (Status.CANCELLED, Status.REFUNDED)  # by a decision, whatever the ledger says
    OWING = (Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE)

    bill_number = models.CharField(max_length=24, unique=True, null=True, blank=True, help_text="Given at issue.")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="bills")
    session = models.ForeignKey(
        ConsultationSession, on_delete=models.PROTECT, null=True, blank=True, related_name="bills"
    )
    appointment = models.ForeignKey(Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="bills")
    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="bills",
        help_text="Whose visit is billed and whose header the documents carry.",
    )
    bill_type = models.CharField(max_length=20, choices=Type.choices)
    purpose = models.CharField(max_length=12, choices=Purpose.choices, default=Purpose.VISIT)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    currency = models.CharField(max_length=3)

    line_items = EncryptedJSONField(
        default=list, blank=True, help_text="See `billing.money.Line`: what it holds besides the contract's fields."
    )
    subtotal = EncryptedDecimalField(max_digits=12, decimal_places=2)
    discount_amount = EncryptedDecimalField(max_digits=12, decimal_places=2)
    discount_percent = EncryptedDecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, help_text="Empty: the discount is an amount."
    )
    prices_include_tax = models.BooleanField(default=False)
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
    other_diagnosis_codes = EncryptedJSONField(default=list, blank=True, help_text="ICD-10, in order; at most 11.")
    procedure_codes = models.JSONField(default=list, blank=True, help_text="CPT codes.")
    place_of_service = models.CharField(max_length=2, blank=True, default="", help_text="CMS code, such as 11 or 10.")
    codes_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    codes_confirmed_at = models.DateTimeField(null=True, blank=True)

    insurance_claim_number = EncryptedCharField(max_length=60, blank=True, default="")
    insurance_provider = EncryptedCharField(max_length=120, blank=True, default="")
    insurance_policy_number = EncryptedCharField(max_length=60, blank=True, default="")
    insurance_group_number = EncryptedCharField(max_length=60, blank=True, default="")
    insurance_verified_on = models.DateField(null=True, blank=True)
    insurance_verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    insurance_verified_policy = EncryptedCharField(
        max_length=260, blank=True, default="", help_text="Insurer, policy and group as they were when verified."
    )
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
    collection_note = EncryptedTextField(blank=True, default="", help_text="Why it is disputed or given up.")
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
                condition=Q(status="pending", bill_number__isnull=True)
                | Q(status="cancelled")
                | (~Q(status="pending") & Q(bill_number__isnull=False)),
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
            models.Index(fields=["doctor", "status"], name="bill_doctor_status"),
            models.Index(fields=["bill_date"], name="bill_by_date"),
            models.Index(fields=["created_at"], name="bill_by_creation"),
            models.Index(fields=["issued_at"], name="bill_by_issue"),
            models.Index(fields=["status", "created_at"], name="bill_status_created"),
            models.Index(fields=["last_payment_date"], name="bill_last_payment"),
        ]

    def __str__(self) -> str:
        return self.bill_number or "draft bill"

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save, always with the time: whoever read the bill before can tell that it changed."""
        if update_fields is not None:
            update_fields = {*update_fields, "updated_at"}
        super().save(*args, update_fields=update_fields, **kwargs)

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def is_closed(self) -> bool:
        return self.status in self.CLOSED
