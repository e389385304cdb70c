"""What the clinician did in a counselling session, named from the words, and what the two agreed to do."""

import re
from collections.abc import Iterator, Sequence

from sessions_app.transcripts.clinical_terms import DRUGS

from .facts import Fact
from .grammar import COMPANION, Person, is_base_verb, patient_to_third, you_to_third
from .rewrite import explained, finish, is_readable, rewrite, strip_lead
from .textnorm import tokens
from .therapy_named import ASKED_ABOUT
from .therapy_prose import agreeing, is_hollow, plain_speech, points_back, runs_together, stands_alone
from .therapy_talk import Statement
from .therapy_terms import EXERCISES, PERMISSION, SUBJECTS
from .therapy_topics import Topic, listed
from .units import Unit

_STYLES = (
    ("open", "open questions", 2),
    ("reflection", "reflections", 2),
    ("affirmation", "affirmations", 1),
    ("scaling", "scaling questions", 1),
)
_MEETING = re.compile(
    r"\b(?:see (?:you|each other)|meet|check in|check back|talk|touch base|follow[- ]?up|come back|call you|next session)\b"
    r"[^.?]*?\b((?:again )?(?:in|next|on|tomorrow|this) (?:(?:a|an|about|the|two|three|four|six|\d+|couple|few|of|next|more|"
    r"weeks?|months?|days?|monday|tuesday|wednesday|thursday|friday|saturday|sunday|morning|afternoon|week|time|session|at|"
    r"noon|half|past)\b ?)*)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:\d|one|two|three|four|six|a|an|next|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday|morning)\b",
    re.IGNORECASE,
)
_INFORMING = re.compile(
    r"\b(?:people|many|most|research|stud(?:y|ies)|common|normal|risks?|body|brain|lungs?|heart|recommend\w*|percent|%|"
    r"can (?:make|cause|help|lead|get|affect)|the more|is (?:called|a sign)|we call|works?|effects?|symptoms?|depression|anxiety|"
    r"alcohol|nicotine|smoking|withdrawal|medication|health|more likely|side effect)\b",
    re.IGNORECASE,
)
_OF_THE_SPEAKER = re.compile(r"\b(?:i|me|my|we|us|let)\b|[-—]{1,2}(?: |$)", re.IGNORECASE)
_OBJECTS = {"he": "him", "she": "her", "they": "them"}
_OBJECT = re.compile(
    r"\b(tells?|calls?|asks?|texts?|lets?|shows?|trusts?|helps?|gives?|to|with|for|about|at) (he|she|they)\b"
    r"(?! (?:is|are|was|were|has|have|will|would|can|could|do|does|did)\b)"
)
_EMPTY_STEP = re.compile(r"^(?:do |try |give )?(?:that|it|this|so|maybe|do|try)(?: a (?:go|try))?[. ]*$", re.IGNORECASE)
_WILL = re.compile(r"^(?:i will|i am going to|i promise to|i am gonna) (.+)$", re.IGNORECASE)
_CAN = re.compile(
    r"^(?:i think |i guess |maybe |perhaps )*(?:i|we) (?:guess |suppose )?(?:could|can|might|may) (?:maybe |just |try to )*(.+)$",
    re.IGNORECASE,
)
_WANTS = re.compile(r"^i (?:would like|want|need|plan|have) to (.+)$", re.IGNORECASE)
_TOGETHER = re.compile(r"^(?:let us|we will|we can|we are going to|i would like us to|shall we) (.+)$", re.IGNORECASE)
_CLINICIAN = re.compile(r"^(?:i will|i am going to|i can|let me) (.+)$", re.IGNORECASE)
_ASKED = re.compile(
    r"^(?:i would like you to|i want you to|you will|you are going to|your homework is to|you can|please|for homework,?) (.+)$",
    re.IGNORECASE,
)
_OFFERED = re.compile(
    r"^(?:could|can|would|will) you (?:maybe |please |be willing to |like to |be able to )*(.+)$", re.IGNORECASE
)
_LED = re.compile(
    r"^(?:(?:until (?:then|next time|we meet(?: again)?)|(?:for )?(?:this|next|the next|the coming) week|for the week|"
    r"for (?:this|the) (?:next )?(?:\w+ )?weeks?|tonight|tomorrow|today|by \w+|every \w+|on \w+)"
    r"[,:]? )+",
    re.IGNORECASE,
)
# A step says what somebody is going to do: an order, a doing, or a thing to be done with a time before it.
_DOING = re.compile(r"^(?:please )?(\w+)", re.IGNORECASE)
_NO_DOING = re.compile(
    r"\b(?:will|going to|to) (?:sound|be|seem|have|know|think|guess|mean|see if|like|want|need|be able)\b"
    r"(?! (?:a (?:go|talk|walk|look)|no |fun|at |there|with ))"
    r"|\bsomething that\b|\bwhat(?:ever)?\b|\bwhen it comes\b|\banything\b",
    re.IGNORECASE,
)
_PRESCRIBING = re.compile(
    r"\b(?:start|begin|increase|raise|decrease|reduce|lower|keep|continue|stay on|stop|switch|taper|add|prescribe|try|go up|"
    r"go down|refill|renew)\w*\b",
    re.IGNORECASE,
)
_WHO_WILL = re.compile(
    r"^(?:[\w ]+, (?=the client))?(?:The client|The accompanying person|The therapist(?: and the client)?) "
    r"(?:will|is willing to|wants to) ",
    re.IGNORECASE,
)
_MOTIVATIONAL = frozenset(("open questions", "reflections", "affirmations"))
_FEWEST_ASKED, _MOST_ASKED = 2, 6  # things the questions were about
_MOST_EXPLORED = 3  # subjects named
_BEFORE_TEACHING = 6  # statements in which leave to tell something is asked for and given
_OF_CLINICIAN = re.compile(r" me\b", re.IGNORECASE)
_LONGEST = 30  # words
_SHORTEST_AGREED = 5
_ANSWERED_WITHIN = 3  # statements
_SURE = 0.98


