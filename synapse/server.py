"""The web server: daphne, with a drain before it stops (daphne itself cuts every socket at SIGTERM)."""

import asyncio
import io
import logging
import re
import shutil
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from daphne import http_protocol
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import defer

from synapse.common import draining
from synapse.encryption.sealed_files import SealedFile

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 8
CLOSE_SECONDS = 0.5
GOING_DOWN = 1012
POLICY = 1008
LINGER_SECONDS = 1.0  # in which a client that did too much may read why; it is not read any more
FIRST_REGISTERED, LAST_REGISTERED = 1001, 1014
LARGEST_MESSAGE = 64 * 1024
LARGEST_BODY = 6 * 1024 * 1024  # bytes of a request; every door takes less, and says so itself
# Some addresses take more, sealed on the disk while it comes in: a session's recording, the order file of ICD-10-CM with
# its 15 MB, prices and patients of another system. With what multipart puts around them.
LARGER = (
    (re.compile(rb"/api/v1/sessions/[0-9a-fA-F-]{36}/audio/"), 1024**3 + 64 * 1024),
    (re.compile(rb"/bills/settings/codes/"), 24 * 1024**2 + 64 * 1024),
    (re.compile(rb"/bills/settings/fees/import/|/imports/"), 10 * 1024**2 + 64 * 1024),
)
MOST_LARGER = 4  # at once in this process
TOO_LARGE = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>This file is too large: SynapseAI</title></head>
<body>
<main>
<h1>This file is too large</h1>
<p>Nothing was saved. Go back: the page says how large a file may be. Choose a smaller one, or split it into several.</p>
</main>
</body>
</html>
"""
LEAST_FREE = 500 * 1024 * 1024
PING_SECONDS = 5  # a half-open client is noticed after 15 s
PING_TIMEOUT_SECONDS = 10
MOST_WAITING = 64  # frames the application has not taken yet; until it has, no more is read from this client
READ_ON_SECONDS = 0.02
MOST_UNREAD = 1024 * 1024  # bytes the client has not read yet; one that reads nothing is cut off


class ListenError(Exception):
    """The address is taken or not ours."""


class Request(http_protocol.WebRequest):
    """Daphne's request with its body in memory, and bounded.

    Twisted would put one over 100 kB, of any length and from anybody, in clear in the system's temporary folder.
    """

    is_too_large = False
    sealed_body: SealedFile | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802  twisted's name
        # Twisted would read a form as well, ten times its length in memory and with all others waiting. It keeps this
        # with each request, so an attribute of the class is not looked at.
        self._parsePOSTFormSubmission = False
        self.content = io.BytesIO()
        if length is not None and length > LARGEST_BODY and self._may_be_larger(length):
            self.sealed_body = self.content = SealedFile(self.server.sealed_folder)  # type: ignore[assignment]  # as good
            self.server.open_bodies.add(self.sealed_body)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  twisted's name
        largest = LARGEST_BODY if self.sealed_body is None else self._largest_here()
        self.is_too_large = self.is_too_large or self.content.tell() + len(data) > largest
        if not self.is_too_large:
            super().handleContentChunk(data)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802  twisted's name
        if self.sealed_body is not None:
            # What never came whole gives its place back at once; the request itself may be kept for long.
            self.server.open_bodies.discard(self.sealed_body)
        super().connectionLost(reason)

    def process(self) -> Any:
        if self.is_too_large:
            return self._refuse_length()
        if self.sealed_body is not None:
            # The application is handed the file itself: daphne would read it into memory.
            self.content = io.BytesIO()
        elif length := self.content.seek(0, io.SEEK_END):
            # A body that came in chunks has no length of its own, and for the application none is an empty one.
            self.requestHeaders.setRawHeaders(b"Content-Length", [str(length).encode()])
        self.content.seek(0)
        return super().process()

    def _refuse_length(self) -> None:
        if not self.uri.startswith(b"/api/"):
            body, kind = TOO_LARGE, b"text/html; charset=utf-8"
        else:
            body = b'{"error":{"code":"too_large","message":"What was sent is too large.","fields":{}}}'
            kind = b"application/json"
        headers = [(b"Content-Type", kind), (b"Cache-Control", b"no-store")]
        self.handle_reply({"type": "http.response.start", "status": 413, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": body})

    def _largest_here(self) -> int:
        path = self.channel._path.partition(b"?")[0]
        return next((largest for pattern, largest in LARGER if pattern.fullmatch(path)), LARGEST_BODY)

    def _may_be_larger(self, length: int) -> bool:
        return (
            self.server.sealed_folder is not None
            and length <= self._largest_here()
            and self.channel._command == b"POST"
            and (self.requestHeaders.hasHeader(b"Authorization") or self.requestHeaders.hasHeader(b"Cookie"))
            and len(self.server.open_bodies) < MOST_LARGER
            and shutil.disk_usage(self.server.sealed_folder.parent).free > length + LEAST_FREE
        )


class Protocol(WebSocketProtocol):
    """Daphne's socket with bounded memory in both directions.

    It also closes with the registered codes (1008 policy, 1012 restart) that autobahn keeps to itself.
    """

    is_held = False
    is_expelled = False

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803  daphne's names
        super().onMessage(payload, isBinary)
        if not self.is_held and self.application_queue.qsize() >= MOST_WAITING:
            self.is_held = True
            self.transport.pauseProducing()
            self._read_on_later()

    def serverSend(self, content: Any, binary: bool = False) -> None:  # noqa: N802  daphne's name
        if _unread_bytes(self.transport) > MOST_UNREAD:
            logger.warning("a client that reads nothing is cut off")
            self.dropConnection(abort=True)
            return
        super().serverSend(content, binary)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  daphne's name
        if code == POLICY:
            self.is_expelled = True
            self.transport.pauseProducing()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.dropConnection, True)
        if code is not None and FIRST_REGISTERED <= code <= LAST_REGISTERED:
            self.sendCloseFrame(code=code)
        else:
            super().serverClose(code)

    def _read_on_later(self) -> None:
        asyncio.get_running_loop().call_later(READ_ON_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if self.is_expelled:
            return
        if self.state == self.STATE_OPEN and self.application_queue.qsize() > MOST_WAITING // 2:
            self._read_on_later()
            return
        self.is_held = False
        self.transport.resumeProducing()


def _unread_bytes(transport: Any) -> int:
    # Twisted tells a producer when its buffer is full and nobody else; these are the places it keeps it in.
    return len(transport.dataBuffer) - int(transport.offset) + int(transport._tempDataLen)


class DrainingServer(Server):
    """Daphne that, asked to stop, lets requests and live streams finish first."""

    failure: str | None = None
    ports: list[Any]
    # Where long bodies are kept while they come in; without it none is taken.
    sealed_folder: Path | None = None
    # Those that came in and are still read; each leaves when nobody holds it any more.
    open_bodies: "weakref.WeakSet[SealedFile]"

    def run(self) -> None:
        self.ports = []
        self.open_bodies = weakref.WeakSet()
        http_protocol.WebRequest = Request
        WebSocketFactory.protocol = Protocol
        super().run()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if (sealed := getattr(protocol, "sealed_body", None)) is not None:
            scope["sealed_body"] = sealed
            protocol.sealed_body = None
        return super().create_application(protocol, scope)

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self.ports.append(port)

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        self.stop()

    def kill_all_applications(self) -> "defer.Deferred[None]":
        """Drain, then end what is left; the reactor waits for it before it stops."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._go_down()))

    async def _go_down(self) -> None:
        for port in self.ports:
            port.stopListening()
        sockets = [protocol for protocol in self.connections if isinstance(protocol, WebSocketProtocol)]
        for socket in sockets:
            socket.muted = True  # what comes now was not acknowledged: the client sends it again
        requests = self._applications(set(self.connections) - set(sockets))
        await asyncio.gather(draining.drain(DRAIN_SECONDS), _wait(requests, DRAIN_SECONDS))
        for socket in sockets:
            socket.muted = False
            if socket.state == socket.STATE_OPEN:
                socket.serverClose(GOING_DOWN)
        await _wait(self._applications(sockets), CLOSE_SECONDS)
        left = self._applications(self.connections)
        for application in left:
            application.cancel()
        await _wait(left, CLOSE_SECONDS)

    def _applications(self, protocols: Iterable[Any]) -> "list[asyncio.Future[Any]]":
        found = [self.connections[protocol].get("application_instance") for protocol in protocols]
        return [application for application in found if application is not None and not application.done()]


async def _wait(futures: "list[asyncio.Future[Any]]", seconds: float) -> None:
    if futures:
        await asyncio.wait(futures, timeout=seconds)


def serve(application: Any, host: str, port: int, *, sealed_folder: Path | None = None) -> None:
    """Serve an ASGI application until SIGTERM or Ctrl-C; long bodies lie sealed in a folder. Raises ListenError."""
    server = DrainingServer(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_max_message_size=LARGEST_MESSAGE,
        websocket_max_frame_size=LARGEST_MESSAGE,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_TIMEOUT_SECONDS,
        websocket_timeout=-1,
        verbosity=0,
        server_name="synapse",
    )
    server.sealed_folder = sealed_folder
    server.run()
    if server.failure:
        raise ListenError(server.failure)
