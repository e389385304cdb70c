"""What the client told, as sentences of a note: their own statements, and reflections they confirmed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .answers import answer_statement
from .counting import counted
from .facts import Fact
from .grammar import COMPANION, Person, has_verb, patient_to_third, you_to_third
from .lexicon import SELF_HARM
from .rewrite import finish, is_readable, parted, rewrite, strip_lead
from .setting_up import is_setting_up
from .textnorm import content_words
from .therapy_prose import agreeing, is_hollow, plain_speech, stands_alone, weighed, weight_of
from .therapy_quotes import quote_of, telling_quote
from .therapy_talk import Statement
from .therapy_terms import ASKED_OF_RISK
from .units import Unit

# Class of the fact for each label; what is missing here is no history.
KINDS = {
    "problem": "hpi",
    "feeling": "hpi",
    "sleep": "hpi",
    "substance": "hpi",
    "risk": "hpi",
    "past": "pmh",
    "social": "social",
    "medication": "meds",
    "motive": "hpi",
    "doubt": "hpi",
    "goal": "hpi",
    "strength": "hpi",
}
# What may stand in a history that has room left: the model takes it for something else, or for nothing.
_LESSER = frozenset(("response", "step", "chat", "scale"))
_LESSER_FACTOR = 0.5
_LESSER_WORDS = 5
_LONGEST = 32  # words
_SHORTEST = 4
_UNCLEAR = re.compile(r"^(?:It|That|This|They|There|Those|These|Then|Because|Which|What|If|Or|He|She|His|Her|Him)\b")
_NO_SUBJECT = re.compile(
    r"^(?:\d+ or|Makes|Gets|Feels|Goes|Lost|Got|Felt|Been|Not|No|Once|Maybe|Probably|About|See|Well|Like|"
    r"A (?:bit|few|little|lot)|Or|Any|With|Only|More|Less|Just|Very|Too)\b"
)
_CUT_OFF = re.compile(
    r"(?<!did )(?<!does )(?<!do )(?<!is )(?<!was )(?<!would )(?<!could )\bnot\.$|\b(?:cannot|will|would|could|should|to|the|a|an|"
    r"my|their|that|because|if|when|with|of|felt|is|are|was|"
    r"need|getting|and (?:it|he|she|they)|be able|think|lot of|going|all|lied|till|until|whatever's|(?:will|would) take|says|said)\.$"
)
# "No, wait, with my toothbrush" denies nothing, and what is reported or denied has to be named.
_NO_REPORT = re.compile(
    r"^(?:the )?client denies (?:wait|but|because|i|it|only|when|just|like|he|she|they|that|not)\b|"
    r"^(?:the )?client denies (?:feeling|anything)\.$|^(?:the )?client reports (?:the|his|her|their) \w+\.$",
    re.IGNORECASE,
)
# A thought is not a fact: it is quoted.
_ASKS_FOR_THOUGHT = re.compile(
    r"\b(?:thoughts?(?! (?:about|of|on)\b)|through your (?:mind|head)|(?:the|your) (?:fear|prediction|worst)|what words|"
    r"afraid (?:of|would))\b"
    r"(?!.*\b(?:harm|hurt|kill|suicid))",
    re.IGNORECASE,
)
_IS_THOUGHT = re.compile(
    r"^that (?:i|i'd|everyone|everybody|nobody|they|it) (?:am|was|will|would|can|cannot|is|are)\b", re.IGNORECASE
)
_VAGUE_HEAD = re.compile(r"^(?:Onset|Location|Amount|Severity|Duration): ")
_RESTART = re.compile(
    r"\b(?:i (?:am|was|have|would|will|think|mean|do|feel|just|could|can)|it is|that is|you know)[ ,.-]+"
    r"(?=i (?:am|do|did|was|have|had|would|could|can|will|want|think|feel|just|never|really|know)\b)",
    re.IGNORECASE,
)
# What somebody holds of themself is no fact: "I am a bad mother".
_OF_ONESELF = re.compile(
    r"^(?P<who>The client|He|She) (?P<verb>is|was) (?P<rest>(?:(?:already|just|such|always|so) )*(?:an? )?(?:(?:bad|terrible|horrible|"
    r"awful) (?!at\b)|(?:worthless|useless|stupid|pathetic|disgusting|weak|ugly|crazy|failure|burden|loser|idiot|monster|mess|fraud|"
    r"disappointment|coward)\b).*)$"
)
_SAID_OF_CLIENT = re.compile(r"^(?:The patient )?(reports|denies) (\w)(?=[\w' ])", re.IGNORECASE)
_REPORTS = re.compile(r"^(?:The patient )?reports ", re.IGNORECASE)
# What the client says to the clinician's face.
_TO_CLINICIAN = re.compile(
    r"\b(tell|told|telling|read|show|ask|call|ring|text|promised?) you\b(?! (?:can|could|have|are|do|will)\b)",
    re.IGNORECASE,
)
# "If I don't fall asleep now I will be useless": where the clause ends a comma is heard.
_CLAUSE_ENDS = re.compile(
    r"^((?:if|when|whenever|because|since|after|before|once|every time|as soon as) (?:i|he|she|they|we|it|my \w+|somebody|someone|people)"
    r" (?:(?!(?:that|if|when|because|and|or|but|think|know|say|said|feel|felt|thought|told|than|what|how|where|who)\b)[\w']+ ){1,9}?)"
    r"(?=(?:i|he|she|they|we|it|nobody|everybody|everything) "
    r"(?:am|is|are|was|were|will|would|can|cannot|could|have|has|had|do|did|get|gets|got|feel|felt|just|always|never|start|go|"
    r"want|need)\b)",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:I guess|I suppose|I mean|you know|to be honest|honestly)\b[ ,]*|(?<=,) like,|^like,? ", re.IGNORECASE
)
REFLECTION_LEAD = re.compile(
    r"^(?:(?:so|and|but|okay|well|then|right|yeah|um|uh|it sounds like|sounds like|it seems(?: like)?|it feels like|"
    r"what i hear(?: you saying)? is(?: that)?|you are saying(?: that)?|i hear(?: that)?)[ ,]+)+",
    re.IGNORECASE,
)
SOUNDING = re.compile(r"\b(?:it sounds like|it seems like|it looks like|i think) (?=you\b)", re.IGNORECASE)
_ABOUT_CLIENT = re.compile(r"^(?:you|your)\b", re.IGNORECASE)
_CONFIRMED = re.compile(
    r"^(?:(?:um|uh|oh|well)[ ,]+)*(?:yes|yeah|yep|yup|right|exactly|that's (?:it|right|true)|"
    r"correct|absolutely|definitely|mm-?hmm|mhm|i do|i am)\b",
    re.IGNORECASE,
)
_MALE_KIN = "husband|father|dad|brother|son|boyfriend|grandfather|grandpa|grandad|uncle|nephew|boss|friend|doctor"
_FEMALE_KIN = (
    "wife|mother|mom|mum|sister|daughter|girlfriend|grandmother|grandma|nan|gran|aunt|niece|boss|friend|doctor"
)
_KIN_BY_PRONOUN = {
    "he": re.compile(rf"\b((?:my|your|his|her|their) (?:\w+ )?(?:{_MALE_KIN}))\b(?!'s)", re.IGNORECASE),
    "she": re.compile(rf"\b((?:my|your|his|her|their) (?:\w+ )?(?:{_FEMALE_KIN}))\b(?!'s)", re.IGNORECASE),
}
_THIRD_FIRST = re.compile(r"^(?:(?:and|but|so|well|yeah|because) )*(he|she) (?!or she\b)", re.IGNORECASE)
_NAMED_WITHIN = 6  # statements before, in which the person spoken of was named
_RISK_SCORE = 1.5  # never left out
_COUNTED_SCORE = 0.9  # "Panic attacks: one on Thursday": what is counted is what the next session is compared with
_CONFIRMED_BONUS = 0.1
_UNCLEAR_FACTOR = 0.4
_QUOTED_FACTOR = 0.9  # a paraphrase that reads is shorter and comes first
_GAP = 4  # statements between two that are told as reported speech
_REPORTING = ("report", "say", "report")


def told(statements: Sequence[Statement], said: Mapping[int, str], person: Person) -> list[Fact]:
    """Return the statements of the client, and of those who came along, that may stand in the history."""
    return [*_own_words(statements, said, person), *confirmed(statements, person)]


def _own_words(statements: Sequence[Statement], said: Mapping[int, str], person: Person) -> Iterator[Fact]:
    for place, statement in enumerate(statements):
        unit = statement.unit
        if is_setting_up(unit):
            continue
        is_lesser = statement.label in _LESSER
        if counted(unit) and (text := answer_statement(unit, person)):
            score = max(statement.keep, _COUNTED_SCORE)
            yield Fact(finish(text), _with_question(unit), score, "hpi", unit.index, question=unit.question)
            continue
        if unit.role == "doctor" or unit.is_question or (is_lesser and len(unit.text.split()) < _LESSER_WORDS):
            continue
        if _ASKS_FOR_THOUGHT.search(unit.question) or _IS_THOUGHT.match(unit.text):
            if (quote := quote_of(unit, said)) and not is_hollow(quote):
                text = f"The client thought: “{quote}”."
                yield Fact(text, _with_question(unit), statement.keep, "hpi", unit.index, question=unit.question)
            continue
        is_answer = unit.says_yes or unit.says_no
        points_back = not is_answer and not re.match(r"^(?:i|my)\b", strip_lead(unit.text), re.IGNORECASE)
        if points_back and unit.is_turn_start and SELF_HARM.search(unit.question) and (quote := quote_of(unit, said)):
            text = f"Asked about {_asked_of(unit.question)}, the client said: “{quote}”."
            yield Fact(text, _with_question(unit), _RISK_SCORE, "hpi", unit.index, question=unit.question)
            continue
        who = COMPANION if unit.role == "companion" else person
        text = _with_kin_named(spoken_plainly(unit.text), statements, place)
        found: list[Fact] = []
        # Only the first words of a turn answer the question: "They come at night. I don't have a plan." denies no thoughts.
        question = unit.question if unit.is_turn_start else ""
        retold = rewrite(replace(unit, text=text, question=question), "hpi", who)
        for raw in (part for whole in retold for part in _in_parts(whole, who)):
            if _REPORTS.match(raw) and not is_answer and statement.label not in ("sleep", "substance", "risk"):
                continue  # a fragment is no report
            sentence = _OF_ONESELF.sub(_as_felt, agreeing(_SAID_OF_CLIENT.sub(_with_client, raw)))
            if not can_stand(sentence):
                continue
            score = weighed(statement.keep, weight_of(sentence)) * (
                _UNCLEAR_FACTOR if _is_unclear(sentence, text) else 1
            )
            score *= _LESSER_FACTOR if is_lesser else 1
            evidence = _evidence(statement)
            if statement.label == "risk":
                score, evidence = _RISK_SCORE, _with_question(unit)
            kind = KINDS.get(statement.label, "hpi")
            found.append(Fact(sentence, evidence, score, kind, unit.index, question=unit.question))
        if not found and not is_lesser and unit.role == "patient" and (quote := telling_quote(unit, said)):
            score = _RISK_SCORE if statement.label == "risk" else statement.keep * _QUOTED_FACTOR
            found.append(Fact(f"The client said: “{quote}”.", (unit.segment_id,), score, "hpi", unit.index))
        yield from found


def _asked_of(question: str) -> str:
    """Return what was asked of the risk to oneself, as it was asked: who wants to die does not always harm themself."""
    return next((name for name, pattern in ASKED_OF_RISK if pattern.search(question)), "self-harm")


def _in_parts(sentence: str, person: Person) -> list[str]:
    """Return a long sentence in parts; one that begins with `They` stays out where that may be the client or others."""
    first, *others = parted(sentence)
    return [first, *(part for part in others if not (person.is_noun and part.startswith("They ")))]


def spoken_plainly(text: str) -> str:
    """Return a statement without what only speech has: fillers, stutters, hedges and beginnings begun again."""
    plain = _RESTART.sub("", _HEDGED.sub("", plain_speech(text)))
    return _CLAUSE_ENDS.sub(lambda match: f"{match.group(1).rstrip()}, ", _TO_CLINICIAN.sub(r"\1 the therapist", plain))


def _as_felt(match: re.Match[str]) -> str:
    who, verb = match.group("who"), match.group("verb")
    told = f"they {'are' if verb == 'is' else 'were'}" if who == "The client" else f"{who.lower()} {verb}"
    return f"{who} feels that {told} {match.group('rest')}"


def _with_client(match: re.Match[str]) -> str:
    return f"The client {match.group(1).lower()} {match.group(2).lower()}"


def _with_kin_named(text: str, statements: Sequence[Statement], place: int) -> str:
    """Return a statement about `he` or `she` with the relative named that both were just speaking of, if there is one."""
    match = _THIRD_FIRST.match(text)
    if match is None:
        return text
    pattern = _KIN_BY_PRONOUN[match.group(1).lower()]
    for earlier in reversed(statements[max(0, place - _NAMED_WITHIN) : place]):
        if named := pattern.findall(earlier.unit.text):
            own = re.sub(r"^your\b", "my", named[-1], flags=re.IGNORECASE)
            return f"{own} {text[match.end() :]}"
    return text


def _is_unclear(sentence: str, text: str) -> bool:
    """Say whether a sentence begins with a word that points back to what the note does not have."""
    if re.match(r"^(?:i|my)\b", strip_lead(text), re.IGNORECASE):
        return False
    return bool(_UNCLEAR.match(sentence))


def confirmed(statements: Sequence[Statement], person: Person) -> Iterator[Fact]:
    """Yield what the clinician said of the client and the client agreed to at once, with both as evidence."""
    for index, statement in enumerate(statements[:-1]):
        answer = statements[index + 1].unit
        unit = statement.unit
        if unit.role != "doctor" or statement.label not in ("reflection", "closed") or answer.role != "patient":
            continue
        if not _CONFIRMED.match(answer.raw) or answer.says_no:
            continue
        base = REFLECTION_LEAD.sub("", plain_speech(unit.text)).rstrip("?. ")
        if not _ABOUT_CLIENT.match(base):
            continue
        sentence = agreeing(finish(you_to_third(strip_lead(SOUNDING.sub("", base)), person)))
        if can_stand(sentence):
            score = weighed(max(statement.keep, statements[index + 1].keep), weight_of(sentence)) + _CONFIRMED_BONUS
            evidence = tuple(sorted({unit.segment_id, answer.segment_id}))
            yield Fact(sentence, evidence, min(score, 0.99), "hpi", unit.index)


def can_stand(sentence: str) -> bool:
    """Say whether a sentence is whole enough for a note: neither a fragment nor a run-on."""
    count = len(sentence.split())
    return (
        _SHORTEST <= count <= _LONGEST
        and len(content_words(sentence)) > 1
        and has_verb(sentence)
        and is_readable(sentence, by_doctor=False)
        and not _VAGUE_HEAD.match(sentence)
        and not _CUT_OFF.search(sentence)
        and not _NO_SUBJECT.match(sentence)
        and not _NO_REPORT.match(sentence)
        and stands_alone(sentence)
    )


def _evidence(statement: Statement) -> tuple[int, ...]:
    unit = statement.unit
    is_short = len(unit.text.split()) <= 7 or unit.says_yes or unit.says_no
    return _with_question(unit) if is_short else (unit.segment_id,)


def _with_question(unit: Unit) -> tuple[int, ...]:
    if unit.question_id is None or not unit.question:
        return (unit.segment_id,)
    return tuple(sorted({unit.question_id, unit.segment_id}))


def reported(facts: Sequence[Fact], statements: Sequence[Statement], person: Person) -> list[Fact]:
    """Return the history with its first statements as reported speech: `The client reports that they ...`."""
    verbs = iter(_REPORTING[: 3 if person.is_noun else 1])
    by_index = {statement.unit.index: statement.unit for statement in statements}
    found: list[Fact] = []
    last = -_GAP
    for fact in facts:
        unit = by_index.get(fact.index)
        if unit and unit.role == "patient" and not fact.is_minor and fact.index - last >= _GAP:
            text = _as_reported(fact.text, strip_lead(spoken_plainly(unit.text)), verbs, person)
            if text:
                fact, last = replace(fact, text=text), fact.index
        found.append(fact)
    return found


def _as_reported(text: str, base: str, verbs: Iterator[str], person: Person) -> str:
    if not re.match(r"^i (?!(?:think|feel|guess|know|said)\b)", base, re.IGNORECASE):
        return ""
    if finish(patient_to_third(base, person)) != text:
        return ""
    verb = next(verbs, "")
    told = finish(patient_to_third(f"i {verb} that {base}", person)) if verb else ""
    return re.sub(r"^(?:He|She) ", "The client ", told)