def work_done(statements: Sequence[Statement], topics: Sequence[Topic], person: Person) -> list[Fact]:
    """Return what the clinician did: how they asked, what they explained, which exercises they led."""
    exercises = list(_exercises(statements))
    return [
        *_ways_of_talking(statements, topics, names_school=not exercises),
        *_explored(statements),
        *exercises,
        *_informing(statements, topics),
        *_teaching(statements, person),
    ]


def _ways_of_talking(statements: Sequence[Statement], topics: Sequence[Topic], *, names_school: bool) -> Iterator[Fact]:
    """Yield how the clinician led the talk; three techniques of motivational interviewing on a habit are called by that name."""
    names: list[str] = []
    cited: list[int] = []
    for label, name, least in _STYLES:
        found = [one for one in statements if one.unit.role == "doctor" and one.label == label]
        if len(found) >= least:
            names.append(name)
            cited += [one.unit.segment_id for one in sorted(found, key=lambda one: -one.keep)[:2]]
    if not names:
        return
    explored = topics[:_MOST_EXPLORED]
    about = f" to explore {listed([topic.name for topic in explored])}" if explored else ""
    cited += [segment for topic in explored for segment in topic.evidence[:2]]
    evidence = tuple(sorted(set(cited)))
    is_motivational = names_school and bool(topics) and topics[0].is_habit and set(names) >= _MOTIVATIONAL
    used = f"motivational interviewing techniques ({listed(names)})" if is_motivational else listed(names)
    yield Fact(f"The therapist used {used}{about}.", evidence, _SURE, "intervention", 0, True)


def _explored(statements: Sequence[Statement]) -> Iterator[Fact]:
    """Yield what the clinician's questions were about, in the order they were asked."""
    found: dict[str, list[int]] = {}
    for statement in statements:
        unit = statement.unit
        if unit.role == "doctor" and (unit.is_question or statement.label in ("open", "scaling")):
            for name, pattern in ASKED_ABOUT:
                if pattern.search(unit.text):
                    found.setdefault(name, []).append(unit.segment_id)
    if len(found) < _FEWEST_ASKED:
        return
    names = list(found)[:_MOST_ASKED]
    evidence = tuple(sorted({segment for name in names for segment in found[name][:2]}))
    yield Fact(f"The therapist explored {listed(names)}.", evidence, _SURE, "intervention", 0, True)


def _exercises(statements: Sequence[Statement]) -> Iterator[Fact]:
    found: dict[str, int] = {}
    for statement in statements:
        if statement.unit.role != "doctor" or statement.label not in ("technique", "education", "plan", "open"):
            continue
        for name, pattern in EXERCISES:
            if pattern.search(statement.unit.text):
                found.setdefault(name, statement.unit.segment_id)
    if found:
        evidence = tuple(sorted(set(found.values())))
        yield Fact(f"Interventions: {listed(list(found))}.", evidence, _SURE, "intervention", 1, True)


