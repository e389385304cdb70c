"""Find what was said that belongs in a note: sentences with their class, score and segments, in the order of the session."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from .antecedents import asked_about, with_antecedents, with_places
from .base import TranscriptSegment
from .classifier import CLASSES, NONE, classify
from .counting import begins_with_number, counted
from .folded import Folded
from .grammar import Person
from .lexicon import DIAGNOSES, HARM_TO_OTHERS, KIN, SELF_HARM, names_symptom
from .problems import split_problem
from .rewrite import explained, is_readable, parted, quoted, rewrite, strip_lead
from .setting_up import is_setting_up
from .substance_talk import is_soft_drinking
from .textnorm import content_words
from .units import Unit, units_of

# A unit is kept from this probability on that it belongs in a note; chosen on the validation part of ACI-Bench.
_KEEP_FROM = {
    "exam": 0.22,
    "results": 0.35,
    "plan": 0.24,
    "assessment": 0.30,
    "vitals": 0.4,
    "meds": 0.3,
    "pmh": 0.2,
    "social": 0.2,
    "ros": 0.3,
    "allergy": 0.3,
}
_MINOR_SHARE = 0.55  # of the probability above; a detailed section keeps from here on
# Of history, a visit with a physical examination needs less: its note is built from findings. Talk alone is all history.
_HISTORY_FROM = 0.20
_HISTORY_FROM_WHEN_EXAMINED = 0.38
_EXAMINED_FROM = 2  # clear findings of an examination
_CLEAR = 0.6
_SMOOTHING = 0.12  # share of a neighbour's probability that a unit takes over
_DUPLICATE_FROM = 0.8  # share of a sentence's words that an earlier one of its class has
_TERSE = frozenset(("response", "exam", "vitals", "results", "assessment", "plan"))
# "At least 3 times a week" is what is left of a plan, not one.
_ADVERBIAL = re.compile(
    r"(?:\d|at|about|around|for|with|in|on|of|by|up|over|until|every|once|twice|right now)\b", re.IGNORECASE
)
_COMMAND = Folded(
    r"^(hey,? )?(dragon,? )?(show me|pull up|let us (see|look|take a look)|take a (deep )?breath|lean (up|"
    r"back|forward)|follow my|"
    r"open (up|your)|can you|go ahead and|let me (see|look|take|check|listen|examine)|let us (take|do|"
    r"go over|check|listen)|i (will|am going to) (look|listen|"
    r"examine|take a (look|listen)|press|check your)|turn (your|over)|squeeze|push against|breathe)\b"
)
_SMALL_TALK = Folded(
    r"\b(football|baseball|basketball game|weather|vacation|movie|favorite|awesome|nice to (see|meet)|"
    r"good to (see|hear)|how are you|"
    r"any questions|see you (then|soon|later)|take care|have a (good|great|nice)|my assistant|check ?out|nurse will|"
    r"call (me|us) if you (need|have) anything|introduce myself|is it (okay|ok|all right) (if|for|with)|"
    r"thanks? (you )?for|"
    r"how does that sound|does that (make sense|sound)|do you have any questions|before we (start|begin)|"
    r"i will be right back)\b"
)
_FEELING = Folded(
    r"\bi (?:(?:have|had|do|did|just|still|always|often) )*(?:been |am )?(?:feel|felt|feeling|notice|"
    r"noticed|cannot|struggle|struggled|"
    r"worry|worried|hate|dread|cry|cried)\b"
)
_CHAT = Folded(
    r"\b(raining|snowing|sunny|traffic|parking|halloween|thanksgiving dinner|baseball|football|"
    r"how was the drive|find (?:us|the place) okay)\b"
)
_RELATIVES = (
    r"(?:mother|mom|mum|father|dad|brother|sister|son|daughter|wife|husband|partner|aunt|uncle|cousin|"
    r"grandmother|grandfather|grandma|"
    r"grandpa|boyfriend|girlfriend)"
)
_RELATIVE_FIRST = re.compile(rf"^(my (?:\w+ )?{_RELATIVES})\b(?!'s)", re.IGNORECASE)
_RELATIVE_AGAIN = re.compile(r"(?:and |but |so )?(?:he|she)\b", re.IGNORECASE)
_HE_OR_SHE = re.compile(r"(?:he|she)\b", re.IGNORECASE)
_FAMILY_ILLNESS = Folded(
    rf"\bmy (?:\w+ )?{_RELATIVES}\b.*\b(?:has|had|have|was|is|died|takes|took|suffer\w*|committed|diagnosed|"
    rf"{'|'.join(sorted(DIAGNOSES))})\b.*"
)
_SUBSTANCE_ANSWER = Folded(r"\b(alcohol|drink|smoke|cigarettes|cannabis|marijuana|weed|drugs|vape)\b")
_RESPONSE = Folded(
    r"\b(makes? sense|(?:is|was|that's|very|really|been) helpful|i can (?:do|try) that|i will (?:try|"
    r"do) (?:that|it)|willing to|that helps|"
    r"did not know that|never thought (?:of|about) (?:it|that)|good idea|i agree)\b"
)
_SCALE_RESULT = Folded(r"\b(?:phq-9|gad-7|phq|gad|ymrs|moca|mmse|audit|pcl-5|y-bocs|score)\b.*\b\d+\b")
_LEVEL_RESULT = Folded(r"\blevel\b[^.?]*\b(?:was|is|came back|of)\b[^.?]*\d")
_OBSERVED = Folded(
    r"\byou (?:(?:do|also|still|really) )*(?:look|appear|seem|sound) (?:a (?:little|bit|lot) |very |much |"
    r"more |less |quite |so |rather )*"
    r"(?:tired|sad|anxious|tearful|bright\w*|calm\w*|tense|restless|distracted|low|down|flat|well[- ]?\w*|"
    r"better|worse|agitated|relaxed|nervous|"
    r"upset|suspicious|withdrawn|drowsy|pale|thin\w*)\b|\byour (?:eye contact|affect|speech|thinking|mood|"
    r"grooming|appearance|insight|judgment)\b"
    r" (?:is|seems|looks|appears|was)|\byou are (?:talking|speaking|making (?:good |poor |"
    r"little )?eye contact|tearful|crying|restless|fidgeting)"
)
_SAFETY_NET = Folded(
    r"\b(?:call (?:us|me|the clinic|911|the crisis line|the hotline)|go to the (?:emergency|er|hospital)|"
    r"come back)\b.*\b(?:if|sooner|when|at once)\b"
)
_ASKED_TO = Folded(
    r"^(?:and |so |then |but )?please (?!(?:sit|come|have|take a|lie|open|follow|breathe|tell|let|go|describe|look|hold|lift|push|"
    r"squeeze|stand|say|think|feel free)\b)\w"
)
_TEACHING = Folded(
    r"\b(?:(?:many|most|some|other|a lot of) (?:people|clients|patients|women|men)|people who|research|"
    r"studies|guidelines?|is (?:very )?(?:common|normal)|"
    r"are (?:very )?(?:common|normal)|(?:our|the) (?:brain|body|mind)|can (?:make|cause|lead|raise|become|"
    r"affect|increase)|raises? the risk|at risk|"
    r"the idea is|recommended (?:limit|amount)|my (?:job|role) (?:is|when))\b"
)
_ASKED_STATE = re.compile(
    r"^(?:sleep|appetite|mood|energy|concentration|memory|weight|anxiety|worry|depression|panic attacks?|nightmares?|flashbacks?|"
    r"voices|cravings?|pain|side effects|motivation)$"
)
_VOICES = Folded(r"\bvoices?\b.*\b(?:say\w*|said|tell\w*|told|hear\w*)\b|\bhear\w*\b.*\bvoices?\b")
_BARE_DENIAL = re.compile(
    r"^(?:(?:no|nope|nah|nothing|none|never|not|at all|like that|of (?:that|the sort|the kind)|really|absolutely|definitely|"
    r"thank god|i (?:do|have|am|did) not)\b[ ,.!]*)+$",
    re.IGNORECASE,
)
_SHORTEST_QUOTE = 4  # words
_LONGEST_RESPONSE = 14  # words
_RISK_KEEP = 0.9  # an answer about self-harm is never left out
_RULE_KEEP = 0.6
_SURE = 0.8  # from here on the classifier outweighs the signs of teaching
_SYMPTOM_KEEP = 0.5  # what a patient says about a symptom is kept even where the classifier is unsure


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence for a note. `kind` is a class of the classifier; `index` is its unit's place in the session."""

    text: str
    evidence: tuple[int, ...]
    score: float
    kind: str
    index: int
    from_doctor: bool = False
    is_heading: bool = False
    question: str = ""
    is_about_patient: bool = False  # its first word is the pronoun of the patient
    is_minor: bool = False  # too unsure for a note of the usual length; only detailed sections have it


