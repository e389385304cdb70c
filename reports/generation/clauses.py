"""Clauses as writing joins them: speech runs one into the next with a comma, begins twice, and shortens `is` after a noun."""

import re

from .grammar import has_verb

_QUOTED = re.compile(r"“[^”]*”")
_SPLICE = re.compile(
    r", (?=(?:he|she|they|it|we|the client|the patient) (?!(?:and|or|who|said|says|thinks?|guess\w*|knows?)\b)[a-z])"
)
# Words after which a comma only ends what comes before the main clause.
_DEPENDENT = re.compile(
    r"\b(?:if|when|whenever|because|since|after|before|while|although|though|unless|until|once|as|where|whereas|even|that|which|who|"
    r"what|how|so|and|but|or|instead|than)\b",
    re.IGNORECASE,
)
_SUBJECT_FIRST = re.compile(
    r"^(?:the|his|her|their|he|she|they|it|we|a|an|client|patient|there|[a-z]+'s)\b", re.IGNORECASE
)
_BEGUN_TWICE = re.compile(
    r"^(?:the (?:client|patient)'s|his|her|their|the) (?:[a-z]+ )?([a-z]+), (?=(?:the client|the patient|he|she|they)\b.*\b\1\b)",
    re.IGNORECASE,
)
_SHORT_IS = re.compile(
    r"^((?:my|his|her|their|our|the) (?:[a-z]+ )?[a-z]+)'s "
    r"(?=(?:still|not|always|just|very|really|so|getting|going|gone|out of|pregnant|a|an|on|in|at|been|the one)\b)",
    re.IGNORECASE,
)
_LARGE_INSIDE = re.compile(
    r"(?<=[a-z] )(?:Having|Feeling|Getting|Being|Just|Like|Not|Because|And|But|So|Or|When|If|The|It|That|This|My|His|Her|Their)\b"
)
# "She has not, she felt a bit hot": what comes first was given up.
_BROKEN_OFF = re.compile(
    r"^(?:the (?:client|patient)|he|she|they|it|we) (?:[a-z]+ )?"
    r"(?:not|is|are|was|were|has|have|had|does|did|currently|been|the|a|an|any|to)$",
    re.IGNORECASE,
)
_FEWEST = 3  # words of a clause


def joined_clauses(text: str) -> str:
    """Return a sentence with a semicolon where speech ran two whole clauses together with a comma."""
    if _QUOTED.search(text):
        return text
    text = _LARGE_INSIDE.sub(lambda match: match.group(0).lower(), text)
    if match := _BEGUN_TWICE.match(text):
        text = text[match.end() :]
    parts = _SPLICE.split(text)
    told = parts[0]
    for part in parts[1:]:
        if _BROKEN_OFF.search(told) and has_verb(part):
            told = part[0].upper() + part[1:] if told[0].isupper() else part
            continue
        is_whole = _is_whole(told.rsplit("; ", 1)[-1]) and len(part.split()) >= _FEWEST and has_verb(part)
        told = f"{told}; {part}" if is_whole else f"{told}, {part}"
    return told


def _is_whole(clause: str) -> bool:
    """Say whether a clause can end a sentence: its own subject first, a verb, and nothing that waits for more."""
    return (
        len(clause.split()) >= _FEWEST
        and "," not in clause
        and bool(_SUBJECT_FIRST.match(clause))
        and not _DEPENDENT.search(clause)
        and has_verb(clause)
    )


def with_is(text: str) -> str:
    """Return `my wife's still at work` as `my wife is still at work`."""
    return _SHORT_IS.sub(
        lambda match: f"{match.group(1)} {'has' if text[match.end() :].startswith('been') else 'is'} ", text
    )
