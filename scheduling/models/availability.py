"""When and where visits can be: rooms, working hours, holidays, time off and the defaults of each type of visit."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField


class Room(Timestamped):
    """A room of the clinic. Two visits are never in it at once."""

    name = models.CharField(max_length=60, unique=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WorkingHours(Timestamped):
    """When a doctor works, or has a break, on one weekday. Times are of the wall clock in the doctor's own zone."""

    class Kind(models.TextChoices):
        WORK = "work", "Working hours"
        BREAK = "break", "Break"

    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="working_hours")
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.WORK)
    weekday = models.PositiveSmallIntegerField(help_text="0 is Monday.")
    starts = models.TimeField()
    ends = models.TimeField()
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True, help_text="The last day; empty: until further notice.")
    room = models.ForeignKey(Room, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name_plural = "working hours"
        ordering = ["weekday", "starts"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="working_hours_weekday"),
            models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="working_hours_end_after_start"),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")), name="working_hours_validity"
            ),
        ]
        indexes = [models.Index(fields=["doctor", "weekday"], name="working_hours_doctor_day")]

    def __str__(self) -> str:
        return f"working hours {self.pk}"


class Holiday(Timestamped):
    """A day the clinic is closed, from a country's list or the clinic's own."""

    day = models.DateField(unique=True)
    name = models.CharField(max_length=120)
    is_closed = models.BooleanField(default=True, help_text="Off: the clinic works that day all the same.")
    country = models.CharField(max_length=12, blank=True, default="", help_text="Empty: the clinic's own day.")

    class Meta:
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day}"


class TimeOff(Timestamped):
    """A time without visits: leave, a meeting, a private block, or an entry of an imported calendar."""

    class Kind(models.TextChoices):
        LEAVE = "leave", "Away"
        MEETING = "meeting", "Meeting"
        BLOCK = "block", "Not for visits"
        IMPORTED = "imported", "Busy elsewhere"

    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="time_off",
        help_text="Empty: every clinician.",
    )
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.LEAVE)
    title = EncryptedCharField(max_length=120, blank=True, default="")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    calendar = models.ForeignKey(
        "scheduling.BusyCalendar", on_delete=models.CASCADE, null=True, blank=True, related_name="entries"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name_plural = "time off"
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="time_off_ends_after")]
        indexes = [models.Index(fields=["doctor", "starts_at"], name="time_off_doctor_at")]

    def __str__(self) -> str:
        return f"time off {self.pk}"


class VisitDefault(Timestamped):
    """How long visits of a type are and how long the pause after them; a doctor's own row wins over the clinic's."""

    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="visit_defaults",
        help_text="Empty: the clinic's default.",
    )
    appointment_type = models.CharField(max_length=20)
    duration_minutes = models.PositiveSmallIntegerField(default=50)
    buffer_minutes = models.PositiveSmallIntegerField(default=0, help_text="Kept free after the visit.")
    preparation_instructions = models.TextField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["doctor", "appointment_type"], name="visit_default_one_per_doctor"),
            models.UniqueConstraint(
                fields=["appointment_type"], condition=Q(doctor=None), name="visit_default_one_per_clinic"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.appointment_type} default"
