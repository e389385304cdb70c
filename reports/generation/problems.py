"""The problem a clinician comes to when they go through them one by one: `For your second problem, the knee pain, ...`"""

import re

from .grammar import Person, has_verb, you_to_third
from .rewrite import finish, strip_lead

_PROBLEM = re.compile(
    r"^(?:so |and |then |now |okay )*(?:for|in terms of|regarding|as far as|as for)?,? ?(?:your|the|his|her) "
    r"(?:first|second|third|fourth|next|last|final|other|1st|2nd|3rd) (?:problem|issue|diagnosis|"
    r"concern)(?: here)?(?: is| of|,)?,? ?"
    r"(?:your |the |that |of )?(.{0,60}?)(?:,| i | we | so | it |$)(.*)",
    re.IGNORECASE,
)
_BEFORE_PROBLEM = re.compile(
    r"^(?:(?:is|of|the|your|about|for|a|an)\b ?|(?:i (?:do )?(?:think|believe|feel like)(?: that)? )?you (?:do )?have (?:an? )?)+",
    re.IGNORECASE,
)
_LOST_SUBJECT = re.compile(
    r"^(?:(?:do|also|just) )*(?:want|think|would|know|believe|am|feel|recommend|will)\b", re.IGNORECASE
)


def split_problem(text: str, person: Person) -> tuple[str, str]:
    """Return the problem a clinician comes to and what they say of it; no problem when the words name none."""
    match = _PROBLEM.match(strip_lead(text))
    if not match or not match.group(1).strip():
        return "", text
    heading = _BEFORE_PROBLEM.sub("", match.group(1).strip(" ,"))
    heading = you_to_third(re.sub(r"[ ,]+(?:again|here|today)$", "", heading, flags=re.IGNORECASE), person)
    if not heading or has_verb(heading):
        return "", text
    rest = match.group(2).strip(" ,")
    return finish(heading), f"i {rest}" if _LOST_SUBJECT.match(rest) else rest
