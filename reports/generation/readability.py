"""How a note reads: which of its sentences a reader would stumble over, and why."""

import re
from collections import Counter
from collections.abc import Iterable

from .folded import Folded
from .grammar import has_verb
from .textnorm import content_words
from .therapy_prose import is_hollow, points_back, runs_together, stands_alone

_QUOTED = re.compile(r"“[^”]*”")
_LONGEST = 40  # words
_FIRST_PERSON = re.compile(r"\b(?:I|me|my|mine|myself|you|your|yours)\b", re.IGNORECASE)
# The clinician writes the note: what they did, saw, think and want may stand in the first person.
_CLINICIANS_OWN = re.compile(
    r"\bI (?:(?:also|still|just|do|did|would|will|can|could|have|had) )*(?:not )?(?:\w+)\b|"
    r"\b(?:to|with|by|for|let|give|told|call|see) me\b|"
    r"\bmy (?:impression|recommendation|exam|assessment|plan|opinion|hands?|office)\b",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"\b(?:um+|uh+|alright|yeah|yep|gosh|wow|gotcha|you know|i mean)\b|^(?:okay|all right|right,|right so|well|so|like)\b",
    re.IGNORECASE,
)
_DANGLING_END = Folded(r"\b(?:the|a|an|and|or|but|if|because|of|my|your|his|their|which|who|is|are|was|were|to be)\.?$")
_CLAUSE_ONLY = re.compile(
    r"^(?:that|which|who|whose|because|since|if|when|while|although|in case|not that|and|or|but)\b", re.IGNORECASE
)
_MAIN_CLAUSE = re.compile(
    r", (?:then |and |so |please )?(?:he|she|it|they|we|i|there|this|that|the|his|her|their|a|an|call|come|go|take|let|"
    r"no|\w+ly)\b|\bthen\b|^(?:that|who) (?:is|was|has|had|will|would|can|might|may|could|means|helps)\b",
    re.IGNORECASE,
)
# A plan or a finding is often written without a verb of its own.
_KINDS = ("clean", "no verb", "fragment", "run-on", "first person", "question", "chatter", "duplicate")
_TALK_KINDS = ("talk left in it", "points back", "says nothing", "cannot stand alone")
_FEWEST_WORDS = 4  # shorter ones are judged by what they say alone
# What the note says of its own: how the session was led, and when the next one is.
_OF_THERAPIST = re.compile(r"^(?:the )?(?:therapist|clinician)\b|^follow-up\b|^interventions:", re.IGNORECASE)
_TERSE_LAYOUTS = frozenset(("item", "heading"))


# What is left where somebody broke off: "That is still.", "She does not think.", "Makes her a bit tired."
_BROKEN_OFF = Folded(
    r"^(?:it|that|this) is (?:still|that|it|just|so|the)\.?$|\b(?:does|do|did) not (?:think|think about|think of|feel)\.?$|"
    r"\b(?:it|he|she|they) (?:is|are|was|were|has been|have been)\.?$|\blike (?:he|she|they|it) (?:is|are) doing\.?$|"
    r"^makes (?:him|her|them|the) |^the (?:it|he|she|they) \w"
)


def is_fragment(sentence: str) -> bool:
    """Say whether a sentence is only a clause of one, or breaks off."""
    if _DANGLING_END.search(sentence) or _BROKEN_OFF.search(sentence):
        return True
    return bool(_CLAUSE_ONLY.match(sentence)) and not _MAIN_CLAUSE.search(sentence)


def defects_of(text: str, *, is_terse: bool = False) -> list[str]:
    """Return what is wrong with one sentence of a note; quoted words are the patient's and are not judged."""
    plain = _QUOTED.sub("", text).strip()
    found = []
    if not is_terse and ":" not in text and not has_verb(plain):
        found.append("no verb")
    if is_fragment(plain):
        found.append("fragment")
    if len(plain.split()) > _LONGEST:
        found.append("run-on")
    if _FIRST_PERSON.search(_CLINICIANS_OWN.sub("", plain)):
        found.append("first person")
    if plain.endswith("?"):
        found.append("question")
    if _CHATTER.search(plain):
        found.append("chatter")
    return found


def talk_defects_of(text: str) -> list[str]:
    """Return what is wrong with one sentence of a note of talking therapy: most of it is somebody's talk, told again."""
    plain = _QUOTED.sub("", text).strip(" .")
    head, _, clause = plain.partition(":")
    if runs_together(plain):
        return ["talk left in it"]
    if _OF_THERAPIST.match(plain) or "“" in text:
        return []
    told = f"{clause.strip()[:1].upper()}{clause.strip()[1:]}" if clause.strip() else head
    if points_back(told):
        return ["points back"]
    if is_hollow(told):
        return ["says nothing"]
    if not clause and not stands_alone(f"{told}.") and len(told.split()) >= _FEWEST_WORDS:
        return ["cannot stand alone"]
    return []


def readability(sentences: Iterable[tuple[str, str]], *, is_talk: bool = False) -> dict[str, float]:
    """Return the share of sentences, given as text and layout, with each defect, and of those without any (`clean`)."""
    counts: Counter[str] = Counter()
    seen: set[tuple[str, ...]] = set()
    total = 0
    is_terse = False  # what follows an item on its line is written as tersely as the item
    for text, layout in sentences:
        total += 1
        is_terse = layout in _TERSE_LAYOUTS or (layout == "prose" and is_terse)
        found = set(defects_of(text, is_terse=is_terse))
        if is_talk:
            found.update(talk_defects_of(text))
        words = content_words(text)
        if words in seen:
            found.add("duplicate")
        seen.add(words)
        counts.update(found)
        counts["clean"] += not found
    kinds = (*_KINDS, *_TALK_KINDS) if is_talk else _KINDS
    return {kind: counts[kind] / total if total else 0.0 for kind in kinds}
