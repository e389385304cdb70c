"""The bases of every address of the API."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Generic
from uuid import UUID

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from synapse.accounts.models import User
from synapse.api import throttles, versions
from synapse.api.access import Needs
from synapse.api.filters import ROW_PARAMETERS, refuse_unknown
from synapse.api.idempotency import idempotent
from synapse.api.paging import Pages
from synapse.api.serializers import ResourceSerializer, Row
from synapse.audit.models import Action
from synapse.audit.services import record_read


class ApiRequest(Request):
    """A request behind sign-in."""

    user: User


class ApiMixin:
    """What views and viewsets share, besides the framework's defaults in the settings (who may ask, and how often)."""

    request: ApiRequest
    needs: ClassVar[Needs] = {}
    # Actions that are questions though they are sent as POST: a token that may read may ask them.
    questions: ClassVar[tuple[str, ...]] = ()
    throttle_scopes: ClassVar[Mapping[str, str]] = {}
    # Names in answers to POST that hold a secret: they are in the first answer alone, and no `Idempotency-Key` keeps them.
    shown_once: ClassVar[tuple[str, ...]] = ()
    # Query parameters the view reads itself, of its list and of one row.
    own_parameters: ClassVar[tuple[str, ...]] = ()
    own_row_parameters: ClassVar[tuple[str, ...]] = ()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        throttles.tell(getattr(request, "_request", request), answer)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    def answer_as(
        self, serializer_class: type[ResourceSerializer[Any]], row: Any, status_code: int = status.HTTP_200_OK
    ) -> Response:
        """Answer with a row that is not of the view's own model, and its entity tag."""
        context = {"request": self.request, "view": self, "is_answer": True}
        tag = versions.etag_of(row, row.updated_at)
        return Response(serializer_class(row, context=context).data, status=status_code, headers={"ETag": tag})


class ApiView(ApiMixin, APIView):
    """An address that is no collection of rows."""

    request: ApiRequest


class ScopedViewSet(ApiMixin, GenericViewSet[Row], Generic[Row]):
    """List and read the rows of one model that the person may see; the mixins below add what changes them."""

    request: ApiRequest
    model: type[Row]
    serializer_class: type[ResourceSerializer[Row]]
    # Names of the query's orders → columns, the default one among them.
    orderings: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    cursor_ordering: ClassVar[tuple[str, ...]] = ("-created_at", "-pk")
    related: ClassVar[tuple[str, ...]] = ()
    # Columns the versions and the audit rows are made from, besides what the serializer shows.
    always_loaded: ClassVar[tuple[str, ...]] = ("updated_at",)
    pagination_class = Pages
    lookup_value_converter = "uuid"

    def get_queryset(self) -> models.QuerySet[Row]:
        """Return the rows in scope; for a question only the columns its answer is made from."""
        if getattr(self, "swagger_fake_view", False):  # nobody asks: the schema is being written
            return self.model._default_manager.none()
        rows = self.scope()
        if self.request.method not in {"GET", "HEAD"}:
            return rows
        serializer = self.answer_serializer()
        columns = serializer.needed_columns() | set(self.always_loaded) | {"pk"}
        related = [name for name in self.related if name in columns or name in serializer.shown_names()]
        return rows.select_related(*related).only(*columns) if related else rows.only(*columns)

    def scope(self) -> models.QuerySet[Row]:
        """Return every row the person may see."""
        rows: models.QuerySet[Row] = self.model._default_manager.visible_to(self.request.user)  # type: ignore[attr-defined]
        return rows

    def list_scope(self, rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
        """Narrow and order the rows of a list; archived ones are left out here."""
        return rows

    def row(self) -> Row:
        """Return the row the address names; raise Http404 when it is out of scope."""
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def version_of(self, row: Row) -> object:
        """Return what differs after every change of a row."""
        return getattr(row, "updated_at")  # noqa: B009  # not every model of the bound has it

    @contextmanager
    def held(self, row: Row) -> Iterator[None]:
        """Change the row in this block: refused when `If-Match` names another version."""
        with versions.held(self.request, row, self.version_of):
            yield

    def patient_of(self, row: Row) -> UUID | None:
        """Return whose data a row is, for the audit."""
        return getattr(row, "patient_id", None)

    def answer_serializer(self, rows: Any = None, *, many: bool = False) -> ResourceSerializer[Row]:
        context = {**self.get_serializer_context(), "is_answer": True}
        return (
            self.serializer_class(rows, many=many, context=context)
            if rows is not None
            else self.serializer_class(context=context)
        )

    def answer(self, row: Row, status_code: int = status.HTTP_200_OK) -> Response:
        """Answer with one row and its entity tag."""
        data = self.answer_serializer(row).data
        return Response(data, status=status_code, headers={"ETag": versions.etag_of(row, self.version_of(row))})

    def list(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        rows = self.filter_queryset(self.list_scope(self.get_queryset()))
        return self.answer_page(rows)

    def answer_page(self, rows: models.QuerySet[Row]) -> Response:
        """Answer with one page of rows, recorded as read."""
        page = self.paginate_queryset(rows)
        assert page is not None  # every list has pages
        data = self.answer_serializer(page, many=True).data
        subjects = {patient for patient in map(self.patient_of, page) if patient is not None}
        record_read(self.request, target=(self.model._meta.label, "list"), subjects=subjects)
        return self.get_paginated_response(data)

    def retrieve(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request, ROW_PARAMETERS | set(self.own_row_parameters))
        row = self.row()
        self.record_reading(row)
        return self.answer(row)

    def record_reading(self, row: Row, action: Action = Action.READ, **detail: str) -> None:
        """Record that the person read this row."""
        record_read(self.request, target=row, action=action, patient_id=self.patient_of(row), detail=detail or None)

    def input(self, serializer_class: type[Any] | None = None, row: Row | None = None) -> dict[str, Any]:
        """Return the validated fields of the body; with a row, only those that were sent. Raises ValidationError."""
        maker = serializer_class or self.serializer_class
        context = self.get_serializer_context()
        serializer = maker(row, data=self.request.data, partial=row is not None, context=context)
        serializer.is_valid(raise_exception=True)
        fields: dict[str, Any] = serializer.validated_data
        return fields


class Creates:
    """POST to the collection. The view's `create_object(fields)` makes the row by its service and returns it.

    `input_class` reads the body where it differs from the answer.
    """

    input_class: ClassVar[type[Any] | None] = None

    @idempotent
    def create(self: Any, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        row = self.create_object(self.input(self.input_class))
        response: Response = self.answer(row, status.HTTP_201_CREATED)
        return response


class Updates:
    """PUT and PATCH, both partial. The view's `update_object(row, fields)` changes the row by its service and returns it."""

    update_class: ClassVar[type[Any] | None] = None

    def update(self: Any, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        row = self.row()
        fields = self.input(self.update_class, row)
        with self.held(row):
            row = self.update_object(row, fields)
        response: Response = self.answer(row)
        return response

    def partial_update(self: Any, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        response: Response = self.update(request, *args, **kwargs)
        return response


class Deletes:
    """DELETE: 204. The view's `delete_object(row)` archives or cancels the row by its service; nothing is removed."""

    def destroy(self: Any, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        row = self.row()
        with self.held(row):
            self.delete_object(row)
        return Response(status=status.HTTP_204_NO_CONTENT)
