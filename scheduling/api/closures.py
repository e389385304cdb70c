"""`/api/v1/availability/closures/`: the days the clinic is closed."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view

from scheduling.api.availability_serializers import ClosureSerializer, NewClosureSerializer
from scheduling.forms import REAL_DAYS
from scheduling.models import Holiday
from scheduling.services import closures
from synapse.accounts.roles import Permission
from synapse.api.viewsets import Creates, Deletes, ScopedViewSet, Updates


class ClosureFilters(django_filters.FilterSet):
    vars()["from"] = django_filters.DateFilter(field_name="day", lookup_expr="gte", validators=REAL_DAYS)
    to = django_filters.DateFilter(field_name="day", lookup_expr="lte", validators=REAL_DAYS)
    is_closed = django_filters.BooleanFilter()


@extend_schema_view(
    list=extend_schema(summary="List closed days", description="In order; with `from` and `to`, both days included."),
    create=extend_schema(summary="Close the clinic for a day", request=NewClosureSerializer),
    retrieve=extend_schema(summary="Read a closed day"),
    update=extend_schema(summary="Change a closed day", description="Closed, or working all the same."),
    partial_update=extend_schema(summary="Change a closed day", description="Closed, or working all the same."),
    destroy=extend_schema(summary="Remove a closed day"),
)
class ClosureViewSet(Creates, Updates, Deletes, ScopedViewSet[Holiday]):
    """Public holidays and the clinic's own days; read by all who see the calendar, set by administrators."""

    model = Holiday
    serializer_class = ClosureSerializer
    input_class = NewClosureSerializer
    filterset_class = ClosureFilters
    needs = {
        "*": Permission.MANAGE_CLINIC,
        "list": Permission.VIEW_CALENDAR,
        "retrieve": Permission.VIEW_CALENDAR,
    }
    orderings = {"day": ("day",)}
    cursor_ordering = ("day", "pk")

    def scope(self) -> QuerySet[Holiday]:
        return Holiday.objects.all()

    def create_object(self, fields: dict[str, Any]) -> Holiday:
        return closures.add_holiday(**fields, by=self.request.user, at=timezone.now())

    def update_object(self, row: Holiday, fields: dict[str, Any]) -> Holiday:
        closed = fields.get("is_closed", row.is_closed)
        return closures.set_holiday_closed(row, closed=closed, by=self.request.user, at=timezone.now())

    def delete_object(self, row: Holiday) -> None:
        closures.remove_holiday(row, by=self.request.user, at=timezone.now())
