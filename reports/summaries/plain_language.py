"""Rewrite a sentence of a report for the patient: plain words, spelled out, to "you". Deterministic; adds nothing.

What a line is about never changes: drugs, doses, numbers, names and negations stay. Where it is not clear whom a
pronoun means, it stays as well and the line says so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reports.summaries.plain_words import ABBREVIATIONS, PLAIN_OPENINGS, PLAIN_WORDS

FEMALE = {"she": "you", "her": "your", "hers": "yours", "herself": "yourself"}
MALE = {"he": "you", "his": "your", "him": "you", "himself": "yourself"}
NEUTRAL = {"they": "you", "their": "your", "them": "you", "theirs": "yours", "themselves": "yourself"}
PRONOUNS = {"female": FEMALE, "male": MALE, "nonbinary": NEUTRAL}
# "her" stands for "him" before these and at the end: "told her to", "saw her."
_OBJECT_HER = re.compile(
    r"\bher(?=\s+(?:to|that|and|about|in|on|at|with|for|when|if|again|daily)\b|[.,;]|$)", re.IGNORECASE
)
_OTHER_PERSON = re.compile(
    r"\b(?:mother|father|mom|mum|dad|parents?|brothers?|sisters?|siblings?|wife|husband|spouse|partner|girlfriend|"
    r"boyfriend|sons?|daughters?|child|children|kids?|friends?|boss|manager|colleagues?|cousin|aunt|uncle|"
    r"grand(?:mother|father|parents?)|neighbou?r|teacher|roommate|flatmate|ex|doctor|therapist|nurse|people|family)\b",
    re.IGNORECASE,
)
_PATIENT = re.compile(r"\b(?:the\s+)?(?:patient|client|(?-i:[Pp]t))(?P<own>['’]s)?\b", re.IGNORECASE)
_ANY_PRONOUN = re.compile(r"\b(?:he|she|they|him|her|them|his|hers|their)\b", re.IGNORECASE)
_ADVERBS = r"(?:(?:also|still|always|no longer|never|often|usually|sometimes|now|mostly|only|occasionally|further)\s+)?"
_IRREGULAR = {"is": "are", "was": "were", "has": "have", "does": "do", "doesn't": "don't", "isn't": "aren't",
              "wasn't": "weren't", "hasn't": "haven't", "goes": "go", "doesn’t": "don’t", "isn’t": "aren’t",
              "wasn’t": "weren’t", "hasn’t": "haven’t"}  # fmt: skip
_VERBS = [
    "report",
    "state",
    "describe",
    "deny",
    "note",
    "mention",
    "say",
    "feel",
    "take",
    "sleep",
    "wake",
    "want",
    "need",
    "use",
    "drink",
    "smoke",
    "eat",
    "live",
    "work",
    "struggle",
    "experience",
    "continue",
    "find",
    "think",
    "worry",
    "enjoy",
    "miss",
    "try",
    "plan",
    "hope",
    "agree",
    "get",
    "make",
    "keep",
    "know",
    "see",
    "hear",
    "attend",
    "practice",
    "practise",
    "walk",
    "exercise",
    "cry",
    "contact",
    "call",
    "avoid",
    "go",
    "seem",
    "appear",
    "believe",
    "wish",
    "tolerate",
    "stay",
    "manage",
    "spend",
    "check",
    "ruminate",
    "understand",
    "prefer",
    "remember",
    "forget",
    "lose",
    "gain",
    "start",
    "stop",
    "begin",
    "engage",
    "identify",
    "show",
    "present",
    "receive",
    "lie",
    "nap",
    "snore",
    "rest",
    "sit",
    "walk",
    "watch",
    "pray",
    "exercise",
]
_SAID = re.compile(
    r"\b(?P<you>[Yy]ou)\s+(?P<adverb>(?:also|further|still|now)\s+)?"
    r"(?:reports?|states?|notes?|describes?|reported|stated|noted|described)\b(?!\s+to\b)"
)
_DENIED_GERUND = re.compile(
    r"\b([Yy]ou)\s+(?:also\s+)?(?:denies|deny|denied)\s+"
    r"((?:feel|hear|see|us|tak|drink|smok|think|want|need|plann|miss|skipp|struggl)ing)\b"
)
_DENIED_THAT = re.compile(r"\b([Yy]ou)\s+(?:also\s+)?(?:denies|deny|denied)\s+that\b")
_DENIED = re.compile(r"\b([Yy]ou)\s+(?:also\s+)?(?:denies|deny|denied)\s+(?:any\s+|having\s+any\s+|having\s+)?")
_HEADLESS = re.compile(
    r"^(?:also\s+)?(?:reports?|states?|describes?|denies|notes?|mentioned|endorses|complains|feels|takes|sleeps|"
    r"wakes|wants|needs|uses|drinks|smokes|eats|lives|works|struggles|experiences|finds|thinks|worries|enjoys|goes|"
    r"ruminates|contacted|is|was|has|had|does|cannot|can|would)\b",
    re.IGNORECASE,
)


def _third_person(verb: str) -> str:
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "z", "o")) else f"{verb}s"


def _base_form(verb: str) -> str:
    if verb.endswith("ies"):
        return verb[:-1] if len(verb) <= len("lies") else f"{verb[:-3]}y"
    return verb[:-2] if verb.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")) else verb[:-1]


_BASE_FORMS = {_third_person(verb): verb for verb in _VERBS} | _IRREGULAR
_AFTER_YOU = re.compile(rf"\b([Yy]ou\s+{_ADVERBS})({'|'.join(map(re.escape, _BASE_FORMS))})\b")
# At the head of a sentence "You" is what does the verb, so a word in -s after it is one, whether it is listed or not.
_UNLISTED = re.compile(
    rf"((?:^|(?<=[.!?]\s))You\s+{_ADVERBS})(?!(?:always|sometimes|perhaps|nowadays|afterwards)\b)([a-z]{{2,}}[^\Wsui]s)\b"
)
_AND_VERB = re.compile(rf"(\b(?:and|but|or)\s+{_ADVERBS})({'|'.join(map(re.escape, _BASE_FORMS))})\b")
_TERMS = re.compile(
    r"(?<![\w-])(" + "|".join(re.escape(term) for term in sorted(PLAIN_WORDS, key=len, reverse=True)) + r")(?![\w-])",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"(?<![\w-])("
    + "|".join(re.escape(term) for term in sorted(ABBREVIATIONS, key=len, reverse=True))
    + r")(?![\w-]|\s*\()",
    re.IGNORECASE,
)
_ONLY_IN_CAPITALS = {"po", "bid"}  # words of their own in small letters
_NEVER_IN_CAPITALS = {"pt", "pts"}  # PT is physical therapy too
_QUOTED = re.compile(r"(“[^”]*”|\"[^\"]*\")")


@dataclass(frozen=True)
class PlainLine:
    """A rewritten sentence; `is_unclear` asks the clinician to check whom it means."""

    text: str
    is_unclear: bool


def in_plain_words(text: str, *, gender: str) -> PlainLine:
    """Return a sentence for the patient to read. Quoted words stay as they were said."""
    text = " ".join(text.split())
    parts = _QUOTED.split(text)
    plain = "".join(part if number % 2 else _reword(part) for number, part in enumerate(parts))
    if (_HEADLESS.match(text) or _HEADLESS.match(plain)) and not _opening_of_plan(plain):
        plain = f"You {plain[0].lower()}{plain[1:]}"
    plain, is_unclear = _to_you(plain, gender)
    plain = _said_and_denied(plain)
    plain = _open_plan(plain)
    return PlainLine(_finish(plain), is_unclear)


def _reword(text: str) -> str:
    text = _SHORT.sub(_expand, text)
    return _TERMS.sub(lambda found: _like(found.group(0), PLAIN_WORDS[found.group(0).lower()]), text)


def _expand(found: re.Match[str]) -> str:
    short = found.group(0)
    forbidden = _NEVER_IN_CAPITALS if short.isupper() else _ONLY_IN_CAPITALS
    return short if short.lower() in forbidden else _like(short, ABBREVIATIONS[short.lower()])


def _like(old: str, new: str) -> str:
    """Begin with a capital letter when the old word did."""
    return new[:1].upper() + new[1:] if old[:1].isupper() and not old.isupper() else new


def _to_you(text: str, gender: str) -> tuple[str, bool]:
    """Turn the patient into "you" up to where another person comes in; pronouns after that stay and are pointed out."""
    pieces = _QUOTED.split(text)
    result, has_other, is_unclear = [], False, False
    for number, piece in enumerate(pieces):
        if number % 2:
            result.append(piece)
            continue
        piece = _PATIENT.sub(lambda found: _like(found.group(0), "your" if found["own"] else "you"), piece)
        other = _OTHER_PERSON.search(piece)
        cut = 0 if has_other else (other.start() if other else len(piece))
        before, after = piece[:cut], piece[cut:]
        before = _pronouns_to_you(before, gender, is_end=cut == len(piece))
        is_unclear = is_unclear or bool(_ANY_PRONOUN.search(before) or _ANY_PRONOUN.search(after))
        has_other = has_other or other is not None
        result.append(_agree(before) + after)
    return "".join(result), is_unclear


def _pronouns_to_you(text: str, gender: str, *, is_end: bool) -> str:
    """Turn the patient's pronouns into "you"; with the patient as subject, an object of the same form is another."""
    pronouns = PRONOUNS.get(gender, {})
    subject = next(iter(pronouns), "you")
    has_subject = re.search(rf"\b(?:{subject}|you)\b", text, re.IGNORECASE) is not None
    kept = {"him", "them"} if has_subject else set()
    objects = list(_object_her(text, is_end=is_end)) if gender == "female" else []

    def to_you(found: re.Match[str]) -> str:
        is_object = found.start() in objects
        if found.group(0).lower() in kept or (is_object and has_subject):
            return found.group(0)
        return _like(found.group(0), "you" if is_object else pronouns[found.group(0).lower()])

    return re.sub(rf"\b(?:{'|'.join(pronouns)})\b", to_you, text, flags=re.IGNORECASE) if pronouns else text


