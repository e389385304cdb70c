"""What a clinician says to a scribe, to a computer or for the record: it is no part of what happened in the session."""

import re
from dataclasses import replace
from functools import lru_cache

from .base import TranscriptSegment
from .folded import Folded
from .sentences import split_sentences

_LEAD = r"^(?:(?:and|so|okay|ok|alright|all right|now|then|uh|um|right|well|yeah|hi|hello)[ ,]+)*"
_PART = (
    r"(?:(?:the |my |this )?(?:assessment(?: and plan)?|plan|impression|subjective|objective|history(?: of present illness)?|hpi|note|"
    r"chart|record|report|results|exam(?:ination)?|summary)(?: section| part)?)"
)
_COMPUTER = r"(?:dragon|siri|alexa|cortana|copilot|scribe|computer|assistant|system)"
_SHOWING = (
    r"(?:show|pull up|open|bring up|display|scroll|go (?:to|back)|read|start|stop|pause|resume|save|close|delete|"
    r"undo|summari[sz]e|list|insert|copy|new (?:line|paragraph|section)|next (?:field|section)|turn (?:on|off)|remind)"
)
_LISTING = r"(?:summari[sz]e|list|copy|paste|pull in|bring in|carry over|repeat|format|add the following)"
_WRITING = r"(?:put|write|document|add|note|include|type|enter|record|state|say)(?: down)?(?: that)?"
# Nothing of these sentences is left.
_ORDER = re.compile(
    rf"{_LEAD}(?:hey|ok|okay|hi|hello)?[ ,]*{_COMPUTER}\b[ ,]*(?:(?:please|can you|could you|would you)[ ,]+)*{_SHOWING}\b"
    rf"|{_LEAD}(?:in|under|for|to) {_PART}[ ,]+(?:(?:please|just|also|let us|let's|can you|go ahead and|we can)[ ,]+)*{_LISTING}\b"
    rf"|{_LEAD}please (?:use (?:\w+ ){0, 4}template\b|{_LISTING}\b(?!.*\byour?\b)|"
    rf"(?:put|write|document|add|include|insert|type|enter)\b.*\b(?:in|to|under|into) {_PART}[ .]*$)"
    rf"|{_LEAD}{_LISTING}\b.*\b(?:in|under|into) {_PART}[ .]*$",
    re.IGNORECASE,
)
# Of these the words after the order are what the clinician found or plans.
_DICTATED = re.compile(
    rf"{_LEAD}(?:in|under|for|to) {_PART}[ ,]+(?:(?:please|just|also|let us|let's|can you|go ahead and)[ ,]+)*{_WRITING}[ :,]+",
    re.IGNORECASE,
)
_MONTH = r"(?:jan|febr?|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ruary|ch|il|ust|tember|ober|ember)?"
_YEAR = r"(?:(?:19|20)\d\d|(?:nineteen|twenty|two thousand)(?:[- ][a-z]+){1,3}?(?=[ ,.]|$))"
_DATE = (
    rf"(?:\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|(?:the )?(?:{_MONTH}|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH})"
    rf"(?: (?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?|[a-z]+(?:st|nd|rd|th)))?[ ,]*{_YEAR})"
)
_IDENTITY = r"(?:date of birth|birth ?date|d\.?o\.?b\.?|medical record number|record number|mrn|social security number)"
_BORN = re.compile(
    rf"(?:\b(?:with|and|her|his|their|your|the|my|patient'?s?)\s+){{0,6}}\b{_IDENTITY}(?![a-z])"
    rf"[ ,:]*(?:is|was)?[ ,:]*(?:uh|um)?[ ,]*(?:(?:{_DATE}|[\d-]{{4,}})[ ,]*|.*$)",
    re.IGNORECASE,
)
# "Next is Ann Lee,", "Today I'm seeing Ann Lee.", "The next patient is Ann Lee": the name up to what is told of her.
_NAME = (
    r"[ ,]+(?:(?:mr|mrs|ms|miss|dr)[. ]+)?(?!a\b|an\b|the\b|your\b|my\b|some\b)[a-z'-]+(?: [a-z'-]+){0,2}?"
    r"[ ,]*(?=$|[,.]|\b(?:who|she|he|they|a|an|is|here|with|uh|um|in|for|date)\b)[ ,.]*(?:uh|um)?[ ,]*"
)
_NAMED = re.compile(
    rf"{_LEAD}(?:(?:the |our |my |your )?next patient(?: here| today| up)? (?:is|will be)"
    rf"|today (?:i am|i'm|we are|we're|i have|we have) (?:seeing|with)|(?:the )?patient'?s? name is){_NAME}",
    re.IGNORECASE,
)
_MAY_BE = Folded(
    rf"\b(?:{_COMPUTER}|please|list|summari[sz]e|next|today|patient|seeing)\b|{_IDENTITY}|\b(?:in|under|for|to) {_PART}"
)
_LONGEST_NAME = 5  # words: "next is Ann Mary Lee"
_SHORTEST_REST = 3  # words that may still tell something


@lru_cache(maxsize=2)
def without_dictation(segments: tuple[TranscriptSegment, ...]) -> tuple[TranscriptSegment, ...]:
    """Return the segments without orders to a scribe or computer and without names and birth dates given for the record."""
    cleared = [_cleared(segment) for segment in segments]
    is_same = all(one is other for one, other in zip(cleared, segments, strict=True))
    return segments if is_same else tuple(cleared)


def _cleared(segment: TranscriptSegment) -> TranscriptSegment:
    if not _MAY_BE.search(segment.text):
        return segment
    is_clinician = segment.speaker.startswith("doctor")
    sentences = split_sentences(segment.text, use_model=False)
    kept = [_told(sentence, is_clinician=is_clinician) for sentence in sentences]
    for place, later in enumerate(sentences[1:]):
        # "Bruce Ward. Date of birth ...": who is named just before is the one who was born then.
        if (
            is_clinician
            and _BORN.match(later)
            and not later.endswith("?")
            and len(sentences[place].split()) <= _LONGEST_NAME
        ):
            kept[place] = ""
    return segment if kept == sentences else replace(segment, text=" ".join(filter(None, kept)))


def _told(sentence: str, *, is_clinician: bool) -> str:
    """Return what a sentence tells besides orders and identity; empty when that is nothing."""
    if sentence.rstrip().endswith("?"):
        return sentence
    born = _BORN.search(sentence)
    told = _BORN.sub("", sentence)
    if born and len(re.findall(r"\w+", sentence[: born.start()])) <= _LONGEST_NAME:
        told = told[born.start() :]
    if not is_clinician and told != sentence:
        return ""
    if is_clinician:
        if _ORDER.search(told):
            return ""
        told = _DICTATED.sub("", _NAMED.sub("", told))
    if told == sentence:
        return sentence
    told = told.strip(" ,")
    return told if len(re.findall(r"\w+", told)) >= _SHORTEST_REST else ""
