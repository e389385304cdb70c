"""A drawn signature: what is taken from a browser, how it is drawn again, and the hash that binds it to its words."""

import hashlib
import json
from io import BytesIO
from itertools import pairwise
from typing import Any

from patients.models import Consent, ConsentSignature
from synapse.common.errors import DomainError

WIDTH, HEIGHT = 1000, 300
MOST_STROKES = 100
MOST_POINTS = 4000
LEAST_LENGTH = 60  # a dot or a slip of the finger is no signature
LINE_WIDTH = 5

Strokes = list[list[list[int]]]


class UnusableSignature(DomainError):
    """What came is no drawing of ours, or nothing was drawn."""

    code = "unusable_signature"

    def __init__(self) -> None:
        super().__init__("Sign again, please. The drawing could not be read.")


def read_strokes(raw: Any) -> Strokes:
    """Return strokes as they are stored: whole numbers inside the field. Raises UnusableSignature."""
    if not isinstance(raw, list) or len(raw) > MOST_STROKES:
        raise UnusableSignature
    strokes = [[_point(point) for point in stroke] for stroke in raw if isinstance(stroke, list)]
    if len(strokes) != len(raw) or sum(map(len, strokes)) > MOST_POINTS:
        raise UnusableSignature
    return [stroke for stroke in strokes if stroke]


def is_drawn(strokes: Strokes) -> bool:
    """Tell whether somebody drew a line, not just touched the field."""
    length = sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for stroke in strokes for a, b in pairwise(stroke))
    return length >= LEAST_LENGTH


def svg_path(strokes: Strokes) -> str:
    """Return the `d` of an SVG path."""
    return " ".join("M" + " L".join(f"{x} {y}" for x, y in stroke) for stroke in strokes)


def png(strokes: Strokes) -> bytes:
    """Return the signature as a picture for a printed document."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", (WIDTH, HEIGHT), 255)
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        pen.line([(x, y) for x, y in stroke], fill=20, width=LINE_WIDTH, joint="curve")
    output = BytesIO()
    picture.save(output, "PNG", optimize=True)
    return output.getvalue()


def hash_of(signature: ConsentSignature) -> str:
    """Return the SHA-256 over the words' version and hash, the strokes or name, and the moment."""
    consent = signature.consent
    signed = {
        "kind": consent.kind,
        "version": consent.text_version,
        "text": consent.text_hash,
        "strokes": signature.strokes,
        "name": signature.typed_name,
        "at": signature.signed_at.isoformat(timespec="microseconds"),
    }
    whole = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()


def is_whole(consent: Consent) -> bool:
    """Tell whether a signature is still the one that was given under these words at that time."""
    return consent.is_signed and hash_of(consent.signature) == consent.signature_hash


def _point(point: Any) -> list[int]:
    if not (isinstance(point, list) and len(point) == 2 and all(type(number) in (int, float) for number in point)):
        raise UnusableSignature
    x, y = (round(number) if abs(number) < 10 * WIDTH else -1 for number in point)
    if not (0 <= x <= WIDTH and 0 <= y <= HEIGHT):
        raise UnusableSignature
    return [x, y]
