"""Password rules besides Django's: a highest length, and nothing that is guessed first here."""

import re
from functools import cache
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from synapse.accounts.models import ClinicSettings, User

MAXIMUM_LENGTH = 128
CONTEXT_WORDS = ("synapseai", "synapse", "clinic", "hospital", "practice", "password", "doctor", "psychiatry", "admin")
SHORTEST_WORD = 3
# What is left of a password without the words everybody tries has to be more than this.
FEW_LETTERS = 4


class MaximumLengthValidator:
    """Refuse passwords longer than 128 characters: hashing a book on request costs the server, not the attacker."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAXIMUM_LENGTH:
            raise ValidationError(f"Use {MAXIMUM_LENGTH} characters or fewer.", code="password_too_long")

    def get_help_text(self) -> str:
        return f"At most {MAXIMUM_LENGTH} characters."


class GuessableValidator:
    """Refuse what a guesser who knows the place tries first, with digits or signs around it.

    That is the product's name, the clinic's and one's own, and any single one of the 20,000 most common passwords. What
    kinds of characters there are does not matter.
    """

    def validate(self, password: str, user: Any = None) -> None:
        letters = _letters_of(password)
        rest = letters
        for word in sorted(_words_about(user), key=len, reverse=True):
            rest = rest.replace(word, "")
        if len(rest) < FEW_LETTERS or letters in _common_passwords():
            raise ValidationError(
                "This password is easy to guess here. Use three or four unrelated words.", code="context"
            )

    def get_help_text(self) -> str:
        return "Three or four unrelated words are easy to remember and hard to guess."


def _words_about(user: Any) -> set[str]:
    about = [*CONTEXT_WORDS, ClinicSettings.load().name]
    if isinstance(user, User):
        about += [user.first_name, user.last_name, user.username, user.email.partition("@")[0]]
    words = {_letters_of(part) for text in about for part in [text, *re.split(r"[\W\d_]+", text)]}
    return {word for word in words if len(word) >= SHORTEST_WORD}


def _letters_of(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text.lower())


@cache
def _common_passwords() -> set[str]:
    common: set[str] = CommonPasswordValidator().passwords
    return common
