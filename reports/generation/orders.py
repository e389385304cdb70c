"""Words in a transcript that were meant for a writing program: what follows from them is never a finding by itself."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Literal

from .folded import Folded
from .textnorm import content_words, visible

OrderKind = Literal["order", "wish"]
_NOTE = r"(?:note|report|record|chart|summary|file|assessment|diagnosis|plan|document(?:ation)?)"
_PROGRAM = (
    r"(?:ai|a\.i\.|assistant|scribe|(?:language )?model|chat ?bot|bot|gpt|gemini|llm|computer|machine|software|"
    r"program|transcriber|writer|system)"
)
_RULES = r"(?:instructions?|rules?|prompts?|guidelines?|commands?|training|safety|constraints?|directions?|guardrails?)"
_TAGS = (
    r"script|img|svg|iframe|style|html|body|div|meta|object|transcript|system|user|assistant|instructions?|"
    r"im_|end|s>"
)
# Nobody says these to a person. The border of a word stands before all of them at once: it is looked for once.
_ORDERS = (
    rf"(?:ignore|disregard|forget|override|bypass|skip|drop|erase)\b(?:[^\w.!?]+\w+){{0,4}}[^\w.!?]+{_RULES}\b",
    rf"(?:new|updated|following|hidden|secret|admin\w*|system|developer) {_RULES}\b",
    rf"you(?:'re| are) (?:now |no longer )?(?:an? |the |my )?(?:\w+ )?{_PROGRAM}\b",
    r"(?:as|being) an? (?:ai|a\.i\.|llm|(?:large )?language model|chat ?bot)\b",
    rf"(?:note|attention|message|hey|dear|hello|listen)(?: to| for)?,? (?:the |this )?{_PROGRAM}\b",
    (
        rf"(?:the|this|your) {_NOTE} (?:is|has been|was)(?: \w+)? "
        r"(?:approved|final|signed|reviewed|verified|complete)\b"
    ),
    r"(?:developer|admin|debug|god|jailbreak|dan) mode\b",
    r"(?:output|respond|reply|answer|return) (?:only|exactly|as follows|with (?:only|exactly|the (?:word|json)))\b",
    r"(?:end|begin|start) of (?:the )?(?:transcript|prompt|instructions?|session log)\b",
    (
        r"(?:ignoriere|ignorez|ignora|ignore[mr]?|olvida|vergiss)\b(?: \w+){0,4} "
        r"(?:anweisung|instru[cç]|regel|regras?|r[eè]gles?|reglas?)\w*"
    ),
)
_SIGNS = (
    (
        r"(?:^|[.;!?>\]] ?)(?:system|assistant|developer|user|instructions?|prompt|admin)"
        r"(?: (?:prompt|message|override|note))? ?:"
    ),
    rf"<\|?/?(?:{_TAGS})",
    r"\[/?(?:inst|sys|system|end|transcript)\b|\[\d+\] ?(?:doctor|patient|clinician|therapist)\b ?:",
    r"javascript:|<<\w+>>|#{3,}|\{\{|\{%|\$\{|\"\w+\" ?:|```",
)
# These are also said to a clinician; still a wish about the note and not what it is about.
_WISHES = (
    (
        r"(?:write|put|add|insert|include|state|document|record|say|mark|enter|list|change|delete|remove|leave)\b"
        r"(?: \w+){0,4} (?:in|into|to|on|from|out of|at the end of) "
        rf"(?:the|your|my|this) (?:\w+ )?{_NOTE}\b"
    ),
    (
        r"(?:please |just |must |should |to |now |only |and )(?:write|document|record|state|note) (?:down )?"
        r"(?:that|the following|exactly|this:|only|:)"
    ),
    r"^(?:write|document|record|state|note) (?:down )?(?:that|the following|exactly|only|:)",
    rf"in (?:the|your|this) {_NOTE},? (?:please )?(?:write|say|state|put|add)\b",
)
_KINDS: tuple[tuple[OrderKind, Folded], ...] = (
    ("order", Folded(rf"\b(?:{'|'.join(_ORDERS)})|{'|'.join(_SIGNS)}")),
    ("wish", Folded(rf"\b(?:{'|'.join(_WISHES)})")),
)
_AS_SAID = re.compile(r"[“\"«]|\b(?:ask|request|demand|want|wish|insist|dictat|quot)\w*\b|\btold the\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def order_in(said: str) -> tuple[OrderKind, int] | None:
    """Return whether visible words hold an order to a writing program or a wish about the note, and where it begins."""
    for kind, pattern in _KINDS:
        if match := pattern.search(said):
            return kind, match.start()
    return None


def is_order(words: str) -> bool:
    """Tell whether words of a transcript hold an order to a writing program, not only a wish about the note."""
    found = order_in(_read(words))
    return found is not None and found[0] == "order"


def follows_order(text: str, said: Collection[str]) -> OrderKind | None:
    """Return the kind of order a sentence may have followed, from the words of each segment it cites.

    None when no cited segment holds one, when the sentence rests on what was said before it, or when it tells a wish as
    one. An order stays one even when it is quoted: somebody has to read it.
    """
    words = set(content_words(text))
    found: OrderKind | None = None
    for segment in map(_read, said):
        order = order_in(segment)
        if order is None:
            continue
        kind, start = order
        if words and words <= set(content_words(segment[:start])):
            continue
        if kind == "order":
            return "order"
        if not _AS_SAID.search(text):
            found = "wish"
    return found


@lru_cache(maxsize=4096)
def _read(words: str) -> str:
    """Return words as they are read: an order stays one when signs that print nothing are put between its letters."""
    shown = visible(words)
    return shown if shown.isprintable() else "".join(filter(str.isprintable, shown))
