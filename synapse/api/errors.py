"""The one shape of an error: `{"error": {"code", "message", "fields": {"name": ["…"]}}}`."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from synapse.accounts.models import User
from synapse.audit.services import record_denial
from synapse.common.errors import DomainError

logger = logging.getLogger(__name__)

Fields = dict[str, list[str]]

NOT_FOUND = "There is nothing at this address, or nothing you may open."
WRONG_INPUT = "Some of what was sent cannot be taken. Mend the fields named here and send it again."


class BadInput(DomainError):
    """Something in the request cannot be taken; `fields` says what, by name."""

    code = "invalid"

    def __init__(self, fields: Mapping[str, str | list[str]], message: str = WRONG_INPUT) -> None:
        super().__init__(message)
        self.fields = {name: [said] if isinstance(said, str) else list(said) for name, said in fields.items()}


class PreconditionFailed(DomainError):
    """The row is no longer the one named by If-Match."""

    code = "changed_meanwhile"
    status = 412

    def __init__(self) -> None:
        super().__init__("This was changed after you read it. Read it again, then send your change.")


@dataclass(frozen=True)
class Answer:
    """What to tell of an error."""

    status: int
    code: str
    message: str
    fields: Fields = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, "fields": self.fields}}


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an error of a view and record refusals; None for one nobody foresaw, which becomes a 500 and is logged."""
    answer = describe(error)
    if answer is None:
        return None
    set_rollback()
    if answer.status == 503:
        logger.error("the database refused: %s", type(error).__name__)
    request: Request = context["request"]
    if isinstance(request.user, User):
        _record_refusal(request, context, answer)
    return Response(answer.body(), status=answer.status, headers=answer.headers)


def describe(error: Exception) -> Answer | None:
    """Return what to tell of an error, None for one nobody foresaw."""
    if isinstance(error, DomainError):
        return _of_rule(error)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, Http404):
        return Answer(404, "not_found", NOT_FOUND)
    if isinstance(error, DjangoPermissionDenied):
        return Answer(403, "not_allowed", "You may not do this.")
    if isinstance(error, DjangoValidationError):
        return Answer(400, "invalid", WRONG_INPUT, {"": list(error.messages)})
    if isinstance(error, RequestDataTooBig):
        return Answer(413, "too_large", "What was sent is too large.")
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        return Answer(400, "too_many_fields", "Too many fields or files were sent.")
    if isinstance(error, OperationalError | InterfaceError):
        message = "The database does not answer just now. Nothing was changed; send it again in a moment."
        return Answer(503, "unavailable", message, headers={"Retry-After": "5"})
    return None


def _of_rule(error: DomainError) -> Answer:
    named = getattr(error, "fields", None)
    fields: Fields = {}
    if isinstance(named, Mapping):
        fields = {str(name): list(said) for name, said in named.items()}
    elif named is not None:
        fields = {str(name): [error.message] for name in named}
    elif name := getattr(error, "field", ""):
        fields = {str(name): [error.message]}
    # What a role may not write is input to be mended: the caller hears which fields (contract, section 4).
    status = 400 if error.code == "field_not_writable" else error.status
    # Guessing is paused for a quarter of an hour.
    headers = {"Retry-After": "900"} if error.status == 429 else {}
    return Answer(status, error.code, error.message, fields, headers)


def _of_framework(error: exceptions.APIException) -> Answer:
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.ValidationError):
        fields: Fields = {}
        _collect(error.detail, "", fields)
        return Answer(400, "invalid", WRONG_INPUT, fields)
    if isinstance(error, exceptions.ParseError):
        return Answer(
            400, "unreadable", "The body cannot be read as what its Content-Type says. JSON is one object in UTF-8."
        )
    if isinstance(error, exceptions.UnsupportedMediaType):
        return Answer(
            415, "media_type", "This address does not take a body of that media type; the schema names those it takes."
        )
    if isinstance(error, exceptions.NotFound):
        return Answer(404, "not_found", NOT_FOUND)
    if isinstance(error, exceptions.MethodNotAllowed):
        return Answer(405, "method", "This address does not answer to this method.")
    if isinstance(error, exceptions.Throttled):
        seconds = max(1, round(getattr(error, "wait", None) or 60))
        headers["Retry-After"] = str(seconds)
        return Answer(429, "throttled", f"Too many requests. Wait {seconds} seconds, then go on.", {}, headers)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
        code = error.get_codes()
        return Answer(401, str(code) if isinstance(code, str) else "not_signed_in", str(error.detail), {}, headers)
    if isinstance(error, exceptions.PermissionDenied):
        code = error.get_codes()
        is_named = isinstance(code, str) and code != "permission_denied"
        return Answer(403, str(code) if is_named else "not_allowed", str(error.detail))
    return Answer(error.status_code, "error", "The request cannot be answered.")


def _collect(detail: Any, name: str, into: Fields) -> None:
    """Flatten nested messages: `line_items.0.quantity` names a field of a list of objects."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            # A message about the whole object bears the object's own name.
            part = "" if key == "non_field_errors" else str(key)
            _collect(value, ".".join(filter(None, (name, part))), into)
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        for position, item in enumerate(detail):
            if item:
                _collect(item, ".".join(filter(None, (name, str(position)))), into)
    elif isinstance(detail, list):
        into.setdefault(name, []).extend(str(item) for item in detail)
    else:
        into.setdefault(name, []).append(str(detail))


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def _record_refusal(request: Request, context: dict[str, Any], answer: Answer) -> None:
    """Record who was refused what; a row asked for that is not theirs, or is not there, is one."""
    # Ids alone: what else somebody writes into an address is no row, and may be anything, a patient's name as well.
    named = {name: str(value) for name, value in (context.get("kwargs") or {}).items() if _is_id(value)}
    if answer.status != 403 and not (answer.status == 404 and named):
        return
    view = context.get("view")
    kind = str(getattr(view, "basename", "") or type(view).__name__)
    asked = named.get("pk") or next(iter(named.values()), None)  # nested under another row: that one
    patient = named.get("patient_pk") or (named.get("pk") if kind == "patient" else None)
    record_denial(
        request,
        target=(kind, asked) if asked else None,
        patient_id=UUID(patient) if patient else None,
        reason=answer.code,
        # The rows it was asked for under.
        detail={name: value for name, value in named.items() if name.endswith("_pk")},
    )
