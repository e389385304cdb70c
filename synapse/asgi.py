"""HTTP plus the WebSocket router: behind the origin check and the session, or behind a token."""

import os
from collections.abc import Mapping
from typing import IO, Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.settings")
django.setup(set_prefix=False)


class Handler(ASGIHandler):
    """Django's handler; a long body comes as a sealed file from the server, not in pieces."""

    def create_request(self, scope: Mapping[str, Any], body_file: IO[bytes]) -> Any:
        return super().create_request(scope, scope.get("sealed_body", body_file))


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a socket: without a route another address would be an error, with a page of log each time."""
    await receive()
    await send({"type": "websocket.close"})


http_application = Handler()

from channels.auth import AuthMiddlewareStack  # noqa: E402  models must be ready first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import re_path  # noqa: E402

from scheduling.routing import websocket_urlpatterns as calendar_sockets  # noqa: E402
from sessions_app.capture.turnstile import Turnstile  # noqa: E402
from sessions_app.routing import websocket_urlpatterns as session_sockets  # noqa: E402


def from_own_pages(inner: Any) -> Any:
    """Let pages of this very site in: channels compares hosts, and another port of this host is another site.

    A demo is opened under every name of its machine, so there the host has to do.
    """

    async def check(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin, host = (headers.get(name, b"").decode("latin1").lower() for name in (b"origin", b"host"))
        is_own = not settings.IS_PRODUCTION or origin in {settings.BASE_URL.lower(), f"https://{host}"}
        await (inner if is_own else nowhere)(scope, receive, send)

    return check


sockets = URLRouter([*session_sockets, *calendar_sockets, re_path("", nowhere)])  # type: ignore[arg-type]  # Django does not know sockets
for_browsers = AllowedHostsOriginValidator(from_own_pages(Turnstile(AuthMiddlewareStack(sockets))))
for_programs = Turnstile(sockets)


async def by_credential(scope: Any, receive: Any, send: Any) -> None:
    """Let a program with a token in from anywhere, its cookies unread; a browser cannot send that header."""
    secret = bearer_of(scope)
    if secret is None:
        await for_browsers(scope, receive, send)
    else:
        await for_programs({**scope, "bearer": secret}, receive, send)


def bearer_of(scope: Mapping[str, Any]) -> str | None:
    """Return the token of the Authorization header; None when there is no such header, empty when it is broken."""
    parts = dict(scope["headers"]).get(b"authorization", b"").split()
    if not parts or parts[0].lower() != b"bearer":
        return None
    return parts[1].decode("ascii", errors="replace") if len(parts) == 2 else ""


application = ProtocolTypeRouter({"http": http_application, "websocket": by_credential})
