"""Tell a counselling session from a visit, and read its statements: what each is, and how likely a note rests on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp

from sessions_app.transcripts.clinical_terms import DRUGS

from .base import TranscriptSegment
from .folded import Folded
from .lexicon import BODY_PARTS, SELF_HARM, SYMPTOM_PATTERNS, TESTS, names_symptom
from .textnorm import tokens
from .therapy_model import CLIENT_LABELS, CLINICIAN_LABELS, KEPT, scores_of
from .units import Unit, units_of

_REFLECTING = Folded(
    r"^(?:so |and |okay |well |but )*(?:you(?: are| feel| want| would| have)?\b|your\b|it(?: really)? (?:sounds|seems|feels|must)|"
    r"sounds like|it is (?:hard|important)|part of you|on the one hand|that (?:must|sounds))"
)
_EXPLORING = Folded(
    r"\b(?:how (?:do|did|does|would|are) (?:you|that) (?:feel|make)|what (?:would|do|might|are|makes|has|was|goes|does|else|brings)|"
    r"tell me (?:more|about)|on a scale|from (?:zero|0)|part of you|sounds like|how (?:important|confident|ready|willing|likely)|"
    r"feel(?:ing|s)? (?:like|about)|your (?:goals?|values|life|thoughts|feelings|choice)|therapy|session|skills?|trigger|urges?|"
    r"cope|coping|talk about)\b"
)
_EXAMINING = Folded(
    r"\b(?:x-ray|mri|ct scan|blood (?:pressure|work|test)|lungs?|heart|exam|listen to|lab|results|surgery|physical|swelling|"
    r"tender|rash|cough|fever|infection|antibiotics?|inhaler|allerg\w+|symptoms?|prescri\w+|milligrams?|mg|ultrasound|urine|"
    r"stool|throat|vomit\w*|nausea)\b"
)
# Without the body parts that talk is full of.
_CLINICAL = DRUGS | TESTS | BODY_PARTS - {"back", "head", "hand"}
_FEWEST_CLINICIAN_UNITS = 3
# Of the sum below; chosen between our dialogues and the training visits of ACI-Bench, of which one in sixty-seven lies above.
_COUNSELLING_FROM = -0.4
# A few lines without a clinical word are no therapy yet: an excerpt of a visit has to be shown to be one.
_SHORT_SESSION = 150  # words
_COUNSELLING_FROM_WHEN_SHORT = 3.5


@dataclass(frozen=True, slots=True)
class Statement:
    """A unit with what it is and the probability, 0 to 1, that a note rests on it."""

    unit: Unit
    label: str
    keep: float


@lru_cache(maxsize=2)
def is_counselling(segments: tuple[TranscriptSegment, ...]) -> bool:
    """Say whether a session is talking therapy: explored and reflected rather than examined."""
    units = units_of(segments)
    clinician = [unit for unit in units if unit.role == "doctor"]
    if len(clinician) < _FEWEST_CLINICIAN_UNITS:
        return False
    words = sum(len(unit.text.split()) for unit in units) or 1
    spoken = sum(len(unit.text.split()) for unit in clinician) or 1
    reflecting = sum(not unit.is_question and bool(_REFLECTING.match(unit.text)) for unit in clinician)
    exploring = sum(_EXPLORING.count(unit.text) for unit in clinician)
    examining = sum(_clinical_words(unit.text) for unit in units)
    score = 10 * reflecting / len(clinician) + 100 * exploring / spoken - 120 * examining / words
    return score >= (_COUNSELLING_FROM if words >= _SHORT_SESSION else _COUNSELLING_FROM_WHEN_SHORT)


def _clinical_words(text: str) -> int:
    bodily = 0
    if names_symptom(text):
        bodily = sum(len(pattern.findall(text)) for name, pattern in SYMPTOM_PATTERNS.items() if name != "Psychiatric")
    return _EXAMINING.count(text) + bodily + sum(map(_CLINICAL.__contains__, tokens(text)))


@lru_cache(maxsize=2)
def statements_of(segments: tuple[TranscriptSegment, ...]) -> tuple[Statement, ...]:
    """Return the statements of a session in order."""
    units = units_of(segments)
    scores = scores_of(units)
    return tuple(
        Statement(unit, _label(unit, row), 1 / (1 + exp(-float(row[KEPT]))))
        for unit, row in zip(units, scores, strict=True)
    )


def _label(unit: Unit, row: Sequence[float]) -> str:
    """Return the likeliest label of those who speak; an answer about self-harm is risk whatever else it may be."""
    count = len(CLINICIAN_LABELS)
    if unit.role == "doctor":
        label = CLINICIAN_LABELS[max(range(count), key=lambda place: row[place])]
        if label == "reflection" and unit.is_question and not unit.text.lower().startswith(("so ", "you ", "and you")):
            return "closed"
        return label
    if SELF_HARM.search(unit.text) or SELF_HARM.search(unit.question):
        return "risk"
    return CLIENT_LABELS[max(range(len(CLIENT_LABELS)), key=lambda place: row[count + place])]
