"""System checks of the keys: present, distinct, well-formed."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core import checks

KEY_SETTINGS = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY")
SHORTEST = 43  # 32 bytes in base64 without padding


def _keys(name: str) -> list[str]:
    value = getattr(settings, name, None) or []
    return [value] if isinstance(value, str) else list(value)


@checks.register(checks.Tags.security)
def check_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report missing, short, malformed or repeated keys."""
    problems: list[checks.CheckMessage] = []
    owner: dict[str, str] = {}
    for name in KEY_SETTINGS:
        keys = _keys(name)
        if not keys:
            problems.append(checks.Error(f"{name} is missing.", hint=f"Set {name}.", id="encryption.E002"))
        for key in keys:
            if len(key) < SHORTEST:
                problems.append(
                    checks.Error(f"{name} is too short.", hint="Use 32 random bytes in base64.", id="encryption.E003")
                )
            if owner.setdefault(key, name) != name or keys.count(key) > 1:
                problems.append(
                    checks.Error(
                        f"{name} repeats a key of {owner[key]}.",
                        hint="Each key protects something else: make a new one.",
                        id="encryption.E004",
                    )
                )
    for key in _keys("FIELD_ENCRYPTION_KEY"):
        try:
            Fernet(key)
        except ValueError:
            problems.append(
                checks.Error(
                    "FIELD_ENCRYPTION_KEY is malformed.",
                    hint="Each key is 32 bytes in URL-safe base64, 44 characters.",
                    id="encryption.E005",
                )
            )
    return problems
