"""Where the client stands and what they were advised, named as a clinician names it: acknowledges, is concerned, finds it hard."""

import re
from collections.abc import Iterator, Sequence

from .facts import Fact
from .folded import Folded
from .grammar import Person, has_verb, is_base_verb, patient_to_third, you_after_name, you_to_third
from .rewrite import finish, is_readable, strip_lead
from .textnorm import content_words
from .therapy_client import can_stand, spoken_plainly
from .therapy_prose import agreeing, is_hollow, plain_speech, runs_together
from .therapy_talk import Statement

_OPENING = r"^(?:(?:and|but|so|well|yeah|yes|because|like|okay|right|i mean|i guess)[ ,]+)*"
_SUBJECT = r"(?:i|it|that|this|my|he|she|they|there|we|the|\w+ing|drugs|alcohol|cigarettes)"
# What was said, what a note calls it, and the part of the note it belongs to.
_STANCES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(_OPENING + pattern, re.IGNORECASE), frame, kind)
    for pattern, frame, kind in (
        (
            (
                rf"i (?:do |really |also |already )*(?:know|realize|realise|understand|admit|"
                rf"see)(?: now)?,?(?: that)? (?P<rest>(?={_SUBJECT}\b).+)$"
            ),
            "acknowledge that",
            "insight",
        ),
        (
            (
                r"i (?:am|was|get|got|feel|have been) (?:(?:just|really|so|very|a little|a bit|kind of|also|always) )*(?:worried|"
                r"concerned|scared|afraid|nervous)"
                r" (?P<rest>(?:that|about|of) .+)$"
            ),
            "expressed concern",
            "hpi",
        ),
        (
            (
                r"(?:it is|it was|it has been|it would be|it gets|that is) (?:(?:just|really|so|very|pretty|a little|a bit|too|also) )*"
                r"(?:hard|difficult|tough)(?: for me)? (?P<rest>to .+)$"
            ),
            "find it hard",
            "hpi",
        ),
        (
            r"i (?:would be|am|might be|could be) (?:(?:\w+ly|totally|more|pretty) )*(?:willing|open|ready|happy) (?P<rest>to .+)$",
            "am open",
            "readiness",
        ),
    )
)
_ADVISED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(_OPENING + pattern, re.IGNORECASE), frame)
    for pattern, frame in (
        (
            (
                r"(?:i (?:really |just )?(?:think|feel)(?: like| that)? )?you (?:really |do |just |probably )*(?:should|need to|"
                r"have to|ought to|must) "
                r"(?:really |probably |just |also )*(?P<rest>.+)$"
            ),
            "the therapist advised the client to",
        ),
        (
            r"(?:i would (?:really )?|i )(?:recommend|suggest|advise|encourage)(?: that)? you (?:to )?(?P<rest>.+)$",
            "the therapist advised the client to",
        ),
        (
            r"(?:so )?(?:maybe )?you (?:could|might want to|may want to|might) (?:also |maybe |always |just |try to )*(?P<rest>.+)$",
            "the therapist suggested that the client could",
        ),
    )
)
# What the clinician brought up, and what worries them: of theirs, and no request to do something.
_RAISED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), frame)
    for pattern, frame in (
        (
            (
                r"\b(?:want(?:ed)? to|would like to|like to|can we|could we|going to|is it (?:ok|okay|all right|alright) if (?:we|i)|"
                r"would it be (?:ok|okay|all right|alright) "
                r"if (?:we|i)|do you mind if (?:we|i)|here to) (?:just |maybe |also )*(?:talk(?:ed)?|chat|speak|ask you|check in)"
                r"(?: (?:to|with) you)?(?: (?:a (?:little(?: bit)?|bit)|today|for a (?:minute|few minutes|bit)|some|"
                r"more))* about (?P<rest>[^,.?]+)"
            ),
            "the therapist asked to talk about",
        ),
        (
            (
                r"^(?:(?:and|but|so|well)[ ,]+)*i am (?:(?:just|really|so|very|a little|a bit|also) )*(?:worried|"
                r"concerned) (?P<rest>(?:that|about) .+)$"
            ),
            "the therapist expressed concern",
        ),
    )
)
# A statement is looked at closely only where it has a word of these.
_ANY_STANCE = Folded(
    r"know|reali[sz]|understand|admit|see|worried|concerned|scared|afraid|nervous|hard|difficult|tough|"
    r"willing|open|ready|happy"
)
_ANY_ADVICE = Folded(r"should|need to|have to|ought|must|recommend|suggest|advise|encourage|could|might|may want")
_ANY_RAISED = Folded(r"about|worried|concerned")
_OF = re.compile(r"^of ")
_NO_ADVICE = re.compile(
    r"^(?:be|have|hear|know|understand|think|remember|say|tell|see|feel|want|like|need)\b", re.IGNORECASE
)
_SPEAKERS = re.compile(r"\b(?:i|me|my|we|us|our)\b", re.IGNORECASE)
_SHORTEST, _LONGEST = 6, 28  # words
_MOST_ADVISED = 2


