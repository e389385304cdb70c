"""Code fields: what one may hold, and what is found when one is searched.

A code that is well-formed and not in the table is taken: the starter set is small, and clinics bill more than it holds.
`unknown_codes` names those, for a warning beside the field. Retired codes and places of service that are on no list
are refused. A code of the clinic's own ("NOSHOW") is taken once it is in the table.
"""

import re
from collections.abc import Iterable

from billing.codes.words import fold
from billing.errors import BadCode
from billing.models import Code

System = Code.System
FEWEST_LETTERS = 2  # of a word that is searched: one letter fits almost every row
LONGEST_SEARCH = 60
MOST_WORDS = 6
AFTER_ALL = "ZZZZZZZZZZ"
CANDIDATES = 4  # times the limit: what is read before the best are chosen

# ICD-10-CM: a letter, a digit, a digit or letter, then up to four more behind a point; WHO's ICD-10 is narrower.
ICD_10 = re.compile(r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$")
# CPT categories I, II (F), III (T) and the laboratory ones (U, M); HCPCS level II, A to V.
PROCEDURE = re.compile(r"^([0-9]{5}|[0-9]{4}[FTUM]|[A-V][0-9]{4})$")
MODIFIER = re.compile(r"^[0-9A-Z]{2}$")
PLACE = re.compile(r"^[0-9]{2}$")
SHAPES = {System.ICD10: ICD_10, System.CPT: PROCEDURE, System.MODIFIER: MODIFIER, System.PLACE: PLACE}
EXAMPLES = {
    System.ICD10: "Enter an ICD-10 code, like F32.1",
    System.CPT: "Enter a CPT or HCPCS code, like 90834 or H0031",
    System.MODIFIER: "Enter a modifier of two letters or digits, like 95 or GT",
    System.PLACE: "Enter a place of service of two digits, like 11 or 02",
}


def normalise(system: str, text: str) -> str:
    """Return a code as the table writes it: capitals, no spaces, the point of a diagnosis in its place."""
    code = re.sub(r"[\s\x00-\x1f\u00a0]", "", text).upper()
    if system == System.ICD10 and "." not in code and len(code) > 3:
        code = f"{code[:3]}.{code[3:]}"
    if system == System.PLACE and len(code) == 1:
        code = code.zfill(2)
    return code


def is_procedure(code: str) -> bool:
    """Say whether a code has the form of CPT or HCPCS; a clinic's own code for a fee has not."""
    return PROCEDURE.match(code) is not None


def check_code(system: str, text: str) -> str:
    """Return the code as it is stored. Raises BadCode for a wrong form, a retired code or an unknown place."""
    return check_codes(system, [text])[0]


def check_codes(system: str, texts: Iterable[str]) -> list[str]:
    """Return several codes as they are stored, each once, in their order. Raises as `check_code`."""
    codes = list(dict.fromkeys(normalise(system, text) for text in texts))
    known = {row.code: row for row in Code.objects.filter(system=system, code__in=codes)}
    for code in codes:
        row = known.get(code)
        if row is None:
            _check_unknown(system, code)
        elif row.is_retired:
            raise BadCode(why_retired(row))
    return codes


def why_retired(row: Code) -> str:
    """Say since when a code is retired and what to use."""
    since = f" in {row.retired_in}" if row.retired_in else ""
    return f"{row.code} was retired{since}. Use {row.replaced_by or 'a current code'}."


def unknown_codes(system: str, codes: Iterable[str]) -> list[str]:
    """Return the codes that no table of this installation holds, in their order."""
    codes = [code for code in codes if code]
    known = set(Code.objects.filter(system=system, code__in=codes).values_list("code", flat=True))
    return [code for code in codes if code not in known]


def words_of(system: str, codes: Iterable[str]) -> dict[str, str]:
    """Return the words of those codes that are in the table."""
    wanted = [code for code in codes if code]
    return dict(Code.objects.filter(system=system, code__in=wanted).values_list("code", "words")) if wanted else {}


def search(system: str, text: str, limit: int = 20) -> list[Code]:
    """Return the codes that begin with the text, then those with every word of it, the best first, retired ones last.

    A word fits another that begins with it, in any case and with or without its accents. One letter searches codes
    only.
    """
    text = text[:LONGEST_SEARCH]
    code = normalise(system, text)
    if not code:
        return []
    rows = Code.objects.filter(system=system)
    # A prefix as a range as well: both databases answer that from the index, whatever their collation makes of LIKE.
    prefixed = rows.filter(code__gte=code, code__lte=f"{code}{AFTER_ALL}", code__startswith=code)
    found = list(prefixed.order_by("rank", "code")[:limit])
    words = fold(text).split()[:MOST_WORDS]
    is_number = found and len(words) == 1 and any(letter.isdigit() for letter in words[0])
    if not is_number and len(found) < limit and any(len(word) >= FEWEST_LETTERS for word in words):
        fitting = rows.order_by("rank", "code")
        for word in words:
            fitting = fitting.filter(search_words__contains=f" {word}")
        by_words = list(fitting.values_list("code", flat=True)[: limit * CANDIDATES])
        seen = {row.code for row in found}
        more = [row for row in rows.filter(code__in=by_words) if row.code not in seen]
        found += sorted(more, key=lambda row: _distance(row, words))
    # Sorted again as a whole: a retired code that begins with the text still comes behind a current one.
    return sorted(found, key=lambda row: row.is_retired)[:limit]


def _check_unknown(system: str, code: str) -> None:
    if not SHAPES[System(system)].match(code):
        raise BadCode(f"{EXAMPLES[System(system)]}." if not code else f"{EXAMPLES[System(system)]}. {_shown(code)}")
    if system == System.PLACE:
        raise BadCode(f"There is no place of service {code}. Search for it by words, like home or office.")


def _shown(code: str) -> str:
    return f"“{code[:12]}” is none."


def _distance(row: Code, words: list[str]) -> tuple[int, int, int, int, str]:
    """Sort by rank, then by whole words, then by words at the beginning, then by length."""
    held = row.search_words.split()[1:]
    whole = sum(word in held for word in words)
    leading = held[0].startswith(words[0]) if held else False
    return (row.rank, -whole, -int(leading), len(row.words), row.code)
