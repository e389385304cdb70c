"""Find what was said that belongs in a note: sentences with their class, score and segments, in the order of the session."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from .base import TranscriptSegment
from .classifier import CLASSES, NONE, classify
from .grammar import Person
from .lexicon import CHIEF_COMPLAINTS, DIAGNOSES, SELF_HARM, SYMPTOM_PATTERNS
from .rewrite import explained, finish, is_readable, quoted, rewrite, strip_lead
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
# Of history, a visit with a physical examination needs less: its note is built from findings. Talk alone is all history.
_HISTORY_FROM = 0.20
_HISTORY_FROM_WHEN_EXAMINED = 0.38
_EXAMINED_FROM = 2  # clear findings of an examination
_CLEAR = 0.6
_SMOOTHING = 0.12  # share of a neighbour's probability that a unit takes over
_DUPLICATE_FROM = 0.8  # share of a sentence's words that an earlier one of its class has
_TERSE = frozenset(("response", "exam", "vitals", "results", "assessment", "plan"))
_COMMAND = re.compile(
    r"^(hey,? )?(dragon,? )?(show me|pull up|let us (see|look|take a look)|take a (deep )?breath|lean (up|"
    r"back|forward)|follow my|"
    r"open (up|your)|can you|go ahead and|let me (see|look|take|check|listen|examine)|let us (take|do|"
    r"go over|check|listen)|i (will|am going to) (look|listen|"
    r"examine|take a (look|listen)|press|check your)|turn (your|over)|squeeze|push against|breathe)\b",
    re.IGNORECASE,
)
_SMALL_TALK = re.compile(
    r"\b(football|baseball|basketball game|weather|vacation|movie|favorite|awesome|nice to (see|meet)|"
    r"good to (see|hear)|how are you|"
    r"any questions|see you (then|soon|later)|take care|have a (good|great|nice)|my assistant|check ?out|nurse will|"
    r"call (me|us) if you (need|have) anything|introduce myself|is it (okay|ok|all right) (if|for|with)|"
    r"thanks? (you )?for|"
    r"how does that sound|does that (make sense|sound)|do you have any questions|before we (start|begin)|"
    r"i will be right back)\b",
    re.IGNORECASE,
)
_PROBLEM = re.compile(
    r"^(?:so |and |then |now |okay )*(?:for|in terms of|regarding|as far as|as for)?,? ?(?:your|the|his|her) "
    r"(?:first|second|third|fourth|next|last|final|other|1st|2nd|3rd) (?:problem|issue|diagnosis|"
    r"concern)(?: here)?(?: is| of|,)?,? ?"
    r"(?:your |the |that |of )?(.{0,60}?)(?:,| i | we | so | it |$)(.*)",
    re.IGNORECASE,
)
_PRESENTING = re.compile(
    r"(?:presents?|here|in|coming in|come in|came in)\s*(?:today)?\s*(?:with|for|because of|complaining of|"
    r"for evaluation of)\s+"
    r"(?:some |a |an |your |his |her |my )*((?:\w+ ){0,3}\w+)",
    re.IGNORECASE,
)
_FEELING = re.compile(
    r"\bi (?:(?:have|had|do|did|just|still|always|often) )*(?:been |am )?(?:feel|felt|feeling|notice|"
    r"noticed|cannot|struggle|struggled|"
    r"worry|worried|hate|dread|cry|cried)\b",
    re.IGNORECASE,
)
_CHAT = re.compile(
    r"\b(raining|snowing|sunny|traffic|parking|halloween|thanksgiving dinner|baseball|football|"
    r"how was the drive|find (?:us|the place) okay)\b",
    re.IGNORECASE,
)
_RELATIVES = (
    r"(?:mother|mom|mum|father|dad|brother|sister|son|daughter|wife|husband|partner|aunt|uncle|cousin|"
    r"grandmother|grandfather|grandma|"
    r"grandpa|boyfriend|girlfriend)"
)
_RELATIVE_FIRST = re.compile(rf"^(my (?:\w+ )?{_RELATIVES})\b(?!'s)", re.IGNORECASE)
_FAMILY_ILLNESS = re.compile(
    rf"\bmy (?:\w+ )?{_RELATIVES}\b.*\b(?:has|had|have|was|is|died|takes|took|suffer\w*|committed|diagnosed|"
    rf"{'|'.join(sorted(DIAGNOSES))})\b.*",
    re.IGNORECASE,
)
_SUBSTANCE_ANSWER = re.compile(
    r"\b(alcohol|drink|smoke|cigarettes|cannabis|marijuana|weed|drugs|vape)\b", re.IGNORECASE
)
_RESPONSE = re.compile(
    r"\b(makes? sense|(?:is|was|that's|very|really|been) helpful|i can (?:do|try) that|i will (?:try|"
    r"do) (?:that|it)|willing to|that helps|"
    r"did not know that|never thought (?:of|about) (?:it|that)|good idea|i agree)\b",
    re.IGNORECASE,
)
_SCALE_RESULT = re.compile(
    r"\b(?:PHQ-9|GAD-7|PHQ|GAD|YMRS|MoCA|MMSE|AUDIT|PCL-5|Y-BOCS|score)\b.*\b\d+\b", re.IGNORECASE
)
_OBSERVED = re.compile(
    r"\byou (?:(?:do|also|still|really) )*(?:look|appear|seem|sound) (?:a (?:little|bit|lot) |very |much |"
    r"more |less |quite |so |rather )*"
    r"(?:tired|sad|anxious|tearful|bright\w*|calm\w*|tense|restless|distracted|low|down|flat|well[- ]?\w*|"
    r"better|worse|agitated|relaxed|nervous|"
    r"upset|suspicious|withdrawn|drowsy|pale|thin\w*)\b|\byour (?:eye contact|affect|speech|thinking|mood|"
    r"grooming|appearance|insight|judgment)\b"
    r" (?:is|seems|looks|appears|was)|\byou are (?:talking|speaking|making (?:good |poor |"
    r"little )?eye contact|tearful|crying|restless|fidgeting)",
    re.IGNORECASE,
)
_SAFETY_NET = re.compile(
    r"\b(?:call (?:us|me|the clinic|911|the crisis line|the hotline)|go to the (?:emergency|er|hospital)|"
    r"come back)\b.*\b(?:if|sooner|when|at once)\b",
    re.IGNORECASE,
)
_TEACHING = re.compile(
    r"\b(?:(?:many|most|some|other|a lot of) (?:people|clients|patients|women|men)|people who|research|"
    r"studies|guidelines?|is (?:very )?(?:common|normal)|"
    r"are (?:very )?(?:common|normal)|(?:our|the) (?:brain|body|mind)|can (?:make|cause|lead|raise|become|"
    r"affect|increase)|raises? the risk|at risk|"
    r"the idea is|recommended (?:limit|amount)|my (?:job|role) (?:is|when))\b",
    re.IGNORECASE,
)
_LONGEST_RESPONSE = 14  # words
_RISK_KEEP = 0.9  # an answer about self-harm is never left out
_RULE_KEEP = 0.6
_SURE = 0.8  # from here on the classifier outweighs the signs of teaching
_SYMPTOM_KEEP = 0.5  # what a patient says about a symptom is kept even where the classifier is unsure
_OPENING_UNITS = 30
# A denial governs what follows it in its clause.
_DENIED_BEFORE = re.compile(r"(?:\b(?:no|not|never|without|den(?:y|ies))\b|n't\b)[^.;]*$", re.IGNORECASE)
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


def extract_facts(units: Sequence[Unit], person: Person) -> list[Fact]:
    """Return the statements of a session that belong in a note, rewritten, without repetitions."""
    return _extracted(units, _smoothed(units), person)


def facts_of(segments: tuple[TranscriptSegment, ...], person: Person) -> list[Fact]:
    """Return the facts of a session; what the classifier said of it is kept for the next call."""
    return _extracted(units_of(segments), _smoothed_of(segments), person)


@lru_cache(maxsize=2)
def _smoothed_of(segments: tuple[TranscriptSegment, ...]) -> list[list[float]]:
    return _smoothed(units_of(segments))


def _extracted(units: Sequence[Unit], table: list[list[float]], person: Person) -> list[Fact]:
    facts: list[Fact] = []
    previous: Unit | None = None
    keep_from = {**_KEEP_FROM, "hpi": _history_from(units, table)}
    for unit, probabilities in zip(units, table, strict=True):
        facts.extend(_facts_of(_with_named_relative(unit, previous), probabilities, person, keep_from))
        previous = unit
    return _without_repetitions(facts)


def _with_named_relative(unit: Unit, previous: Unit | None) -> Unit:
    """Return a unit whose first `he` or `she` is the relative named just before: `My brother is ill. He takes lithium.`"""
    if previous is None or unit.role == "doctor" or previous.segment_id != unit.segment_id:
        return unit
    named = _RELATIVE_FIRST.match(strip_lead(previous.text))
    pronoun = re.match(r"^(?:and |but |so )?(?:he|she)\b", unit.text, re.IGNORECASE)
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
    return [[float(value) for value in row] for row in table]


def _facts_of(unit: Unit, probabilities: list[float], person: Person, keep_from: dict[str, float]) -> list[Fact]:
    if _is_chatter(unit):
        return []
    kind, keep = _judged(unit, _kind_of(unit, probabilities), 1 - probabilities[CLASSES.index(NONE)])
    if keep < keep_from.get(kind, 0.4):
        return []
    facts: list[Fact] = []
    if unit.role == "doctor" and kind in ("assessment", "plan"):
        heading, rest = _split_problem(unit.text)
        if heading:
            facts.append(Fact(heading, (unit.segment_id,), keep, "assessment", unit.index, True, True))
            unit = replace(unit, text=rest)
            if len(rest.split()) < 3:
                return facts
    for sentence in _sentences(unit, kind, person):
        if len(content_words(sentence)) < (2 if kind in ("exam", "plan", "results", "assessment") else 1):
            continue
        if not is_readable(sentence, by_doctor=unit.role == "doctor", may_be_terse=kind in _TERSE):
            continue
        question = "" if unit.role == "doctor" else unit.question
        facts.append(Fact(sentence, _evidence(unit), keep, kind, unit.index, unit.role == "doctor", question=question))
    return facts


def _sentences(unit: Unit, kind: str, person: Person) -> list[str]:
    if kind == "education":
        return explained(unit, person)
    if kind == "response":
        return quoted(unit, person)
    return rewrite(unit, kind, person)


def _is_chatter(unit: Unit) -> bool:
    if _CHAT.search(unit.text) or (unit.role != "doctor" and _CHAT.search(unit.question)):
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
    if _FAMILY_ILLNESS.search(unit.text):
        return "pmh", max(keep, _RULE_KEEP)
    if _names_symptom(unit) or (_SUBSTANCE_ANSWER.search(unit.question) and not unit.says_no):
        return kind, max(keep, _SYMPTOM_KEEP)
    return kind, keep


def _judged_of_doctor(unit: Unit, kind: str, keep: float) -> tuple[str, float]:
    if unit.is_question:
        return kind, keep
    if _SCALE_RESULT.search(unit.text):
        return "results", max(keep, _RULE_KEEP)
    if _OBSERVED.search(unit.text):
        return "exam", max(keep, _RULE_KEEP)
    if _SAFETY_NET.search(unit.text):
        return "plan", max(keep, _RULE_KEEP)
    if kind in ("hpi", "pmh", "social", "ros", "meds", "assessment") and keep < _SURE and _TEACHING.search(unit.text):
        return "education", max(keep, _RULE_KEEP)
    return kind, keep


def _names_symptom(unit: Unit) -> bool:
    """Say whether a patient names a symptom, or how they feel, or answers yes or no to a question about one."""
    if _FEELING.search(unit.text) or any(pattern.search(unit.text) for pattern in SYMPTOM_PATTERNS.values()):
        return True
    answers = unit.is_turn_start and (unit.says_yes or unit.says_no)
    return answers and any(pattern.search(unit.question) for pattern in SYMPTOM_PATTERNS.values())


def _kind_of(unit: Unit, probabilities: list[float]) -> str:
    kind = max((probability, name) for probability, name in zip(probabilities, CLASSES, strict=True) if name != NONE)[1]
    if kind == "cc" or (unit.role != "doctor" and kind in ("exam", "vitals", "assessment")):
        return "hpi"
    if unit.role == "doctor" and kind == "assessment" and unit.position < 0.3:
        return "hpi"
    return kind


def _evidence(unit: Unit) -> tuple[int, ...]:
    """Return the unit's segment, with the question's when the words alone do not carry the answer."""
    is_short = len(unit.text.split()) <= 7 or unit.says_yes or unit.says_no
    if unit.role != "doctor" and unit.question and is_short and unit.question_id is not None:
        return tuple(sorted({unit.question_id, unit.segment_id}))
    return (unit.segment_id,)


def _split_problem(text: str) -> tuple[str, str]:
    match = _PROBLEM.match(strip_lead(text))
    if not match or not match.group(1).strip():
        return "", text
    heading = re.sub(r"^(is|of|the|your|about)\s+", "", match.group(1).strip(" ,"))
    return finish(heading), match.group(2).strip(" ,")


def _without_repetitions(facts: Iterable[Fact]) -> list[Fact]:
    kept: list[Fact] = []
    words: list[set[str]] = []
    for fact in facts:
        own = set(content_words(fact.text))
        if not own:
            continue
        for place, (other, known) in enumerate(zip(kept, words, strict=True)):
            if other.kind == fact.kind and len(own & known) / len(own) >= _DUPLICATE_FROM:
                kept[place] = replace(other, evidence=tuple(sorted({*other.evidence, *fact.evidence})))
                break
        else:
            kept.append(fact)
            words.append(own)
    return kept


def chief_complaint(units: Sequence[Unit]) -> Fact | None:
    """Return why the patient came, as named in the opening of the session."""
    for unit in units[:_OPENING_UNITS]:
        presenting = _PRESENTING.search(unit.text)
        complaint = CHIEF_COMPLAINTS.search(presenting.group(1)) if presenting else None
        if presenting and complaint and not _DENIED_BEFORE.search(presenting.group(1)[: complaint.start()]):
            return Fact(finish(complaint.group(1).strip()), (unit.segment_id,), 0.7, "cc", unit.index)
    for unit in units[:_OPENING_UNITS]:
        complaint = CHIEF_COMPLAINTS.search(unit.text)
        if complaint is None or unit.is_question or re.search(r"history|nurse|previous", unit.text, re.IGNORECASE):
            continue
        if not (unit.says_no or _DENIED_BEFORE.search(unit.text[: complaint.start()])):
            return Fact(finish(complaint.group(1).strip()), (unit.segment_id,), 0.6, "cc", unit.index)
    return None


def agreement(units: Sequence[Unit], person: Person) -> Fact | None:
    """Return that the patient agrees with the plan, when they say so to it near the end of the session."""
    for unit in reversed(units):
        if unit.position < _PLAN_FROM:
            return None
        asked = _ASKS_AGREEMENT.search(unit.question) if unit.question else None
        if unit.role == "patient" and not unit.says_no and (_AGREES.search(unit.text) or (asked and unit.says_yes)):
            evidence = {unit.segment_id} | ({unit.question_id} if unit.question_id is not None and asked else set())
            text = f"{person.subject[0].upper()}{person.subject[1:]} agrees with the plan."
            return Fact(text, tuple(sorted(evidence)), _RULE_KEEP, "agreement", unit.index)
    return None


def review_of_systems(units: Sequence[Unit]) -> list[Fact]:
    """Return one line a body system from symptoms the patient named, or was asked about and answered yes or no."""
    found: dict[str, dict[str, tuple[bool, set[int]]]] = {}
    for unit in units:
        if unit.role != "patient":
            continue
        sources: list[tuple[str, set[int], bool | None]] = [(unit.text, {unit.segment_id}, None)]
        if unit.question and (unit.says_yes or unit.says_no) and unit.is_turn_start and unit.question_id is not None:
            sources.insert(0, (unit.question, {unit.question_id, unit.segment_id}, unit.says_no))
        for text, segments, denied in sources:
            for system, pattern in SYMPTOM_PATTERNS.items():
                for match in pattern.finditer(text):
                    is_denied = _is_negated(text, match.start()) if denied is None else denied
                    symptom = re.sub(
                        r"\b(in )?your\b ?", lambda part: part.group(1) or "", match.group(1).lower()
                    ).strip()
                    entry = found.setdefault(system, {}).setdefault(symptom, (is_denied, set()))
                    if entry[0] == is_denied:
                        entry[1].update(segments)
    return [_system_line(system, symptoms) for system, symptoms in found.items()]


def _is_negated(text: str, place: int) -> bool:
    before = text[:place].split()[-6:]
    return bool(re.search(r"\b(no|not|never|without|cannot|nor)\b", " ".join(before), re.IGNORECASE))


def _system_line(system: str, symptoms: dict[str, tuple[bool, set[int]]]) -> Fact:
    reported = [name for name, (denied, _) in symptoms.items() if not denied]
    denied = [name for name, (is_denied, _) in symptoms.items() if is_denied]
    parts = [
        f"Reports {_listed(reported, 'and')}." if reported else "",
        f"Denies {_listed(denied, 'or')}." if denied else "",
    ]
    evidence = tuple(sorted({segment for _, segments in symptoms.values() for segment in segments}))
    return Fact(f"{system}: {' '.join(part for part in parts if part)}", evidence, 0.8, "ros", 0)


def _listed(words: list[str], conjunction: str) -> str:
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        return f"{words[0]} {conjunction} {words[1]}"
    return f"{', '.join(words[:-1])}, {conjunction} {words[-1]}"
