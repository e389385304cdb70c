"""Pages by number, or by an opaque cursor that new rows do not shift."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.api.errors import BadInput

MOST_ROWS = 100
ROWS = 50
LAST_PAGE = 1_000_000


class Cursor(CursorPagination):
    """Rows in the view's `cursor_ordering`, the newest first."""

    page_size = ROWS
    page_size_query_param = "page_size"
    max_page_size = MOST_ROWS

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        ordering: tuple[str, ...] = view.cursor_ordering
        column = queryset.model._meta.get_field(ordering[0].removeprefix("-"))
        self.is_by_time = isinstance(column, models.DateTimeField)
        return ordering

    def decode_cursor(self, request: Request) -> Any:
        """Return the place a cursor names. Raises NotFound for a moment without its zone, which none of ours is."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position and self.is_by_time:
            moment = parse_datetime(str(cursor.position))
            if moment is None or moment.tzinfo is None:
                raise exceptions.NotFound
        return cursor


class Pages(PageNumberPagination):
    """`?page` and `?page_size` (at most 100), or `?cursor` (empty for the first page) for long walks.

    Both answer `{"count", "next", "previous", "results"}`; a walk by cursor counts nothing: its count is null.
    """

    page_size = ROWS
    page_size_query_param = "page_size"
    max_page_size = MOST_ROWS
    page_query_description = "Number of the page, from 1."
    page_size_query_description = f"Rows on a page: {ROWS} when not said, at most {MOST_ROWS}."

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.walk = Cursor() if "cursor" in request.query_params else None
        if self.walk is not None:
            if not isinstance(queryset, QuerySet):
                raise BadInput({"cursor": "This list has numbered pages only."})
            _check_number(request, "page_size")
            try:
                return self.walk.paginate_queryset(queryset, request, view)
            except (
                exceptions.NotFound,
                ValidationError,
                ValueError,
            ):  # a place that is none, or no value of its column
                raise BadInput({"cursor": "This is no cursor of ours. Take the one in `next`."}) from None
        _check_number(request, "page")
        _check_number(request, "page_size")
        try:
            return super().paginate_queryset(queryset, request, view)
        except exceptions.NotFound:
            raise BadInput({"page": "There are not so many pages."}) from None

    def get_paginated_response(self, data: Any) -> Response:
        if self.walk is None:
            return super().get_paginated_response(data)
        answer = {
            "count": None,
            "next": self.walk.get_next_link(),
            "previous": self.walk.get_previous_link(),
            "results": data,
        }
        return Response(answer)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": ["integer", "null"], "description": "Rows on all pages; null with `cursor`."},
                "next": address,
                "previous": address,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        cursor = {
            "name": "cursor",
            "in": "query",
            "required": False,
            "description": "Walk by cursor instead of by number: empty for the first page, then follow `next`.",
            "schema": {"type": "string"},
        }
        return [*super().get_schema_operation_parameters(view), cursor]


def _check_number(request: Request, name: str) -> None:
    text = request.query_params.get(name)
    if text is None:
        return
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= LAST_PAGE and len(text) <= 10):
        raise BadInput({name: "Send a whole number from 1 on."})
