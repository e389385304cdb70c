"""Bind the request's origin for the audit rows it causes."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from synapse.audit.context import client_ip, request_context


class RequestContextMiddleware:
    """Give each request an id, in the audit rows and in the `X-Request-ID` answer header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with request_context(client_ip(request.META)) as context:
            response = self.get_response(request)
            response["X-Request-ID"] = str(context.request_id)
        return response
