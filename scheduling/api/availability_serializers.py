"""When a doctor works and is taken as JSON, and what is sent to change it."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from patients.queries import doctors
from scheduling.availability.forms import ENTERED_KINDS, LONGEST_TITLE
from scheduling.forms import REAL_DAYS
from scheduling.models import Holiday, Room, TimeOff, WorkingHours
from scheduling.permissions import may_read_words
from scheduling.services.slot_checks import LAST_YEAR
from synapse.accounts.models import User
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer, UtcDateTimeField, person_of

MOST_LINES = 100
REAL_MOMENTS = [
    MinValueValidator(datetime(1900, 1, 1, tzinfo=UTC), "Enter a real day"),
    MaxValueValidator(datetime(LAST_YEAR, 12, 31, tzinfo=UTC), "Enter a real day"),
]
WEEKDAY = "0 is Monday."


@extend_schema_field({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "09:30"})
class WallClockField(serializers.TimeField):
    """A time on the clock of the doctor's zone, in hours and minutes; it has no zone of its own."""

    def __init__(self) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M", "%H:%M:%S"])


class WorkingHoursSerializer(serializers.Serializer[WorkingHours]):
    """Hours, or a break, on one weekday, by the wall clock of the doctor's zone."""

    id = serializers.UUIDField()
    weekday = serializers.IntegerField(min_value=0, max_value=6, help_text=WEEKDAY)
    kind = serializers.ChoiceField(choices=WorkingHours.Kind.choices)
    starts = WallClockField()
    ends = WallClockField()
    room = serializers.UUIDField(source="room_id", allow_null=True)
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True, help_text="The last day; null until further notice.")


class TimeSpanSerializer(serializers.Serializer[Any]):
    starts_at = UtcDateTimeField(source="start")
    ends_at = UtcDateTimeField(source="end")


class WorkingTimeSerializer(TimeSpanSerializer):
    room = serializers.UUIDField(allow_null=True, help_text="Where the doctor usually is then.")


class ClosedDaySerializer(serializers.Serializer[Holiday]):
    day = serializers.DateField()
    name = serializers.CharField()


class TimeOffSerializer(ResourceSerializer[TimeOff]):
    """A time without visits, of one doctor, or of every clinician where `doctor` is null."""

    doctor = KeyField(read_only=True)
    title = serializers.SerializerMethodField(help_text="What it is for. An imported entry's is its doctor's alone.")
    is_imported = serializers.SerializerMethodField(help_text="From a calendar elsewhere, and changed there.")
    created_by = KeyField(read_only=True)

    columns: ClassVar = {"title": ("title", "doctor", "kind"), "is_imported": ("calendar",)}

    class Meta:
        model = TimeOff
        fields = (
            *("id", "doctor", "kind", "title", "starts_at", "ends_at", "is_imported"),
            *("created_by", "created_at", "updated_at"),
        )
        read_only_fields = fields

    def get_title(self, entry: TimeOff) -> str:
        user = person_of(self)
        return entry.title if user is not None and may_read_words(user, entry) else ""

    def get_is_imported(self, entry: TimeOff) -> bool:
        return entry.calendar_id is not None


class DoctorSerializer(ResourceSerializer[User]):
    """One doctor's time in the window asked for. Of a colleague a doctor reads busy times, not what they are for."""

    name = serializers.CharField(source="display_name", read_only=True)
    timezone = serializers.CharField(source="availability.zone.key", read_only=True)
    working_hours = WorkingHoursSerializer(
        source="availability.working_hours",
        many=True,
        read_only=True,
        help_text="What was said about weekdays. Nothing: the clinic's opening hours count.",
    )
    working_times = WorkingTimeSerializer(
        source="availability.working_times",
        many=True,
        read_only=True,
        help_text="When visits are taken: the hours without breaks and closed days.",
    )
    closed_days = ClosedDaySerializer(source="availability.closed_days", many=True, read_only=True)
    busy = TimeSpanSerializer(
        source="availability.busy", many=True, read_only=True, help_text="Visits, held times and time off, joined."
    )
    time_off = TimeOffSerializer(
        source="availability.time_off", many=True, read_only=True, help_text="Absent for a colleague."
    )

    columns: ClassVar = {"name": ("first_name", "last_name", "username", "role")}

    class Meta:
        model = User
        fields = ("id", "name", "timezone", "working_hours", "working_times", "closed_days", "busy", "time_off")
        read_only_fields = fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if instance.availability.time_off is None:
            shown.pop("time_off", None)
        return shown


class WeekLineSerializer(StrictSerializer):
    weekday = serializers.IntegerField(min_value=0, max_value=6, help_text=WEEKDAY)
    kind = serializers.ChoiceField(choices=WorkingHours.Kind.choices, default=WorkingHours.Kind.WORK)
    starts = WallClockField()
    ends = WallClockField()
    room = KeyField(queryset=Room.objects.filter(is_active=True), required=False, allow_null=True)


class DoctorWeekSerializer(StrictSerializer):
    """A doctor's week from one day on."""

    working_hours = WeekLineSerializer(many=True, max_length=MOST_LINES)  # type: ignore[call-arg]  # of the list around it
    valid_from = serializers.DateField(validators=REAL_DAYS, required=False, help_text="Not said: today.")
    valid_until = serializers.DateField(
        validators=REAL_DAYS,
        required=False,
        allow_null=True,
        help_text="The last day; what held before holds after it.",
    )


class NewTimeOffSerializer(StrictSerializer):
    doctor = KeyField(
        queryset=doctors(),
        required=False,
        allow_null=True,
        help_text="The caller, when that is a doctor. Null: every clinician, which the desk may say.",
    )
    kind = serializers.ChoiceField(choices=ENTERED_KINDS, default=TimeOff.Kind.LEAVE)
    title = serializers.CharField(max_length=LONGEST_TITLE, required=False, allow_blank=True)
    starts_at = UtcDateTimeField(validators=REAL_MOMENTS)
    ends_at = UtcDateTimeField(validators=REAL_MOMENTS)


class ClosureSerializer(ResourceSerializer[Holiday]):
    """A day the clinic is closed, or works all the same where `is_closed` is false."""

    class Meta:
        model = Holiday
        fields = ("id", "day", "name", "is_closed", "country", "created_at", "updated_at")
        read_only_fields = ("day", "name", "country", "created_at", "updated_at")


class NewClosureSerializer(StrictSerializer):
    day = serializers.DateField(validators=REAL_DAYS)
    name = serializers.CharField(max_length=LONGEST_TITLE)
