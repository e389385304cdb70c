"""Who a note is about, in the words of its template: a patient and a clinician where medicines are written of."""

import re
from collections.abc import Iterable

from .mapping import Place

_MEDICAL = frozenset(("medications", "plan_medications"))
_QUOTE = re.compile(r"(“[^”]*”)")
_NAMES = tuple(
    (re.compile(rf"\b(?:(?P<article>the) )?{name}\b", re.IGNORECASE), new)
    for name, new in (("client", "patient"), ("therapist", "clinician"))
)


def names_medicines(places: Iterable[Place]) -> bool:
    """Tell whether a template asks for medicines, as no note of therapy alone does."""
    return any(_MEDICAL.intersection(place.topics[:1]) for place in places)


def in_medical_words(text: str) -> str:
    """Return a sentence of a note of therapy as a medical one has it; what is quoted stays as it was said."""
    parts = _QUOTE.split(text)
    for place in range(0, len(parts), 2):
        for pattern, new in _NAMES:
            parts[place] = pattern.sub(lambda match, new=new: _named(match, new), parts[place])
    return "".join(parts)


def _named(match: re.Match[str], new: str) -> str:
    return f"{'The' if match.group(0)[0].isupper() else 'the'} {new}"
