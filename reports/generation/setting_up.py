"""What is said to begin a session: who speaks, and whether one is heard and alone. The record has the names; it is no history."""

from .folded import Folded
from .units import Unit

_CARER = r"(?:doctors?|nurses?|therapists?|clinicians?|psychiatrists?|psychologists?|gps?|counsell?ors?|physicians?)"
_INTRODUCTION = Folded(
    r"\b(?:my|her|his|your|their|the) (?:(?:full|first|last|own) )?(?:sur)?name(?:'s| is| was| makes)\b|"
    r"^(?:(?:and|so|my|hi|hello) )*name(?:'s| is| was)\b|"
    rf"^(?:\w+ )?i am (?:one of (?:the|our) |the (?:\w+ )?|your (?:\w+ )?){_CARER}\b"
)
_ASKS_NAME = Folded(
    r"\b(?:your|the|patient's|full|first|last) (?:\w+ )?(?:sur)?name\b|\b(?:should|can|may|do|shall) (?:i|we) call you\b|\bdate of birth\b"
)
_ASKS_HEARING = Folded(
    r"\b(?:hear|see|listening to) (?:me|us|you)\b|\b(?:any|some|no)(?:one|body) else (?:in the room|listening|can hear|hear)\b|"
    r"\bin private\b|\bprivate (?:place|space|room)\b|\balone in the room\b"
)
_HEARING = Folded(
    r"\b(?:no ?one|nobody|anyone|anybody) else (?:can|could|is able to|will) (?:hear|listen)\b|"
    r"\b(?:can|could) (?:hear|see) (?:me|us|you)\b|"
    r"\b(?:no ?one|nobody) else (?:is )?(?:listening|in the room)\b"
)
_PERCEIVED = Folded(r"\b(?:voices?|sounds?|noises?|things|whisper\w*|hallucinat\w*|ghosts?|shadows?)\b")
_LONGEST = 12  # words
_LONGEST_ANSWER = 8
_AT_FIRST = 0.2  # share of the session


def is_setting_up(unit: Unit) -> bool:
    """Tell whether a statement only introduces somebody, or says that one is heard and alone; voices are no such thing."""
    words = len(unit.text.split())
    if words > _LONGEST or unit.is_question:
        return False
    if _INTRODUCTION.search(unit.text) or (_ASKS_NAME.search(unit.question) and words <= _LONGEST_ANSWER):
        return True
    if _PERCEIVED.search(unit.text) or _PERCEIVED.search(unit.question):
        return False
    asked = bool(_ASKS_HEARING.search(unit.question))
    return bool(_HEARING.search(unit.text)) and (asked or (not unit.question and unit.position <= _AT_FIRST))
