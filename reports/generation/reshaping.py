"""Follow an instruction without a language model: shorter, fuller, as bullet points, as running text."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from reports.templating.structure import Section, Style
from sessions_app.transcripts.clinical_terms import DRUGS

from .base import DraftSection, DraftSentence, GenerationError
from .lexicon import HARM_TO_OTHERS, SELF_HARM
from .textnorm import content_words, tokens

_KEPT_SHARE = 0.6  # of a section's lines when it is made shorter
_SAME_WORDS = 0.8  # share of a line's words in another one that makes it a repetition
_WISHES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "bullets",
            r"\b(?:(?:as|in|into|to) )?(?:an? )?(?:bullet(?:ed)?(?:[- ](?:points?|lists?))?|bullets|(?:short )?lists?)\b",
        ),
        (
            "prose",
            r"\b(?:(?:as|in|into|to) )?(?:an? )?(?:prose|running text|continuous text|full text|paragraphs?|narrative)\b",
        ),
        (
            "shorter",
            (
                r"\b(?:shorter|shorten|short|brief(?:er|ly)?|concise(?:ly)?|condensed?|trim|tighten|"
                r"summari[sz]e|less (?:detail|text|words)|less detailed|fewer (?:words|lines|sentences))\b"
            ),
        ),
        (
            "fuller",
            r"\b(?:longer|fuller|(?:more |much )?detailed|(?:in )?more details?|more (?:text|words)|expand|extend|elaborate)\b",
        ),
    )
)
_FILLER = re.compile(
    r"\b(?:please|make|write|put|turn|keep|set|show|format|this|it|the|section|text|lines?|sentences?|and|but|also|then|"
    r"a|an|as|in|into|to|with|of|be|bit|little|much|more|can|you|could|would|i|want|like|points?|only|again|way)\b|[^\w]",
    re.IGNORECASE,
)
_DOSE = re.compile(r"\d ?(?:mg|mcg|ml|units)\b", re.IGNORECASE)
REFUSAL = (
    "The built-in writer can make a section shorter or longer, and set it as bullet points or as running text. "
    "Ask for one of these, or change the lines yourself."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an instruction asks for."""

    length: Literal["", "shorter", "fuller"] = ""
    layout: Literal["", "bullets", "prose"] = ""


def read_wish(instruction: str) -> Wish:
    """Return what is asked for; raise GenerationError when a word of it says something else, or it contradicts itself."""
    rest = instruction
    found = []
    for name, pattern in _WISHES:
        if pattern.search(rest):
            found.append(name)
            rest = pattern.sub(" ", rest)
    is_clear = found and not _FILLER.sub("", rest)
    if not is_clear or {"shorter", "fuller"} <= set(found) or {"bullets", "prose"} <= set(found):
        raise GenerationError(REFUSAL, transient=False, code="instruction_refused")
    length = next((name for name in found if name in ("shorter", "fuller")), "")
    layout = next((name for name in found if name in ("bullets", "prose")), "")
    return Wish(length, layout)  # type: ignore[arg-type]  # the names are those of the table above


def in_detail(section: Section) -> Section:
    """Return a section that asks for everything that was said about it."""
    return replace(
        section,
        style=Style("detailed", section.style.layout),
        subsections=tuple(in_detail(subsection) for subsection in section.subsections),
    )


def reshape(
    section: Section, current: DraftSection, wish: Wish, write_in_detail: Callable[[], DraftSection]
) -> DraftSection:
    """Return the section's lines as wished. `write_in_detail` gives the section with all that was said about it."""
    known = current
    if wish.length == "fuller":
        known = _joined(current, write_in_detail())
    return _reshaped(section, known, wish)


def _reshaped(section: Section, known: DraftSection, wish: Wish) -> DraftSection:
    inner = {subsection.id: subsection for subsection in section.subsections}
    sentences = known.sentences
    if wish.length == "shorter" and section.type in ("text", "list", "structured"):
        sentences = _shortened(sentences)
    if wish.layout and section.type in ("text", "list", "structured"):
        sentences = tuple(_laid_out(sentence, place, wish.layout) for place, sentence in enumerate(sentences))
    return replace(
        known,
        sentences=sentences,
        subsections=tuple(
            _reshaped(inner[part.id], part, wish) if part.id in inner else part for part in known.subsections
        ),
    )


def _shortened(sentences: tuple[DraftSentence, ...]) -> tuple[DraftSentence, ...]:
    """Keep the lines most likely to be wanted, in their order; talk of harm, drugs and doses always stay."""
    lines = [place for place, sentence in enumerate(sentences) if sentence.layout != "heading"]
    fixed = {place for place in lines if _must_stay(sentences[place])}
    wanted = max(ceil(len(lines) * _KEPT_SHARE), 1)
    ranked = sorted(set(lines) - fixed, key=lambda place: (-(sentences[place].confidence or 0.0), place))
    kept = fixed | set(ranked[: max(0, wanted - len(fixed))])
    headings = {place for place, sentence in enumerate(sentences) if sentence.layout == "heading"}
    return tuple(sentence for place, sentence in enumerate(sentences) if place in kept | headings)


def _must_stay(sentence: DraftSentence) -> bool:
    text = sentence.text
    return bool(
        sentence.is_template
        or SELF_HARM.search(text)
        or HARM_TO_OTHERS.search(text)
        or _DOSE.search(text)
        or any(word in DRUGS for word in tokens(text))
    )


def _laid_out(sentence: DraftSentence, place: int, layout: str) -> DraftSentence:
    if sentence.layout == "heading":
        return sentence
    if layout == "bullets":
        return replace(sentence, layout="item")
    return replace(sentence, layout="paragraph" if place == 0 else "prose")


def _joined(current: DraftSection, detailed: DraftSection) -> DraftSection:
    """Return the current lines with those of the detailed draft that say something new, in the transcript's order."""
    old = list(current.sentences)
    for sentence in detailed.sentences:
        if not sentence.is_template and not any(_repeats(sentence, one) for one in old):
            place = next((at for at, one in enumerate(old) if _start(one) > _start(sentence)), len(old))
            old.insert(place, sentence)
    by_id = {part.id: part for part in detailed.subsections}
    subsections = tuple(_joined(part, by_id[part.id]) if part.id in by_id else part for part in current.subsections)
    return replace(current, sentences=tuple(old), subsections=subsections)


def _start(sentence: DraftSentence) -> int:
    return min(sentence.evidence, default=-1)


def _repeats(new: DraftSentence, old: DraftSentence) -> bool:
    words = set(content_words(new.text))
    return new.text == old.text or len(words & set(content_words(old.text))) >= _SAME_WORDS * max(1, len(words))
