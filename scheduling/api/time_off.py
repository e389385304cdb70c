"""`/api/v1/availability/time-off/`: times without visits."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from scheduling.api.availability_serializers import NewTimeOffSerializer, TimeOffSerializer
from scheduling.api.moments import MomentFilter
from scheduling.availability.queries import readable_time_off
from scheduling.models import TimeOff
from scheduling.services import closures
from synapse.accounts.roles import Permission
from synapse.api.errors import BadInput
from synapse.api.viewsets import Creates, Deletes, ScopedViewSet

LEAVE = OpenApiExample(
    "A week away",
    value={"kind": "leave", "starts_at": "2026-03-02T00:00:00+05:30", "ends_at": "2026-03-07T00:00:00+05:30"},
    request_only=True,
)


class TimeOffFilters(django_filters.FilterSet):
    doctor = django_filters.UUIDFilter(field_name="doctor_id")
    kind = django_filters.ChoiceFilter(choices=TimeOff.Kind.choices)
    vars()["from"] = MomentFilter(field_name="ends_at", lookup_expr="gt")
    to = MomentFilter(field_name="starts_at", lookup_expr="lt", is_end=True)


@extend_schema_view(
    list=extend_schema(
        summary="List time off", description="What lies in the window at least in part, in order of time."
    ),
    create=extend_schema(
        summary="Enter time off",
        description="Visits that stand in it stay. A doctor enters the own, the desk anybody's.",
        request=NewTimeOffSerializer,
        examples=[LEAVE],
    ),
    retrieve=extend_schema(summary="Read one time off"),
    destroy=extend_schema(summary="Remove time off"),
)
class TimeOffViewSet(Creates, Deletes, ScopedViewSet[TimeOff]):
    """Leave, meetings, blocks and entries of imported calendars: everybody's at the desk, to a doctor the own."""

    model = TimeOff
    serializer_class = TimeOffSerializer
    input_class = NewTimeOffSerializer
    filterset_class = TimeOffFilters
    needs = {"*": Permission.VIEW_CALENDAR}
    orderings = {"starts_at": ("starts_at",), "created_at": ("created_at",)}
    cursor_ordering = ("starts_at", "pk")

    def scope(self) -> QuerySet[TimeOff]:
        return readable_time_off(self.request.user)

    def create_object(self, fields: dict[str, Any]) -> TimeOff:
        user = self.request.user
        if "doctor" not in fields and not user.is_doctor:
            raise BadInput({"doctor": "Name the doctor, or send null for every clinician."})
        return closures.add_time_off(fields.pop("doctor", user), **fields, by=user, at=timezone.now())

    def delete_object(self, row: TimeOff) -> None:
        closures.remove_time_off(row, by=self.request.user, at=timezone.now())
