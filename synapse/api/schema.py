"""The OpenAPI 3.1 document: what the framework finds in the views, and what they all share."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS

from synapse.api.idempotency import LONGEST_KEY
from synapse.api.serializers import ResourceSerializer

WORDS = {
    400: "Something sent cannot be taken; `fields` names what.",
    401: "Not signed in, or the token is wrong, expired or revoked.",
    403: "Seen, but not allowed: the role or the token's scopes do not reach so far.",
    404: "Nothing there, or nothing this person may open; the two look the same.",
    409: "The state of the row, or somebody who was faster, forbids it.",
    412: "The row is no longer the version `If-Match` names.",
    413: "The body is too large.",
    415: "The body's media type is not taken here.",
    422: "The `Idempotency-Key` was used for another request.",
    429: "Too many requests; `Retry-After` says when to go on.",
    503: "The database does not answer just now; nothing was changed.",
}
ENTITY_TAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, description="The version of the row.", response=[200, 201, 202]
)
IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The `ETag` that was read; else 412.")


class ErrorDetailSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="A word for programs; it stays the same.")
    message = serializers.CharField(help_text="A sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]  # the contract's own name
        child=serializers.ListField(child=serializers.CharField()), help_text="What is wrong with which field."
    )


class ErrorSerializer(serializers.Serializer[Any]):
    error = ErrorDetailSerializer()


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers itself untyped
    target_class = "synapse.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token from `/api/v1/auth/token/` or the profile."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers itself untyped
    target_class = "synapse.api.authentication.SessionAuthentication"
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        from django.conf import settings

        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The browser's session; what changes something needs the header `X-CSRFToken` as well.",
        }


class Schema(AutoSchema):
    """Adds to every operation the errors it may answer with and the headers it honours."""

    def get_operation_id(self) -> str:
        name: str = super().get_operation_id()
        # An action goes by its own name, and so does the function of a generated client: `reports_sign`.
        is_own_name = self.method == "POST" and self._action() not in {"", "create"}
        return name.removesuffix("_create") if is_own_name else name

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = list(super().get_override_parameters())
        if self._honours_key():
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
                    OpenApiParameter.HEADER,
                    description="Made up by the client for this one request: sent again, it has no second effect.",
                )
            )
        if self._takes_version():
            parameters.append(IF_MATCH)
        answer = self._answer()
        if self.method == "GET" and isinstance(answer, ResourceSerializer):
            left_out = sorted(answer.left_out_of_lists) if self._is_list_view() else []
            unsaid = f"all but {', '.join(left_out)}" if left_out else "all"
            parameters.append(
                OpenApiParameter(
                    "fields", str, description=f"Names of the fields to answer with, by commas; {unsaid} when not said."
                )
            )
        if isinstance(answer, ResourceSerializer) and not self._is_list_view():
            parameters.append(ENTITY_TAG)
        return parameters

    def get_request_serializer(self) -> Any:
        if self.method in {"PUT", "PATCH"} and (given := getattr(self.view, "update_class", None)):
            return given(partial=True, context=self._context())
        if self.method in {"PUT", "PATCH"} and hasattr(self.view, "update_object"):
            return getattr(self.view, "serializer_class")(partial=True, context=self._context())  # noqa: B009  # typed as any view
        if self._action() == "create" and (given := getattr(self.view, "input_class", None)):
            return given
        return super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        if self._action() == "destroy" or self.method == "DELETE":
            return OpenApiResponse(description="Done.")
        if self._action() == "create":
            return {201: getattr(self.view, "serializer_class", None)}
        return super().get_response_serializers()

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if self.method == "DELETE":
            bodies = {"204": {"description": "Done."}}
        for status in self._error_statuses():
            if str(status) not in bodies:
                response = OpenApiResponse(ErrorSerializer, description=WORDS[status])
                bodies[str(status)] = self._get_response_for_code(response, str(status))  # type: ignore[no-untyped-call]
        return bodies

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, ResourceSerializer) and direction == "response":
            # What the role may not read, or `fields` leaves out, is absent.
            schema["required"] = ["id"] if "id" in schema.get("properties", {}) else []
            if not schema["required"]:
                del schema["required"]
        if direction == "request":
            schema["additionalProperties"] = False
        return schema

    def _error_statuses(self) -> list[int]:
        statuses = {400, 401, 403, 429, 503}
        if "{" in self.path:
            statuses.add(404)
        if self.method not in SAFE_METHODS:
            statuses |= {404, 409}
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= {413, 415}
        if self._honours_key():
            statuses.add(422)
        if self._takes_version():
            statuses.add(412)
        return sorted(statuses)

    def _action(self) -> str:
        return getattr(self.view, "action", None) or ""

    def _honours_key(self) -> bool:
        handler = getattr(self.view, self._action() or self.method.lower(), None)
        return self.method == "POST" and bool(getattr(handler, "is_idempotent", False))

    def _takes_version(self) -> bool:
        """Say whether the operation changes a row that is named by the address and can be held."""
        return self.method not in SAFE_METHODS and "{" in self.path and hasattr(self.view, "held")

    def _answer(self) -> Any:
        serializer = self.get_response_serializers()
        if isinstance(serializer, dict):
            serializer = next(iter(serializer.values()), None)
        if isinstance(serializer, OpenApiResponse):
            serializer = serializer.response
        if isinstance(serializer, type) and issubclass(serializer, ResourceSerializer):
            return serializer(context=self._context())
        return getattr(serializer, "child", serializer)

    def _context(self) -> dict[str, Any]:
        return {"request": None, "view": self.view}