def extract_facts(units: Sequence[Unit], person: Person) -> list[Fact]:
    """Return the statements of a session that belong in a note, rewritten, without repetitions."""
    return _without_repetitions(fact for fact in _likely(units, _smoothed(units), person) if not fact.is_minor)


def facts_of(segments: tuple[TranscriptSegment, ...], person: Person, *, with_minor: bool = False) -> list[Fact]:
    """Return the facts of a session; what was found in it is kept for the next call."""
    facts = _likely_of(segments, person)
    # What a standard section keeps must not depend on the minor facts beside it, so those are compared last.
    kept = _without_repetitions(fact for fact in facts if not fact.is_minor)
    if with_minor:
        minor = (fact for fact in facts if fact.is_minor)
        kept = sorted(_without_repetitions([*kept, *minor]), key=lambda fact: fact.index)
    return kept


@lru_cache(maxsize=2)
def _likely_of(segments: tuple[TranscriptSegment, ...], person: Person) -> tuple[Fact, ...]:
    """Return the facts of a session: the draft and what it left out are mostly read for the same person."""
    return tuple(_likely(units_of(segments), _smoothed_of(segments), person))


@lru_cache(maxsize=2)
def _smoothed_of(segments: tuple[TranscriptSegment, ...]) -> list[list[float]]:
    return _smoothed(units_of(segments))


