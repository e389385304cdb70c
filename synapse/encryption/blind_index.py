"""The blind index: find a patient among encrypted rows by keyed tokens.

A token is the first 64 bits of HMAC-SHA256 under INDEX_KEY of `kind \\0 value`, as a signed integer. Without the key a
token tells nothing but which rows share it. Names give exact, prefix and one-typo tokens (the typo ones are the
deletion neighbourhood: a word and the word less one letter, on both sides, meet for every single insert, delete,
replace or swap). A query is an AND of terms; each term is an OR of tokens at three levels of likeness.
"""

import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from django.conf import settings

SHORTEST_PREFIX = 2
LONGEST_PREFIX = 8
SHORTEST_TYPO_WORD = 3
SHORTEST_PHONE_PREFIX = 5
LONGEST_QUERY = 120
MOST_TERMS = 6
OLDEST_YEAR = 1890

_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "þ": "th",
        "ð": "d",
        "'": "",
        "’": "",
        "ʼ": "",
        "`": "",
    }
)
# Accents on Latin, Greek and Cyrillic letters; the vowel signs of Indic scripts lie elsewhere and stay.
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_NOT_IN_WORDS = re.compile(r"[^\w\u0900-\u0dff]+|_")
_PATIENT_NUMBER = re.compile(r"^PAT-?(\d{8,})$", re.IGNORECASE)
_ISO_DATE = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$")
_LOCAL_DATE = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})$")
_PHONE = re.compile(r"^\+?[\d\s().\-/]{4,}$")


class Level(IntEnum):
    """How alike a hit is; lower is better."""

    EXACT = 0
    PREFIX = 1
    TYPO = 2


@dataclass(frozen=True)
class Term:
    """One part of a query: tokens by level, any of which a patient must have."""

    tokens: dict[Level, frozenset[int]]

    def up_to(self, level: Level) -> frozenset[int]:
        return frozenset().union(*(tokens for at, tokens in self.tokens.items() if at <= level))


@dataclass(frozen=True)
class ParsedQuery:
    """What somebody typed into the search box.

    `terms` all have to match. `words` are the name words among them, normalised, for ranking decrypted candidates.
    `patient_number` is set when a visible number was typed.
    """

    terms: tuple[Term, ...] = ()
    words: tuple[str, ...] = ()
    patient_number: str | None = None

    def __bool__(self) -> bool:
        return bool(self.terms or self.patient_number)

    def at_level(self, level: Level) -> list[frozenset[int]]:
        """Return a set of tokens for each term, or nothing when a term has none up to this level."""
        groups = [term.up_to(level) for term in self.terms]
        return groups if all(groups) else []


def normalise_name(text: str) -> str:
    """Return lower-case words without accents and punctuation, separated by single spaces."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).translate(_LETTERS)
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", folded))
    return _NOT_IN_WORDS.sub(" ", plain).strip()


def normalise_email(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def normalise_phone(text: str, region: str) -> str | None:
    """Return a number as E.164 (`+919820055123`), or None when it cannot be one in this region (ISO 3166 code)."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def index_tokens(
    *,
    first_name: str,
    last_name: str,
    phones: Iterable[str] = (),
    email: str = "",
    date_of_birth: date | None = None,
) -> set[tuple[str, int]]:
    """Return every (kind, token) one patient is found by; `phones` are E.164."""
    key = settings.INDEX_KEY[0]
    return {
        (kind, _token(key, kind, value))
        for kind, value in _entries(first_name, last_name, phones, email, date_of_birth)
    }


def likeness_tokens(*, first_name: str, last_name: str, phones: Iterable[str] = ()) -> set[int]:
    """Return the few tokens that tell whether two records may be of one person: the whole name, each phone (E.164).

    Those of every configured key, so that the other record is found while the index is written anew.
    """
    entries = [("full", f"{normalise_name(first_name)} {normalise_name(last_name)}")]
    entries += [("phone", phone) for phone in phones if phone]
    return {_token(key, kind, value) for key in settings.INDEX_KEY for kind, value in entries}


