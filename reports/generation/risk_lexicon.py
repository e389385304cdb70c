"""Words people use for suicide, self-harm, violence, abuse and substances, and the idioms that mean none of it.

The words themselves are data: `risk_lexicon.txt` beside this module.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path

RISK_KINDS = ("suicide", "self_harm", "violence", "abuse", "substance")
_FILE = Path(__file__).with_suffix(".txt")


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """Return one pattern a kind, and `idioms`; for words as `risk_reading.plain_words` writes them."""
    names: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    kind = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            kind = line[1:-1]
        elif not kind:
            name, _, words = line.partition(" = ")
            names[name] = words
        else:
            lines.setdefault(kind, []).append(_filled(line, names))
    return {kind: re.compile(one_of(alternatives)) for kind, alternatives in lines.items()}


def one_of(alternatives: Sequence[str]) -> str:
    """Return patterns as one; where all begin with the border of a word, it is looked for once, which is much faster."""
    border = r"\b"
    if all(pattern.startswith(border) for pattern in alternatives):
        return f"{border}(?:{'|'.join(pattern.removeprefix(border) for pattern in alternatives)})"
    return "|".join(alternatives)


def without_idioms(plain: str) -> str:
    """Return plain words with the idioms blanked; every other word keeps its place."""
    return patterns()["idioms"].sub(lambda match: " " * len(match.group(0)), plain)


def lines_without_idioms(lines: Sequence[str]) -> list[str]:
    """Return lines of plain words with the idioms blanked: only where one pass over all of them finds any."""
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    hits = patterns()["idioms"].finditer("\n".join(lines))
    blanked = list(lines)
    for number in {bisect_right(starts, hit.start()) - 1 for hit in hits}:
        blanked[number] = without_idioms(lines[number])
    return blanked


def _filled(line: str, names: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: names.get(match.group(1), match.group(0)), line)
