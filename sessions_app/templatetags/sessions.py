"""Small writers of the session pages."""

import json
from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def clock(milliseconds: int) -> str:
    """Write a place on the recording clock: 12:47, 1:02:07."""
    minutes, seconds = divmod(max(0, int(milliseconds)) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def as_json(value: Any) -> str:
    """Write a value for a data attribute; the template escapes it."""
    return json.dumps(value)


@register.filter
def minutes(seconds: int) -> str:
    """Write a length: 40 s, 12 min."""
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


@register.filter
def time_left(seconds: int | None) -> str:
    """Write what is left of a run in words, rounded up: about 3 min left; nothing while nobody knows."""
    if seconds is None:
        return ""
    return "less than a minute left" if seconds < 60 else f"about {-(-seconds // 60)} min left"


@register.filter
def percent_of(part: int, whole: int) -> int:
    """Return how many of a hundred a part is."""
    return round(100 * part / whole) if whole else 0


@register.filter
def as_percent(share: float) -> int:
    """Return how many of a hundred a share from 0 to 1 is."""
    return round(100 * share)


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def lookup(table: Mapping[str, Any], key: str) -> Any:
    return table.get(key, "")


@register.filter
def mark_icon(kind: str) -> str:
    """Return the icon of a mark's kind."""
    return {"risk": "alert-triangle", "medication": "pill", "action": "list-check"}.get(kind, "flag")
