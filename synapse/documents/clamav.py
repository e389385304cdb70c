"""Ask the clinic's virus scanner (clamd) about a file, when CLAMAV_ADDRESS names one."""

import socket
import struct
from collections.abc import Iterable

from django.conf import settings

from synapse.common.errors import DomainError

TIMEOUT_SECONDS = 20.0
DEFAULT_PORT = 3310
_LENGTH = struct.Struct(">I")


class ScannerAway(DomainError):
    """A scanner is set up and does not answer, so no file is taken."""

    code = "scanner_away"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The virus scanner does not answer, so no file is taken. Yours was not stored: go back and send it again in a "
            "few minutes, or tell your administrator."
        )


def is_clean(pieces: Iterable[bytes]) -> bool:
    """Tell whether the scanner finds nothing; true when none is set up. Raises ScannerAway."""
    if not settings.CLAMAV_ADDRESS:
        return True
    try:
        with _connect(settings.CLAMAV_ADDRESS) as line:
            line.sendall(b"zINSTREAM\0")
            for piece in pieces:
                if piece:
                    line.sendall(_LENGTH.pack(len(piece)) + piece)
            line.sendall(_LENGTH.pack(0))
            answer = _read(line)
    except (OSError, ValueError):
        raise ScannerAway from None
    if answer.endswith(b"FOUND"):
        return False
    if answer.endswith(b"OK"):
        return True
    raise ScannerAway  # an error of the scanner's, such as a file above its own limit


def _connect(address: str) -> socket.socket:
    """Open `unix:/run/clamav/clamd.ctl`, or `host:port`."""
    if address.startswith("unix:"):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(TIMEOUT_SECONDS)
        try:
            line.connect(address.removeprefix("unix:"))
        except OSError:
            line.close()
            raise
        return line
    host, _, port = address.rpartition(":")
    return socket.create_connection((host or address, int(port) if host else DEFAULT_PORT), timeout=TIMEOUT_SECONDS)


def _read(line: socket.socket) -> bytes:
    answer = b""
    while b"\0" not in answer and (part := line.recv(1024)):
        answer += part
    return answer.rstrip(b"\0").strip()
