"""Checklists that never invent a normal finding: an item is present, denied or not assessed, as the transcript says."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from reports.templating.structure import Entry, Section

from .base import DraftSection, DraftSentence, TranscriptSegment
from .guard import Guard, SupportResult
from .risk_reading import Conversation, Mention, conversation_of, is_denial
from .substance_talk import is_about_soft_drink
from .tristate_concepts import Concept, concept_of

PRESENT, DENIED, NOT_ASSESSED = "present", "denied", "not_assessed"
STATES = (PRESENT, DENIED, NOT_ASSESSED)
NOT_ASSESSED_WORDS = "Not assessed this session"
UNPROVEN_DENIAL = (
    "The draft had this as denied, but it cites no question with its answer, so it counts as not assessed."
)
_SUBSTANCES = "substance_use"  # the concept
_CONTEXT_SEGMENTS = 8  # a plan or an intent counts this many utterances after the talk it belongs to
_QUOTES = {"concise": 1, "standard": 2, "detailed": 4}
_LONGEST_QUOTE = 180  # characters
_QUOTED = re.compile(r"“([^”]*?)(?: …)?”")
# What a line of a checklist says besides its quotes.
_FRAME = re.compile(
    r"\b(?:Denied|Present|In the past|Now: not assessed|asked|answered|said by the (?:clinician|accompanying person))\b|[\s().,;]"
)
_WORDS_OF_ITS_OWN = 6


def checklist_sentences(section: Section, segments: tuple[TranscriptSegment, ...]) -> tuple[DraftSentence, ...]:
    """Return one line for each item of a checklist section, in its order: present, denied or not assessed."""
    conversation = conversation_of(segments)
    most = _QUOTES.get(section.style.detail, 2)
    return tuple(_line(item, read_item(item, conversation), most) for item in section.items)


def claim_of(text: str, item: str) -> str:
    """Return what a line states: of a checklist line the words after its item's title, which is the template's."""
    return text.partition(": ")[2] or text if item else text


def check_line(guard: Guard, text: str, evidence: Collection[int], item: str = "") -> SupportResult:
    """Return the support of a line; a checklist line of nothing but exact quotes of what it cites needs no weighing."""
    result = guard.check(claim_of(text, item), evidence)
    if not item or any(flag.is_hard for flag in result.flags):
        return result
    said = " ".join(guard.index.segments[guard.index.order[key]].text for key in evidence if key in guard.index.order)
    quotes = _QUOTED.findall(claim_of(text, item))
    is_frame = not _FRAME.sub("", _QUOTED.sub("", claim_of(text, item)))
    if quotes and is_frame and all(_plain_quote(quote) in _plain_quote(said) for quote in quotes):
        return SupportResult("supported", (), 0.0)
    return result


def not_assessed(item: Entry) -> DraftSentence:
    """Return the line of an item nobody asked about."""
    text = f"{item.title}: {NOT_ASSESSED_WORDS}."
    return DraftSentence(text, (), layout="item", item=item.id, state=NOT_ASSESSED, is_template=True)


def read_item(item: Entry, conversation: Conversation) -> tuple[str, list[Mention]]:
    """Return the state of an item and the places it rests on; doubt is not assessed."""
    concept = concept_of(item)
    mentions = _mentions(concept, conversation)
    told = [mention for mention in mentions if _is_told(mention, concept)]
    if told:
        return PRESENT, told
    denied = [mention for mention in mentions if is_denial(mention)]
    past = [
        mention
        for mention in mentions
        if mention.polarity == "stated" and mention.time == "past" and mention.subject == "patient"
    ]
    if denied and not _is_in_doubt(mentions, denied[0]):
        return DENIED, denied[:1]
    if past:
        return PRESENT, past
    return NOT_ASSESSED, []


def enforce(
    section: DraftSection, template: Section, segments: tuple[TranscriptSegment, ...], *, is_whole: bool = True
) -> DraftSection:
    """Return a drafted section with every checklist item in a state its evidence carries.

    An item "denied" without a question and its answer, or the patient's own words, becomes not assessed and says why; in a
    whole section a missing item is added as not assessed.
    """
    children = {child.id: child for child in template.subsections}
    subsections = tuple(
        enforce(drafted, children[drafted.id], segments, is_whole=is_whole) if drafted.id in children else drafted
        for drafted in section.subsections
    )
    if template.type != "checklist":
        return replace(section, subsections=subsections)
    conversation = conversation_of(segments)
    lines = {sentence.item: sentence for sentence in section.sentences if sentence.item}
    items = [item for item in template.items if is_whole or item.id in lines]
    kept = tuple(_proven(item, lines.get(item.id), conversation) for item in items)
    return replace(section, status="documented", sentences=kept, subsections=subsections)


def _proven(item: Entry, sentence: DraftSentence | None, conversation: Conversation) -> DraftSentence:
    if sentence is None or sentence.state not in (PRESENT, DENIED):
        return not_assessed(item)
    if sentence.state == DENIED and not _carries_denial(item, sentence.evidence, conversation):
        return replace(not_assessed(item), reason=UNPROVEN_DENIAL)
    return sentence


def _carries_denial(item: Entry, cited: Collection[int], conversation: Conversation) -> bool:
    """Tell whether the cited segments hold a question about the item with its answer, or the patient's own denial."""
    mentions = _mentions(concept_of(item), conversation)
    return any(is_denial(mention) and set(mention.heard) <= set(cited) for mention in mentions)


