"""Access that stands out: what is looked for, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from synapse.accounts.roles import Permission
from synapse.audit.models import AuditEvent
from synapse.common.models import Timestamped
from synapse.common.single_rows import single_row
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class Rule(models.TextChoices):
    """What stands out."""

    MANY_PATIENTS = "many_patients", "Many patients in an hour"
    SAME_NAME = "same_name", "Same surname as the reader"
    NIGHT = "night", "At night"
    COLLEAGUE = "colleague", "Record of a colleague"
    REFUSALS = "refusals", "Many refusals"
    SIGN_INS = "sign_ins", "Failed sign-ins"
    EXPORTS = "exports", "Many exports"
    AFTER_END = "after_end", "After access ended"


class AlertSettings(models.Model):
    """From which number on something stands out. One row, made on first use by `AlertSettings.load()`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    patients_an_hour = models.PositiveSmallIntegerField(default=40)
    refusals_an_hour = models.PositiveSmallIntegerField(default=10)
    sign_ins_an_hour = models.PositiveSmallIntegerField(default=5)
    exports_an_hour = models.PositiveSmallIntegerField(default=15)
    night_from_hour = models.PositiveSmallIntegerField(default=22)
    night_until_hour = models.PositiveSmallIntegerField(default=6)
    watches_nights = models.BooleanField(default=True)
    watches_names = models.BooleanField(default=True)
    watches_colleagues = models.BooleanField(default=True)
    swept_seq = models.PositiveBigIntegerField(default=0, editable=False, help_text="The last audit row looked at.")

    class Meta:
        verbose_name_plural = "alert settings"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="alert_settings_one_row")]

    def __str__(self) -> str:
        return "Alert settings"

    @classmethod
    def load(cls) -> AlertSettings:
        """Return the one row, made with its defaults when it is not there yet."""
        return single_row(cls)


class AccessAlertQuerySet(models.QuerySet["AccessAlert"]):
    def visible_to(self, user: User) -> AccessAlertQuerySet:
        """Return all to who reads the audit log, else none; what is about themselves is for a colleague to judge."""
        return self if user.may(Permission.VIEW_AUDIT) else self.none()

    def waiting(self) -> AccessAlertQuerySet:
        """Return those nobody has explained or escalated yet."""
        return self.filter(status__in=AccessAlert.WAITING)

    def resting_on(self, sign_in_id: UUID) -> AccessAlertQuerySet:
        """Return those among whose audit rows is one of a sign-in."""
        rows = set(AuditEvent.objects.filter(sign_in_id=sign_in_id).values_list("seq", flat=True))
        fitting = [pk for pk, events in self.values_list("pk", "events") if not rows.isdisjoint(events)] if rows else []
        return self.filter(pk__in=fitting)


AccessAlertManager = models.Manager.from_queryset(AccessAlertQuerySet)


class AccessAlert(Timestamped):
    """One finding with the audit rows it rests on. Ids and labels only; names are put to it when it is shown."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        SEEN = "seen", "Seen"
        EXPLAINED = "explained", "Explained"
        ESCALATED = "escalated", "Escalated"

    TRANSITIONS = {
        Status.OPEN: {Status.SEEN, Status.EXPLAINED, Status.ESCALATED},
        Status.SEEN: {Status.EXPLAINED, Status.ESCALATED},
        Status.EXPLAINED: {Status.ESCALATED},
        Status.ESCALATED: {Status.EXPLAINED},
    }
    WAITING = (Status.OPEN, Status.SEEN)

    rule = models.CharField(max_length=14, choices=Rule.choices)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN)
    key = models.CharField(max_length=120, unique=True, help_text="Rule, person and what of: one finding, one row.")
    actor_id = models.UUIDField(null=True, blank=True)
    actor_label = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    patient_id = models.UUIDField(null=True, blank=True)
    started_at = models.DateTimeField(help_text="Of the first audit row.")
    ended_at = models.DateTimeField(help_text="Of the last one.")
    number = models.PositiveIntegerField(default=1, help_text="How many of what the rule counts.")
    events = models.JSONField(default=list, help_text="Numbers of the audit rows it rests on.")
    note = EncryptedTextField(blank=True, default="", max_length=2000)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    handled_at = models.DateTimeField(null=True, blank=True)

    objects = AccessAlertManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", handled_at=None, handled_by=None)
                | Q(handled_at__isnull=False, handled_by__isnull=False),
                name="alert_handled_by_somebody",
            )
        ]
        indexes = [
            models.Index(fields=["status", "ended_at"], name="alert_status_ended"),
            models.Index(fields=["ended_at"], name="alert_ended"),
        ]

    def __str__(self) -> str:
        return f"alert {self.rule}"

    @property
    def is_waiting(self) -> bool:
        return self.status in self.WAITING
