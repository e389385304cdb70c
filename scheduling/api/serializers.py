"""A visit as JSON, and what is sent to book, move and end one."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from patients.models import Patient
from patients.queries import doctors
from scheduling.forms import LONGEST_NOTES, LONGEST_OVERBOOKING_REASON, LONGEST_PLACE, LONGEST_TEXT
from scheduling.models import Appointment, Room
from scheduling.services.slot_checks import LONGEST_MINUTES, SHORTEST_MINUTES
from sessions_app.models import SessionType
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer, UtcDateTimeField

OVERBOOKING = "Books although the doctor or the room is taken, or the time is not offered. Kept with the visit."
# Of a visit that stands these change by an action, or never.
SETTLED = (
    "id",
    "session",
    "ends_at",
    "timezone",
    "status",
    "booked_by",
    "buffer_minutes",
    "overbooked",
    "overbooking_reason",
    "is_walk_in",
    "series",
    "room_name",
    "reminder_sent",
    "reminder_at",
    "confirmed_at",
    "confirmed_by",
    "confirmed_by_patient",
    "patient_asked_at",
    "patient_request",
    "cancelled_at",
    "cancelled_by",
    "cancelled_by_patient",
    "cancellation_reason",
    "rescheduled_from",
    "rescheduled_to",
    "reschedule_reason",
    "completed_at",
    "called_at",
    "arrived_at",
    "in_room_at",
    "seen_at",
    "checked_out_at",
    "created_at",
    "updated_at",
)
PLANNED = (
    "patient",
    "doctor",
    "scheduled_at",
    "duration_minutes",
    "appointment_type",
    "priority",
    "chief_complaint",
    "notes",
    "preparation_instructions",
    "room",
    "location",
    "estimated_cost",
    "copay_amount",
    "insurance_verified",
    "confirmation_required",
)


def _minutes(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=SHORTEST_MINUTES, max_value=LONGEST_MINUTES, **options)


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal(0), required=False, allow_null=True, **options
    )


def _text(longest: int = LONGEST_TEXT, **options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=longest, required=False, allow_blank=True, **options)


class AppointmentSerializer(ResourceSerializer[Appointment]):
    """A visit. Whoever sees it sees all of it: of colleagues' visits only busy times are told, by `/availability/`."""

    patient = KeyField(read_only=True)
    doctor = KeyField(queryset=doctors(), required=False, help_text="The caller, when that is a doctor.")
    session = KeyField(read_only=True, help_text="The consultation that began from it.")
    scheduled_at = UtcDateTimeField()
    duration_minutes = _minutes(required=False, help_text="As is usual for the type, when not said.")
    chief_complaint = _text(help_text="Why the patient comes, in their words.")
    notes = _text(LONGEST_NOTES, help_text="For the clinic.")
    preparation_instructions = _text(help_text="What the patient is to bring or prepare.")
    location = _text(LONGEST_PLACE, help_text="Where it is if not in a room: a ward, or how a call is reached.")
    room = KeyField(queryset=Room.objects.all(), required=False, allow_null=True)
    room_name = serializers.CharField(source="room.name", read_only=True, allow_null=True)
    estimated_cost = _money()
    copay_amount = _money(help_text="The patient's part of the cost.")
    series = KeyField(read_only=True)
    booked_by = KeyField(read_only=True)
    confirmed_by = KeyField(read_only=True, help_text="Null when the patient did it by a link.")
    cancelled_by = KeyField(read_only=True, help_text="Null when the patient did it by a link.")
    rescheduled_from = KeyField(read_only=True, help_text="The visit this one took the place of.")
    rescheduled_to = KeyField(read_only=True, help_text="The visit that took this one's place.")

    columns = {"room_name": ("room", "room__name")}

    class Meta:
        model = Appointment
        fields = (*PLANNED, *SETTLED)
        read_only_fields = SETTLED


class NewAppointmentSerializer(AppointmentSerializer):
    """A visit to book."""

    patient = KeyField(queryset=Patient.objects.all())
    overbooking_reason = _text(LONGEST_OVERBOOKING_REASON, help_text=OVERBOOKING)

    class Meta(AppointmentSerializer.Meta):
        pass


class CancelAppointmentSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=LONGEST_TEXT, help_text="For the clinic; the patient does not see it.")
    by_patient = serializers.BooleanField(
        default=False, help_text="The patient asked for it: only then a fee for late cancelling is due."
    )


class RescheduleAppointmentSerializer(StrictSerializer):
    scheduled_at = UtcDateTimeField()
    duration_minutes = _minutes(required=False, help_text="As before, when not said.")
    reason = serializers.CharField(max_length=LONGEST_TEXT, help_text="For the clinic.")
    doctor = KeyField(queryset=doctors(), required=False, help_text="The same, when not said.")
    room = KeyField(queryset=Room.objects.all(), required=False, allow_null=True, help_text="The same, when not said.")
    overbooking_reason = _text(LONGEST_OVERBOOKING_REASON, help_text=OVERBOOKING)


class StartAppointmentSerializer(StrictSerializer):
    session_type = serializers.ChoiceField(
        choices=SessionType.choices, required=False, help_text="As the visit's type, when not said."
    )
    chief_complaint = _text(help_text="The visit's, when not said.")
