"""X12 files: characters, elements, segments and envelopes. Pure; knows nothing of claims.

Source: X12 005010 as the HIPAA implementation guides use it (envelopes: appendix C of 005010X222A1).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

ELEMENT, COMPONENT, REPETITION, TERMINATOR = "*", ":", "^", "~"
VERSION = "00501"
# The basic character set of X12, less our delimiters. Lower case is written as upper case.
BASIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"&'(),-./;?=+")
# Letters that do not come apart into a basic letter and an accent, and signs that people type.
TRANSLITERATED = {
    "ß": "SS",
    "Æ": "AE",
    "Œ": "OE",
    "Ø": "O",
    "Ł": "L",
    "Đ": "D",
    "Ð": "D",
    "Þ": "TH",
    "ı": "I",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "#": " ",
    "_": "-",
    "@": " AT ",
    "%": " PCT ",
}


class X12Error(ValueError):
    """A value that cannot stand in the file. The text names the element and quotes no value."""


def basic(text: str) -> str:
    """Return a text in the basic character set: é as E, ß as SS, what has no counterpart as nothing."""
    letters: list[str] = []
    for letter in text:
        if letter in TRANSLITERATED or letter.upper() in TRANSLITERATED:
            letters.append(TRANSLITERATED.get(letter) or TRANSLITERATED[letter.upper()])
            continue
        for part in unicodedata.normalize("NFKD", letter).upper():
            if part in BASIC:
                letters.append(part)
            elif not unicodedata.combining(part) and not part.isalnum():
                letters.append(" ")
    return " ".join("".join(letters).split())


def text(value: str, name: str, *, least: int = 1, most: int, cut: bool = False) -> str:
    """Return a text element. Raises X12Error when it is too short, or too long and may not be cut."""
    written = basic(value)
    if cut:
        written = written[:most].rstrip()
    if not least <= len(written) <= most:
        raise X12Error(f"{name} takes {least} to {most} characters of the Latin alphabet.")
    return written


def amount(value: Decimal, name: str) -> str:
    """Return a monetary element, without zeros that say nothing. Raises X12Error below zero and above 99999999.99."""
    if not Decimal(0) <= value < Decimal(100_000_000):
        raise X12Error(f"{name} is no amount a claim can hold.")
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return written or "0"


def day(value: date) -> str:
    """Return a date as D8: CCYYMMDD."""
    return f"{value:%Y%m%d}"


def segment(*elements: str | Sequence[str]) -> str:
    """Return a segment without its terminator; a sequence is a composite. Empty ends are left out.

    Raises X12Error when an element holds a delimiter: it would read as something else.
    """
    written: list[str] = []
    for element in elements:
        parts = [element] if isinstance(element, str) else list(element)
        if any(sign in part for part in parts for sign in (ELEMENT, COMPONENT, REPETITION, TERMINATOR)):
            raise X12Error(f"An element of {elements[0]} holds a delimiter.")
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        written.append(COMPONENT.join(parts))
    while len(written) > 1 and not written[-1]:
        written.pop()
    return ELEMENT.join(written)


@dataclass(frozen=True)
class Envelope:
    """Who sends a file to whom, under which number. `is_test` marks a file nobody is to pay for."""

    sender_id: str
    receiver_id: str
    control_number: int
    at: datetime
    is_test: bool = False


def interchange(
    envelope: Envelope, transactions: Iterable[Sequence[str]], *, kind: str, functional: str, guide: str
) -> str:
    """Return a whole file: ISA, GS, one ST to SE for each list of segments, GE, IEA, with their counts.

    `kind` is the transaction (837), `functional` its group's code (HC), `guide` the implementation guide.
    """
    control = f"{envelope.control_number % 1_000_000_000:09d}"
    group = str(envelope.control_number % 1_000_000_000)
    sender = text(envelope.sender_id, "The sender's id", least=2, most=15)
    receiver = text(envelope.receiver_id, "The receiver's id", least=2, most=15)
    at = envelope.at
    # ISA has fixed widths: readers find the delimiters by position.
    isa = ELEMENT.join(
        (
            "ISA",
            "00",
            " " * 10,
            "00",
            " " * 10,
            "ZZ",
            f"{sender:<15}",
            "ZZ",
            f"{receiver:<15}",
            f"{at:%y%m%d}",
            f"{at:%H%M}",
            REPETITION,
            VERSION,
            control,
            "0",
            "T" if envelope.is_test else "P",
            COMPONENT,
        )
    )
    gs = segment("GS", functional, sender, receiver, day(at.date()), f"{at:%H%M}", group, "X", guide)
    lines = [isa, gs]
    count = 0
    for count, body in enumerate(transactions, start=1):
        number = f"{count:04d}"
        lines.append(segment("ST", kind, number, guide))
        lines.extend(body)
        lines.append(segment("SE", str(len(body) + 2), number))
    if not count:
        raise X12Error("A file holds at least one transaction.")
    lines.append(segment("GE", str(count), group))
    lines.append(segment("IEA", "1", control))
    return "".join(f"{line}{TERMINATOR}\n" for line in lines)