def stances(statements: Sequence[Statement], person: Person) -> Iterator[Fact]:
    """Yield what the client acknowledged, is concerned about, finds hard or is open to, in their words after the frame."""
    for statement in statements:
        unit = statement.unit
        if unit.role != "patient" or unit.is_question or not _ANY_STANCE.search(unit.text):
            continue
        text = spoken_plainly(unit.text)
        for pattern, frame, kind in _STANCES:
            if match := pattern.match(text):
                sentence = _told(frame, match.group("rest"), person)
                if sentence:
                    yield Fact(sentence, (unit.segment_id,), statement.keep, kind, unit.index, is_about_patient=True)
                break


def _told(frame: str, rest: str, person: Person) -> str:
    if not has_verb(rest if frame.endswith("that") else f"is {rest}"):
        return ""
    told = patient_to_third(f"i {frame} {_OF.sub('about ', rest)}", person)
    sentence = agreeing(finish(re.sub(r"^(?:he|she)\b", "the client", told)))
    is_whole = (
        can_stand(sentence)
        and is_readable(sentence, by_doctor=False)
        and len(content_words(rest)) > 1
        and not is_hollow(rest)
    )
    return sentence if is_whole and _SHORTEST <= len(sentence.split()) <= _LONGEST else ""


def advised(statements: Sequence[Statement], person: Person) -> list[Fact]:
    """Return what the clinician advised or suggested, the surest."""
    found = []
    for statement in statements:
        unit = statement.unit
        if unit.role != "doctor" or unit.is_question or unit.raw.rstrip().endswith("?"):
            continue
        if not _ANY_ADVICE.search(unit.text):
            continue
        text = strip_lead(plain_speech(unit.text)).rstrip("?. ")
        for pattern, frame in _ADVISED:
            match = pattern.match(text)
            if match is None:
                continue
            rest = match.group("rest")
            if is_base_verb(rest.split(" ", 1)[0]) and not _NO_ADVICE.match(rest) and not _SPEAKERS.search(rest):
                told = you_after_name(rest, person)
                sentence = finish(f"{frame} {told}")
                is_whole = is_readable(sentence, by_doctor=True) and not runs_together(sentence) and not is_hollow(told)
                if is_whole and _SHORTEST + 2 <= len(sentence.split()) <= _LONGEST:
                    found.append(Fact(sentence, (unit.segment_id,), statement.keep, "intervention", unit.index, True))
            break
    return sorted(sorted(found, key=lambda fact: -fact.score)[:_MOST_ADVISED], key=lambda fact: fact.index)


def raised(statements: Sequence[Statement], person: Person) -> Iterator[Fact]:
    """Yield what the clinician asked to talk about, and what they said worries them; each once."""
    told: set[str] = set()
    for statement in statements:
        unit = statement.unit
        if unit.role != "doctor" or not _ANY_RAISED.search(unit.text):
            continue
        text = plain_speech(unit.text).rstrip("?. ")
        for pattern, frame in _RAISED:
            match = pattern.search(text)
            if (
                match is None
                or frame in told
                or _SPEAKERS.search(match.group("rest"))
                or is_hollow(match.group("rest"))
            ):
                continue
            sentence = finish(f"{frame} {you_to_third(match.group('rest'), person)}")
            if (
                is_readable(sentence, by_doctor=True)
                and not runs_together(sentence)
                and len(sentence.split()) <= _LONGEST
            ):
                told.add(frame)
                yield Fact(sentence, (unit.segment_id,), 0.9, "intervention", unit.index, True)
