"""Notice that a record changed under an open form, field by field, without putting the former values in the page."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.crypto import salted_hmac

SALT = "patients.stale"


def fingerprint(values: Mapping[str, Any]) -> str:
    """Return what the form carries to say which values it was filled from."""
    return json.dumps({name: _digest(name, value) for name, value in sorted(values.items())})


def changed_since(carried: str, values: Mapping[str, Any]) -> set[str]:
    """Return the fields whose stored values are no longer those a form was filled from.

    A form that carries nothing readable counts as filled from other values throughout.
    """
    try:
        known = json.loads(carried)
    except (ValueError, RecursionError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    return {name for name, value in values.items() if known.get(name) != _digest(name, value)}


def _digest(name: str, value: Any) -> str:
    return salted_hmac(SALT, f"{name}\0{value!r}").hexdigest()[:16]
