"""The languages patients are written to about money, and which one a patient reads."""

from billing.phrases.base import Words
from billing.phrases.de import GERMAN
from billing.phrases.en import ENGLISH
from billing.phrases.es import SPANISH
from billing.phrases.fr import FRENCH
from billing.phrases.hi import HINDI
from scheduling.phrases import words_for as visit_words_for

__all__ = ["LANGUAGES", "Words", "words_for"]

LANGUAGES = {words.code: words for words in (ENGLISH, HINDI, GERMAN, SPANISH, FRENCH)}


def words_for(preferred: str, clinic: str) -> Words:
    """Return the language written on a chart, else the clinic's (`de-DE`), else English."""
    return LANGUAGES[visit_words_for(preferred, clinic).code]