def _likely(units: Sequence[Unit], table: list[list[float]], person: Person) -> list[Fact]:
    facts: list[Fact] = []
    previous: Unit | None = None
    keep_from = {**_KEEP_FROM, "hpi": _history_from(units, table)}
    for unit, probabilities in zip(with_places(with_antecedents(units)), table, strict=True):
        facts.extend(_facts_of(_with_named_relative(unit, previous), probabilities, person, keep_from))
        previous = unit
    return facts


def _with_named_relative(unit: Unit, previous: Unit | None) -> Unit:
    """Return a unit whose first `he` or `she` is the relative named just before: `My brother is ill. He takes lithium.`"""
    if previous is None or unit.role == "doctor" or previous.segment_id != unit.segment_id:
        return unit
    pronoun = _RELATIVE_AGAIN.match(unit.text)
    named = _RELATIVE_FIRST.match(strip_lead(previous.text)) if pronoun else None
    if not named or not pronoun:
        return unit
    return replace(unit, text=f"{named.group(1)}{unit.text[pronoun.end() :]}")


def _history_from(units: Sequence[Unit], table: list[list[float]]) -> float:
    findings = [CLASSES.index("exam"), CLASSES.index("vitals")]
    clear = sum(
        unit.role == "doctor" and sum(probabilities[place] for place in findings) >= _CLEAR
        for unit, probabilities in zip(units, table, strict=True)
    )
    return _HISTORY_FROM_WHEN_EXAMINED if clear >= _EXAMINED_FROM else _HISTORY_FROM


def _smoothed(units: Sequence[Unit]) -> list[list[float]]:
    table = classify(units)
    if len(units) > 2:
        mixed = table.copy()
        mixed[1:] += _SMOOTHING * table[:-1]
        mixed[:-1] += _SMOOTHING * table[1:]
        table = mixed / mixed.sum(axis=1, keepdims=True)
    rows: list[list[float]] = table.tolist()
    return rows


