"""Reports given to somebody outside: links, who opened them, and the patient's summary in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from reports.models.report import Report
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField, EncryptedJSONField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class PatientSummary(Timestamped):
    """A signed report in plain words. Each line keeps the report's sentences it rests on; the clinician ticks it."""

    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="patient_summary")
    lines = EncryptedJSONField(default=list, help_text="[{id, text, sources: [sentence ids], origin: ai|doctor}]")
    reading_grade = models.FloatField(null=True, blank=True, help_text="Flesch-Kincaid grade of the text.")
    revision = models.PositiveIntegerField(default=0)
    ticked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ticked_at = models.DateTimeField(null=True, blank=True, help_text="Only a ticked summary is shared.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ticked_at=None, ticked_by=None) | Q(ticked_at__isnull=False, ticked_by__isnull=False),
                name="summary_ticked_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"summary of {self.report}"


class ReportShareQuerySet(models.QuerySet["ReportShare"]):
    def visible_to(self, user: User) -> ReportShareQuerySet:
        """Return the links to reports this person may see."""
        return self.filter(report__in=Report.objects.visible_to(user))

    def to_hand_over(self) -> ReportShareQuerySet:
        """Return what patients were given and may have printed by reception: not ended, not erased."""
        return self.filter(audience=ReportShare.Audience.PATIENT, revoked_at=None, report__erased_at=None)


ReportShareManager = models.Manager.from_queryset(ReportShareQuerySet)


class ReportShare(Timestamped):
    """A link to one signed report or its summary: expiring, counted, revocable, with or without a PIN."""

    class Audience(models.TextChoices):
        PATIENT = "patient", "Patient"
        PROVIDER = "provider", "Provider"

    class Document(models.TextChoices):
        REPORT = "report", "The report"
        SUMMARY = "summary", "The summary in plain words"

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="shares")
    audience = models.CharField(max_length=8, choices=Audience.choices)
    document = models.CharField(max_length=8, choices=Document.choices, default=Document.REPORT)
    email = EncryptedCharField(max_length=254)
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the token itself is shown once.")
    pin_hash = models.CharField(max_length=128, blank=True, default="")
    wrong_pins = models.PositiveSmallIntegerField(default=0)
    reason = EncryptedTextField(
        blank=True, default="", help_text="Why a provider gets it although the patient has not agreed to sharing."
    )
    mailed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    uses_left = models.PositiveSmallIntegerField(default=1)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    shared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="report_shares")

    objects = ReportShareManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(revoked_by=None) | Q(revoked_at__isnull=False),
                name="share_revoked_at_some_time",
            )
        ]

    def __str__(self) -> str:
        return f"share of {self.report}"


class ShareOpening(models.Model):
    """One time a link was used. Rows are only added."""

    share = models.ForeignKey(ReportShare, on_delete=models.PROTECT, related_name="openings")
    opened_at = models.DateTimeField()
    device = EncryptedCharField(max_length=120, blank=True, default="", help_text="Browser and system, in words.")
    address = EncryptedCharField(max_length=45, blank=True, default="", help_text="The network address it came from.")

    def __str__(self) -> str:
        return f"opening of {self.share_id}"
