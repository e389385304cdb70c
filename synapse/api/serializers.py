"""How a row becomes JSON and JSON becomes fields for a service."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, ClassVar, TypeVar

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.request import Request

from synapse.accounts.models import User
from synapse.api.errors import BadInput

Row = TypeVar("Row", bound=models.Model)

MOST_LIST_ITEMS = 500
PLAIN_FIGURE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")


class UtcDateTimeField(serializers.DateTimeField):
    """A moment, written in UTC; one without a zone is refused, since nobody knows which was meant."""

    default_error_messages = {"naive": "Say in which zone, as in 2026-03-01T09:30:00+05:30."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is None:
            self.fail("naive")
        return super().enforce_timezone(value)


@extend_schema_field({"type": "string", "format": "decimal", "pattern": r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$"})
class MoneyField(serializers.DecimalField):
    """An amount as a decimal string, such as "1250.00"; a JSON number is taken as well.

    Plain digits only: Decimal takes "1e5" and "1_0" too, which are slips of a finger.
    """

    default_error_messages = {"invalid": "Send an amount in plain digits, such as 1250.00."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 12, "decimal_places": 2, **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not PLAIN_FIGURE.fullmatch(str(data).strip()):
            self.fail("invalid")
        return super().to_internal_value(data)


class KeyField(serializers.PrimaryKeyRelatedField[Any]):
    """Another resource, named by its id. `scope` names the method of the manager that keeps to the person's rows.

    A row out of scope and one that does not exist are the same: not found.
    """

    default_error_messages = {
        "does_not_exist": "There is nothing by this id, or nothing you may open.",
        "incorrect_type": "Send the id as text.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pk_field=serializers.UUIDField(), **kwargs)

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        visible_to = getattr(queryset, "visible_to", None)
        return visible_to(person_of(self)) if visible_to is not None else queryset


class StrictSerializer(serializers.Serializer[Any]):
    """The body of an action: an unknown field is refused by name."""

    def to_internal_value(self, data: Any) -> Any:
        _refuse(self, data)
        return super().to_internal_value(data)


class ResourceSerializer(serializers.ModelSerializer[Row]):
    """A row of one model.

    `Meta.columns` names the columns a computed field reads, so that no other is loaded and decrypted. A subclass tells
    by role which fields are read (`readable`) and written (`writable`); None means all.
    """

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UtcDateTimeField,
    }
    serializer_related_field = KeyField

    columns: ClassVar[Mapping[str, Iterable[str]]] = {}
    # What a list holds only when `fields` asks for it.
    left_out_of_lists: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def readable(cls, user: User) -> frozenset[str] | None:
        """Return the fields this person may read, None for all."""
        return None

    @classmethod
    def writable(cls, user: User) -> frozenset[str] | None:
        """Return the fields this person may write, None for all that are not read-only."""
        return None

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        self._allow_null_where_stored(fields)
        user = person_of(self)
        if user is None:  # the schema is being written: it holds every field
            return fields
        readable, writable = self.readable(user), self.writable(user)
        wanted = self._wanted_names(fields)
        for name, field in fields.items():
            may_read = readable is None or name in readable or name == "id"
            may_write = not field.read_only and (writable is None or name in writable)
            field.is_hidden = not may_read or (wanted is not None and name not in wanted)
            field.is_locked = not may_write and not field.read_only
        return fields

    def _allow_null_where_stored(self, fields: Mapping[str, Any]) -> None:
        """Let a read-only field that is written out by hand be null where its column may be: the schema must say so."""
        model: type[models.Model] = self.Meta.model
        nullable = {column.name for column in model._meta.concrete_fields if column.null}
        for name, field in fields.items():
            if field.read_only and (field.source or name) in nullable:
                field.allow_null = True

    def _wanted_names(self, fields: Mapping[str, Any]) -> set[str] | None:
        """Return what `?fields=` asks for, or a list shows; None for everything. Only an answer's serializer asks."""
        request: Request | None = self.context.get("request")
        if request is None or request.method not in {"GET", "HEAD"} or not self.context.get("is_answer"):
            return None
        text = request.query_params.get("fields")
        if text is None:
            is_list = getattr(self.context.get("view"), "action", None) == "list"
            return set(fields) - self.left_out_of_lists if is_list and self.left_out_of_lists else None
        names = {name.strip() for name in text.split(",")} - {""}
        unknown = sorted(names - fields.keys())
        if unknown or not names:
            raise BadInput({"fields": f"There is no field {', '.join(unknown)}." if unknown else "Name some fields."})
        return names | {"id"}

    @property
    def _readable_fields(self) -> list[Any]:
        return [field for field in super()._readable_fields if not getattr(field, "is_hidden", False)]

    def shown_names(self) -> list[str]:
        """Return the names of the fields the answer will hold."""
        return [field.field_name for field in self._readable_fields]

    def needed_columns(self) -> set[str]:
        """Return the columns the answer is made from."""
        columns: set[str] = set()
        model: type[models.Model] = self.Meta.model
        own = {column.name for column in model._meta.concrete_fields}
        for field in self._readable_fields:
            if field.field_name in self.columns:
                columns.update(self.columns[field.field_name])
            elif field.source_attrs and field.source_attrs[0] in own:
                columns.add(field.source_attrs[0])
        return columns

    def to_internal_value(self, data: Any) -> Any:
        _refuse(self, data)
        return super().to_internal_value(data)


def person_of(field: Any) -> User | None:
    """Return who asks; None while the schema is written."""
    request = field.context.get("request")
    user = getattr(request, "user", None)
    return user if isinstance(user, User) else None


def _refuse(serializer: Any, data: Any) -> None:
    """Refuse by name what is unknown, not the role's to write, or read-only and different from what is stored."""
    if not isinstance(data, Mapping):
        return  # the framework says so itself
    refused: dict[str, list[str]] = {}
    for name in data:
        field = serializer.fields.get(name)
        if field is None:
            refused[str(name)] = ["There is no such field."]
        elif getattr(field, "is_locked", False):
            refused[str(name)] = ["Your role may not write this field."]
        elif field.read_only and not _is_unchanged(serializer, field, data[name]):
            refused[str(name)] = ["This field cannot be written here."]
    if refused:
        raise serializers.ValidationError(refused)


def _is_unchanged(serializer: Any, field: Any, value: Any) -> bool:
    """Tell whether a client sends back what it read: then a read-only field is no attempt to write it."""
    if serializer.instance is None or getattr(field, "is_hidden", False):
        return False
    try:
        stored = field.get_attribute(serializer.instance)
    except SkipField:
        return False
    shown = None if stored is None else field.to_representation(stored)
    return bool(shown == value or str(shown) == str(value))