def _facts_of(unit: Unit, probabilities: list[float], person: Person, keep_from: dict[str, float]) -> list[Fact]:
    kind, keep = _judged(unit, _kind_of(unit, probabilities), 1 - probabilities[CLASSES.index(NONE)])
    least = keep_from.get(kind, 0.4)
    if keep < least * _MINOR_SHARE or _is_chatter(unit):
        return []
    is_minor = keep < least
    facts: list[Fact] = []
    if unit.role == "doctor" and kind in ("assessment", "plan"):
        heading, rest = split_problem(unit.text, person)
        if heading:
            facts.append(
                Fact(heading, (unit.segment_id,), keep, "assessment", unit.index, True, True, is_minor=is_minor)
            )
            unit = replace(unit, text=rest)
            if len(rest.split()) < 3:
                return facts
    for sentence in (part for whole in _sentences(unit, kind, person) for part in parted(whole)):
        if len(content_words(sentence)) < (2 if kind in ("exam", "plan", "results", "assessment") else 1):
            continue
        may_be_terse = kind in _TERSE and not (kind == "plan" and _ADVERBIAL.match(sentence))
        if not is_readable(sentence, by_doctor=unit.role == "doctor", may_be_terse=may_be_terse):
            continue
        question = "" if unit.role == "doctor" else unit.question
        evidence, by_doctor = _evidence(unit), unit.role == "doctor"
        facts.append(
            Fact(
                sentence,
                evidence,
                keep,
                kind,
                unit.index,
                by_doctor,
                question=question,
                is_about_patient=_is_about_patient(unit, sentence, person),
                is_minor=is_minor,
            )
        )
    return facts


def _is_about_patient(unit: Unit, sentence: str, person: Person) -> bool:
    """Say whether the pronoun a sentence begins with means the patient: not the `she` a patient says of somebody else."""
    if unit.role == "companion" or not re.match(rf"{person.subject}\b", sentence, re.IGNORECASE):
        return False
    begins_so = _HE_OR_SHE.match(strip_lead(unit.text))
    return begins_so is None or (unit.role == "doctor" and not KIN.search(unit.text))


def _sentences(unit: Unit, kind: str, person: Person) -> list[str]:
    if kind == "education":
        return explained(unit, person)
    if kind == "response":
        return quoted(unit, person)
    if _is_worded(unit):
        answer = rewrite(unit, kind, person)[:1] if unit.is_turn_start and (unit.says_yes or unit.says_no) else []
        # "No, nothing like that" says no more than the denial it is told as.
        return answer if answer and _BARE_DENIAL.match(unit.text) else [*answer, *quoted(unit, person)]
    return rewrite(unit, kind, person)


def _is_worded(unit: Unit) -> bool:
    """Say whether a patient's wording matters: talk of harm and voices is quoted, never told in other words."""
    if unit.role != "patient" or unit.is_question or len(unit.text.split()) < _SHORTEST_QUOTE:
        return False
    about_harm = SELF_HARM.search(unit.text) or HARM_TO_OTHERS.search(unit.text) or _VOICES.search(unit.text)
    return bool(about_harm or SELF_HARM.search(unit.question))


def _is_chatter(unit: Unit) -> bool:
    if is_setting_up(unit) or _CHAT.search(unit.text) or (unit.role != "doctor" and _CHAT.search(unit.question)):
        return True
    return unit.role == "doctor" and bool(_COMMAND.match(unit.text) or _SMALL_TALK.search(unit.text))


