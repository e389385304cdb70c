"""The waiting list: who wants an earlier time, and the times offered to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from patients.models import Patient
from scheduling.models.appointment import Appointment
from scheduling.models.availability import Room
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class WaitingEntryQuerySet(models.QuerySet["WaitingEntry"]):
    def visible_to(self, user: User) -> WaitingEntryQuerySet:
        """Return every entry to the front desk and admins; to a doctor those who wait for them or for anybody."""
        if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
            return self
        if user.may(Permission.VIEW_CALENDAR):
            patients = Patient.objects.visible_to(user)
            return self.filter(Q(doctor=user) | Q(doctor=None), patient__in=patients)
        return self.none()


WaitingEntryManager = models.Manager.from_queryset(WaitingEntryQuerySet)


class WaitingEntry(Timestamped):
    """A patient who wants a time there is none for yet. `created_at` is since when."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        OFFERED = "offered", "A time is offered"
        BOOKED = "booked", "Booked"
        REMOVED = "removed", "Taken off the list"

    TRANSITIONS = {
        Status.WAITING: {Status.OFFERED, Status.BOOKED, Status.REMOVED},
        Status.OFFERED: {Status.WAITING, Status.BOOKED, Status.REMOVED},
        Status.BOOKED: set(),
        Status.REMOVED: {Status.WAITING},
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="waiting_entries")
    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="waiting_entries",
        help_text="Empty: any clinician.",
    )
    appointment_type = models.CharField(max_length=20, choices=Appointment.Type.choices)
    duration_minutes = models.PositiveSmallIntegerField(default=50)
    priority = models.CharField(
        max_length=10, choices=Appointment.Priority.choices, default=Appointment.Priority.NORMAL
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    earliest_day = models.DateField(null=True, blank=True)
    latest_day = models.DateField(null=True, blank=True)
    weekdays = models.JSONField(default=list, blank=True, help_text="0 is Monday; empty: any day.")
    from_clock = models.TimeField(null=True, blank=True)
    until_clock = models.TimeField(null=True, blank=True)
    notes = EncryptedTextField(blank=True, default="")
    current_appointment = models.ForeignKey(
        Appointment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The visit this patient has and gives up for an earlier one.",
    )
    appointment = models.OneToOneField(
        Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="waiting_entry"
    )
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = WaitingEntryManager()

    class Meta:
        verbose_name_plural = "waiting entries"
        indexes = [models.Index(fields=["status", "created_at"], name="waiting_status_since")]

    def __str__(self) -> str:
        return f"waiting entry {self.pk}"


class FreedSlotQuerySet(models.QuerySet["FreedSlot"]):
    def visible_to(self, user: User) -> FreedSlotQuerySet:
        """Return every free time to the front desk and admins, a doctor's own to the doctor, else none."""
        if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
            return self
        if user.may(Permission.VIEW_CALENDAR):
            return self.filter(doctor=user)
        return self.none()


FreedSlotManager = models.Manager.from_queryset(FreedSlotQuerySet)


class FreedSlot(Timestamped):
    """A time that came free, or was picked by hand, for the waiting list. `created_at` is since when."""

    class Status(models.TextChoices):
        OPEN = "open", "Free"
        FILLED = "filled", "Filled"
        LEFT = "left", "Left open"
        OVER = "over", "Over"
        UNDONE = "undone", "Taken back"

    TRANSITIONS = {
        Status.OPEN: {Status.FILLED, Status.LEFT, Status.OVER, Status.UNDONE},
        Status.FILLED: set(),
        Status.LEFT: {Status.OPEN, Status.FILLED, Status.OVER},
        Status.OVER: set(),
        Status.UNDONE: set(),
    }

    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="freed_slots")
    room = models.ForeignKey(Room, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    freed_by = models.ForeignKey(
        Appointment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="freed_slots",
        help_text="The visit that left this time free; empty: picked by hand.",
    )
    status = models.CharField(max_length=6, choices=Status.choices, default=Status.OPEN)
    goes_on_for = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who chose to go on down the list by itself; empty: each offer is made by hand.",
    )
    filled_at = models.DateTimeField(null=True, blank=True)
    filled_with = models.ForeignKey(
        Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="filled_slots"
    )

    objects = FreedSlotManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="freed_slot_ends_after_start"),
            models.CheckConstraint(
                condition=~Q(status="filled") | Q(filled_at__isnull=False), name="freed_slot_filled_when"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "starts_at"], name="freed_slot_status_at"),
            models.Index(fields=["doctor", "starts_at"], name="freed_slot_doctor_at"),
        ]

    def __str__(self) -> str:
        return f"free time {self.pk}"


class SlotOffer(Timestamped):
    """A free time offered to one waiting patient and held for them until `held_until`."""

    class Status(models.TextChoices):
        HELD = "held", "Held"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        EXPIRED = "expired", "Not answered"
        WITHDRAWN = "withdrawn", "Withdrawn"

    TRANSITIONS = {
        Status.HELD: {Status.ACCEPTED, Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN},
        Status.ACCEPTED: set(),
        Status.DECLINED: set(),
        Status.EXPIRED: set(),
        Status.WITHDRAWN: set(),
    }

    entry = models.ForeignKey(WaitingEntry, on_delete=models.PROTECT, related_name="offers")
    slot = models.ForeignKey(FreedSlot, on_delete=models.PROTECT, related_name="offers")
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="slot_offers")
    room = models.ForeignKey(Room, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    held_until = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.HELD)
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the token is in the message alone.")
    answered_at = models.DateTimeField(null=True, blank=True)
    appointment = models.OneToOneField(
        Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="accepted_offer"
    )
    offered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: next in line, offered by itself.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="offer_ends_after_start"),
            models.UniqueConstraint(fields=["entry"], condition=Q(status="held"), name="offer_one_held_per_entry"),
            models.UniqueConstraint(fields=["slot"], condition=Q(status="held"), name="offer_one_held_per_slot"),
        ]
        indexes = [models.Index(fields=["doctor", "starts_at"], name="offer_doctor_at")]

    def __str__(self) -> str:
        return f"offer {self.pk}"
