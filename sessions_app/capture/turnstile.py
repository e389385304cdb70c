"""Bounds how often one browser session may open sockets, before anything is looked up for it."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from sessions_app.capture.live import Close, Patience, StreamClosed

Application = Callable[[Any, Any, Any], Awaitable[None]]

BURST, PER_SECOND = 100, 10  # our recorder comes back at most twice a second, a script may try ten times
MOST_REMEMBERED = 10_000


class Turnstile:
    """Wraps the sockets' application; one socket too many is closed with 1008 and reaches nothing behind."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._seen: OrderedDict[bytes, Patience] = OrderedDict()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            self._patience_of(scope).spend(time.time_ns() // 1_000_000)
        except StreamClosed:
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": int(Close.POLICY)})
            return
        await self._application(scope, receive, send)

    def _patience_of(self, scope: Any) -> Patience:
        headers = dict(scope["headers"])
        who = headers.get(b"authorization") or headers.get(b"cookie") or str((scope.get("client") or ("",))[0]).encode()
        key = hashlib.sha256(who).digest()
        patience = self._seen.pop(key, None) or Patience(BURST, PER_SECOND)
        self._seen[key] = patience
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return patience
