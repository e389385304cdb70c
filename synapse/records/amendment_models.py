"""A patient who asks that something in the record be corrected, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from reports.models import Addendum, Report
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class AmendmentRequestQuerySet(models.QuerySet["AmendmentRequest"]):
    def visible_to(self, user: User) -> AmendmentRequestQuerySet:
        """Return the requests about the patients whose record this person reads."""
        if not user.may(Permission.VIEW_REPORTS):
            return self.none()
        return self.filter(patient__in=Patient.objects.visible_to(user))

    def to_decide_by(self, user: User) -> AmendmentRequestQuerySet:
        """Return the open ones this person decides: the session's doctor, and the administrator."""
        open_ones = self.visible_to(user).filter(status=AmendmentRequest.Status.RECEIVED)
        if user.may(Permission.VIEW_ALL_PATIENTS):
            return open_ones
        return open_ones.filter(Q(report=None) | Q(report__session__doctor=user))


AmendmentRequestManager = models.Manager.from_queryset(AmendmentRequestQuerySet)


class AmendmentRequest(Timestamped):
    """One wish for a correction (45 CFR 164.526). The statement of disagreement goes with the record from then on."""

    class Status(models.TextChoices):
        RECEIVED = "received", "To decide"
        ACCEPTED = "accepted", "Accepted"
        DENIED = "denied", "Denied"
        DISPUTED = "disputed", "Denied, and the patient disagrees"

    class DenialReason(models.TextChoices):
        """The grounds of 45 CFR 164.526(a)(2); there are no others."""

        NOT_OURS = "not_ours", "It was not written by this clinic"
        NOT_IN_SET = "not_in_set", "It is not part of the record"
        NOT_OPEN = "not_open", "The patient has no right to see it"
        ACCURATE = "accurate", "It is accurate and complete"

    TRANSITIONS = {
        Status.RECEIVED: {Status.ACCEPTED, Status.DENIED},
        Status.ACCEPTED: set(),
        Status.DENIED: {Status.DISPUTED},
        Status.DISPUTED: set(),
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="amendment_requests")
    report = models.ForeignKey(
        Report, on_delete=models.PROTECT, null=True, blank=True, related_name="amendment_requests"
    )
    statement = EncryptedTextField(blank=True, default="", help_text="What stands there now.")
    wanted = EncryptedTextField(help_text="What it should say, and why.")
    received_on = models.DateField()
    due_on = models.DateField()
    extended_on = models.DateField(null=True, blank=True)
    extension_reason = EncryptedTextField(blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RECEIVED)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    denial_reason = models.CharField(max_length=10, choices=DenialReason.choices, blank=True, default="")
    decision_note = EncryptedTextField(blank=True, default="")
    addendum = models.ForeignKey(
        Addendum, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Which does it."
    )
    amended_report = models.ForeignKey(
        Report, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Which does it."
    )
    disagreement = EncryptedTextField(blank=True, default="", help_text="In the patient's words.")
    disagreed_on = models.DateField(null=True, blank=True)

    objects = AmendmentRequestManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="received", decided_at=None, decided_by=None)
                | (~Q(status="received") & Q(decided_at__isnull=False, decided_by__isnull=False)),
                name="amendment_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["denied", "disputed"]) | ~Q(denial_reason=""), name="amendment_denied_why"
            ),
        ]
        indexes = [models.Index(fields=["status", "due_on"], name="amendment_due")]

    def __str__(self) -> str:
        return f"amendment request {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.RECEIVED

    @property
    def is_accepted(self) -> bool:
        return self.status == self.Status.ACCEPTED

    @property
    def was_denied(self) -> bool:
        return self.status in (self.Status.DENIED, self.Status.DISPUTED)

    @property
    def can_be_disputed(self) -> bool:
        return self.status == self.Status.DENIED
