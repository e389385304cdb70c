"""Which addresses events may go to: public hosts by their name over https, never anything inside a private network.

An address is checked when it is saved and again at every attempt; the connection then goes to the very IP address that
was checked, so a name that resolves differently a moment later changes nothing. WEBHOOK_ALLOWED_HOSTS lists hosts of
the clinic's own that are exempt: they may have a private address, another port, and outside of production plain http.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from synapse.common.errors import DomainError

PORTS = {443, 8443}
DEFAULT_PORTS = {"https": 443, "http": 80}
_PRINTABLE = re.compile(r"[!-~]+")
_NETLOC = re.compile(r"([a-z0-9.-]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Written out, because what a Python release calls "global" differs from one to the next.
_REFUSED_V4 = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own; cloud metadata as well
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own services under a public address
        "169.254.0.0/16",  # link-local; cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
# Everything outside is loopback, link-local, unique local, multicast, or an IPv4 address in disguise (mapped, NAT64).
_GLOBAL_V6 = ip_network("2000::/3")
_REFUSED_V6 = [
    ip_network(network)
    for network in (
        "2001::/23",  # Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
    )
]


class BadAddress(DomainError):
    """Events cannot go to this address; the sentence says why."""

    code = "bad_address"
    field = "url"


class HostUnknown(BadAddress):
    """The name has no address now."""

    code = "host_unknown"


class AddressRefused(BadAddress):
    """The name leads into a network that is not public."""

    code = "address_refused"


@dataclass(frozen=True)
class Target:
    """An address taken apart; `path` has its query."""

    scheme: str
    host: str
    port: int
    path: str
    is_listed: bool

    @property
    def host_header(self) -> str:
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


def read_url(url: str) -> Target:
    """Take an address apart and check its form. Raises BadAddress."""
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise BadAddress("Write the address in plain letters, without spaces; names in other scripts as xn--…")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadAddress("This is not an address. It looks like https://example.org/events") from None
    scheme, netloc = parts.scheme.lower(), parts.netloc.lower()
    if scheme not in DEFAULT_PORTS or not netloc:
        raise BadAddress("This is not an address. It looks like https://example.org/events")
    if "@" in netloc:
        raise BadAddress("Leave name and password out of the address. Events are signed instead.")
    if "#" in url:
        raise BadAddress("Leave the part after # out of the address.")
    found = _NETLOC.fullmatch(netloc)
    if found is None:
        raise BadAddress("Name the host as in example.org, not by a number.")
    host, port = found[1], int(found[2] or DEFAULT_PORTS[scheme])
    is_listed = _is_listed(host, port)
    if not is_listed:
        _check_host(host)
    if scheme == "http" and not (is_listed and not settings.IS_PRODUCTION):
        raise BadAddress("The address begins with https://, so that events travel encrypted.")
    if port not in PORTS and not is_listed:
        raise BadAddress("Use port 443 or 8443.")
    path = parts.path or "/"
    return Target(scheme, host, port, f"{path}?{parts.query}" if parts.query else path, is_listed)


def resolve(target: Target) -> list[str]:
    """Return the IP addresses of a target, all of them checked. Raises HostUnknown and AddressRefused."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        found = []
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise HostUnknown("This host is not found. Check its name.")
    # One address among good ones that is not public is a trick or a mistake; neither gets an event.
    if not target.is_listed and not all(is_public(address) for address in addresses):
        raise AddressRefused("This host is inside a private network. Events go to public addresses only.")
    return addresses


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _REFUSED_V4)
    return _is_public_v6(parsed)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _GLOBAL_V6:
        return False
    return not any(address in network for network in _REFUSED_V6)


def _is_listed(host: str, port: int) -> bool:
    return not {host, f"{host}:{port}"}.isdisjoint(entry.lower() for entry in settings.WEBHOOK_ALLOWED_HOSTS)


def _check_host(host: str) -> None:
    """Raise BadAddress unless the host is a full domain name. Numbers are refused in every notation."""
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("This is not the name of a host. It looks like example.org")
    if _NUMBER.fullmatch(labels[-1]):
        raise BadAddress("Name the host as in example.org, not by a number.")
    if len(labels) < 2:
        raise BadAddress("Write the host's full name, as in example.org")
