"""Phrases a note of a counselling session adds by itself: they name what was done or seen, and hold nothing that was said."""

import re

from .folded import Folded
from .therapy_named import ASKED_ABOUT, BARRIERS, FEELINGS, REASONS
from .therapy_terms import EXERCISES, SUBJECTS

_STYLES = r"(?:open questions|reflections|affirmations|scaling questions)"
_RATED = (
    r"(?:importance|confidence|readiness|willingness|the likelihood of doing it|motivation|disturbance|anxiety|fear|"
    r"anger|the urge|mood|energy|stress|belief in the thought|pain)"
)
_CLIENT = (
    rf"presents for a session regarding|will|is willing to|wants to|responded:|thought:|reports(?: that)?|agreed to talk about|"
    rf"agreed to|said:|rated {_RATED} at|appears ambivalent regarding(?: change:)?|"
    r"identified\b|expressed feelings of|talked about|acknowledges that|expressed concern\b|finds it hard|is open\b"
)
_THERAPIST = (
    rf"used (?:motivational interviewing techniques \(?)?(?:{_STYLES}(?:, | and )?)+\)?(?: ?to explore)?|explored|explained that|"
    rf"advised the (?:client|patient) to|asked to talk about|expressed concern\b|suggested that the (?:client|patient) could|"
    r"provided psychoeducation on|reflected(?:, and the (?:client|patient) agreed,)? that|(?:and the (?:client|patient) )?will"
)
_FRAME = re.compile(
    rf"\b(?:client|patient) (?:{_CLIENT})|\b(?:therapist|clinician) (?:{_THERAPIST})|"
    r"^asked about [\w ,-]+, the (?:client|patient) said:|"
    r"^interventions:|^barriers to change:|^motivation to change:|^goal:|"
    r"^strengths:|^follow-up\b|^agreed:|\band later at\b|\bon a scale to\b|\bother participant\b|"
    r"\bwith the (?:client|patient)'s permission\b|"
    r"\b(?:tell|tells|told|telling|read|reads|show|ask|call|ring|text|promised?) the therapist\b|"
    r"\bagreed with the therapist's reflections\b|\bas (?:a reason|reasons) for change\b|\bas (?:a barrier|barriers)\b|(?<=; )however\b",
    re.IGNORECASE,
)
_SELF = re.compile(r"\bthemself\b", re.IGNORECASE)
_OWN_SELF = re.compile(r"\b(?:my|your)self\b", re.IGNORECASE)
_NAMES: tuple[tuple[str, re.Pattern[str] | Folded], ...] = (
    *((name, pattern) for name, pattern, _ in SUBJECTS),
    *REASONS,
    *BARRIERS,
    *FEELINGS,
    *ASKED_ABOUT,
    *EXERCISES,
)
_NAMED = tuple((re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE), pattern) for name, pattern in _NAMES)


def without_frame(text: str, said: str) -> str:
    """Return a sentence without the phrases that are the note's own, and without names whose words are in what was said."""
    if _OWN_SELF.search(said):
        text = _SELF.sub(" ", text)  # `myself` retold of somebody whose pronoun is not known
    framed = _FRAME.sub(" ", text)
    if framed == text:
        return text
    for name, pattern in _NAMED:
        if name.search(framed) and pattern.search(said):
            framed = name.sub(" ", framed)
    return framed
