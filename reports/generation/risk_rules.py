"""Sentences that call something normal or denied which nobody asked about: one rule for every engine and every edit."""

import re
from collections.abc import Collection, Iterator
from functools import cache

from .lexicon import relatives_in
from .risk_lexicon import without_idioms
from .risk_reading import conversation_of, is_denial
from .risk_words import denial_of, plain_words
from .transcript_index import TranscriptIndex
from .tristate_concepts import Concept, concepts

INVENTED_NORMAL = "invented_normal"
# What a note must not deny unless it was asked; that a cough is denied is checked by polarity like any other sentence.
_DENIABLE = {
    "suicidal_ideation": "suicidal thoughts",
    "self_harm": "self-harm",
    "violence": "violence",
    "abuse": "abuse",
    "substance_use": "substances",
    "delusions": "delusions",
    "perception": "hallucinations",
}
# The denial stands right before what it denies: "denies any thoughts of", not "is not certain that ... and drinks".
_DIRECT_DENIAL = re.compile(
    r"\b(?:no|not|never|without|negative for|den(?:y|ies|ied|ying))\b(?:[\s,/]+[\w-]+){0,4}[\s,/]*$"
)
_NEGATES = re.compile(r"\b(?:no|not|never|without|negative|den(?:y|ies|ied|ying))\b")
_SHORT_FORMS = {
    "suicidal_ideation": re.compile(r"\b(?:si|suicidal/homicidal|si/hi|shi)\b"),
    "violence": re.compile(r"\b(?:si/hi|hi/si|homicidal|(?<=no )hi|(?<=or )hi|(?<=and )hi|(?<=denies )hi)\b"),
    "perception": re.compile(r"\b(?:avh|ah/vh|ahvh|a/v hallucinations)\b"),
}


def invented_normals(text: str, cited: Collection[int], index: TranscriptIndex) -> Iterator[str]:
    """Yield what a sentence calls denied or normal without a place among the cited segments that says so, in words.

    Denied needs a question with its answer, or the patient's own denial; normal needs somebody who spoke of it.
    """
    plain = plain_words(text)
    if not (_NEGATES.search(plain) or _any_normal().search(plain)) or relatives_in(plain):
        return
    said = plain_words(" ".join(index.segments[index.order[key]].text for key in cited if key in index.order))
    for concept in concepts():
        if concept.name in _DENIABLE and _denies(concept, plain) and not _is_carried(concept, cited, index):
            name = _DENIABLE[concept.name]
            yield f"The sentence denies {name}, but no question about it with the patient’s answer is cited."
        elif _calls_normal(concept, plain, said):
            name = concept.name.replace("_", " ")
            yield f"The sentence calls {name} normal, but nobody speaks of it in the cited words."


@cache
def _any_normal() -> re.Pattern[str]:
    """Return one pattern for every word of normality, since most sentences hold none."""
    return re.compile("|".join(one.normals.pattern for one in concepts() if one.normals is not None), re.IGNORECASE)


def _calls_normal(concept: Concept, plain: str, said: str) -> bool:
    if concept.normals is None or not concept.normals.search(plain):
        return False
    return not (concept.normals.search(said) or concept.words.search(said))


def _denies(concept: Concept, plain: str) -> bool:
    literal = without_idioms(plain) if concept.is_literal else plain
    patterns = (concept.words, *(short for name, short in _SHORT_FORMS.items() if name == concept.name))
    matches = (match for pattern in patterns for match in pattern.finditer(literal))
    return any(_DIRECT_DENIAL.search(plain[: match.start()]) and denial_of(plain, match)[0] for match in matches)


def _is_carried(concept: Concept, cited: Collection[int], index: TranscriptIndex) -> bool:
    mentions = conversation_of(index.segments).mentions(
        concept.words, unless=concept.unless, is_literal=concept.is_literal
    )
    return any(is_denial(mention) and set(mention.evidence) <= set(cited) for mention in mentions)
