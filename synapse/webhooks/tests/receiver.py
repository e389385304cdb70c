"""A receiver on loopback that answers as it is told and keeps what it was sent."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server of one connection at a time; `answers` are given in turn, the last one for ever."""

    answers: list[bytes | Callable[[socket.socket], None]]
    requests: list[Received] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    def take(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := connection.recv(65536)):
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rest = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        self.requests.append(Received(line, headers, body))
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)


def status(code: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer with this status."""
    lines = [f"HTTP/1.1 {code} X", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def receiving(*answers: bytes | Callable[[socket.socket], None], wrap: Callable | None = None) -> Iterator[Receiver]:
    """Run a receiver for the block; `wrap` puts TLS around each connection."""
    receiver = Receiver(list(answers) or [status(200)])
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        receiver.port = server.getsockname()[1]
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    try:
                        if wrap is None:
                            receiver.take(connection)
                        else:
                            with wrap(connection) as wrapped:
                                receiver.take(wrapped)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            over.set()
            thread.join(5)
