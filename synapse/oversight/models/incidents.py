"""Incidents: somebody may have seen what was not theirs to see."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User

# 45 CFR 164.404(b): without unreasonable delay, at the latest 60 days after discovery.
NOTICE_DAYS = 60
# 45 CFR 164.406 and 164.408: from 500 people on the media of the state and the Secretary at once.
MANY_PEOPLE = 500


class IncidentQuerySet(models.QuerySet["Incident"]):
    def visible_to(self, user: User) -> IncidentQuerySet:
        """Return every incident to who reads the audit log, else none."""
        return self if user.may(Permission.VIEW_AUDIT) else self.none()


IncidentManager = models.Manager.from_queryset(IncidentQuerySet)


class Incident(Timestamped):
    """One look into who saw what in a window, the assessment of it and what was done."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ASSESSED = "assessed", "Assessed"
        NOTIFIED = "notified", "Notified"
        CLOSED = "closed", "Closed"

    TRANSITIONS = {
        Status.OPEN: {Status.ASSESSED},
        Status.ASSESSED: {Status.NOTIFIED, Status.CLOSED, Status.OPEN},
        Status.NOTIFIED: {Status.CLOSED},
        Status.CLOSED: set(),
    }

    number = models.CharField(max_length=20, unique=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    title = EncryptedCharField(max_length=160)
    discovered_on = models.DateField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    actor_id = models.UUIDField(null=True, blank=True, help_text="Whose account was used.")
    actor_label = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    sign_in_id = models.UUIDField(null=True, blank=True, help_text="The browser session or token that was used.")
    events = models.PositiveIntegerField(default=0, help_text="How many audit rows were found.")
    last_seq = models.PositiveBigIntegerField(default=0, help_text="The last audit row looked at.")
    left_out = models.PositiveIntegerField(
        default=0, help_text="How many audit rows behind it were too many to look at."
    )

    # The four factors of 45 CFR 164.402(2).
    nature = EncryptedTextField(blank=True, default="", max_length=2000)
    person = EncryptedTextField(blank=True, default="", max_length=2000)
    acquired = EncryptedTextField(blank=True, default="", max_length=2000)
    mitigated = EncryptedTextField(blank=True, default="", max_length=2000)
    is_breach = models.BooleanField(null=True, blank=True, help_text="Off: a low probability of compromise.")
    happened = EncryptedTextField(blank=True, default="", max_length=2000, help_text="In plain words, for the letters.")
    done = EncryptedTextField(blank=True, default="", max_length=2000, help_text="What the clinic does about it.")
    advice = EncryptedTextField(blank=True, default="", max_length=2000, help_text="What patients should do.")

    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assessed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    assessed_at = models.DateTimeField(null=True, blank=True)
    notified_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = IncidentManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(until_at__gt=models.F("from_at")), name="incident_window_is_one"),
            models.CheckConstraint(
                condition=Q(status="open")
                | Q(assessed_at__isnull=False, assessed_by__isnull=False, is_breach__isnull=False),
                name="incident_assessed_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["status", "discovered_on"], name="incident_status_discovered")]

    def __str__(self) -> str:
        return self.number

    @property
    def notify_by(self) -> date:
        """The last day to tell the patients."""
        return self.discovered_on + timedelta(days=NOTICE_DAYS)

    @property
    def is_running(self) -> bool:
        """Whether the clock of the notice still runs."""
        return self.status in (self.Status.OPEN, self.Status.ASSESSED) and self.is_breach is not False


class IncidentPatient(models.Model):
    """One patient whose data was opened within an incident."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="patients")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    kinds = models.JSONField(default=list, help_text="Kinds of records: names of tables.")
    events = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    letter_at = models.DateTimeField(null=True, blank=True, help_text="When the letter was made.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "patient"], name="incident_patient_once")]

    def __str__(self) -> str:
        return f"patient of {self.incident_id}"
