"""What a clinician intends, suggests and asks for, as lines of a plan."""

import re

from .grammar import Person, you_after_name, you_to_third

_INTENTION = re.compile(
    r"^(?:i am going to|we are going to|i will|we will|i would like to|i want to|let us|we should|we can|"
    r"i think we should|i would|we need to|going to|what i would like to do is|what we will do is|"
    r"my plan is to|the plan is to)\s+"
    r"(?:also |just |probably |still |definitely |then )*(?:go ahead and |start by |try to )*(.+)$",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"^(?:i|we) (?:would like|want|need|am going to have|are going to have|will have) you to (.+)$"
    r"|^you (?:should|need to|have to|will need to) (.+)$",
    re.IGNORECASE,
)
_SUGGESTION = re.compile(
    r"^i (?:would )?(?P<verb>suggest|recommend|propose)(?: that)? (?:we|you) (?:should |could )?(?P<rest>.+)$",
    re.IGNORECASE,
)
_SUGGESTED = {"suggest": "suggested", "recommend": "recommended", "propose": "proposed"}
# Said to the patient as a request, it is advice to them in a note.
_ADVICE = re.compile(
    r"^(?:and |so |but |then )?(?:please (?P<asked>(?!let\b)\w+.*)|"
    r"(?P<bare>(?:call|ring|contact) (?:us|me|the (?:clinic|office|crisis line)|911)\b.*|"
    r"(?:avoid|go to the (?:emergency|er|nearest)|come back)\b.*))$",
    re.IGNORECASE,
)


def planned(text: str, person: Person) -> str:
    """Return what a clinician intends, suggests or asks for as a line of a plan; empty when the words do none of it."""
    if match := _REQUEST.match(text):
        return f"the patient was advised to {you_after_name(match.group(1) or match.group(2), person)}"
    if match := _SUGGESTION.match(text):
        return f"{_SUGGESTED[match['verb'].lower()]}: {you_to_third(match['rest'], person)}"
    if match := _ADVICE.match(text):
        asked = you_after_name(match["asked"] or match["bare"], person)
        asked = re.sub(r"^(?:do not|never) ", "not to ", asked, flags=re.IGNORECASE)
        return (
            f"the patient was advised {asked if asked.startswith('not to ') else f'to {asked[0].lower()}{asked[1:]}'}"
        )
    if match := _INTENTION.match(text):
        return f"we will {you_to_third(match.group(1), person)}"
    return ""
