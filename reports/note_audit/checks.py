"""The ways a rule looks at a note. Each yields what is wrong and the id of the section to go to."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from reports.generation.lexicon import NEGATION, SELF_HARM
from reports.generation.quantities import doses_of
from reports.generation.textnorm import content_words, tokens
from reports.note_audit.notes import Note
from sessions_app.transcripts.clinical_terms import DRUGS, drug_name

# Minutes face to face a psychotherapy code stands for: CPT's time rule, a unit begins past the half of its time.
CODE_MINUTES: dict[str, tuple[int, int | None]] = {
    "90832": (16, 37),
    "90834": (38, 52),
    "90837": (53, None),
    "90839": (30, 74),
    "90846": (26, None),
    "90847": (26, None),
}
_SAME_SHARE = 0.9  # of two lines' content words: from here on one is a copy of the other
_FEWEST_WORDS = 4  # content words; shorter lines are alike by chance
_COPIED_LINES = 3
_CHANGE = re.compile(
    r"\b(?:start\w*|begin\w*|initiat\w*|prescrib\w*|increas\w*|rais\w*|decreas\w*|reduc\w*|lower\w*|titrat\w*|switch\w*)\b",
    re.IGNORECASE,
)
_SAFETY_STEP = re.compile(
    r"\b(?:safety plan\w*|crisis (?:line|plan|number|team)|means (?:safety|restriction)|emergency|hospital\w*|contract\w*|"
    r"warning signs|reach out|call (?:me|us|the)|supervis\w+|988|remov\w+ (?:the )?(?:means|pills|gun|weapon)s?)\b",
    re.IGNORECASE,
)


class Need(Protocol):
    """What `reports.note_audit.Need` is to a check."""

    @property
    def lacks(self) -> str: ...
    @property
    def topics(self) -> tuple[str, ...]: ...
    @property
    def words(self) -> re.Pattern[str] | None: ...


Findings = Iterator[tuple[str, str]]
Check = Callable[[Note, Sequence[Need]], Findings]


def written(note: Note, needs: Sequence[Need]) -> Findings:
    lacking = [need for need in needs if not _is_written(note, need)]
    if lacking:
        place = note.place_of(*(topic for need in lacking for topic in need.topics), "plan", "assessment")
        yield _sentence("; ".join(need.lacks for need in lacking)), place


def _is_written(note: Note, need: Need) -> bool:
    if any(True for _ in note.lines_about(*need.topics)):
        return True
    return need.words is not None and any(need.words.search(sentence["text"]) for _, sentence in note.lines())


def required_sections(note: Note, needs: Sequence[Need]) -> Findings:
    for section_id, title in note.unfilled:
        yield f"“{title}” is required and empty.", section_id


def unsupported_lines(note: Note, needs: Sequence[Need]) -> Findings:
    places = [place for place, sentence in note.lines() if sentence["support"] == "unsupported"]
    for place in dict.fromkeys(places):
        count = places.count(place)
        yield f"{count} {'line is' if count == 1 else 'lines are'} not supported by the recording.", place


def intervention_and_goal(note: Note, needs: Sequence[Need]) -> Findings:
    goals = [set(content_words(sentence["text"])) for _, sentence in note.lines_about("goals")]
    done = [set(content_words(sentence["text"])) for _, sentence in note.lines_about("interventions", "education")]
    done = done or [
        set(content_words(sentence["text"])) for _, sentence in note.lines_about("plan", "homework", "response")
    ]
    if not any(goal & step for goal in goals for step in done):
        yield (
            "No intervention shares a word with a goal: say which goal it serves.",
            note.place_of("interventions", "goals"),
        )


def risk_addressed(note: Note, needs: Sequence[Need]) -> Findings:
    is_said = any(SELF_HARM.search(sentence["text"]) for _, sentence in note.lines())
    if not (is_said or note.risk_statements or any(True for _ in note.lines_about("risk"))):
        yield "Risk is neither asked about nor said to be not assessed.", note.place_of("risk", "assessment")


def risk_assessed(note: Note, needs: Sequence[Need]) -> Findings:
    """Ask for a line about risk besides those that say it was not assessed."""
    about = {id(sentence) for _, sentence in note.lines_about("risk")}
    lines = [sentence for _, sentence in note.lines() if id(sentence) in about or SELF_HARM.search(sentence["text"])]
    if all(sentence.get("state") == "not_assessed" for sentence in lines):
        yield "This is a note of a crisis, and risk was not assessed.", note.place_of("risk", "assessment")


def risk_plan(note: Note, needs: Sequence[Need]) -> Findings:
    is_current = any(statement.get("disposition") == "current" for statement in note.risk_statements)
    if is_current and not any(_SAFETY_STEP.search(sentence["text"]) for _, sentence in note.lines()):
        yield "A risk is marked current and no line says what was agreed for safety.", note.place_of("risk", "plan")


def medication_dose(note: Note, needs: Sequence[Need]) -> Findings:
    for place, sentence in note.lines():
        text = sentence["text"]
        if not _CHANGE.search(text) or NEGATION.search(text):
            continue
        known = doses_of(text)
        for drug in dict.fromkeys(word for word in tokens(text) if word in DRUGS):
            if drug_name(drug) not in known and not re.search(r"\d", text):
                yield f"{drug.capitalize()} is changed without a dose.", place


def copied_note(note: Note, needs: Sequence[Need]) -> Findings:
    before = [set(content_words(line)) for line in note.previous_lines]
    copied = []
    for place, sentence in note.lines():
        words = set(content_words(sentence["text"]))
        if len(words) >= _FEWEST_WORDS and any(_is_same(words, other) for other in before):
            copied.append(place)
    if len(copied) >= _COPIED_LINES:
        yield f"{len(copied)} lines are those of the last signed note.", copied[0]


def _is_same(words: set[str], other: set[str]) -> bool:
    return len(words & other) >= _SAME_SHARE * len(words | other)


def time_and_code(note: Note, needs: Sequence[Need]) -> Findings:
    limits = CODE_MINUTES.get(note.billing_code)
    if limits is None or note.minutes is None:
        return
    least, most = limits
    if note.minutes < least:
        yield f"{note.minutes} minutes: {note.billing_code} begins at {least}, {least - note.minutes} short.", ""
    elif most is not None and note.minutes > most:
        yield f"{note.minutes} minutes: {note.billing_code} ends at {most}.", ""


def unsigned(note: Note, needs: Sequence[Need]) -> Findings:
    if not note.is_signed and note.days_unsigned > note.days_allowed:
        yield f"Unsigned for {note.days_unsigned} days; the clinic allows {note.days_allowed}.", ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        written,
        required_sections,
        unsupported_lines,
        intervention_and_goal,
        risk_addressed,
        risk_assessed,
        risk_plan,
        medication_dose,
        copied_note,
        time_and_code,
        unsigned,
    )
}
