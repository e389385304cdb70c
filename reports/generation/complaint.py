"""What a visit begins and ends with: why the patient came, and whether they agree with the plan."""

import re
from collections.abc import Sequence
from dataclasses import replace

from .facts import Fact
from .lexicon import CHIEF_COMPLAINTS
from .rewrite import finish
from .units import Unit

_PRESENTING = re.compile(
    r"(?:presents?|here|in|coming in|come in|came in)\s*(?:today)?\s*(?:with|for|because of|complaining of|"
    r"for evaluation of)\s+"
    r"(?:some |a |an |your |his |her |my )*((?:\w+ ){0,3}\w+)",
    re.IGNORECASE,
)
_OPENING_UNITS = 30
# A denial governs what follows it in its clause.
_DENIED_BEFORE = re.compile(r"(?:\b(?:no|not|never|without|den(?:y|ies))\b|n't\b)[^.;]*$", re.IGNORECASE)
# "I had some nausea in the first week, but it has gone": nobody comes for that.
OVER = re.compile(
    r"\b(?:it|that|they|this) (?:has|have|is|are|had) (?:(?:all|now|since|completely|just) )*(?:gone|stopped|resolved|passed|cleared)\b|"
    r"\b(?:it|that|they) (?:went away|stopped|cleared up)\b",
    re.IGNORECASE,
)
_PLAN_FROM = 0.75  # of the session; an earlier "sounds good" is about something else
_AGREES = re.compile(
    r"\b(?:(?:that|it|this)(?: all)? (?:sounds|works|is) (?:good|great|fine|okay|perfect|"
    r"like a (?:good )?plan)|sounds? (?:good|great|fine|perfect|like a "
    r"(?:good )?plan)|i agree|i can do that|i will do that|that works)\b",
    re.IGNORECASE,
)
_ASKS_AGREEMENT = re.compile(
    r"\b(?:sound (?:good|okay|like)|agree|(?:okay|all right|fine|happy) with (?:that|this)|work for you)\b",
    re.IGNORECASE,
)


_UNDERSTANDS = re.compile(r"\b(?:understand\w*|understood|makes? sense|clear|got it|questions)\b", re.IGNORECASE)
_AGREED_KEEP = 0.6


_SIDE = re.compile(r"\b(right|left)\b", re.IGNORECASE)


def chief_complaint(units: Sequence[Unit]) -> Fact | None:
    """Return why the patient came, as named in the opening of the session."""
    for unit in units[:_OPENING_UNITS]:
        presenting = _PRESENTING.search(unit.text)
        complaint = CHIEF_COMPLAINTS.search(presenting.group(1)) if presenting else None
        if presenting and complaint and not _DENIED_BEFORE.search(presenting.group(1)[: complaint.start()]):
            return _put_right(
                Fact(finish(complaint.group(1).strip()), (unit.segment_id,), 0.7, "cc", unit.index), units
            )
    for unit in units[:_OPENING_UNITS]:
        asked = CHIEF_COMPLAINTS.search(unit.text) if unit.is_question and unit.role == "doctor" else None
        if asked and _SIDE.search(asked.group(1)):
            # "Some right knee pain?" names it only together with the answer that puts it right.
            first = Fact(finish(asked.group(1).strip()), (unit.segment_id,), 0.6, "cc", unit.index)
            if (told := _put_right(first, units)) is not first:
                return told
    for unit in units[:_OPENING_UNITS]:
        complaint = CHIEF_COMPLAINTS.search(unit.text)
        if complaint is None or unit.is_question or re.search(r"history|nurse|previous", unit.text, re.IGNORECASE):
            continue
        if not (unit.says_no or OVER.search(unit.text) or _DENIED_BEFORE.search(unit.text[: complaint.start()])):
            return _put_right(
                Fact(finish(complaint.group(1).strip()), (unit.segment_id,), 0.6, "cc", unit.index), units
            )
    return None


def _put_right(complaint: Fact, units: Sequence[Unit]) -> Fact:
    """Return a complaint on the side the patient puts it right to: "It's not the right knee, it's the left"."""
    named = _SIDE.search(complaint.text)
    if named is None:
        return complaint
    side = named.group(1).lower()
    other = "left" if side == "right" else "right"
    for unit in units[:_OPENING_UNITS]:
        is_answer = unit.role != "doctor" and unit.index > complaint.index
        denied = rf"\bnot (?:(?:the|my|in|on|really) )*{side}\b|^no\b[ ,.]*(?:it is |it's |that's )?(?:in |on )?(?:the|my) {other}\b"
        if is_answer and re.search(denied, unit.raw, re.IGNORECASE):
            is_named = re.search(rf"\b{other}\b", unit.text, re.IGNORECASE)
            text = _SIDE.sub(other if is_named else "", complaint.text, count=1)
            return replace(complaint, text=finish(text.strip()), evidence=(*complaint.evidence, unit.segment_id))
    return complaint


def agreement(units: Sequence[Unit]) -> Fact | None:
    """Return that the patient agrees with the plan, when they say so to it near the end of the session."""
    for unit in reversed(units):
        if unit.position < _PLAN_FROM:
            return None
        asked = _ASKS_AGREEMENT.search(unit.question) if unit.question else None
        if unit.role == "patient" and not unit.says_no and (_AGREES.search(unit.text) or (asked and unit.says_yes)):
            evidence = {unit.segment_id} | ({unit.question_id} if unit.question_id is not None and asked else set())
            understands = "understands and agrees" if _UNDERSTANDS.search(f"{unit.text} {unit.question}") else "agrees"
            text = f"The patient {understands} with the recommended medical treatment plan."
            return Fact(text, tuple(sorted(evidence)), _AGREED_KEEP, "agreement", unit.index)
    return None