def _object_her(text: str, *, is_end: bool) -> Iterator[int]:
    """Yield where "her" stands for "him" and not for "his"; the end of a cut sentence says nothing."""
    for found in _OBJECT_HER.finditer(text):
        if is_end or found.end() < len(text.rstrip()):
            yield found.start()


def _agree(text: str) -> str:
    """Give "you" the verb form it needs, also after and, but and or."""
    agreed = _AFTER_YOU.sub(lambda found: found[1] + _BASE_FORMS[found[2]], text)
    agreed = _UNLISTED.sub(lambda found: found[1] + _base_form(found[2]), agreed)
    if re.search(r"\byou\b", agreed, re.IGNORECASE):
        agreed = _AND_VERB.sub(lambda found: found[1] + _BASE_FORMS[found[2]], agreed)
    return agreed


def _said_and_denied(text: str) -> str:
    text = _DENIED_THAT.sub(r"\1 said it is not so that", text)
    text = _DENIED_GERUND.sub(r"\1 said you are not \2", text)
    text = _DENIED.sub(r"\1 said you have no ", text)
    return _SAID.sub(lambda found: f"{found['you']} {found['adverb'] or ''}mentioned", text)


def _opening_of_plan(text: str) -> str:
    lowered = text.lower()
    return next((opening for opening in PLAIN_OPENINGS if lowered.startswith(f"{opening} ")), "")


def _open_plan(text: str) -> str:
    opening = _opening_of_plan(text)
    return PLAIN_OPENINGS[opening] + text[len(opening) :] if opening else text


def _finish(text: str) -> str:
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "”", '"', ":")) else f"{text}."