def hash_name(first_name: str, last_name: str) -> str:
    """Return the 64 hex digits stored in `name_hash`."""
    return _hash("name_hash", f"{normalise_name(first_name)} {normalise_name(last_name)}")


def hash_phone(phone: str) -> str:
    """Return the 64 hex digits stored in `phone_hash`, empty for no number; `phone` is E.164."""
    return _hash("phone_hash", phone) if phone else ""


def hash_email(email: str) -> str:
    """Return the 64 hex digits stored in `email_hash`, empty for no address."""
    return _hash("email_hash", normalise_email(email)) if email else ""


def _entries(
    first_name: str, last_name: str, phones: Iterable[str], email: str, born: date | None
) -> Iterator[tuple[str, str]]:
    first, last = normalise_name(first_name), normalise_name(last_name)
    yield "full", f"{first} {last}"
    yield "full", f"{last} {first}"
    for word in _name_words(first) | _name_words(last):
        yield "word", word
        yield from (("prefix", word[:length]) for length in range(SHORTEST_PREFIX, min(len(word), LONGEST_PREFIX) + 1))
        if len(word) >= SHORTEST_TYPO_WORD - 1:
            yield from (("typo", near) for near in _deletions(word))
    for phone in filter(None, phones):
        yield "phone", phone
        yield "phone4", phone[-4:]
        for digits in _dialled_forms(phone):
            yield from (("phone_prefix", digits[:length]) for length in range(SHORTEST_PHONE_PREFIX, len(digits) + 1))
    if email:
        yield "email", normalise_email(email)
    if born:
        yield "born", born.isoformat()
        yield "born_year", str(born.year)


def _name_words(part: str) -> set[str]:
    """Return the words of a normalised name part, and the whole of it in one ("delacruz")."""
    return {*part.split(), part.replace(" ", "")} - {""}


def _deletions(word: str) -> set[str]:
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


def _dialled_forms(phone: str) -> set[str]:
    """Return the digits people type for an E.164 number: with the country code, and without."""
    import phonenumbers

    digits = phone.lstrip("+")
    try:
        return {digits, str(phonenumbers.parse(phone, None).national_number)}
    except phonenumbers.NumberParseException:
        return {digits}


def query_tokens(text: str, region: str) -> ParsedQuery:
    """Parse what was typed: names, phone, e-mail, birth date or year, patient number, and their combinations.

    Tokens of every configured key are included, so that search works while the index is written anew. A single letter
    gives an empty query.
    """
    text = unicodedata.normalize("NFKC", text).strip()[:LONGEST_QUERY]
    number = _PATIENT_NUMBER.match(text)
    if number:
        return ParsedQuery(patient_number=f"PAT-{number[1]}")
    name_parts: list[str] = []
    terms: list[Term] = []
    for piece, is_phone in _pieces(text):
        if is_phone:
            terms.append(_phone_term(piece, region))
        elif "@" in piece:
            terms.append(_term({Level.EXACT: [("email", normalise_email(piece))]}))
        elif days := _dates(piece):
            terms.append(_term({Level.EXACT: [("born", day.isoformat()) for day in days]}))
        elif _is_year(piece):
            terms.append(_term({Level.EXACT: [("born_year", piece), ("phone4", piece)]}))
        else:
            name_parts += normalise_name(piece).split()
    # A single Latin letter is an initial: it would match everybody.
    words = tuple(word for word in name_parts if len(word) >= SHORTEST_PREFIX or not word.isascii())[:MOST_TERMS]
    terms = [*_name_terms(words), *terms][:MOST_TERMS]
    return ParsedQuery(terms=tuple(terms), words=words) if all(term.tokens for term in terms) else ParsedQuery()


