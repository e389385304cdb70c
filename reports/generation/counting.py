"""Answers that are a number, and what they count: `Any nightmares?` - `Two.`"""

import re

from .units import Unit

# "Any panic attacks this week?", "Have you had nightmares since?", "How high is the fear?": the one thing a number counts.
_WHEN = (
    r"(?:,? (?:since|these days|at the moment|right now|now|lately|recently|at night|today|tonight|yesterday|so far|again|at all|"
    r"(?:in|on|over|during|for|this|last|the past|at|since) (?:the |this |that |those |your )?\w+(?: \w+)?))*"
)
_THING = (
    r"(?P<name>(?!(?:more|other|others|of|one|thing|things|chance|idea|way|else)\b)[a-z-]+"
    r"(?: (?!of\b|or\b|and\b|with\b|to\b|that\b)[a-z-]+){0,2}?)"
)
_COUNTED = (
    re.compile(rf"^any {_THING}{_WHEN}$", re.IGNORECASE),
    re.compile(
        r"^(?:do|did|are|have|has|had|were|is|was) (?:you|there) (?:(?:ever|still|also|currently|been|recently|having|"
        r"experiencing|feeling|getting|noticing|had|felt|have|feel|get|notice) )*(?:any|some|more) "
        rf"{_THING}{_WHEN}$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^how (?:high|strong|bad|intense|severe|low|big) (?:is|are|was|were|has|have) (?:your|the|this|that) {_THING}(?: been)?{_WHEN}$",
        re.IGNORECASE,
    ),
)
_BEGINS_WITH_NUMBER = re.compile(
    r"^(?:(?:about|around|maybe|only|just|at least|almost|roughly|probably|like|still|yes|yeah|oh|well|um|uh|there (?:was|were))[ ,]+)*"
    r"(?:\d+(?!\d*(?::| ?(?:am|pm)\b))|one|two|three|four|five|six|seven|eight|nine|ten|once|twice|several|a few|a couple|a dozen|"
    r"half a dozen)\b(?! (?:of (?:them|us|my)|more thing|thing|day i|time i))",
    re.IGNORECASE,
)
_MEASURING = re.compile(
    r"\bhow (?:high|strong|bad|intense|severe|low|big|often|long|many times)\b|\bany\b|\bscale\b|\bhow (?:many|much) .*\b"
    r"(?:attacks?|days?|nights?|hours?|times|drinks?|pills?|tablets?|episodes?|urges?)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:and|so|but|then|now|or|also|okay|alright|all right|great|good|well|right)[ ,]+)*", re.IGNORECASE
)
_LONGEST = 9  # words; a longer answer is a statement of its own


def begins_with_number(unit: Unit) -> bool:
    """Tell whether a patient's words answer a question with a number or a count: `One on Thursday.`"""
    return (
        unit.role != "doctor"
        and bool(unit.question)
        and unit.is_turn_start
        and not unit.is_question
        and bool(_BEGINS_WITH_NUMBER.match(unit.text))
    )


def counted(unit: Unit) -> str:
    """Return the thing a short answer counts as its question names it; empty when the answer or the question does not."""
    if not begins_with_number(unit) or len(unit.text.split()) > _LONGEST:
        return ""
    question = _LEADING.sub("", unit.question.rstrip("?. "))
    match = next((found for pattern in _COUNTED if (found := pattern.match(question))), None)
    return match["name"].lower() if match else ""


def is_measured(unit: Unit) -> bool:
    """Tell whether a number answers a question about how much, how often, since when, or whether there was any."""
    return begins_with_number(unit) and bool(_MEASURING.search(unit.question))