def _judged(unit: Unit, kind: str, keep: float) -> tuple[str, float]:
    """Return the class and probability after the rules for what the classifier has seen too little of."""
    if unit.role == "doctor":
        return _judged_of_doctor(unit, kind, keep)
    asked_risk = bool(SELF_HARM.search(unit.question))
    if SELF_HARM.search(unit.text) or (asked_risk and unit.is_turn_start and (unit.says_yes or unit.says_no)):
        return "hpi", max(keep, _RISK_KEEP)
    if unit.is_question:
        return kind, keep
    if _RESPONSE.search(unit.text) and len(unit.text.split()) <= _LONGEST_RESPONSE:
        return "response", max(keep, _RULE_KEEP)
    if counted(unit) or (kind == "plan" and begins_with_number(unit)):
        return "hpi" if kind in ("plan", "response") else kind, max(keep, _RULE_KEEP)
    if _FAMILY_ILLNESS.search(unit.text):
        return "pmh", max(keep, _RULE_KEEP)
    if _tells_symptom(unit) or (_asks_about_substances(unit) and not unit.says_no):
        return kind, max(keep, _SYMPTOM_KEEP)
    return kind, keep


def _judged_of_doctor(unit: Unit, kind: str, keep: float) -> tuple[str, float]:
    if unit.is_question:
        return kind, keep
    if _SCALE_RESULT.search(unit.text) or _LEVEL_RESULT.search(unit.text):
        return "results", max(keep, _RULE_KEEP)
    if _OBSERVED.search(unit.text):
        return "exam", max(keep, _RULE_KEEP)
    if _SAFETY_NET.search(unit.text) or _ASKED_TO.search(unit.text):
        return "plan", max(keep, _RULE_KEEP)
    if kind in ("hpi", "pmh", "social", "ros", "meds", "assessment") and keep < _SURE and _TEACHING.search(unit.text):
        return "education", max(keep, _RULE_KEEP)
    return kind, keep


def _tells_symptom(unit: Unit) -> bool:
    """Say whether a patient names a symptom, or how they feel, or answers yes or no to a question about one."""
    if _FEELING.search(unit.text) or names_symptom(unit.text):
        return True
    if unit.is_turn_start and _ASKED_STATE.search(asked_about(unit.question)):
        return True
    answers = unit.is_turn_start and (unit.says_yes or unit.says_no)
    return answers and names_symptom(unit.question)


def _asks_about_substances(unit: Unit) -> bool:
    return bool(_SUBSTANCE_ANSWER.search(unit.question)) and not is_soft_drinking(unit.question, unit.text)


def _kind_of(unit: Unit, probabilities: list[float]) -> str:
    kind = max(zip(probabilities[1:], CLASSES[1:], strict=True))[1]  # the first class is none
    if kind == "cc" or (unit.role != "doctor" and kind in ("exam", "vitals", "assessment")):
        return "hpi"
    if unit.role == "doctor" and kind == "assessment" and unit.position < 0.3:
        return "hpi"
    return kind


def _evidence(unit: Unit) -> tuple[int, ...]:
    """Return the unit's segment, with the question's when the words alone do not carry the answer."""
    named = () if unit.named_in is None else (unit.named_in,)
    is_short = len(unit.text.split()) <= 7 or unit.says_yes or unit.says_no or counted(unit)
    if unit.role != "doctor" and unit.question and is_short and unit.question_id is not None:
        return tuple(sorted({unit.question_id, unit.segment_id, *named}))
    return tuple(sorted({unit.segment_id, *named}))


def with_all_cited(facts: Iterable[Fact], made_of: Mapping[int, tuple[int, ...]]) -> list[Fact]:
    """Return facts of segments that were put together with every segment those are made of as their evidence."""
    return [
        replace(fact, evidence=tuple(sorted({part for one in fact.evidence for part in made_of.get(one, (one,))})))
        for fact in facts
    ]


def _without_repetitions(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts without those whose words an earlier one of their class already has; it takes over their evidence."""
    kept: list[Fact] = []
    places: dict[tuple[str, str], list[int]] = defaultdict(list)  # class and word to the facts kept with it
    for fact in facts:
        own = set(content_words(fact.text))
        if not own:
            continue
        shared = Counter(place for word in own for place in places[fact.kind, word])
        same = min((place for place, count in shared.items() if count / len(own) >= _DUPLICATE_FROM), default=None)
        if same is not None:
            kept[same] = replace(kept[same], evidence=tuple(sorted({*kept[same].evidence, *fact.evidence})))
            continue
        for word in own:
            places[fact.kind, word].append(len(kept))
        kept.append(fact)
    return kept
