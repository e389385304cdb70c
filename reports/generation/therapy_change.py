"""What speaks for a change and what against it, in the words of the client, and what both have to do with."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .facts import Fact
from .folded import Folded
from .grammar import Person
from .rewrite import is_readable, rewrite
from .therapy_client import can_stand, spoken_plainly
from .therapy_named import BARRIERS, REASONS
from .therapy_quotes import telling_quote
from .therapy_talk import Statement
from .therapy_topics import Topic, listed

# What speaks for a change or against it has to say so, whatever the model takes it for.
TOWARDS = re.compile(
    r"\b(?:want|need|have to|ha[sv]e got to|should|would like|would love|hope|wish|worr\w+|scared|afraid|do ?n[o']t want|so (?:that )?i|"
    r"for (?:my|him|her|them)|because|better|healthy|health|lose|promised|stop|quit|cut down|change|can ?not go on|tired of)\b",
    re.IGNORECASE,
)
AGAINST = re.compile(
    r"\b(?:hard|difficult|only|like|love|enjoy\w*|help\w*|relax\w*|trouble|scar\w+|afraid|comfort|need|miss|tired|time|reward|"
    r"stress\w*|never)\b|\bnot (?:ready|going to|sure|interested|that bad|worried|(?:really |such )?(?:a )?(?:big )?(?:problem|deal))\b|"
    r"(?:n't|\bnot) (?:really )?(?:want to (?:quit|stop|give|change|cut|lose)|stop|quit|give|imagine|see|have (?:time|a problem)|"
    r"think (?:i|it|that)|know (?:how|if|what))\b",
    re.IGNORECASE,
)
# Said in so many words, whatever the model takes it for: the wish, the ability, the reason, the need.
_CHANGE_TALK = Folded(
    r"\bi (?:(?:really|do|just|would|definitely|know|guess|think|probably|also|still|i|that) )*(?:want|need|have|ought|like|"
    r"should|got|hope|wish)"
    r"(?: to)? (?:\w+ ){0,2}?(?:stop|quit|cut|change|lose weight|start|eat|exercise|stay|control|give (?:it|them|that)? ?up|do something|"
    r"get (?:better|healthy|help|my|it|back|off|clean|sober)|be (?:a|there|able|healthy|healthier|better))\b|"
    r"\bdo not want to (?:die|lose|be|end up|go|keep|live|get|hurt|do this|become)\b|\b(?:sick|tired) of (?:it|this|being|feeling|my)\b|"
    r"\bfor (?:my|the) (?:kids|children|family|son|daughter|wife|husband|baby|health)\b|"
    r"\b(?:it )?would be (?:better|healthier|nice|good) (?:for|if|to)\b|\bbad for (?:me|my|him|her|them)\b|\b(?:could|might|"
    r"will) lose my\b",
)
_SUSTAIN_TALK = Folded(
    r"\bi (?:(?:really|do|just|also|still|kind of) )*(?:like|love|enjoy) (?:it|to|the|my|being|having|drinking|smoking|eating)\b|"
    r"\bhelps? me (?:to )?(?:relax|sleep|calm|deal|cope|forget|unwind|get|focus|with)\b|\b(?:it is|it would be|that is|just|so|"
    r"really|very|pretty) "
    r"(?:hard|difficult|tough)\b|\bdo not (?:really )?(?:want to (?:quit|stop|give|change|cut|go)|think (?:i|it is|that) (?:can|"
    r"need|have|am|a)|"
    r"have (?:the )?time|have a problem|see (?:it|how|why|a|the))\b|\bnot (?:really )?(?:ready|a (?:big )?problem|that bad|"
    r"going to (?:quit|stop))\b|"
    r"\bcannot (?:just |really )?(?:stop|quit|imagine|see myself|afford|do it|give)\b|\b(?:i|we) (?:have )?tried\b[^.]*\bbut\b",
)
_SAYING = re.compile(r"^The (?:patient|client) (?:denies|reports)\b")
_MOST_REASONS = 3
_SURE = 0.98


def weighed_up(
    statements: Sequence[Statement], said: dict[int, str], topic: Topic | None, person: Person
) -> Iterator[Fact]:
    """Yield what speaks against a change and what for it, told where it can be, else in the words of the client."""
    doubts, motives = against(statements), towards(statements)
    about = topic.name if topic else "change"
    con, doubt = _first_clause(doubts, said, person)
    pro, motive = _first_clause([one for one in motives if one is not doubt], said, person)
    if doubt and motive:
        evidence = tuple(
            sorted({doubt.unit.segment_id, motive.unit.segment_id, *(topic.evidence[:1] if topic else ())})
        )
        text = f"The client appears ambivalent regarding {about}: {con}; however, {pro}."
        yield Fact(text, evidence, _SURE, "readiness", motive.unit.index)


def _first_clause(found: Sequence[Statement], said: dict[int, str], person: Person) -> tuple[str, Statement | None]:
    for one in found:
        for sentence in rewrite(replace(one.unit, text=spoken_plainly(one.unit.text)), "hpi", person):
            if is_readable(sentence, by_doctor=False) and can_stand(sentence) and not _SAYING.match(sentence):
                return f"{sentence[0].lower()}{sentence[1:]}".rstrip("."), one
        if quote := telling_quote(one.unit, said, least=0):
            return f"“{quote}”", one
    return "", None


def motivated_by(statements: Sequence[Statement], topic: Topic | None) -> Iterator[Fact]:
    """Yield what the reasons for a change have to do with, and what is in its way, by the words of the client."""
    if topic is None:
        return
    reasons, reasons_in = _named_in(towards(statements), REASONS)
    barriers, barriers_in = _named_in(against(statements), BARRIERS)
    parts = [f"{listed(reasons)} as {'reasons' if len(reasons) > 1 else 'a reason'} for change"] if reasons else []
    parts += [f"{listed(barriers)} as {'barriers' if len(barriers) > 1 else 'a barrier'}"] if barriers else []
    if parts:
        cited = tuple(sorted({one.unit.segment_id for one in (*reasons_in, *barriers_in)}))
        first = min(one.unit.index for one in (*reasons_in, *barriers_in))
        yield Fact(f"The client identified {', and '.join(parts)}.", cited, 0.9, "readiness", first)


def _named_in(
    statements: Sequence[Statement], names: Sequence[tuple[str, re.Pattern[str] | Folded]]
) -> tuple[list[str], list[Statement]]:
    found: dict[str, list[Statement]] = {}
    for one in statements:
        for name, pattern in names:
            if pattern.search(one.unit.text):
                found.setdefault(name, []).append(one)
    chosen = sorted(found, key=lambda name: -len(found[name]))[:_MOST_REASONS]
    return chosen, [one for name in chosen for one in found[name][:2]]


def towards(statements: Sequence[Statement]) -> list[Statement]:
    """Return what speaks for a change: what the model takes for it with a cue, and what says so outright; the surest first."""
    return _told_outright(statements, "motive", TOWARDS, _CHANGE_TALK, _SUSTAIN_TALK)


def against(statements: Sequence[Statement]) -> list[Statement]:
    """Return what speaks against a change, found in the same way."""
    return _told_outright(statements, "doubt", AGAINST, _SUSTAIN_TALK, _CHANGE_TALK)


def _told_outright(
    statements: Sequence[Statement],
    label: str,
    cue: re.Pattern[str],
    outright: Folded,
    opposite: Folded,
) -> list[Statement]:
    found = []
    for one in statements:
        if one.unit.role != "patient" or one.unit.is_question:
            continue
        says_so = bool(outright.search(one.unit.text))
        if says_so or (one.label == label and cue.search(one.unit.raw) and not opposite.search(one.unit.text)):
            found.append(one)
    return sorted(found, key=lambda one: -one.keep)
