"""What a list of visits is narrowed by."""

import datetime

import django_filters
from django.db.models import QuerySet

from patients.api.filters import PatientFilter
from scheduling.api.moments import MomentFilter, clinic_zone
from scheduling.calendar.layout import day_bounds
from scheduling.forms import REAL_DAYS
from scheduling.models import Appointment


class AppointmentFilters(django_filters.FilterSet):
    patient = PatientFilter()
    doctor = django_filters.UUIDFilter(field_name="doctor_id")
    session = django_filters.UUIDFilter(field_name="session_id")
    series = django_filters.UUIDFilter(field_name="series_id")
    room = django_filters.UUIDFilter(field_name="room_id")
    location = django_filters.CharFilter(lookup_expr="icontains", label="Part of the place.")
    status = django_filters.MultipleChoiceFilter(
        choices=Appointment.Status.choices, label="One or more, by repeating the parameter."
    )
    appointment_type = django_filters.ChoiceFilter(choices=Appointment.Type.choices)
    priority = django_filters.ChoiceFilter(choices=Appointment.Priority.choices)
    date = django_filters.DateFilter(
        method="on_day", validators=REAL_DAYS, label="Visits that begin on this day of the clinic's."
    )
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")
    # The contract's own names; `from` is a word of the language.
    vars()["from"] = MomentFilter(
        field_name="scheduled_at", lookup_expr="gte", label="Visits that begin at this moment or later."
    )
    to = MomentFilter(
        field_name="scheduled_at", lookup_expr="lt", is_end=True, label="Visits that begin before this moment."
    )

    def on_day(self, visits: QuerySet[Appointment], name: str, day: datetime.date) -> QuerySet[Appointment]:
        start, end = day_bounds(day, clinic_zone())
        return visits.filter(scheduled_at__gte=start, scheduled_at__lt=end)
