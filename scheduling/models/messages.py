"""What patients are told about their visits, and the links they answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from scheduling.models.appointment import Appointment
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped

if TYPE_CHECKING:
    from synapse.accounts.models import User


class AppointmentMessageQuerySet(models.QuerySet["AppointmentMessage"]):
    def visible_to(self, user: User) -> AppointmentMessageQuerySet:
        """Return every message to the front desk and admins, those about a doctor's own times to the doctor, else none."""
        if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
            return self
        if user.may(Permission.VIEW_CALENDAR):
            return self.filter(Q(appointment__doctor=user) | Q(offer__doctor=user))
        return self.none()


AppointmentMessageManager = models.Manager.from_queryset(AppointmentMessageQuerySet)


class AppointmentMessage(Timestamped):
    """One message to a patient: the row is the outbox and the log. It holds no text, no address and no number.

    A row is taken for sending once: what was interrupted while it was being sent ends as `unknown` and never goes out
    by itself again.
    """

    class Kind(models.TextChoices):
        BOOKED = "booked", "Booked"
        REMINDER = "reminder", "Reminder"
        MOVED = "moved", "Moved"
        CANCELLED = "cancelled", "Cancelled"
        OFFER = "offer", "A free time offered"

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        SMS = "sms", "SMS"

    class Status(models.TextChoices):
        DUE = "due", "Waiting for its time"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Not delivered"
        SKIPPED = "skipped", "Not sent"
        UNKNOWN = "unknown", "Interrupted, perhaps sent"

    class SkipReason(models.TextChoices):
        OPTED_OUT = "opted_out", "The patient wants none"
        NO_ADDRESS = "no_address", "No address or number"
        VISIT_CHANGED = "visit_changed", "The visit was moved or cancelled"
        CONFIRMED = "confirmed", "Already confirmed"
        TOO_LATE = "too_late", "Its time was over"
        NOT_WANTED = "not_wanted", "The clinic sends none at this time any more"

    TRANSITIONS = {
        Status.DUE: {Status.SENDING, Status.SKIPPED},
        Status.SENDING: {Status.SENT, Status.DUE, Status.FAILED, Status.UNKNOWN},
        Status.SENT: set(),
        Status.FAILED: set(),
        Status.SKIPPED: set(),
        Status.UNKNOWN: set(),
    }

    appointment = models.ForeignKey(
        Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="messages"
    )
    offer = models.ForeignKey(
        "scheduling.SlotOffer", on_delete=models.PROTECT, null=True, blank=True, related_name="messages"
    )
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="messages")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    channel = models.CharField(max_length=5, choices=Channel.choices)
    hours_before = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of a reminder: how long before.")
    language = models.CharField(max_length=12, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DUE)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    provider_reference = models.CharField(max_length=120, blank=True, default="")
    skip_reason = models.CharField(max_length=14, choices=SkipReason.choices, blank=True, default="")
    error_code = models.CharField(max_length=60, blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    again = models.PositiveSmallIntegerField(default=0, help_text="Which repetition somebody asked for by hand.")

    objects = AppointmentMessageManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "kind", "channel", "hours_before", "again"],
                nulls_distinct=False,
                condition=Q(appointment__isnull=False),
                name="message_once_per_visit",
            ),
            models.UniqueConstraint(
                fields=["offer", "channel", "again"], condition=Q(offer__isnull=False), name="message_once_per_offer"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "due_at"], name="message_status_due"),
            models.Index(fields=["patient", "due_at"], name="message_patient_due"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class AppointmentLink(Timestamped):
    """A link a patient answers with: one use, an end, and dead as soon as its visit is moved, called off or over."""

    class Answer(models.TextChoices):
        CONFIRM = "confirm", "Confirmed"
        CANCEL = "cancel", "Cancelled"
        OTHER_TIME = "other_time", "Asked for another time"
        STOP = "stop", "Wants no more messages"

    appointment = models.ForeignKey(Appointment, on_delete=models.PROTECT, related_name="links")
    message = models.OneToOneField(
        AppointmentMessage, on_delete=models.PROTECT, null=True, blank=True, related_name="link"
    )
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the token is in the message alone.")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=10, choices=Answer.choices, blank=True, default="")

    def __str__(self) -> str:
        return f"link {self.pk}"
