"""Insurers and what is claimed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from billing.models.bills import Bill
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


class Payer(Timestamped):
    """An insurer claims go to. Patients name theirs in words; the name, in any case, ties them together."""

    class Coverage(models.TextChoices):
        """The kinds of box 1 of the CMS-1500."""

        GROUP = "group", "Group health plan"
        MEDICARE = "medicare", "Medicare"
        MEDICAID = "medicaid", "Medicaid"
        TRICARE = "tricare", "TRICARE"
        CHAMPVA = "champva", "CHAMPVA"
        FECA = "feca", "FECA, black lung"
        OTHER = "other", "Other"

    name = models.CharField(max_length=120)
    electronic_id = models.CharField(max_length=80, blank=True, default="", help_text="Payer ID of the clearing house.")
    address = models.TextField(max_length=400, blank=True, default="")
    coverage = models.CharField(
        max_length=8, choices=Coverage.choices, blank=True, default="", help_text="What box 1 of its claims says."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="payer_name_once")]

    def __str__(self) -> str:
        return self.name


class ClaimQuerySet(models.QuerySet["Claim"]):
    def visible_to(self, user: User) -> ClaimQuerySet:
        """Return the claims of the bills this person may see."""
        if not user.may(Permission.VIEW_BILLS):
            return self.none()
        return self.filter(bill__in=Bill.objects.visible_to(user))


ClaimManager = models.Manager.from_queryset(ClaimQuerySet)


class Claim(Timestamped):
    """One bill's claim to an insurer. After a denial a new one replaces it."""

    class Status(models.TextChoices):
        PREPARED = "prepared", "Prepared"
        SENT = "sent", "Sent"
        ACCEPTED = "accepted", "Accepted"
        DENIED = "denied", "Denied"
        PAID = "paid", "Paid"
        # Answered with nothing: all of it went to the deductible.
        TO_PATIENT = "to_patient", "Left to patient"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Via(models.TextChoices):
        """How a claim went out."""

        FILE = "file", "837P file"
        PORTAL = "portal", "The insurer's portal"
        PAPER = "paper", "On paper"

    TRANSITIONS = {
        Status.PREPARED: {Status.SENT, Status.WITHDRAWN},
        Status.SENT: {Status.ACCEPTED, Status.DENIED, Status.PAID, Status.TO_PATIENT, Status.WITHDRAWN},
        Status.ACCEPTED: {Status.PAID, Status.TO_PATIENT, Status.DENIED, Status.WITHDRAWN},
        Status.DENIED: set(),
        # Where it stood before, when the insurer's answer is taken back.
        Status.PAID: {Status.SENT, Status.ACCEPTED},
        Status.TO_PATIENT: {Status.SENT, Status.ACCEPTED},
        Status.WITHDRAWN: set(),
    }
    WAITING = (Status.SENT, Status.ACCEPTED)
    LIVE = (Status.PREPARED, *WAITING, Status.PAID, Status.TO_PATIENT)

    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="claims")
    payer = models.ForeignKey(Payer, on_delete=models.PROTECT, related_name="claims")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PREPARED)
    control_number = models.CharField(max_length=20, unique=True, help_text="Ours, quoted in files: CLM-000001.")
    claim_number = EncryptedCharField(max_length=60, blank=True, default="", help_text="The insurer's.")
    form = EncryptedJSONField(default=dict, blank=True, help_text="The boxes of the CMS-1500, by name.")
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_by")
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    claimed_amount = EncryptedDecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="The charges of its lines, box 28."
    )
    payment = models.ForeignKey(
        "billing.Payment", on_delete=models.PROTECT, null=True, blank=True, related_name="claims"
    )
    split_before = EncryptedJSONField(
        default=dict,
        blank=True,
        help_text="Of an answered one: who bore what of the bill until the insurer answered, by the names of its columns.",
    )
    sent_via = models.CharField(max_length=6, choices=Via.choices, blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    denied_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True, help_text="When it was settled, also with nothing.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    denial_reason = EncryptedTextField(blank=True, default="")

    objects = ClaimManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bill"],
                condition=Q(status__in=["prepared", "sent", "accepted", "paid", "to_patient"]),
                name="claim_one_live_per_bill",
            ),
            models.CheckConstraint(
                condition=Q(status="paid", payment__isnull=False) | (~Q(status="paid") & Q(payment__isnull=True)),
                name="claim_paid_has_payment",
            ),
        ]
        indexes = [models.Index(fields=["status", "sent_at"], name="claim_status_sent")]

    def __str__(self) -> str:
        return self.control_number

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE

    @property
    def can_be_edited(self) -> bool:
        """Tell whether the boxes may change: what went out stays as it went out."""
        return self.status == self.Status.PREPARED

    @property
    def waits_for_insurer(self) -> bool:
        return self.status in self.WAITING