def _informing(statements: Sequence[Statement], topics: Sequence[Topic]) -> Iterator[Fact]:
    """Yield what the clinician gave information on, and whether the client had agreed to hear it."""
    found: dict[str, list[int]] = {}
    named = {topic.name for topic in topics}
    is_allowed = False
    for place, statement in enumerate(statements):
        unit = statement.unit
        if unit.role != "doctor" or statement.label != "education" or unit.is_question:
            continue
        about = next((name for name, pattern, _ in SUBJECTS if name in named and pattern.search(unit.text)), "")
        if about and _INFORMING.search(unit.text):
            cited = found.setdefault(about, [])
            if not cited and (asked := _leave_before(statements, place)):
                is_allowed = True
                cited.extend(asked)
            cited.append(unit.segment_id)
    if not found:
        return
    names = sorted(found, key=lambda name: -len(found[name]))[:2]
    evidence = tuple(sorted({segment for name in names for segment in found[name][:4]}))
    asked_first = " with the client's permission" if is_allowed else ""
    yield Fact(
        f"The therapist provided psychoeducation on {listed(names)}{asked_first}.",
        evidence, _SURE, "education", min(evidence), True,
    )  # fmt: skip


def _leave_before(statements: Sequence[Statement], place: int) -> tuple[int, ...]:
    for earlier in range(max(0, place - _BEFORE_TEACHING), place - 1):
        question, answer = statements[earlier].unit, statements[earlier + 1].unit
        if (
            question.role == "doctor"
            and PERMISSION.search(question.raw)
            and answer.role == "patient"
            and answer.says_yes
        ):
            return (question.segment_id, answer.segment_id)
    return ()


def _teaching(statements: Sequence[Statement], person: Person) -> Iterator[Fact]:
    for statement in statements:
        unit = statement.unit
        if unit.role != "doctor" or statement.label != "education" or unit.is_question:
            continue
        if not _INFORMING.search(unit.text) or _OF_THE_SPEAKER.search(unit.text):
            continue
        for sentence in explained(unit, person):
            text = re.sub(r"^The clinician", "The therapist", sentence)
            taught = re.sub(r"^The therapist explained that ", "", text)
            if is_readable(text, by_doctor=True) and len(text.split()) <= _LONGEST and _is_teaching(taught):
                yield Fact(text, (unit.segment_id,), statement.keep, "education", unit.index, True)


def _is_teaching(taught: str) -> bool:
    """Say whether a clause holds knowledge that can be read alone, rather than what the client said or the two are doing."""
    is_of_client = re.match(r"(?:the client|he|she|they)\b", taught, re.IGNORECASE)
    return not is_of_client and not points_back(taught) and stands_alone(f"{taught[0].upper()}{taught[1:]}")


def agreed_steps(statements: Sequence[Statement], person: Person) -> list[Fact]:
    """Return what the client and the clinician will do, and when they meet again."""
    facts: list[Fact] = []
    for place, statement in enumerate(statements):
        unit = statement.unit
        if prescribed := _prescribed(unit, person):
            facts.extend(prescribed)
        elif unit.role == "doctor":
            if statement.label == "plan":
                answers = [
                    one for one in statements[place + 1 : place + 1 + _ANSWERED_WITHIN] if one.unit.role != "doctor"
                ]
                agreeing_in = [one.unit.segment_id for one in answers if one.label == "step" or one.unit.says_yes]
                facts.extend(_of_clinician(statement, person, agreed_in=agreeing_in[:1]))
        elif statement.label == "step" and not unit.is_question:
            text = _of_client(strip_lead(plain_speech(unit.text)), COMPANION if unit.role == "companion" else person)
            if text and is_readable(text, by_doctor=False) and _names_a_step(text):
                facts.append(Fact(text, (unit.segment_id,), statement.keep, "plan", unit.index))
    return facts


def _prescribed(unit: Unit, person: Person) -> list[Fact]:
    """Return what the clinician says of a drug that is to be taken; it is never left out."""
    if unit.role != "doctor" or unit.is_question or not _PRESCRIBING.search(unit.text):
        return []
    if not any(word in DRUGS for word in tokens(unit.text)):
        return []
    told = [one for one in rewrite(unit, "plan", person) if is_readable(one, by_doctor=True, may_be_terse=True)]
    return [Fact(text, (unit.segment_id,), _SURE, "plan", unit.index, True) for text in told]


