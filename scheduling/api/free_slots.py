"""`/api/v1/free-slots/`: when a visit may begin."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from patients.queries import doctors
from scheduling.api.moments import WindowSerializer
from scheduling.availability.slots import Slot, free_slots
from scheduling.models import Appointment, Room
from scheduling.queries import list_doctors_for
from scheduling.services.slot_checks import LONGEST_MINUTES, SHORTEST_MINUTES
from synapse.accounts.roles import Permission
from synapse.api.serializers import KeyField, UtcDateTimeField
from synapse.api.viewsets import ApiRequest, ApiView

MOST_SLOTS = 500
USUAL_SLOTS = 100
MINUTE = timedelta(minutes=1)


class FreeSlotsQuerySerializer(WindowSerializer):
    """What is asked: with whom, for which type of visit, when and where."""

    doctor = KeyField(
        queryset=doctors(), required=False, help_text="Not said: a doctor's own times, at the desk everybody's."
    )
    type = serializers.ChoiceField(choices=Appointment.Type.choices, default=Appointment.Type.FOLLOWUP)
    duration_minutes = serializers.IntegerField(
        min_value=SHORTEST_MINUTES, max_value=LONGEST_MINUTES, required=False, help_text="Not said: usual for the type."
    )
    room = KeyField(
        queryset=Room.objects.filter(is_active=True),
        required=False,
        help_text="Only times at which this room is free. Not said: the usual one of the doctor, else another.",
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST_SLOTS, default=USUAL_SLOTS, help_text="At most so many, the soonest ones."
    )


class FreeSlotSerializer(serializers.Serializer[Any]):
    """A time that is free, in the words a booking takes."""

    doctor = serializers.UUIDField(source="doctor.pk")
    scheduled_at = UtcDateTimeField(source="start")
    ends_at = UtcDateTimeField(source="end")
    duration_minutes = serializers.SerializerMethodField()
    timezone = serializers.CharField(source="zone.key", help_text="The doctor's.")
    local_time = serializers.SerializerMethodField(help_text="`scheduled_at` on a clock of that zone, with its offset.")
    room = serializers.UUIDField(source="room.pk", allow_null=True)
    room_name = serializers.CharField(source="room.name", allow_null=True)

    def get_duration_minutes(self, slot: Slot) -> int:
        return (slot.end - slot.start) // MINUTE

    @extend_schema_field({"type": "string", "format": "date-time"})
    def get_local_time(self, slot: Slot) -> str:
        return slot.start.astimezone(slot.zone).isoformat()


class FreeSlotsSerializer(serializers.Serializer[Any]):
    """All there are on one page; `count` tells of more than `limit` let through."""

    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = FreeSlotSerializer(many=True)


class FreeSlotsView(ApiView):
    """Free times of one doctor or of several; they hold nobody's name."""

    needs = {"*": Permission.VIEW_CALENDAR}

    @extend_schema(
        summary="List free times",
        description=(
            "In order of time: within working hours, outside breaks, closed days, time off, other visits and their "
            "pauses. Nothing is held: a time may be gone when it is booked, which is 409."
        ),
        parameters=[FreeSlotsQuerySerializer],
        responses=FreeSlotsSerializer,
        operation_id="free_slots_list",
    )
    def get(self, request: ApiRequest) -> Response:
        query = FreeSlotsQuerySerializer(data=request.query_params.dict(), context={"request": request})
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = free_slots(
            asked["type"],
            doctors=[asked["doctor"]] if "doctor" in asked else list_doctors_for(request.user),
            start=asked["start"],
            end=asked["end"],
            at=timezone.now(),
            room=asked.get("room"),
            duration_minutes=asked.get("duration_minutes"),
        )
        answer = {"count": len(found), "next": None, "previous": None, "results": found[: asked["limit"]]}
        return Response(FreeSlotsSerializer(answer).data)
