"""Read a street, a town, a state and a post code out of an address in free text. A suggestion: somebody looks at it."""

import re
from dataclasses import dataclass

# USPS publication 28, appendix B.
STATES = {
    "alabama": "AL", "alaska": "AK", "arizona": "AZ", "arkansas": "AR", "california": "CA", "colorado": "CO",
    "connecticut": "CT", "delaware": "DE", "district of columbia": "DC", "florida": "FL", "georgia": "GA",
    "hawaii": "HI", "idaho": "ID", "illinois": "IL", "indiana": "IN", "iowa": "IA", "kansas": "KS", "kentucky": "KY",
    "louisiana": "LA", "maine": "ME", "maryland": "MD", "massachusetts": "MA", "michigan": "MI", "minnesota": "MN",
    "mississippi": "MS", "missouri": "MO", "montana": "MT", "nebraska": "NE", "nevada": "NV", "new hampshire": "NH",
    "new jersey": "NJ", "new mexico": "NM", "new york": "NY", "north carolina": "NC", "north dakota": "ND",
    "ohio": "OH", "oklahoma": "OK", "oregon": "OR", "pennsylvania": "PA", "puerto rico": "PR", "rhode island": "RI",
    "south carolina": "SC", "south dakota": "SD", "tennessee": "TN", "texas": "TX", "utah": "UT", "vermont": "VT",
    "virginia": "VA", "washington": "WA", "west virginia": "WV", "wisconsin": "WI", "wyoming": "WY", "guam": "GU",
}  # fmt: skip
CODES = frozenset(STATES.values()) | {"AS", "MP", "VI", "AA", "AE", "AP"}
ZIP = re.compile(r"(?<!\d)(?P<zip>\d{5}(?:-?\d{4})?)$")
# Six digits, often with a space after the third: India and a few others.
PIN = re.compile(r"(?<!\d)(?P<zip>\d{3} ?\d{3})$")
COUNTRY = re.compile(r"^(u\.?s\.?a?\.?|united states( of america)?|india)$", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedAddress:
    """What could be read. A part nobody could tell is empty."""

    street: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""


def parse_address(text: str) -> ParsedAddress:
    """Split an address written in lines or with commas; what is not understood stays in the street."""
    parts = [" ".join(part.split()) for part in re.split(r"[\n,;]+", text) if part.strip()]
    if parts and COUNTRY.match(parts[-1]):
        parts.pop()
    if not parts:
        return ParsedAddress()
    zip_code = ""
    for pattern in (PIN, ZIP):
        found = pattern.search(parts[-1])
        if found:
            zip_code = found["zip"].replace(" ", "")
            parts[-1] = parts[-1][: found.start()].rstrip(" -–")
            break
    if not parts[-1]:
        parts.pop()
    state = ""
    if parts and zip_code:
        parts[-1], state = _take_state(parts[-1])
        if not parts[-1]:
            parts.pop()
    if not zip_code and len(parts) < 2:
        return ParsedAddress(street=", ".join(parts))
    city = parts.pop() if len(parts) > 1 else ""
    return ParsedAddress(street=", ".join(parts), city=city, state=state, zip_code=zip_code)


def _take_state(part: str) -> tuple[str, str]:
    """Return a part without the state at its end, and the state's two letters; of other countries none."""
    lowered = part.lower()
    words = part.split()
    if words and words[-1].upper() in CODES and words[-1].isupper():
        return " ".join(words[:-1]), words[-1]
    for name in sorted(STATES, key=len, reverse=True):
        if lowered == name or lowered.endswith(f" {name}"):
            return part[: len(part) - len(name)].rstrip(), STATES[name]
    return part, ""
