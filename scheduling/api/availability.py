"""`/api/v1/availability/`: when doctors work, and when they are taken."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.response import Response

from patients.queries import doctors
from scheduling.api.availability_serializers import DoctorSerializer, DoctorWeekSerializer
from scheduling.api.moments import WindowSerializer
from scheduling.availability.queries import availability_of
from scheduling.availability.rules import Span
from scheduling.models import WorkingHours
from scheduling.services.hours import Line, clear_hours, set_week
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.api.viewsets import ApiRequest, Deletes, ScopedViewSet

WEEK = OpenApiExample(
    "Two mornings with a break",
    value={
        "valid_from": "2026-03-02",
        "working_hours": [
            {"weekday": 0, "starts": "09:00", "ends": "13:00"},
            {"weekday": 0, "kind": "break", "starts": "11:00", "ends": "11:30"},
            {"weekday": 2, "starts": "09:00", "ends": "13:00"},
        ],
    },
    request_only=True,
)


@extend_schema_view(
    list=extend_schema(
        summary="List doctors' availability",
        description="By name; times are those in the window. Nothing names a patient.",
        parameters=[WindowSerializer],
    ),
    retrieve=extend_schema(summary="Read a doctor's availability", parameters=[WindowSerializer]),
    destroy=extend_schema(
        summary="Remove a doctor's hours", description="The clinic's opening hours count again. Visits stay."
    ),
)
class AvailabilityViewSet(Deletes, ScopedViewSet[User]):
    """The doctors who work here, by the id that visits name them with. Each sets the own hours, the desk everybody's."""

    model = User
    serializer_class = DoctorSerializer
    needs = {"*": Permission.VIEW_CALENDAR}
    own_parameters = own_row_parameters = ("from", "to")
    always_loaded = ()
    orderings = {"name": ("last_name", "first_name", "username")}
    cursor_ordering = ("last_name", "first_name", "pk")

    def scope(self) -> QuerySet[User]:
        return doctors()

    def row(self) -> User:
        doctor = super().row()
        self._look_up([doctor])
        return doctor

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset) or []
        self._look_up(page)
        return page

    def version_of(self, row: User) -> object:
        return sorted(WorkingHours.objects.filter(doctor=row.pk).values_list("pk", "updated_at"))

    @extend_schema(
        summary="Set a doctor's week",
        description="From one day on. What was said for earlier days stays, and so do visits outside the new hours.",
        request=DoctorWeekSerializer,
        responses=DoctorSerializer,
        examples=[WEEK],
    )
    def update(self, request: ApiRequest, pk: str) -> Response:
        doctor, now = self.row(), timezone.now()
        week = self.input(DoctorWeekSerializer)
        lines = [
            Line(
                line["weekday"],
                line["starts"],
                line["ends"],
                is_break=line["kind"] == WorkingHours.Kind.BREAK,
                room=line.get("room"),
            )
            for line in week["working_hours"]
        ]
        valid_from = week.get("valid_from") or ClinicSettings.load().date_of(now)
        with self.held(doctor):
            set_week(doctor, lines, valid_from=valid_from, valid_until=week.get("valid_until"), by=request.user, at=now)
        return self.answer(self.row())

    def delete_object(self, row: User) -> None:
        clear_hours(row, by=self.request.user, at=timezone.now())

    def _look_up(self, found: Iterable[User]) -> None:
        """Note at each doctor what is known of their time, all of them at once."""
        found = list(found)
        asked = {name: text for name, text in self.request.query_params.items() if name in self.own_parameters}
        window = WindowSerializer(data=asked)
        window.is_valid(raise_exception=True)
        span = Span(window.validated_data["start"], window.validated_data["end"])
        times = availability_of(found, span, by=self.request.user)
        for doctor in found:
            doctor.availability = times[doctor.pk]  # type: ignore[attr-defined]  # read by the serializer