def name_level(words: Iterable[str], *, first_name: str, last_name: str) -> Level | None:
    """Return how well a decrypted name answers the words of a query, or None when one of them is not there.

    Tokens propose candidates (two words less one letter each may meet at two typos); this decides.
    """
    names = _name_words(normalise_name(first_name)) | _name_words(normalise_name(last_name))
    worst = Level.EXACT
    for word in words:
        levels = [level for name in names if (level := _word_level(word, name)) is not None]
        if not levels:
            return None
        worst = max(worst, min(levels))
    return worst


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Split a query at spaces, keeping together a phone number that is typed with some."""
    parts = text.split()
    at = 0
    while at < len(parts):
        end = at
        while end < len(parts) and _PHONE.match("".join(parts[at : end + 1]).ljust(5, "0")):
            end += 1
        joined = "".join(parts[at:end])
        if end > at and not _dates(joined) and not (end - at == 1 and _is_year(joined)) and _digits(joined) >= 4:
            yield joined, True
            at = end
        else:
            yield parts[at], False
            at += 1


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def _name_terms(words: tuple[str, ...]) -> list[Term]:
    terms = []
    for word in words:
        levels = {Level.EXACT: [("word", word)]}
        if len(word) >= SHORTEST_PREFIX:
            levels[Level.PREFIX] = [("prefix", word[:LONGEST_PREFIX])]
        if len(word) >= SHORTEST_TYPO_WORD:
            levels[Level.TYPO] = [("typo", near) for near in _deletions(word)]
        terms.append(_term(levels))
    return terms


def _phone_term(piece: str, region: str) -> Term:
    digits = "".join(character for character in piece if character.isdigit())
    exact = [("phone4", digits)] if len(digits) == 4 and not piece.startswith("+") else []
    whole = normalise_phone(piece, region)
    if whole:
        exact.append(("phone", whole))
    begun = digits.lstrip("0")
    prefix = [("phone_prefix", begun)] if len(begun) >= SHORTEST_PHONE_PREFIX else []
    return _term({Level.EXACT: exact, Level.PREFIX: prefix})


def _dates(piece: str) -> list[date]:
    """Return the days a written date can mean: day first and, where that is possible too, month first."""
    if iso := _ISO_DATE.match(piece):
        orders = [(int(iso[1]), int(iso[2]), int(iso[3]))]
    elif local := _LOCAL_DATE.match(piece):
        orders = [(int(local[3]), int(local[2]), int(local[1])), (int(local[3]), int(local[1]), int(local[2]))]
    else:
        return []
    days = set()
    for year, month, day in orders:
        try:
            days.add(date(year, month, day))
        except ValueError:
            continue
    return sorted(days)


def _is_year(piece: str) -> bool:
    return piece.isdigit() and len(piece) == 4 and OLDEST_YEAR <= int(piece) < 2100


def _word_level(word: str, name: str) -> Level | None:
    if word == name:
        return Level.EXACT
    if len(word) >= SHORTEST_PREFIX and name.startswith(word):
        return Level.PREFIX
    if len(word) >= SHORTEST_TYPO_WORD and is_one_edit_apart(word, name):
        return Level.TYPO
    return None


def is_one_edit_apart(one: str, other: str) -> bool:
    """Tell whether one insert, delete, replace or swap of neighbours makes the words equal."""
    if one == other:
        return True
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[:2] == right[1::-1] and left[2:] == right[2:] and len(right) >= 2)
    )


def _term(levels: dict[Level, list[tuple[str, str]]]) -> Term:
    return Term(
        {
            level: frozenset(_token(key, kind, value) for key in settings.INDEX_KEY for kind, value in entries)
            for level, entries in levels.items()
            if entries
        }
    )


def _token(key: str, kind: str, value: str) -> int:
    digest = hmac.digest(key.encode(), f"{kind}\0{value}".encode(), "sha256")
    return int.from_bytes(digest[:8], "big", signed=True)


def _hash(kind: str, value: str) -> str:
    return hmac.digest(settings.INDEX_KEY[0].encode(), f"{kind}\0{value}".encode(), "sha256").hex()
