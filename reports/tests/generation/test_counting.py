"""Answers that are only a number stand with what they count, or are offered as they were asked and answered."""

import pytest

from reports.generation.counting import counted
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.findings import find_findings
from reports.generation.units import make_units

from .conftest import request_for, talk

SESSION = talk(
    "d: Have you had any flashbacks since we met?",
    "p: Three, all at night.",
    "d: And how strong is the urge?",
    "p: Around 30. It was 80 in May.",
    "d: How many cigarettes a day?",
    "p: Ten, less on Sundays.",
    "d: We will continue the prazosin 2 mg.",
)


def _told() -> dict[str, tuple[str, tuple[int, ...]]]:
    draft = EmbeddedGenerator().generate(request_for(SESSION, "psychiatry_followup"))
    return {line.text: (section.id, line.evidence) for section in draft.sections for line in section.all_sentences()}


def test_a_number_is_told_with_what_it_counts_and_cites_the_question() -> None:
    told = _told()

    assert told["Flashbacks: 3, all at night."][1] == (1, 2)
    assert told["Urge: around 30."][1] == (3, 4)
    assert told["Urge was 80 in May."][1] == (3, 4)


def test_what_a_patient_counts_is_no_plan() -> None:
    assert not [text for text, (section, _) in _told().items() if section == "plan" and "Cigarettes" in text]


def test_a_number_that_cannot_be_worded_is_offered_as_it_was_asked_and_answered() -> None:
    segments = talk(
        "d: How are you?",
        "p: I feel low.",
        "d: Do you still have any of those turns you spoke of?",
        "p: Two since Monday.",
        "d: We will continue the sertraline 50 mg.",
    )

    [finding] = [one for one in find_findings(segments) if "since Monday" in one.fact.text]

    expected = "Asked “Do you still have any of those turns you spoke of?”, the patient answered “Two since Monday”."
    assert finding.fact.text == expected
    assert finding.fact.evidence == (3, 4)


@pytest.mark.parametrize(
    ("question", "answer", "name"),
    [
        ("Any nightmares this week?", "A few.", "nightmares"),
        ("So how high is your blood pressure at home?", "About 140.", "blood pressure"),
        ("Any nightmares this week?", "One of my sons has them.", ""),
        ("Any nightmares this week?", "I had one.", ""),
        ("Any chance of that?", "One day maybe.", ""),
        ("When do you get up?", "Six.", ""),
    ],
)
def test_the_question_names_what_is_counted(question: str, answer: str, name: str) -> None:
    assert counted(make_units(talk(f"d: {question}", f"p: {answer}"))[-1]) == name
