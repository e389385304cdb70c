"""Which talk of drinking is about alcohol: water, coffee and litres are not."""

import re
from functools import lru_cache

from .risk_reading import Conversation, Mention

_NEAR = 3  # statements looked back at
_DRINKING = re.compile(r"\bdr[iau]nk(?:s|ing)?\b", re.IGNORECASE)
_SOFT = re.compile(
    r"\b(?:water|fluids?|coffees?|tea|milk|juice|sodas?|cola|coke|lemonade|caffeine|thirsty?|hydrated)\b", re.IGNORECASE
)
_MEASURED = re.compile(r"\blit(?:er|re)s?\b", re.IGNORECASE)  # of water, unless alcohol was asked about
_SUBSTANCES = re.compile(
    r"\b(?:alcohol\w*|beers?|wines?|vodka|whisk\w+|liquor|spirits|gin|rum|pints?|sober|sobriety|drunk|hangover|binge\w*|"
    r"bottles?|smok\w+|cigarettes?|tobacco|vap\w+|cannabis|marijuana|weed|cocaine|heroin|opioids?|drugs?)\b"
    r"|\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|several|few|couple of|many) (?:drinks|units)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=64)  # every place of an utterance asks the same
def is_soft_drinking(said: str, *lately: str) -> bool:
    """Tell whether somebody drinks, and that is no alcohol; what was said or asked before counts from the nearest on."""
    if not _DRINKING.search(said) or _SUBSTANCES.search(said):
        return False
    if _SOFT.search(said):
        return True
    decisive = next((words for words in lately if _SOFT.search(words) or _SUBSTANCES.search(words)), "")
    return not _SUBSTANCES.search(decisive) and bool(decisive or _MEASURED.search(said))


def is_about_soft_drink(mention: Mention, conversation: Conversation) -> bool:
    """Tell whether a place that speaks of drinking means no alcohol, by its own words and by what was just said."""
    turns = conversation.turns[max(0, mention.place - _NEAR) : mention.place + 1]
    own, *before = (" ".join(sentence.plain for sentence in turn.sentences) for turn in reversed(turns))
    return is_soft_drinking(own, *before)
