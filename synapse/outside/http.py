"""A client that speaks HTTP to the outside: each request with its answer is one recorded call."""

import ssl
from functools import cache
from typing import Any

import httpx

from synapse.outside import calls


@cache
def authorities() -> ssl.SSLContext:
    """Return httpx' own context, made once: reading its authorities takes longer than most of what is asked."""
    return httpx.create_ssl_context()


class RecordedClient(httpx.Client):
    """Send requests as httpx does, each under a row that was written before."""

    def __init__(self, *, engine: str, model: str, **options: Any) -> None:
        super().__init__(verify=authorities(), **options)
        self._engine = engine
        self._model = model

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        call = calls.begin(engine=self._engine, model=self._model, host=request.url.host)
        is_answered = False
        try:
            call.sent(request.read())
            response = super().send(request, **options)
            call.received(len(response.read()))
            is_answered = response.is_success
        finally:
            call.end(is_answered=is_answered)
        return response
