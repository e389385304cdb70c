"""Where a thing is spoken of, and how: told or asked, denied, of whom, when; a question with its answer."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from typing import Literal

from .answers import is_no_question
from .base import TranscriptSegment
from .lexicon import KIN
from .risk_lexicon import lines_without_idioms
from .risk_words import Answer, Time, denial_of, plain_lines, plain_words, read_answer, time_of
from .sentences import is_punctuated, split_sentences
from .statements import continues, turns_back
from .units import Role, role_of, units_of

Polarity = Literal["stated", "denied", "asked"]
Subject = Literal["patient", "other"]

_ANSWER_SEGMENTS = 3  # utterances of the patient that follow each other and are one answer
_MOST_READ = 100  # places in one utterance that name the same thing, of the first and of the last
_LONGEST_CONTINUATION = 6  # words of a further question that only goes on with the one before
_SELF_OF_OTHER = re.compile(r"\b(?:him|her|them)sel(?:f|ves)\b|\b(?:his|their) (?:own )?(?:life|wrists?)\b")
_SELF_OF_PATIENT = re.compile(r"\b(?:my|your)self\b|\b(?:my|your) (?:own )?(?:life|wrists?)\b")
_SUBJECT_AFTER = re.compile(r"\b(?:i|he|she|they|you)\b")
# A clinician thinking aloud names nobody: "No suicidal thoughts today." In general it is "Drinking makes sleep worse."
_NOTED = re.compile(r"^(?:(?:so|and|okay|but) )*(?:no|any|ongoing|current|denies|still)\b")
_HAPPENS_TO_ME = re.compile(r"^(?:abus|molest|rap|assault|sexual)\w* (?:\w+ )?(?:me|us)\b")
_OBJECT = re.compile(r"\b(?:me|us|without me|if i)\b")
_BEGINS_WITH_OTHER = re.compile(
    r"^(?:he|she|they|dad|father|mom|mum|mother|husband|wife|brother|sister|partner|people|someone|everyone)\b"
)
_BEGINS_WITH_SELF = re.compile(r"^(?:i|we)\b")
_PERSONS = re.compile(
    r"\b(?P<self>i|me|my|we|us|our)\b|\b(?P<you>you|your)\b|\b(?P<other>he|she|they|him|her|them|his|their|people|"
    r"someone|somebody|patients|clients|kids|guy|guys|man|woman|girl|boy|movie|film|show|book|news|song)\b"
)
_QUESTION = re.compile(
    r"^(?:(?:and|so|but|now|or|then|okay|well|also) )*(?:do|does|did|are|is|was|were|have|has|had|any|can|could|"
    r"would|"
    r"will|what|when|where|how|who|why|which|tell me|ever)\b"
)
_INVERTED = re.compile(
    r"^(?:(?:and|so|but|now|or|then|okay|well|also) )*(?:(?:do|does|did|are|is|was|were|have|has|had) (?:you|there|"
    r"anyone|"
    r"he|she|it|they|your)|any|ever|tell me)\b"
)
# To "so you are not thinking of suicide": a bare "yes" may mean either.
_AGREES = re.compile(r"^(?:(?:yes|yeah),? )?(?:right|correct|exactly|that is (?:right|correct|true)|no)\b(?! but)")
_CONTINUES = re.compile(r"^(?:or|and any|any|anything|ever|self|like|no)\b(?! (?:how|what|when|where|why|who)\b)")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence of one utterance. `plain` is as `plain_words` writes it, `literal` also has its idioms blanked."""

    place: int  # of the utterance in the transcript
    text: str
    plain: str
    literal: str
    is_question: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance with who spoke it."""

    segment: TranscriptSegment
    role: Role
    sentences: tuple[Spoken, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the patient answered to a question, and in which utterances."""

    answer: Answer
    turns: tuple[Turn, ...] = ()
    is_formerly: bool = False  # "not any more": it was so once

    @property
    def text(self) -> str:
        return " ".join(turn.segment.text.strip() for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where somebody speaks of a thing. `is_unsure`: the words can be read both ways."""

    place: int
    polarity: Polarity
    subject: Subject
    time: Time
    role: Role
    sentence: str
    evidence: tuple[int, ...]
    is_unsure: bool = False
    is_affirmed: bool = False  # asked, and answered with yes
    reply: Reply = Reply("")
    heard: tuple[int, ...] = ()  # the part of the evidence that carries the reading, without what only goes on with it


_Named = tuple[Turn, int, re.Match[str]]  # where a thing is named: the utterance, which of its sentences, the words


class Conversation:
    """A transcript cut into sentences, prepared once for any number of readings."""

    def __init__(self, segments: tuple[TranscriptSegment, ...]) -> None:
        roles = {unit.segment_id: unit.role for unit in units_of(segments)}
        use_model = not is_punctuated([segment.text for segment in segments])
        pieces = [split_sentences(segment.text, use_model=use_model) for segment in segments]
        plain = plain_lines(piece for cut in pieces for piece in cut)
        worded = zip(plain, lines_without_idioms(plain), strict=True)
        self.turns = [
            _turn(
                place,
                segment,
                roles.get(segment.id) or role_of(segment.speaker, segment.text),
                [(piece, *next(worded)) for piece in cut],
                use_model=use_model,
            )
            for place, (segment, cut) in enumerate(zip(segments, pieces, strict=True))
        ]
        self._goes_on = [False] + [
            continues(before, after, has_marks=not use_model) for before, after in pairwise(segments)
        ]
        self._spoken = [(turn, place) for turn in self.turns for place in range(len(turn.sentences))]
        spoken = [turn.sentences[place] for turn, place in self._spoken]
        self._plain = "\n".join(sentence.plain for sentence in spoken)
        self._literal = "\n".join(sentence.literal for sentence in spoken)
        self._starts = list(accumulate((len(sentence.plain) + 1 for sentence in spoken), initial=0))
        self._found: dict[tuple[re.Pattern[str], re.Pattern[str] | None, bool], list[Mention]] = {}

    def mentions(
        self, pattern: re.Pattern[str], *, unless: re.Pattern[str] | None = None, is_literal: bool = False
    ) -> list[Mention]:
        """Return every place where the pattern is spoken of, in order; sentences with an `unless` match are left out.

        With `is_literal` idioms are not looked at ("this traffic is killing me").
        """
        key = (pattern, unless, is_literal)
        if key not in self._found:
            self._found[key] = self._find(pattern, unless, is_literal=is_literal)
        return self._found[key]

    def _find(self, pattern: re.Pattern[str], unless: re.Pattern[str] | None, *, is_literal: bool) -> list[Mention]:
        found: list[Mention] = []
        # One pass over all the words first: sentence by sentence the same search takes several times as long.
        hits = pattern.finditer(self._literal if is_literal else self._plain)
        numbers = dict.fromkeys(bisect_right(self._starts, match.start()) - 1 for match in hits)
        for _, spoken in groupby((self._spoken[number] for number in numbers), key=lambda entry: id(entry[0])):
            places = [
                (turn, place, match)
                for turn, place in spoken
                if not (unless and unless.search(turn.sentences[place].plain))
                for match in pattern.finditer(_words(turn.sentences[place], is_literal=is_literal))
            ]
            seen: set[tuple[int, str]] = set()
            for turn, place, match in _first_and_last(places):
                mention = self._read(turn, place, match)
                if (place, mention.polarity) not in seen:
                    seen.add((place, mention.polarity))
                    found.append(mention)
        return found

    def reply_to(self, turn: Turn, number: int) -> Reply:
        """Return how the patient answered the question that is this sentence of the turn."""
        place = turn.sentences[number].place
        after = list(turn.sentences[number + 1 :])
        for later in self.turns[place + 1 :]:
            if later.role != "doctor":
                break
            after.extend(later.sentences)
        if any(sentence.is_question and not _is_continuation(sentence) for sentence in after):
            return Reply("")
        answers: list[Turn] = []
        for later in self.turns[place + 1 :]:
            if later.role == "doctor":
                if answers:
                    break
                continue
            if later.role != "patient":
                return Reply("unclear", (later,)) if not answers else Reply("unclear", tuple(answers))
            answers.append(later)
            if len(answers) == _ANSWER_SEGMENTS:
                break
        if not answers:
            return Reply("")
        answer, is_formerly = read_answer(" ".join(turn.segment.text for turn in answers))
        if read_answer(answers[0].segment.text)[0] == answer:
            answers = [answers[0], *self._going_on(answers[0])]
        if is_no_question(turn.sentences[number].plain) and answer in ("yes", "no"):
            # "You are not thinking of suicide?" - "Right." denies, "No." too; "Yes." may mean either.
            agrees = _AGREES.match(plain_words(answers[0].segment.text))
            answer = "no" if answer == "no" or agrees else "unclear"
        return Reply(answer, tuple(answers), is_formerly)

    def _read(self, turn: Turn, number: int, match: re.Match[str]) -> Mention:
        sentence = turn.sentences[number]
        subject = self._subject(turn, number, match)
        time = time_of(sentence.plain)
        own = (turn.segment.id,)
        if sentence.is_question and turn.role == "doctor":
            reply = self._reply_about(match.re, self.reply_to(turn, number))
            return self._answered(turn, sentence, subject, time, reply)
        denied, unsure = denial_of(sentence.plain, match)
        if sentence.is_question and not denied:
            following = turn.sentences[number + 1].plain if number + 1 < len(turn.sentences) else ""
            answer, _ = read_answer(following)
            denied, unsure = answer == "no", answer != "no"
        if turn.role == "doctor" and subject == "patient" and denied:
            reply = self.reply_to(turn, number)
            if reply.turns and _AGREES.match(plain_words(reply.text)):
                return self._answered(turn, sentence, subject, time, replace(reply, answer="no"))
        polarity: Polarity = "denied" if denied else "stated"
        said, evidence = self._whole(turn, number)
        return Mention(sentence.place, polarity, subject, time, turn.role, said, evidence, unsure, heard=own)

    def _whole(self, turn: Turn, number: int) -> tuple[str, tuple[int, ...]]:
        """Return the whole statement a sentence is part of, as it was said, and the segments it goes over."""
        words, cited = [turn.sentences[number].text], [turn.segment.id]
        if number and turns_back(words[0]):
            words.insert(0, turn.sentences[number - 1].text)
        elif not number and turn.sentences[0].place and self._goes_on[turn.sentences[0].place]:
            earlier = self.turns[turn.sentences[0].place - 1]
            if earlier.sentences:
                words.insert(0, earlier.sentences[-1].text)
                cited.insert(0, earlier.segment.id)
        last = number + 1 == len(turn.sentences)
        if not last and turns_back(turn.sentences[number + 1].text):
            words.append(turn.sentences[number + 1].text)
        elif last:
            for later in self._going_on(turn):
                words.append(later.sentences[0].text)
                cited.append(later.segment.id)
        return " ".join(words), tuple(cited)

    def _going_on(self, turn: Turn) -> list[Turn]:
        """Return the next utterances of the same speaker that go on with this one's last statement."""
        found: list[Turn] = []
        place = turn.sentences[-1].place if turn.sentences else len(self.turns)
        for later in self.turns[place + 1 : place + 1 + _ANSWER_SEGMENTS]:
            if not self._goes_on[later.sentences[0].place if later.sentences else 0]:
                break
            found.append(later)
            if len(later.sentences) > 1:
                break
        return found

    @staticmethod
    def _reply_about(pattern: re.Pattern[str], reply: Reply) -> Reply:
        """Return a reply that speaks of the thing itself ("Two beers a night.") as the yes or no it amounts to."""
        if reply.answer:
            return reply
        for turn in reply.turns:
            for sentence in turn.sentences:
                match = pattern.search(sentence.literal)
                if match is None:
                    continue
                denied, unsure = denial_of(sentence.plain, match)
                return replace(reply, answer="unclear" if unsure else "no" if denied else "yes")
        return replace(reply, turns=reply.turns[:1])

    def _answered(self, turn: Turn, sentence: Spoken, subject: Subject, time: Time, reply: Reply) -> Mention:
        evidence = (turn.segment.id, *(answer.segment.id for answer in reply.turns))
        polarity: Polarity = "denied" if reply.answer == "no" else "stated" if reply.answer == "yes" else "asked"
        told = time_of(plain_words(reply.text)) if reply.turns else "unknown"
        if reply.answer == "no" and reply.is_formerly:
            time = "current"
        elif reply.answer == "yes" and told != "unknown":
            time = told
        carrying = [answer.segment for answer in reply.turns]
        if carrying and read_answer(carrying[0].text)[0] == reply.answer:
            carrying = carrying[:1]
        return Mention(
            sentence.place,
            polarity,
            subject,
            time,
            "doctor",
            sentence.text,
            evidence,
            is_unsure=reply.answer == "unclear",
            is_affirmed=reply.answer == "yes",
            reply=reply,
            heard=(turn.segment.id, *(segment.id for segment in carrying)),
        )

    def _subject(self, turn: Turn, number: int, match: re.Match[str]) -> Subject:
        """Return of whom something is said: what stands nearest before it in its sentence, else in the one before."""
        sentence = turn.sentences[number]
        if _SELF_OF_PATIENT.search(match.group(0)):
            return "patient" if not _is_quoted_of_other(sentence.plain, match) else "other"
        if _SELF_OF_OTHER.search(match.group(0)):
            return "patient" if turn.role == "companion" else "other"
        if turn.role != "companion" and (inside := _person_inside(match.group(0), turn.role)):
            return inside
        if turn.role == "patient" and _HAPPENS_TO_ME.match(sentence.plain[match.start() :]):
            return "patient"
        named = _nearest_person(sentence.plain[: match.start()])
        if not named and (later := _SUBJECT_AFTER.search(sentence.plain[match.end() :])):
            named = _nearest_person(later.group(0))
        if not named and number and turn.role != "doctor":
            named = _nearest_person(turn.sentences[number - 1].plain)
        if turn.role == "companion":
            return "other" if named == "self" else "patient"
        if named == "other":
            return "other"
        if turn.role == "doctor" and not named and not sentence.is_question:
            return "patient" if _NOTED.match(sentence.plain) else "other"
        return "patient"


def is_denial(mention: Mention) -> bool:
    """Tell whether a place denies for the patient: asked and answered no, or denied by the patient in their own words."""
    if mention.polarity != "denied" or mention.subject != "patient" or mention.is_unsure:
        return False
    return mention.role == "patient" or mention.reply.answer == "no"


@lru_cache(maxsize=4)
def conversation_of(segments: tuple[TranscriptSegment, ...]) -> Conversation:
    """Return a transcript prepared for reading; the last few are kept, since every check asks for the same one."""
    return Conversation(segments)


def _turn(
    place: int, segment: TranscriptSegment, role: Role, pieces: Iterable[tuple[str, str, str]], *, use_model: bool
) -> Turn:
    """Return an utterance from its sentences: each as it was said, in plain words, and without idioms."""
    sentences = []
    for piece, plain, literal in pieces:
        # Without marks the first words have to tell; a patient's "When I drink" or "What I mean" tells nothing.
        asks = piece.rstrip(" \"'”").endswith("?")
        if role == "doctor" and not asks:
            asks = bool((_QUESTION if use_model else _INVERTED).match(plain))
        sentences.append(Spoken(place, piece.strip(), plain, literal, asks))
    return Turn(segment, role, tuple(sentences))


def _words(sentence: Spoken, *, is_literal: bool) -> str:
    return sentence.literal if is_literal else sentence.plain


def _first_and_last(places: Sequence[_Named]) -> Sequence[_Named]:
    """Return the places to read in one utterance: all, or of hundreds the first and the last; its quote holds the rest."""
    return places if len(places) <= 2 * _MOST_READ else [*places[:_MOST_READ], *places[-_MOST_READ:]]


def _is_continuation(sentence: Spoken) -> bool:
    return bool(_CONTINUES.match(sentence.plain)) and len(sentence.plain.split()) <= 2 * _LONGEST_CONTINUATION


def _nearest_person(plain: str) -> str:
    """Return self, you or other for the person named last in these words; empty when nobody is."""
    last, kind = -1, ""
    for match in _PERSONS.finditer(plain):
        last, kind = match.start(), str(match.lastgroup)
    for kin in KIN.finditer(plain):
        # "my brother": the relative outweighs the "my" before the name.
        if kin.end() >= last:
            last, kind = kin.end(), "other"
    return kind


def _person_inside(words: str, role: Role) -> Subject | None:
    """Return of whom a match itself speaks: the one it happens to (`hit me`), else the one it begins with (`he drinks`)."""
    if _OBJECT.search(words) or (role == "doctor" and re.search(r"^your?\b|\byou$", words)):
        return "patient"
    if _BEGINS_WITH_OTHER.match(words):
        return "other"
    return "patient" if _BEGINS_WITH_SELF.match(words) else None


def _is_quoted_of_other(plain: str, match: re.Match[str]) -> bool:
    """Tell whether `myself` stands in words somebody else is quoted with: `he said, "I will kill myself"`."""
    before = plain[: match.start()]
    said = re.search(
        r"\b(?:he|she|they|brother|sister|mother|mom|father|dad|friend|husband|wife|son|daughter|"
        r"partner)\b[\w ]{0,12}"
        r"\b(?:said|says|goes|was like|texted|wrote|screamed|yelled)\b,? ?\"? ?i\b",
        before,
    )
    return said is not None
