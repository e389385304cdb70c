"""Error pages, and a reporter that never writes form data into a log or mail."""

from collections.abc import ItemsView
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.debug import SafeExceptionReporterFilter

from synapse.audit.services import record_denial


def layout_for(request: HttpRequest) -> str:
    """Return the template an error page extends: inside the shell for people who are signed in."""
    user = getattr(request, "user", None)
    return "base.html" if user is not None and user.is_authenticated else "bare.html"


API_PREFIX = "/api/"


def _for_program(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse | None:
    """Return the API's shape of an error, for an address of the API that no view of it answered."""
    if not request.path.startswith(API_PREFIX):
        return None
    return JsonResponse({"error": {"code": code, "message": message, "fields": {}}}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request could not be read."""
    if answer := _for_program(request, 400, "unreadable", "The request cannot be read."):
        return answer
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: seen but not allowed. `requires` has recorded the denial where it was made."""
    context = {"message": str(exception or ""), "layout": layout_for(request)}
    return render(request, "403.html", context, status=403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here, or nothing this person may know of; the two look the same, and asking for a row is recorded."""
    match = request.resolver_match
    if match is not None and match.kwargs and request.user.is_authenticated:
        name, asked = next(iter(match.kwargs.items()))
        is_patient = name == "patient_pk" or (name == "pk" and match.namespace == "patients")
        record_denial(
            request,
            target=(match.view_name, str(asked)),
            patient_id=asked if is_patient and isinstance(asked, UUID) else None,
            reason="not_found",
        )
    if answer := _for_program(
        request, 404, "not_found", "There is nothing at this address. Addresses end with a slash."
    ):
        return answer
    return render(request, "404.html", {"layout": layout_for(request)}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: without context processors and database, which may be what failed."""
    if answer := _for_program(request, 500, "server_error", "Something broke here. It is written down; try again."):
        return answer
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that was opened before signing in again, or came from another site."""
    if request.user.is_authenticated:
        record_denial(request, reason="csrf")
    return render(request, "403_csrf.html", status=403)


class QuietExceptionReporterFilter(SafeExceptionReporterFilter):
    """Hide every posted value and every local variable: both hold patient data."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        if request is None:
            return {}
        return dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> ItemsView[str, Any]:
        return {}.items()