def _of_client(text: str, person: Person) -> str:
    for pattern, frame in ((_WILL, "will"), (_CAN, "is willing to"), (_WANTS, "wants to")):
        if match := pattern.match(text):
            if _EMPTY_STEP.match(match.group(1)):
                return ""
            who = person.subject if person is COMPANION else "the client"
            sentence = agreeing(finish(f"{who} {frame} {_in_third(match.group(1), person)}"))
            return sentence if 5 <= len(sentence.split()) <= _LONGEST else ""
    return ""


def _names_a_step(sentence: str) -> bool:
    """Say whether a step tells what is to be done: one line of thought with a verb of doing and something to do it to."""
    done = _WHO_WILL.sub("", sentence)
    return not (_NO_DOING.search(sentence) or runs_together(sentence) or is_hollow(done) or len(done.split()) < 2)


def _in_third(text: str, person: Person) -> str:
    """Return the rest of `The client will ...`: the client is named already, so only pronouns follow."""
    told = patient_to_third(text, person)
    if person.is_noun:
        told = told.replace(f"{person.subject}'s", person.possessive).replace(person.subject, "they")
    return _OBJECT.sub(lambda match: f"{match.group(1)} {_OBJECTS[match.group(2)]}", told)


def _of_clinician(statement: Statement, person: Person, *, agreed_in: Sequence[int]) -> Iterator[Fact]:
    """Yield the steps of a clinician's statement; what the client is said to agree to also cites where they do."""
    unit = statement.unit
    text = _OF_CLINICIAN.sub(" the therapist", strip_lead(plain_speech(unit.text))).rstrip("?. ")
    if (match := _MEETING.search(text)) and _TIME.search(match.group(1)):
        when = re.sub(r"^again ", "", match.group(1), flags=re.IGNORECASE)
        yield Fact(finish(f"follow-up {when}"), (unit.segment_id,), _SURE, "plan", unit.index, True)
        if len(text.split()) < 12:
            return
    sentence = ""
    led = _LED.match(text)
    if led and _ASKED.match(text[led.end() :]):
        text = text[led.end() :]
        led_by = f"{led.group(0).strip(' ,:').lower()}, "
    else:
        led_by = ""
    is_asked = unit.is_question or unit.raw.rstrip().endswith("?")
    if match := _OFFERED.match(text):
        if not agreed_in:
            return
        sentence = f"the client agreed to {_in_third(you_to_third(match.group(1), person), person)}"
    elif is_asked:
        return
    elif match := _TOGETHER.match(text):
        sentence = f"the therapist and the client will {you_to_third(match.group(1), person)}"
    elif match := _CLINICIAN.match(text):
        sentence = f"the therapist will {you_to_third(match.group(1), person)}"
    elif match := _ASKED.match(text):
        sentence = f"{led_by}the client will {_in_third(you_to_third(match.group(1), person), person)}"
    elif is_base_verb(text.split(" ", 1)[0]):
        sentence = f"the client will {_in_third(you_to_third(text[0].lower() + text[1:], person), person)}"
    elif agreed_in and len(text.split()) >= _SHORTEST_AGREED and _may_be_agreed(text):
        sentence = f"agreed: {you_to_third(text[0].lower() + text[1:], person)}"
    if sentence and len(sentence.split()) <= _LONGEST:
        finished = agreeing(finish(_OBJECT.sub(lambda match: f"{match.group(1)} {_OBJECTS[match.group(2)]}", sentence)))
        if is_readable(finished, by_doctor=True) and _names_a_step(finished):
            evidence = (unit.segment_id, *(agreed_in if "agreed" in finished.lower() else ()))
            yield Fact(finished, tuple(sorted(set(evidence))), statement.keep, "plan", unit.index, True)


def _may_be_agreed(text: str) -> bool:
    """Say whether words of a plan name a doing: `swimming after work`, `tonight: call your sister`; never `that is good`."""
    if _OF_THE_SPEAKER.search(text):
        return False
    rest = _LED.sub("", text)
    if points_back(rest):
        return False
    if rest != text:
        return True
    doing = _DOING.match(rest)
    return doing is not None and (is_base_verb(doing.group(1)) or doing.group(1).endswith("ing"))
