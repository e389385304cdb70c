"""Where a request came from, known to every audit row written while it is served."""

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from django.conf import settings


@dataclass(frozen=True)
class RequestContext:
    """The client's address, the request's id, and the browser session or token it came with; None outside a request."""

    ip: str | None = None
    request_id: UUID | None = None
    sign_in_id: UUID | None = None


_current: ContextVar[RequestContext] = ContextVar("audit_request", default=RequestContext())


def current() -> RequestContext:
    return _current.get()


def note_sign_in(sign_in_id: UUID | None) -> None:
    """Let the rows of this request say by which browser session, or which token, it was signed in.

    Outside a request nothing is noted: no block would take it back.
    """
    if _current.get().request_id is not None:
        _current.set(replace(_current.get(), sign_in_id=sign_in_id))


@contextmanager
def request_context(ip: str | None, sign_in_id: UUID | None = None) -> Iterator[RequestContext]:
    """Bind the origin of the work done in the block and give it an id."""
    context = RequestContext(ip=ip, request_id=uuid4(), sign_in_id=sign_in_id)
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def client_ip(meta: Mapping[str, str]) -> str | None:
    """Return the client's address from a WSGI-style environment.

    X-Forwarded-For is believed only as far as TRUSTED_PROXIES reach: the last address no trusted proxy has.
    """
    chain = [part.strip() for part in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    address = _valid(meta.get("REMOTE_ADDR", ""))
    while address is not None and _is_trusted(address) and chain:
        forwarded = _valid(chain.pop())
        if forwarded is None:
            break
        address = forwarded
    return address


def _valid(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _is_trusted(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return any(ip in ipaddress.ip_network(network, strict=False) for network in settings.TRUSTED_PROXIES)