def _mentions(concept: Concept, conversation: Conversation) -> list[Mention]:
    mentions = conversation.mentions(concept.words, unless=concept.unless, is_literal=concept.is_literal)
    if concept.name == _SUBSTANCES:
        mentions = [one for one in mentions if not is_about_soft_drink(one, conversation)]
    if concept.context is not None:
        about = [one.place for one in conversation.mentions(concept.context)]
        mentions = [one for one in mentions if any(0 <= one.place - place <= _CONTEXT_SEGMENTS for place in about)]
    if concept.is_observed:
        mentions = [one for one in mentions if one.role != "companion"]
    return mentions


def _is_told(mention: Mention, concept: Concept) -> bool:
    """Tell whether a place says that it is so: now, or ever for what belongs to the history."""
    if mention.subject != "patient" or mention.is_unsure:
        return False
    if concept.is_observed and mention.polarity == "asked":
        return _is_described(mention)
    if mention.polarity != "stated" or (
        mention.role == "doctor" and not mention.is_affirmed and not concept.is_observed
    ):
        return False
    return concept.is_history or mention.time != "past"


def _is_described(mention: Mention) -> bool:
    """Tell whether an open question ("How is your mood?") got an answer in words."""
    words = re.findall(r"[a-z]+", mention.reply.text.lower())
    is_open = bool(re.match(r"^(?:\w+ ){0,3}?(?:how|what|where|which|tell|describe)\b", mention.sentence.lower()))
    return is_open and not mention.reply.answer and bool(words)


def _is_in_doubt(mentions: Sequence[Mention], denial: Mention) -> bool:
    """Tell whether something after the denial takes it back."""
    later = [one for one in mentions if one.place > denial.place and one.subject == "patient"]
    return any(one.is_unsure or (one.polarity == "stated" and one.time != "past") for one in later)


def _line(item: Entry, read: tuple[str, list[Mention]], most: int) -> DraftSentence:
    state, mentions = read
    if state == NOT_ASSESSED:
        return not_assessed(item)
    chosen: list[Mention] = []
    for mention in mentions:
        if not any(set(mention.evidence) <= set(earlier.evidence) for earlier in chosen):
            chosen.append(mention)
    chosen = chosen[:most]
    evidence = tuple(sorted({segment for mention in chosen for segment in mention.evidence}))
    quotes = "; ".join(dict.fromkeys(_quoted(mention) for mention in chosen))
    concept = concept_of(item)
    if state == DENIED:
        text = f"{item.title}: Denied ({quotes})."
    elif not concept.is_history and all(mention.time == "past" for mention in mentions):
        text = f"{item.title}: In the past ({quotes}). Now: not assessed."
    elif concept.is_observed or concept.is_history:
        text = f"{item.title}: {quotes}."
    else:
        text = f"{item.title}: Present ({quotes})."
    return DraftSentence(text, evidence, 0.9, "item", item=item.id, state=state)


def _quoted(mention: Mention) -> str:
    """Return the words a state rests on: the patient's own, the answer with its question when it says little alone."""
    if not mention.reply.turns:
        by = (
            " said by the clinician"
            if mention.role == "doctor"
            else " said by the accompanying person"
            if mention.role == "companion"
            else ""
        )
        return f"{_in_marks(mention.sentence)}{by}"
    answer = mention.reply.text
    if len(re.findall(r"\w+", answer)) > _WORDS_OF_ITS_OWN and mention.polarity != "denied":
        return _in_marks(answer)
    return f"asked {_in_marks(mention.sentence)}, answered {_in_marks(answer)}"


def _plain_quote(words: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", words.lower().replace("’", "'")))


def _in_marks(words: str) -> str:
    plain = " ".join(words.replace("“", '"').replace("”", '"').replace('"', "'").split()).rstrip(" .,;")
    if len(plain) > _LONGEST_QUOTE:
        plain = f"{plain[:_LONGEST_QUOTE].rsplit(' ', 1)[0]} …"
    return f"“{plain}”"
