"""One POST to one address: ten seconds in all, no redirect followed, and of the answer only the status is kept."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from time import monotonic
from typing import Self

from synapse.webhooks.addresses import AddressRefused, BadAddress, HostUnknown, Target, read_url, resolve
from synapse.webhooks.models import WebhookDelivery

TIMEOUT_SECONDS = 10.0
BODY_SECONDS = 1.0
MOST_ANSWER = 1024  # bytes of the body that are read, so that a receiver can end its answer in peace
USER_AGENT = "SynapseAI-Webhooks/1"

Problem = WebhookDelivery.Problem


@dataclass(frozen=True)
class Answer:
    """What came back: the HTTP status if any, what went wrong, and how long it took."""

    status_code: int | None
    problem: str
    duration_ms: int

    @property
    def is_taken(self) -> bool:
        return not self.problem

    @property
    def is_unreachable(self) -> bool:
        """Tell whether the receiver as a whole is down or busy, whatever the event: the next one would fare the same."""
        return self.problem != Problem.GONE and (self.status_code is None or self.status_code in (429, 503))


class _Failed(Exception):
    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a body; whatever happens comes back as an Answer. Call it in no transaction."""
    started = monotonic()
    status_code, problem = None, ""
    try:
        status_code = _post(read_url(url), body, headers)
        problem = _problem_of(status_code)
    except HostUnknown:
        problem = Problem.HOST_UNKNOWN
    except (AddressRefused, BadAddress):
        problem = Problem.ADDRESS_REFUSED
    except _Failed as error:
        problem = error.problem
    return Answer(status_code, problem, int((monotonic() - started) * 1000))


def _problem_of(status_code: int) -> str:
    if 200 <= status_code < 300:
        return ""
    if status_code == 410:
        return Problem.GONE
    return Problem.REDIRECT if 300 <= status_code < 400 else Problem.HTTP_ERROR


def _post(target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    addresses = resolve(target)
    with _Deadline(TIMEOUT_SECONDS) as deadline, _naming_problems(deadline):
        connection = _Pinned(target, addresses, deadline)
        try:
            connection.request(
                "POST",
                target.path,
                body,
                {
                    **headers,
                    "Host": target.host_header,
                    "Content-Type": "application/json",
                    "User-Agent": USER_AGENT,
                    "Connection": "close",
                },
            )
            with connection.getresponse() as response:
                if deadline.is_over:
                    # The end of the connection looks like the end of the headers.
                    raise TimeoutError
                status_code = response.status
                deadline.hurry()
                _forget_body(response)
        finally:
            connection.close()
    return status_code


def _forget_body(response: HTTPResponse) -> None:
    """Read the beginning of an answer's body and drop it: with its status the receiver has said everything."""
    try:
        response.read(MOST_ANSWER)
    except (HTTPException, OSError, ValueError):
        return


@contextmanager
def _naming_problems(deadline: "_Deadline") -> Iterator[None]:
    """Turn what a connection raises into a word of ours; the texts may hold the address."""
    try:
        yield
    except _Failed:
        raise
    except (TimeoutError, HTTPException, OSError, ValueError) as error:
        if deadline.is_over or isinstance(error, TimeoutError):
            raise _Failed(Problem.TIMED_OUT) from None
        if isinstance(error, ssl.SSLError):
            raise _Failed(Problem.TLS_FAILED) from None
        raise _Failed(Problem.BAD_ANSWER) from None


class _Deadline:
    """Ends a connection at a time: a time-out of each read alone is never reached by one byte a second."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self.is_over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    @property
    def seconds_left(self) -> float:
        return max(0.001, self._ends_at - monotonic())

    def watch(self, connected: socket.socket) -> None:
        self._socket = connected
        connected.settimeout(self.seconds_left)

    def hurry(self) -> None:
        """Wait no longer than a moment for what is still to come."""
        if self._socket is not None:
            self._socket.settimeout(min(BODY_SECONDS, self.seconds_left))

    def _end(self) -> None:
        self.is_over = True
        if self._socket is not None:
            try:
                # Past the TLS layer, which another thread is using.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return


class _Pinned(HTTPConnection):
    """A connection to addresses that were checked, under the name they were checked for."""

    def __init__(self, target: Target, addresses: list[str], deadline: _Deadline) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        self._addresses = addresses
        self._deadline = deadline

    def connect(self) -> None:
        self.sock = self._open()
        self._deadline.watch(self.sock)
        if self._target.scheme == "https":
            self.sock = tls_context().wrap_socket(
                self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            self._deadline.watch(self.sock)
            self.sock.do_handshake()

    def _open(self) -> socket.socket:
        for address in self._addresses:
            if self._deadline.is_over:
                break
            try:
                return socket.create_connection((address, self._target.port), self._deadline.seconds_left)
            except TimeoutError:
                raise _Failed(Problem.TIMED_OUT) from None
            except OSError:
                continue
        raise _Failed(Problem.CONNECT_FAILED)


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return the context that checks certificate and name against the system's authorities."""
    return ssl.create_default_context()
