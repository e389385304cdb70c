"""Filters and orders of a list. What is misspelt is told, never left out: a filter that does nothing misleads."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django_filters import BooleanFilter, IsoDateTimeFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from synapse.api.errors import BadInput

# Read by the base itself.
COMMON_PARAMETERS = frozenset({"page", "page_size", "cursor", "fields", "ordering"})
# One row has no pages and no order.
ROW_PARAMETERS = frozenset({"fields"})
BOOLEANS = frozenset({"true", "false", "True", "False", ""})
# A zone moves a moment by less than a day; beyond the years 1 and 9999 there is no date to compare with.
FIRST_YEAR, LAST_YEAR = 2, 9998


class StrictFilters(DjangoFilterBackend):
    """The view's `filterset_class`; an unknown parameter is refused by name."""

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class else set()
        refuse_unknown(request, known | COMMON_PARAMETERS | set(view.own_parameters))
        _refuse_unreadable(request, filterset_class.base_filters if filterset_class else {})
        narrowed: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return narrowed


class Ordering(BaseFilterBackend):
    """`?ordering=name` or `-name`, of the view's `orderings` (name → columns)."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        asked = request.query_params.get("ordering", "")
        if "cursor" in request.query_params:
            if asked:
                raise BadInput({"ordering": "A walk by cursor has its own order. Leave one of the two out."})
            return queryset
        if not asked:
            return queryset
        columns = view.orderings.get(asked.removeprefix("-"))
        if columns is None:
            raise BadInput({"ordering": f"Order by one of: {', '.join(sorted(view.orderings)) or 'nothing'}."})
        is_reversed = asked.startswith("-")
        ordered = [_turned(column) if is_reversed else column for column in columns]
        # The key last: rows of one time must not change places between two pages.
        return queryset.order_by(*ordered, "-pk" if is_reversed else "pk")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        if not view.orderings:
            return []
        names = [sign + name for name in sorted(view.orderings) for sign in ("", "-")]
        return [
            {
                "name": "ordering",
                "in": "query",
                "required": False,
                "description": "What the list is ordered by; with a minus in front, the other way round.",
                "schema": {"type": "string", "enum": names},
            }
        ]


def refuse_unknown(request: Request, known: set[str] | frozenset[str]) -> None:
    """Raise BadInput for a query parameter this address does not know."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise BadInput(dict.fromkeys(unknown, "There is no such parameter here."))


def _refuse_unreadable(request: Request, filters: Mapping[str, Any]) -> None:
    """Raise BadInput for values the filters' own fields let pass: a word that is no yes or no, a moment outside of UTC."""
    wrong: dict[str, str] = {}
    for name, value in request.query_params.items():
        one = filters.get(name)
        if isinstance(one, BooleanFilter) and value not in BOOLEANS:
            wrong[name] = "Send true or false."
        elif isinstance(one, IsoDateTimeFilter) and not _is_in_utc(str(value)):
            wrong[name] = "There is no such moment."
    if wrong:
        raise BadInput(wrong)


def _is_in_utc(text: str) -> bool:
    """Tell whether a text, if it is a moment, is one that no zone moves out of the calendar."""
    try:
        moment = parse_datetime(text)
        in_utc = moment.astimezone(UTC) if moment is not None and moment.tzinfo else moment
    except OverflowError:
        return False
    except ValueError:
        return True  # the filter's own field says so
    return in_utc is None or FIRST_YEAR <= in_utc.year <= LAST_YEAR


def _turned(column: str) -> str:
    return column.removeprefix("-") if column.startswith("-") else f"-{column}"
