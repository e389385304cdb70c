"""What speakers take back: `Prozac, no, Lexapro`, `Seven. No, that was last month. Four now`, `that was the wrong file`."""

import re
from dataclasses import replace
from functools import lru_cache

from sessions_app.transcripts.clinical_terms import DRUGS

from .base import TranscriptSegment
from .folded import Folded
from .lexicon import HARM_TO_OTHERS, SELF_HARM
from .textnorm import tokens

_NUMBER = (
    r"(?:\d+(?:\.\d+)?|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|seven|eight|"
    r"nine))?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    r"nineteen|(?:one|two|three|four|five|six|seven|eight|nine) hundred)"
)
_DRUG = rf"(?:{'|'.join(sorted(map(re.escape, DRUGS), key=len, reverse=True))})"
_REPAIR = r"(?:no,? wait|wait,? no|no,? sorry|sorry|no|i mean|i meant|or rather|correction|scratch that|make that)"
_NUMBER_REPAIRED = re.compile(
    rf"\b{_NUMBER}(?: [a-z]+)?[,.]? ?(?:-+|…|,)? ?{_REPAIR},? (?=(?:it is |it's )?{_NUMBER}\b)", re.IGNORECASE
)
_DRUG_REPAIRED = re.compile(
    rf"\b(?:the )?{_DRUG}[,.]? ?(?:-+|…)? ?{_REPAIR},? (?:sorry,? )?(?=(?:the )?{_DRUG}\b)", re.IGNORECASE
)
# A quick look: without one of these there is nothing to take back, and the long patterns are not tried.
_MAY_REPAIR = Folded(
    r"\b(?:no|sorry|wait|i mean|i meant|or rather|correction|scratch that|make that|m\w*grams?|mg|mcg)\b"
)
_MAY_NOT_TAKE = Folded(r"\bi (?:do not|don't|never|have never|am not|'m not)\b")
_SHORT_TAKEN_BACK = re.compile(
    r"^(?P<before>(?:.*[.?!] )?)(?P<said>[^.?!]{1,30})[.!] (?:oh,? )?no,? (?:that|it)(?: was|'s| is) (?P<when>[^.?!]{3,30})[.!] "
    rf"(?=(?:it is |it's |now )?{_NUMBER}\b)",
    re.IGNORECASE,
)
_DRUG_THEN_DOSE = re.compile(rf"\b({_DRUG})\. (?={_NUMBER} ?(?:mg|mcg|milligrams?|micrograms?)\b)", re.IGNORECASE)
_WRONG_FILE = Folded(
    r"\b(?:wrong (?:file|chart|patient|record|notes?|page|name)|(?:another|a different|the other|someone else's|somebody else's) "
    r"patient'?s? (?:file|chart|record|notes?|results?|level))\b"
)
_NOT_MINE = re.compile(
    rf"\bi (?:do not|don't|never|have never|am not|'m not)(?: (?:take|taken|took|use|on|taking|had|been on))+ (?:any )?(?P<drug>{_DRUG})\b",
    re.IGNORECASE,
)
_AS_TAKEN = re.compile(r"\b(?:your|you take|you are on|you're on|you are taking)\b", re.IGNORECASE)
_NOT_THIS_SIDE = Folded(
    r"\bnot (?:(?:the|my|in|on|really) )*(?P<wrong>right|left)\b"
    r"|^no\b[ ,.]*(?:it is |it's |that's )?(?:in |on )?(?:the|my) (?P<true>right|left)\b"
)
_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_NEAR = 3  # segments looked back at


@lru_cache(maxsize=2)
def without_corrected(segments: tuple[TranscriptSegment, ...]) -> tuple[TranscriptSegment, ...]:
    """Return the segments without what their speakers took back at once; segments with nothing of it stay the same objects."""
    settled = [_settled(segment) for segment in segments]
    for place, segment in enumerate(segments):
        if segment.speaker.startswith("doctor") and _WRONG_FILE.search(segment.text):
            _withdraw(settled, place, re.compile(r"\b(?:you|your)\b", re.IGNORECASE))
        elif not segment.speaker.startswith("doctor") and (side := _NOT_THIS_SIDE.search(segment.text)):
            wrong = side["wrong"] or ("left" if side["true"] == "right" else "right")
            _only_ask(settled, place, re.compile(rf"\b{wrong}\b", re.IGNORECASE))
        elif not segment.speaker.startswith("doctor") and _MAY_NOT_TAKE.search(segment.text):
            for denied in _NOT_MINE.finditer(segment.text):
                _withdraw(settled, place, re.compile(rf"\b{re.escape(denied['drug'])}\b", re.IGNORECASE))
    is_same = all(one is other for one, other in zip(settled, segments, strict=True))
    return segments if is_same else tuple(settled)


def _settled(segment: TranscriptSegment) -> TranscriptSegment:
    text = segment.text
    if not _MAY_REPAIR.search(text) or SELF_HARM.search(text) or HARM_TO_OTHERS.search(text):
        return segment
    text = _SHORT_TAKEN_BACK.sub(lambda match: match["before"], text)
    text = _NUMBER_REPAIRED.sub("", text)
    if not DRUGS.isdisjoint(tokens(text)):
        text = _DRUG_REPAIRED.sub("", text)
        text = _DRUG_THEN_DOSE.sub(r"\1, ", text)
    return segment if text == segment.text else replace(segment, text=text)


def _withdraw(settled: list[TranscriptSegment], place: int, about: re.Pattern[str]) -> None:
    """Take out what the clinician told the patient about themself just before and what turned out not to be theirs."""
    for earlier in range(place - 1, max(-1, place - 1 - _NEAR), -1):
        segment = settled[earlier]
        if not segment.speaker.startswith("doctor"):
            continue
        kept = [
            sentence
            for sentence in _SENTENCE.split(segment.text)
            if sentence.endswith("?") or not (about.search(sentence) and _AS_TAKEN.search(sentence))
        ]
        settled[earlier] = replace(segment, text=" ".join(kept)) if " ".join(kept) != segment.text else segment
        return


def _only_ask(settled: list[TranscriptSegment], place: int, about: re.Pattern[str]) -> None:
    """Turn what the clinician just told the patient of a side, and the patient says is not it, into a question."""
    before = settled[place - 1] if place else None
    if before is None or not before.speaker.startswith("doctor") or not about.search(before.text):
        return
    sentences = [
        f"{sentence.rstrip(' .,')}?"
        if about.search(sentence) and re.search(r"\byour?\b", sentence, re.IGNORECASE)
        else sentence
        for sentence in _SENTENCE.split(before.text)
    ]
    if " ".join(sentences) != before.text:
        settled[place - 1] = replace(before, text=" ".join(sentences))
