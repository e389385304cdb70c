"""Password rules besides Django's: a highest length, and no password made of the product's name."""

import re
from typing import Any

from django.core.exceptions import ValidationError

MAXIMUM_LENGTH = 128
CONTEXT_WORDS = ("synapseai", "synapse", "clinic", "password", "doctor", "psychiatry")


class MaximumLengthValidator:
    """Refuse passwords longer than 128 characters: hashing a book on request costs the server, not the attacker."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAXIMUM_LENGTH:
            raise ValidationError(f"Use {MAXIMUM_LENGTH} characters or fewer.", code="password_too_long")

    def get_help_text(self) -> str:
        return f"At most {MAXIMUM_LENGTH} characters."


class ProductNameValidator:
    """Refuse passwords that are a word everybody here would guess, with digits or signs around it."""

    def validate(self, password: str, user: Any = None) -> None:
        rest = re.sub(r"[\W\d_]+", "", password.lower())
        for word in CONTEXT_WORDS:
            rest = rest.replace(word, "")
        if len(rest) < 4:
            raise ValidationError(
                "This password is easy to guess here. Use three or four unrelated words.", code="context"
            )

    def get_help_text(self) -> str:
        return "Three or four unrelated words are easy to remember and hard to guess."
