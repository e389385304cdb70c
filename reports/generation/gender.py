"""The patient's gender, where the session names it in so many words; never guessed from a name, a voice or a partner."""

import re
from collections.abc import Iterable

from .base import TranscriptSegment
from .units import role_of

_PARENTS = {
    "male": "father|dad|daddy|grandfather|grandpa|husband",
    "female": "mother|mom|mum|mommy|mummy|grandmother|grandma|wife",
}
_PEOPLE = {"male": "man|guy|boy|bloke|gentleman", "female": "woman|girl|lady"}
_ADJECTIVES = (
    r"(?:(?:good|bad|better|great|terrible|horrible|awful|single|new|young|working|stay-at-home|grown|old|little|married|proud|"
    r"different|\w+ly) ){0,2}"
)
_TITLES = {
    "male": r"\bsir\b|\bmr\b|\byoung man\b",
    "female": r"\bma'am\b|\bmadam\b|\bmrs\b|\bms\b(?! contin)|\byoung lady\b",
}
_BODY = (
    r"\b(?:{who} (?:\w+ )?(?:was|were|am|are|got|get|became|become) (?:\w+ )?pregnant|{whose} (?:last )?(?:period|pregnancy)|"
    r"{who}(?:'m| am| was|'re| are| were) breastfeeding|{who} gave birth)\b"
)


def _patterns(who: str, whose: str, be: str) -> dict[str, re.Pattern[str]]:
    found = {}
    for gender in ("male", "female"):
        called = f"{_PARENTS[gender]}|{_PEOPLE[gender]}"
        parts = [
            rf"\b(?:{be}) (?:not )?an? {_ADJECTIVES}(?:{called})\b",
            rf"\b(?:{be}) (?:her|his|their|the|the kids'|the children's) (?:{_PARENTS[gender]})\b",
        ]
        if gender == "female":
            parts.append(_BODY.format(who=who, whose=whose))
        found[gender] = re.compile("|".join(parts))
    return found


_OWN = _patterns("i", "my", r"i am|i'm|i was|i've been|me being|makes me|as|be|being|feel like|felt like")
_ADDRESSED = _patterns("you", "your", r"you are|you're|you were|you've been|makes you|as|be|being|feel like")
_PRESENTED = {
    "male": re.compile(rf"{_TITLES['male']}|\byear[- ]old (?:\w+ )?(?:male|man|gentleman|boy)\b"),
    "female": re.compile(rf"{_TITLES['female']}|\byear[- ]old (?:\w+ )?(?:female|woman|lady|girl)\b"),
}


def gender_said(segments: Iterable[TranscriptSegment]) -> str:
    """Return `male` or `female` when the patient calls themself so, or is called so to their face; else nothing."""
    found = {"male": 0, "female": 0}
    for segment in segments:
        text = segment.text.lower().replace("’", "'")
        role = role_of(segment.speaker, text)
        for gender in found:
            if role == "doctor":
                found[gender] += len(_ADDRESSED[gender].findall(text)) + len(_PRESENTED[gender].findall(text))
            elif role == "patient":
                found[gender] += len(_OWN[gender].findall(text))
    if found["male"] and not found["female"]:
        return "male"
    return "female" if found["female"] and not found["male"] else ""
