"""What our colours mean: the sRGB colour space as an ICC profile of version 2, the one PDF/A-1 takes.

Curve and primaries are those of IEC 61966-2-1, the primaries adapted to D50 by Bradford's matrix as ICC.1:2001-04 asks.
"""

import struct
from functools import lru_cache

_WHITE = (0.9642, 1.0, 0.8249)  # D50, the white of the profile connection space
_PRIMARIES = {
    b"rXYZ": (0.4360747, 0.2225045, 0.0139322),
    b"gXYZ": (0.3850649, 0.7168786, 0.0971045),
    b"bXYZ": (0.1430804, 0.0606169, 0.7141733),
}
_STEPS = 1024
_NAME = b"sRGB IEC61966-2.1"


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return the profile's bytes, the same ones every time."""
    curve = _curve()
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(_NAME) + 1) + _NAME + bytes(1) + bytes(8 + 3 + 67),
        b"cprt": b"text" + bytes(4) + b"No copyright, use freely\0",
        b"wtpt": _xyz(_WHITE),
        **{name: _xyz(values) for name, values in _PRIMARIES.items()},
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _assemble(tags)


def _curve() -> bytes:
    points = [round(_linear(step / (_STEPS - 1)) * 65535) for step in range(_STEPS)]
    return b"curv" + bytes(4) + struct.pack(f">I{_STEPS}H", _STEPS, *points)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _assemble(tags: dict[bytes, bytes]) -> bytes:
    """Put header, table and tags together; tags of the same content share their place."""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for content in tags.values():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
    table = struct.pack(">I", len(tags))
    for name, content in tags.items():
        table += name + struct.pack(">II", places[content], len(content))
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(4 + 4 + 4 + 4 + 8 + 4)
    header += struct.pack(">3i", *(round(value * 65536) for value in _WHITE))
    return header + bytes(128 - len(header)) + table + body
