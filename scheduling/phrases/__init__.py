"""The languages patients are written to, and which one a patient reads."""

from patients.contact.languages import language_of
from scheduling.phrases.base import Words
from scheduling.phrases.de import GERMAN
from scheduling.phrases.en import ENGLISH
from scheduling.phrases.es import SPANISH
from scheduling.phrases.fr import FRENCH
from scheduling.phrases.hi import HINDI

__all__ = ["LANGUAGES", "Words", "words_for"]

LANGUAGES = {words.code: words for words in (ENGLISH, HINDI, GERMAN, SPANISH, FRENCH)}


def words_for(preferred: str, clinic: str) -> Words:
    """Return the language written on a chart, else the clinic's (`de-DE`), else English."""
    return LANGUAGES[language_of(preferred, clinic)]
