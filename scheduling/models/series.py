"""Visits that repeat: the rule, its exceptions and what it says of every visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from scheduling.models.availability import Room
from scheduling.series.recurrence import Rule, describe
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


BOUNDED = Q(rule__contains="COUNT=") | Q(rule__contains="UNTIL=")
# Of patients who still come: a record merged into another one goes on with that.
OF_PATIENT_IN_USE = Q(patient__archived_at=None) | Q(
    patient__merged_into__isnull=False, patient__merged_into__archived_at=None
)


class AppointmentSeriesQuerySet(models.QuerySet["AppointmentSeries"]):
    def visible_to(self, user: User) -> AppointmentSeriesQuerySet:
        """Return every series to the front desk and admins, a doctor's own to the doctor, else none."""
        if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
            return self
        if user.may(Permission.VIEW_CALENDAR):
            return self.filter(doctor=user)
        return self.none()

    def of_patients_in_use(self) -> AppointmentSeriesQuerySet:
        """Return series of patients who still come."""
        return self.filter(OF_PATIENT_IN_USE)


AppointmentSeriesManager = models.Manager.from_queryset(AppointmentSeriesQuerySet)


class AppointmentSeries(Timestamped):
    """A visit that repeats by an RRULE (RFC 5545), at one time of the wall clock in its own zone.

    Its visits are ordinary appointments that point back here, booked ahead up to `booked_until`. A change of "this and
    following" ends the series the day before and begins another one that names it in `continues`.
    """

    class HolidayRule(models.TextChoices):
        SKIP = "skip", "Leave it out"
        NEXT_DAY = "next_day", "Move it to the next working day"
        KEEP = "keep", "Book it all the same"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="appointment_series")
    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="appointment_series")
    room = models.ForeignKey(Room, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    rule = models.CharField(max_length=200, help_text="RRULE without its prefix and without DTSTART.")
    first_day = models.DateField()
    clock = models.TimeField(help_text="Of the wall clock in the series' zone, on every day.")
    timezone = models.CharField(max_length=60)
    duration_minutes = models.PositiveSmallIntegerField()
    exceptions = models.JSONField(
        default=list,
        blank=True,
        help_text='Days of the rule without a visit, [{"day", "why"}]; why: cancelled, holiday, taken.',
    )
    holiday_rule = models.CharField(max_length=8, choices=HolidayRule.choices, default=HolidayRule.SKIP)
    booked_until = models.DateField(help_text="The last day up to which the rule's visits were booked.")
    continues = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="continued_by"
    )

    appointment_type = models.CharField(max_length=20)
    priority = models.CharField(max_length=10, default="normal")
    chief_complaint = EncryptedTextField(blank=True, default="")
    notes = EncryptedTextField(blank=True, default="")
    preparation_instructions = EncryptedTextField(blank=True, default="")
    location = models.CharField(max_length=80, blank=True, default="")
    confirmation_required = models.BooleanField(default=True)

    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When the whole series was cancelled.")
    end_noticed_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody said that a series about to end may end."
    )

    objects = AppointmentSeriesManager()

    class Meta:
        verbose_name_plural = "appointment series"
        constraints = [
            models.CheckConstraint(condition=Q(duration_minutes__gt=0), name="series_takes_time"),
        ]
        indexes = [models.Index(fields=["doctor", "booked_until"], name="series_doctor_until")]

    def __str__(self) -> str:
        return f"series {self.pk}"

    @property
    def in_words(self) -> str:
        """Return the rule as people say it; days left out are no visits, cancelled ones were."""
        left_out = sum(row["why"] != "cancelled" for row in self.exceptions)
        return describe(Rule.parse(self.rule), clock=self.clock, left_out=left_out)

    @property
    def is_open_ended(self) -> bool:
        return Rule.parse(self.rule).is_open_ended
