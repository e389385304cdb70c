"""Appointments: planned visits and what became of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from scheduling.models.availability import Room
from scheduling.models.series import AppointmentSeries
from sessions_app.models import ConsultationSession
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedDecimalField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def visible_to(self, user: User) -> AppointmentQuerySet:
        """Return all appointments to the front desk and admins, a doctor's own to the doctor, else none."""
        if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
            return self
        if user.may(Permission.VIEW_CALENDAR):
            return self.filter(doctor=user)
        return self.none()

    def active(self) -> AppointmentQuerySet:
        return self.filter(status__in=Appointment.ACTIVE)

    def open(self) -> AppointmentQuerySet:
        """Return visits that are still to come or going on."""
        return self.filter(status__in=Appointment.OPEN)

    def overlapping(self, start: datetime, end: datetime) -> AppointmentQuerySet:
        """Return active appointments that share a moment with [start, end)."""
        return self.active().filter(scheduled_at__lt=end, ends_at__gt=start)


AppointmentManager = models.Manager.from_queryset(AppointmentQuerySet)


class Appointment(Timestamped):
    """One planned visit. `ends_at` is stored so that overlap is a comparison of columns."""

    class Type(models.TextChoices):
        NEW_PATIENT = "new_patient", "New patient"
        FOLLOWUP = "followup", "Follow-up"
        CONSULTATION = "consultation", "Consultation"
        EMERGENCY = "emergency", "Emergency"
        TELEMEDICINE = "telemedicine", "Telemedicine"

    class Priority(models.TextChoices):
        LOW = "low", "Low"
        NORMAL = "normal", "Normal"
        HIGH = "high", "High"
        URGENT = "urgent", "Urgent"

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        CONFIRMED = "confirmed", "Confirmed"
        CANCELLED = "cancelled", "Cancelled"
        RESCHEDULED = "rescheduled", "Moved"
        COMPLETED = "completed", "Completed"
        NO_SHOW = "no_show", "Did not come"

    TRANSITIONS = {
        Status.SCHEDULED: {Status.CONFIRMED, Status.CANCELLED, Status.RESCHEDULED, Status.COMPLETED, Status.NO_SHOW},
        Status.CONFIRMED: {Status.CANCELLED, Status.RESCHEDULED, Status.COMPLETED, Status.NO_SHOW},
        Status.CANCELLED: set(),
        Status.RESCHEDULED: set(),
        Status.COMPLETED: set(),
        Status.NO_SHOW: {Status.SCHEDULED},  # noted by mistake, taken back the same day
    }
    OPEN = (Status.SCHEDULED, Status.CONFIRMED)
    ACTIVE = (Status.SCHEDULED, Status.CONFIRMED, Status.COMPLETED)

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="appointments")
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="appointments")
    session = models.OneToOneField(
        ConsultationSession, on_delete=models.PROTECT, null=True, blank=True, related_name="appointment"
    )
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    scheduled_at = models.DateTimeField()
    duration_minutes = models.PositiveSmallIntegerField(default=50)
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=60)
    appointment_type = models.CharField(max_length=20, choices=Type.choices, default=Type.FOLLOWUP)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.SCHEDULED)
    priority = models.CharField(max_length=10, choices=Priority.choices, default=Priority.NORMAL)
    overbooked = models.BooleanField(default=False, help_text="Booked over another visit on purpose.")
    overbooking_reason = EncryptedTextField(
        blank=True, default="", help_text="Why it was booked although the time is taken or not offered."
    )
    buffer_minutes = models.PositiveSmallIntegerField(default=0, help_text="Kept free after the visit.")
    is_walk_in = models.BooleanField(default=False)
    series = models.ForeignKey(
        AppointmentSeries, on_delete=models.PROTECT, null=True, blank=True, related_name="appointments"
    )
    series_day = models.DateField(
        null=True, blank=True, help_text="The day the series' rule gives this visit, wherever it was moved to."
    )
    series_changed = models.BooleanField(default=False, help_text="Changed alone: a change of the series leaves it.")

    chief_complaint = EncryptedTextField(blank=True, default="")
    notes = EncryptedTextField(blank=True, default="")
    preparation_instructions = EncryptedTextField(blank=True, default="")
    room = models.ForeignKey(Room, on_delete=models.PROTECT, null=True, blank=True, related_name="appointments")
    location = models.CharField(max_length=80, blank=True, default="")

    estimated_cost = EncryptedDecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    copay_amount = EncryptedDecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    insurance_verified = models.BooleanField(default=False)

    reminder_sent = models.BooleanField(default=False)
    reminder_at = models.DateTimeField(null=True, blank=True)
    confirmation_required = models.BooleanField(default=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    confirmed_by_patient = models.BooleanField(default=False)
    patient_asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the patient asked for another time; empty once it is settled."
    )
    patient_request = EncryptedTextField(blank=True, default="")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cancelled_by_patient = models.BooleanField(default=False)
    cancellation_reason = EncryptedTextField(blank=True, default="")
    rescheduled_from = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="moved_from_here"
    )
    rescheduled_to = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="moved_to_here"
    )
    reschedule_reason = EncryptedTextField(blank=True, default="")
    completed_at = models.DateTimeField(null=True, blank=True)

    called_at = models.DateTimeField(
        null=True, blank=True, help_text="When the desk last rang the patient about this visit."
    )

    # The day sheet: stages are times, not states.
    arrived_at = models.DateTimeField(null=True, blank=True)
    in_room_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the consultation was over.")
    checked_out_at = models.DateTimeField(null=True, blank=True)

    objects = AppointmentManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("scheduled_at")), name="appointment_ends_after_start"
            ),
            models.CheckConstraint(
                condition=~Q(status="cancelled") | Q(cancelled_at__isnull=False), name="appointment_cancelled_when"
            ),
            models.CheckConstraint(
                condition=~Q(status="completed") | Q(completed_at__isnull=False), name="appointment_completed_when"
            ),
            models.UniqueConstraint(
                fields=["series", "series_day"],
                condition=Q(status__in=["scheduled", "confirmed", "completed", "no_show"]),
                name="appointment_once_per_series_day",
            ),
        ]
        indexes = [
            models.Index(fields=["doctor", "scheduled_at"], name="appointment_doctor_at"),
            models.Index(fields=["patient", "scheduled_at"], name="appointment_patient_at"),
            models.Index(fields=["scheduled_at"], name="appointment_at"),
            models.Index(fields=["room", "scheduled_at"], name="appointment_room_at"),
        ]

    def __str__(self) -> str:
        return f"appointment {self.pk}"

    @staticmethod
    def end_of(scheduled_at: datetime, duration_minutes: int) -> datetime:
        return scheduled_at + timedelta(minutes=duration_minutes)
