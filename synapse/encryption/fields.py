"""Encrypted model fields: django-encrypted-model-fields made strict.

The package decrypts what users type, returns ciphertext as the value when a key is
wrong, and stores the repr of SQL expressions. These subclasses keep its column type
and close all three; see `test_fields.py` for each case.
"""

import datetime
import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import encrypted_model_fields.fields as package
from django.core import checks
from django.core.exceptions import FieldError, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import format_number
from django.db.models import Case, Value
from django.db.models.expressions import Col
from django.db.models.functions import Cast
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.query import Query
from django.utils import timezone

from synapse.encryption import crypto
from synapse.encryption.errors import DecryptionError

__all__ = [
    "DecryptionError",
    "EncryptedBooleanField",
    "EncryptedCharField",
    "EncryptedDateField",
    "EncryptedDateTimeField",
    "EncryptedDecimalField",
    "EncryptedEmailField",
    "EncryptedIntegerField",
    "EncryptedJSONField",
    "EncryptedTextField",
    "StrictEncryption",
]

# Django asks a field for its column the same way for SELECT and for use inside an
# expression or an ORDER BY; only the caller differs.
_EXPRESSION_DOORS = {Query.resolve_ref.__code__, SQLCompiler.find_ordering_name.__code__}
_DOOR_DISTANCE = 4


class StrictEncryption(package.EncryptedMixin):
    """What every encrypted field shares: encrypt on save, decrypt on load, nothing else."""

    # mypy cannot see the model field this mixin is always combined with.
    name: str
    column: str
    model: type[models.Model]
    unique: bool
    db_index: bool
    max_length: int | None

    def dump(self, value: Any) -> str:
        """Return the text to encrypt."""
        return str(value)

    def load(self, text: str) -> Any:
        """Return the Python value of decrypted text."""
        return self.plain_to_python(text)

    def plain_to_python(self, value: Any) -> Any:
        return super(package.EncryptedMixin, self).to_python(value)

    def to_python(self, value: Any) -> Any:
        return self.plain_to_python(value)

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    def from_db_value(self, value: str | None, expression: object, connection: BaseDatabaseWrapper) -> Any:
        if value is None:
            return None
        text = crypto.decrypt(value, label=self.label)
        try:
            return self.load(text)
        except (ValueError, TypeError, ValidationError):
            raise DecryptionError(f"{self.label} cannot be read: unexpected content.") from None

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is None:
            return None
        if hasattr(value, "as_sql"):
            if _holds_only_encrypted_values(value):
                return value
            raise FieldError(f"{self.label} is encrypted: SQL expressions cannot be stored in it.")
        return crypto.encrypt(self.dump(self.to_python(value)))

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        raise FieldError(f"{self.label} is encrypted and cannot be compared in SQL.")

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.label} is encrypted: lookup '{lookup_name}' finds nothing; search by blind index.")

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.label} is encrypted: transform '{lookup_name}' is not possible.")

    def get_col(self, alias: str, output_field: "models.Field[Any, Any] | None" = None) -> Col:
        frame = sys._getframe(1)
        for _ in range(_DOOR_DISTANCE):
            if frame.f_code in _EXPRESSION_DOORS:
                raise FieldError(f"{self.label} is encrypted: no expression or ordering can use it.")
            if frame.f_back is None:
                break
            frame = frame.f_back
        column: Col = super().get_col(alias, output_field)
        return column

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        errors: list[checks.CheckMessage] = super().check(**kwargs)
        options = self.model._meta
        grouped = {
            name for item in [*options.indexes, *options.constraints] for name in getattr(item, "fields", ())
        } | {name for group in options.unique_together for name in group}
        if self.unique or self.db_index or self.name in grouped:
            errors.append(
                checks.Error(
                    f"{self.label}: unique and db_index have no effect on ciphertext.",
                    hint="Use a keyed hash column or the blind index.",
                    obj=self,
                    id="encryption.E001",
                )
            )
        return errors

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.max_length is not None:
            kwargs["max_length"] = self.max_length
        return name, path, args, kwargs


def _holds_only_encrypted_values(expression: Any) -> bool:
    """Tell whether `bulk_update` built this: CASE and CAST over values this layer encrypts."""
    if isinstance(expression, Value):
        return isinstance(expression._output_field_or_none, StrictEncryption)  # type: ignore[attr-defined]
    if isinstance(expression, Case):
        results = [case.result for case in expression.cases]
        default_is_null = isinstance(expression.default, Value) and expression.default.value is None
        return default_is_null and all(map(_holds_only_encrypted_values, results))
    if isinstance(expression, Cast):
        return all(map(_holds_only_encrypted_values, expression.get_source_expressions()))
    return False


if TYPE_CHECKING:
    # The package has no types; who reads a model attribute gets what Django's own field gives.
    EncryptedCharField = models.CharField
    EncryptedTextField = models.TextField
    EncryptedEmailField = models.EmailField
    EncryptedDateField = models.DateField
    EncryptedDateTimeField = models.DateTimeField
    EncryptedIntegerField = models.IntegerField
    EncryptedBooleanField = models.BooleanField
    EncryptedDecimalField = models.DecimalField
    EncryptedJSONField = models.JSONField
else:

    class EncryptedCharField(StrictEncryption, package.EncryptedCharField):
        pass

    class EncryptedTextField(StrictEncryption, package.EncryptedTextField):
        pass

    class EncryptedEmailField(StrictEncryption, package.EncryptedEmailField):
        pass

    class EncryptedDateField(StrictEncryption, package.EncryptedDateField):
        def dump(self, value: datetime.date) -> str:
            return value.isoformat()

    class EncryptedDateTimeField(StrictEncryption, package.EncryptedDateTimeField):
        """Stores UTC whatever TIME_ZONE is; a naive value is taken in the current time zone."""

        def dump(self, value: datetime.datetime) -> str:
            aware = value if timezone.is_aware(value) else timezone.make_aware(value)
            return aware.astimezone(datetime.UTC).isoformat()

    class EncryptedIntegerField(StrictEncryption, package.EncryptedIntegerField):
        default_validators = [MinValueValidator(-(2**31)), MaxValueValidator(2**31 - 1)]

        # The package asks the database for the range of a text column: KeyError on PostgreSQL.
        validators = models.Field.validators

    class EncryptedBooleanField(StrictEncryption, package.EncryptedBooleanField):
        def dump(self, value: bool) -> str:
            return "1" if value else "0"

    class EncryptedDecimalField(StrictEncryption, models.DecimalField):
        """Stores exactly `decimal_places` places, as a numeric column would."""

        def dump(self, value: Decimal) -> str:
            return str(format_number(value, self.max_digits, self.decimal_places))

    class EncryptedJSONField(StrictEncryption, models.JSONField):
        def dump(self, value: Any) -> str:
            return json.dumps(value, cls=self.encoder, separators=(",", ":"), ensure_ascii=False)

        def load(self, text: str) -> Any:
            return json.loads(text, cls=self.decoder)

        def plain_to_python(self, value: Any) -> Any:
            return value
