"""Spoken text to clean text: tokens rejoined, fillers out, number words to digits, units abbreviated; words for comparing."""

import re
import unicodedata
from functools import lru_cache
from operator import eq
from sys import intern

from sessions_app.transcripts.spoken_numbers import number_words_to_digits

from .folded import Folded
from .words import word_list

Replacements = tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]  # needles, pattern, replacement
_JOINERS = "\u200c\u200d"


def _compiled(*replacements: tuple[tuple[str, ...], str, str]) -> Replacements:
    return tuple(
        (needles, re.compile(pattern, re.IGNORECASE), replacement) for needles, pattern, replacement in replacements
    )


# A pattern is tried only where one of the letters before it occurs: most utterances need few of them.
_EXPANSIONS = _compiled(
    (("‘", "’", "`"), r"[‘’`]", r"'"),
    (("“", "”"), r"[“”]", r'"'),
    (("gon",), r"\bgon ?na\b", r"going to"),
    (("wan",), r"\bwan ?na\b", r"want to"),
    (("got",), r"\bgot ?ta\b", r"have to"),
    (("cuz", "cause"), r"\bcuz\b|(?<!\w)'?cause\b(?= (?:i|it|he|she|we|they|you|the|my)\b)", r"because"),
    (("can not",), r"\bcan not\b", r"cannot"),
    (("mr", "ms", "dr"), r"\b(mr|ms|mrs|dr) ?\. (?=\w)", r"\1. "),
)
# Of words with an apostrophe in them.
_CONTRACTIONS = _compiled(
    (("n't",), r"\b(do|does|did|is|are|was|were|have|has|had|would|could|should|must|might|need) ?n't\b", r"\1 not"),
    (("ca n't", "can't"), r"\bca ?n't\b", r"cannot"),
    (("n't",), r"\bwo ?n't\b", r"will not"),
    (("ain't",), r"\bain't\b", r"is not"),
    (("'m",), r"\bi ?'m\b", r"I am"),
    (("'re",), r"\b(you|we|they) ?'re\b", r"\1 are"),
    (("'ve",), r"\b(i|you|we|they) ?'ve\b", r"\1 have"),
    (("'ll",), r"\b(i|you|we|they|he|she|it|that|there) ?'ll\b", r"\1 will"),
    (
        ("'d ",),
        (
            r"\b(i|you|we|they|he|she|it) ?'d (?=(?:never |always |already |just |only )?"
            r"(?:been|got|had|gone|gotten|done|seen|taken|started|stopped|forgotten|known|given|lost)\b)"
        ),
        r"\1 had ",
    ),
    (("'d better",), r"\b(i|you|we|they|he|she|it) ?'d better\b", r"\1 should"),
    (("'d",), r"\b(i|you|we|they|he|she|it) ?'d\b", r"\1 would"),
    (
        ("'s ",),
        (
            r"\b(it|that|there|he|she|what|who|how|where|here) ?'s (?=(?:not |just |only |also |always |already |really |never )?"
            r"(?:been|got|gotten|had|gone|become|gotten|done|started|stopped|improved)\b)"
        ),
        r"\1 has ",
    ),
    (
        ("'s never",),
        r"\b(it|that|he|she) ?'s never (?=(?:\w+ed|said|hurt|hit|made|told|left|come|seen|given|taken|let|kept|felt|put)\b)",
        r"\1 has never ",
    ),
    (("'s",), r"\b(it|that|there|he|she|what|who|how|where|here|everything|nothing) ?'s\b", r"\1 is"),
    # "Everybody's life" is the life of everybody.
    (
        ("body's", "one's", "body 's", "one 's"),
        (
            r"\b(everybody|everyone|nobody) ?'s (?=(?:\w+ing|\w+ly|so|too|very|not|just|always|gone|here|there|in|on|at|a|an|the|got|"
            r"like|fine|happy|mad|angry|busy|been|asleep|upset|tired|different|perfect)\b)"
        ),
        r"\1 is ",
    ),
    (("'s",), r"\blet ?'s\b", r"let us"),
    (("y'all",), r"\by'all\b", r"you all"),
    ((" 's",), r"(\w) 's\b", r"\1's"),
)
_TAGS = re.compile(r"<[^>]+>|\[[^\]]+\]")
# Some fillers are words elsewhere ("well controlled", "the right knee", "doing okay"): those go only where they stand alone.
_FILLERS_ANYWHERE = re.compile(
    r"(?:, ?)?\b(?:um+|uh+|uhm|erm?|eh+|ohh+|hmm+|mm-?hmm+|mhm|mm|uh-huh|uh-oh|you know|i mean|kinda|sorta|"
    r"hey ,? ?dragon)\b(?: ?[,.](?= ))*[ ,]*",
    re.IGNORECASE,
)
_MAY_HAVE_FILLER = Folded(r"\b(?:um|uh|er|eh|ohh|hm|mm|mhm|you know|i mean|kinda|sorta|hey )")
_HEDGES = re.compile(
    r"\b(?:kind of|sort of|actually|basically|obviously|honestly|literally|just|really)\b[ ,]*", re.IGNORECASE
)
_HEDGE_WORDS = frozenset(word_list("kind sort actually basically obviously honestly literally just really"))
# "By like the end of the day", ", like, ": a filler; "feels like a knife" is not.
_LIKE = re.compile(
    r",\s*like\s*,|\b(?<=this )like |(?:(?<=\bby )|(?<=\bin )|(?<=\bafter )|(?<=\bfor )|(?<=\bbut )|(?<=\bwith )|"
    r"(?<=\bof )|(?<=\bhas )|(?<=\bhave )|(?<=\bhad )|(?<=\bthen )|(?<=\bget )|(?<=\bgot ))like,? (?!to\b|that\b|this\b)",
    re.IGNORECASE,
)
_FILLERS_ALONE = re.compile(
    r"(?:^|(?<=[,.?!;] )|(?<=[,.?!;]))(?:okay|ok|alright|all right|yeah|yep|yup|right|well|please|like|"
    r"so yeah)(?: ?[,.?!]|$)+[ ,.]*"
    r"|^(?:well|okay|ok|yeah|alright|all right)\b[ ,.]+",
    re.IGNORECASE,
)
_FILLER_WORDS = frozenset(word_list("okay ok alright right yeah yep yup well please like"))  # each has one of these
_STUTTER = re.compile(r"\b([a-z]{1,3})- ?(?=\1)", re.IGNORECASE)
_REPEATED = re.compile(r"\b((?:\w+ ){0,4}\w+)(?: ?,? \1\b)+", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_STARTS = word_list("i you it the a and to that is my your we he she in of")
_FALSE_START = re.compile(rf"\b({'|'.join(_STARTS)}) ?,? ?(?:\.{{2,3}}|--?)? ?(?=\1\b)", re.IGNORECASE)
_DOUBLE_STARTS = frozenset(2 * word for word in _STARTS)  # "II", "AA": one word to a reader, two starts to the pattern
_LONGEST_REPEATED = 5  # words, see _REPEATED
# "It's I'm so tired", "I you have an ulcer": the speaker begins again with another subject.
_CHANGED_SUBJECT = re.compile(
    r"(?:^|(?<=\band )|(?<=\bbut )|(?<=\bso ))(?:i|you|he|she|we|they|it|that)(?: am| is| are| was| were)? ,?\s?"
    r"(?=(?:i|you|he|she|we|they|it) (?:am|is|are|was|were|have|has|had|do|did|will|can|would|should|think|want|feel|"
    r"started|got|went)\b)",
    re.IGNORECASE,
)
_TWO_SUBJECTS = Folded(
    r"\b(?:i|you|he|she|we|they|it|that)(?: am| is| are| was| were)? ,?\s?(?:i|you|he|she|we|they|it)\b"
)
_CUT_OFF = re.compile(r"(?<!\w')\b(?<!\w)[\w']+(?:--|-(?= |$)|…|\.\.\.)")
_MAY_BE_CUT_OFF = re.compile(r"--|-(?= |$)|…|\.\.\.")
_UNITS = _compiled(
    (("milligram", "mg"), r"\b(\d+) (?:milligrams?|mgs?)\b", r"\1 mg"),
    (("microgram",), r"\b(\d+) micrograms?\b", r"\1 mcg"),
    (("millil", "ml"), r"\b(\d+) (?:milliliters?|millilitres?|mls?)\b", r"\1 mL"),
    (("percent",), r"\b(\d+) percent\b", r"\1%"),
    ((" point ", " . "), r"\b(\d+) (?:point|\.) (\d+)\b", r"\1.\2"),
    ((" over ",), r"\b(\d{2,3}) over (\d{2,3})\b", r"\1/\2"),
    ((" out of ",), r"\b(\d+) out of (\d+)\b", r"\1/\2"),
    (("hemoglobin",), r"\bhemoglobin a ?(?:1|one) ?c\b", "hemoglobin A1c"),
    (("one",), r"\ba ?one ?c\b", "A1c"),
    (("x",), r"\bx[- ]?ray", "x-ray"),
    (("l",), r"\bl ?(\d) ?/ ?l ?(\d)\b", r"L\1/L\2"),
    (("q",), r"\bp\.? ?h\.? ?q\.?[- ]?(?:9|nine)\b", "PHQ-9"),
    (("g",), r"\bg\.? ?a\.? ?d\.?[- ]?(?:7|seven)\b", "GAD-7"),
)

_HAS_UNIT = Folded(r"\d|a ?one|x[- ]?ray|p\.? ?h\.? ?q|g\.? ?a\.? ?d")
_SPACE_BEFORE_MARK = re.compile(r"(?<! ) +([,.?!;:])")
_LOOSE_MARKS = (" ,", " .", " ?", " !", " ;", " :")
_MARKS_TOGETHER = re.compile(r"([,.?!])(?:\s*[,.])+")
_LOOSE_AT_START, _LOOSE_AT_END = " ,.;:-", " ,;:-"
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


@lru_cache(maxsize=4096)
def clean(text: str, *, drop_fillers: bool = True) -> str:
    """Return spoken text as plain text with digits and units; fillers, stutters and false starts are left out."""
    if "<" in text or "[" in text:
        text = _TAGS.sub(" ", text)
    text = " ".join(text.split())
    text = replaced(text, _EXPANSIONS)
    if "'" in text:
        text = replaced(text, _CONTRACTIONS)
    if "-" in text:
        text = _STUTTER.sub("", text)
    if drop_fillers:
        text = _without_fillers(text)
    text = _said_once(text)
    if _TWO_SUBJECTS.search(text):
        text = _CHANGED_SUBJECT.sub("", text)
    text = number_words_to_digits(text)
    if _HAS_UNIT.search(text):
        text = replaced(text, _UNITS)
    text = with_marks_closed(text)
    text = _MARKS_TOGETHER.sub(r"\1", text)
    return " ".join(text.lstrip(_LOOSE_AT_START).rstrip(_LOOSE_AT_END).split())


def with_marks_closed(text: str) -> str:
    """Return a text whose only white space are blanks without the blanks before its marks."""
    return _SPACE_BEFORE_MARK.sub(r"\1", text) if any(map(text.__contains__, _LOOSE_MARKS)) else text


def _without_fillers(text: str) -> str:
    if _MAY_HAVE_FILLER.search(text):
        text = _FILLERS_ANYWHERE.sub(" ", text)
    words = set(_WORD.findall(text.lower()))
    text = " ".join(text.split())
    if not words.isdisjoint(_HEDGE_WORDS):
        text = _HEDGES.sub(" ", text)
    if "like" in text:
        text = _LIKE.sub(" ", text)
    text = " ".join(text.split())
    if not words.isdisjoint(_FILLER_WORDS):
        text = _FILLERS_ALONE.sub(" ", text)
    return _CUT_OFF.sub(" ", text) if _MAY_BE_CUT_OFF.search(text) else text


def _said_once(text: str) -> str:
    """Return a text without words said again at once; it is looked at closely only where a word comes twice."""
    words = _WORD.findall(text.lower())
    if len(set(words)) == len(words):
        return text
    if any(map(eq, words, words[1:])) or not _DOUBLE_STARTS.isdisjoint(words):
        text = _FALSE_START.sub("", text)
        words = _WORD.findall(text.lower())
    text = " ".join(text.split())
    if any(_is_repeated(words, length) for length in range(1, _LONGEST_REPEATED + 1)):
        text = _REPEATED.sub(r"\1", text)
    return text


def _is_repeated(words: list[str], length: int) -> bool:
    """Say whether some words are followed at once by the same words, so many of them."""
    if not any(map(eq, words, words[length:])):
        return False
    run = 0
    for word, later in zip(words, words[length:], strict=False):
        run = run + 1 if word == later else 0
        if run == length:
            return True
    return False


def replaced(text: str, replacements: Replacements) -> str:
    """Return a text after the replacements in order; one none of whose needles occurs is not tried."""
    lowered = text.lower()
    for needles, pattern, replacement in replacements:
        for needle in needles:
            if needle in lowered:
                text = pattern.sub(replacement, text)
                lowered = text.lower()
                break
    return text


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return a word without its commonest endings, for comparing."""
    if len(word) > 4:
        base = _SUFFIX.sub("", word)
        word = base if len(base) >= 3 else word
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text in small letters, numbers with their fractions; kept, as every step asks for them."""
    return tuple(map(intern, _TOKEN.findall(text.lower())))


@lru_cache(maxsize=8192)
def content_words(text: str) -> tuple[str, ...]:
    """Return the stems of the words that carry meaning, in order."""
    return tuple(stem(word) for word in tokens(text) if word not in STOPWORDS)


def numbers_in(text: str) -> set[str]:
    return set(_NUMBER.findall(text))


def visible(text: str) -> str:
    """Return words on one line without characters that print nothing, end a line or turn the direction of reading.

    The joiners of Indian and Arabic scripts stay.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = (_shown(character) for character in text)
    return " ".join("".join(kept).split())


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return character if character in _JOINERS else ""
    return " " if category in ("Cc", "Cs", "Co", "Zl", "Zp") else character
