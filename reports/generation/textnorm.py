"""Spoken text to clean text: tokens rejoined, fillers out, number words to digits, units abbreviated; words for comparing."""

import re
from functools import lru_cache

from sessions_app.spoken_numbers import number_words_to_digits

from .words import word_list

_EXPANSIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"[‘’`]", "'"),
        (r"[“”]", '"'),
        (r"\bgon ?na\b", "going to"),
        (r"\bwan ?na\b", "want to"),
        (r"\bgot ?ta\b", "have to"),
        (r"\bcuz\b|\b'?cause\b(?= (?:i|it|he|she|we|they|you|the|my)\b)", "because"),
        (r"\b(do|does|did|is|are|was|were|have|has|had|would|could|should|must|might|need) ?n't\b", r"\1 not"),
        (r"\bca ?n't\b|\bcan not\b", "cannot"),
        (r"\bwo ?n't\b", "will not"),
        (r"\bain't\b", "is not"),
        (r"\bi ?'m\b", "I am"),
        (r"\b(you|we|they) ?'re\b", r"\1 are"),
        (r"\b(i|you|we|they) ?'ve\b", r"\1 have"),
        (r"\b(i|you|we|they|he|she|it|that|there) ?'ll\b", r"\1 will"),
        (
            r"\b(i|you|we|they|he|she|it) ?'d (?=(?:been|had|gone|gotten|done|seen|taken|started|stopped|never)\b)",
            r"\1 had ",
        ),
        (r"\b(i|you|we|they|he|she|it) ?'d better\b", r"\1 should"),
        (r"\b(i|you|we|they|he|she|it) ?'d\b", r"\1 would"),
        (
            (
                r"\b(it|that|there|he|she|what|who|how|where|here) ?'s (?=(?:not |just |only |also |always |"
                r"already |really )?"
                r"(?:been|got|gotten|had|gone|become|gotten|done|started|stopped|improved)\b)"
            ),
            r"\1 has ",
        ),
        (
            r"\b(it|that|there|he|she|what|who|how|where|here|everything|everybody|everyone|nothing|nobody) ?'s\b",
            r"\1 is",
        ),
        (r"\blet ?'s\b", "let us"),
        (r"\by'all\b", "you all"),
        (r"(\w) 's\b", r"\1's"),
        (r"\b(mr|ms|mrs|dr) ?\. (?=\w)", r"\1. "),
    )
)
_TAGS = re.compile(r"<[^>]+>|\[[^\]]+\]")
# Some fillers are words elsewhere ("well controlled", "the right knee", "doing okay"): those go only where they stand alone.
_FILLERS_ANYWHERE = re.compile(
    r"(?:, ?)?\b(?:um+|uh+|uhm|erm?|hmm+|mm-?hmm+|mhm|mm|uh-huh|uh-oh|you know|i mean|kinda|sorta|"
    r"hey ,? ?dragon)\b(?: ?[,.](?= ))*[ ,]*",
    re.IGNORECASE,
)
_HEDGES = re.compile(
    r"\b(?:kind of|sort of|actually|basically|obviously|honestly|literally|just|really)\b[ ,]*", re.IGNORECASE
)
_FILLERS_ALONE = re.compile(
    r"(?:^|(?<=[,.?!;] )|(?<=[,.?!;]))(?:okay|ok|alright|all right|yeah|yep|yup|right|well|please|like|"
    r"so yeah)(?: ?[,.?!]|$)+[ ,.]*"
    r"|^(?:well|okay|ok|yeah|alright|all right)\b[ ,.]+",
    re.IGNORECASE,
)
_STUTTER = re.compile(r"\b([a-z]{1,3})- ?(?=\1)", re.IGNORECASE)
_REPEATED = re.compile(r"\b((?:\w+ ){0,2}\w+)(?: ?,? \1\b)+", re.IGNORECASE)
_FALSE_START = re.compile(
    r"\b(i|you|it|the|a|and|to|that|is|my|your|we|he|she|in|of) ?,? ?(?:\.{2,3}|--?)? ?(?=\1\b)", re.IGNORECASE
)
_CUT_OFF = re.compile(r"\b[\w']+(?:--|-(?= |$)|…|\.\.\.)")
_UNITS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\b(\d+) (?:milligrams?|mgs?)\b", r"\1 mg"),
        (r"\b(\d+) micrograms?\b", r"\1 mcg"),
        (r"\b(\d+) (?:milliliters?|millilitres?|mls?)\b", r"\1 mL"),
        (r"\b(\d+) percent\b", r"\1%"),
        (r"\b(\d+) (?:point|\.) (\d+)\b", r"\1.\2"),
        (r"\b(\d{2,3}) over (\d{2,3})\b", r"\1/\2"),
        (r"\b(\d+) out of (\d+)\b", r"\1/\2"),
        (r"\bhemoglobin a ?(?:1|one) ?c\b", "hemoglobin A1c"),
        (r"\ba ?one ?c\b", "A1c"),
        (r"\bx[- ]?ray", "x-ray"),
        (r"\bl ?(\d) ?/ ?l ?(\d)\b", r"L\1/L\2"),
        (r"\bp\.? ?h\.? ?q\.?[- ]?(?:9|nine)\b", "PHQ-9"),
        (r"\bg\.? ?a\.? ?d\.?[- ]?(?:7|seven)\b", "GAD-7"),
    )
)

_NUMBER = re.compile(r"\d+(?:[./]\d+)*")

STOPWORDS = frozenset(
    word_list(
        "a an the of to in on at for with and or but is are was were be been am i you he she it we they my your "
        "his her their our this that these those there here do does did have has had will would can could should "
        "not no so if as from by about into up down out over just also then than any some what which who when "
        "where how me him them us patient patient's today"
    )
)
_SUFFIX = re.compile(r"(ations?|ing|edly|ed|ies|es|s|ly|ment)$")
_TOKEN = re.compile(r"[a-z0-9]+(?:[./]\d+)*")


def clean(text: str, *, drop_fillers: bool = True) -> str:
    """Return spoken text as plain text with digits and units; fillers, stutters and false starts are left out."""
    text = " ".join(_TAGS.sub(" ", text).split())
    for pattern, replacement in _EXPANSIONS:
        text = pattern.sub(replacement, text)
    text = _STUTTER.sub("", text)
    if drop_fillers:
        text = _FILLERS_ANYWHERE.sub(" ", text)
        text = _HEDGES.sub(" ", " ".join(text.split()))
        text = _FILLERS_ALONE.sub(" ", " ".join(text.split()))
        text = _CUT_OFF.sub(" ", text)
    text = " ".join(_FALSE_START.sub("", text).split())
    text = _REPEATED.sub(r"\1", text)
    text = number_words_to_digits(text)
    for pattern, replacement in _UNITS:
        text = pattern.sub(replacement, text)
    text = re.sub(r"\s+([,.?!;:])", r"\1", text)
    text = re.sub(r"([,.?!])(?:\s*[,.])+", r"\1", text)
    text = re.sub(r"^[\s,.;:\-]+|[\s,;:\-]+$", "", text)
    return " ".join(text.split())


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return a word without its commonest endings, for comparing."""
    if len(word) > 4:
        base = _SUFFIX.sub("", word)
        word = base if len(base) >= 3 else word
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


@lru_cache(maxsize=8192)
def content_words(text: str) -> tuple[str, ...]:
    """Return the stems of the words that carry meaning, in order."""
    return tuple(stem(word) for word in tokens(text) if word not in STOPWORDS)


def numbers_in(text: str) -> set[str]:
    return set(_NUMBER.findall(text))
