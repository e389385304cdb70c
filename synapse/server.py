"""The web server: daphne, with a drain before it stops (daphne itself cuts every socket at SIGTERM)."""

import asyncio
import io
import logging
from collections.abc import Iterable
from typing import Any

from daphne import http_protocol
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import defer

from synapse.common import draining

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 8
CLOSE_SECONDS = 0.5
GOING_DOWN = 1012
POLICY = 1008
LINGER_SECONDS = 1.0  # in which a client that did too much may read why; it is not read any more
FIRST_REGISTERED, LAST_REGISTERED = 1001, 1014
LARGEST_MESSAGE = 64 * 1024
LARGEST_BODY = 6 * 1024 * 1024  # bytes of a request; every door takes less, and says so itself
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

    def gotLength(self, length: int | None) -> None:  # noqa: N802  twisted's name
        self.content = io.BytesIO()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  twisted's name
        self.is_too_large = self.is_too_large or self.content.tell() + len(data) > LARGEST_BODY
        if not self.is_too_large:
            super().handleContentChunk(data)

    def process(self) -> Any:
        if self.is_too_large:
            return self.basic_error(413, b"Content Too Large", "Send less at once.")
        return super().process()


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

    def run(self) -> None:
        self.ports = []
        http_protocol.WebRequest = Request
        WebSocketFactory.protocol = Protocol
        super().run()

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


def serve(application: Any, host: str, port: int) -> None:
    """Serve an ASGI application until SIGTERM or Ctrl-C. Raises ListenError."""
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
    server.run()
    if server.failure:
        raise ListenError(server.failure)
