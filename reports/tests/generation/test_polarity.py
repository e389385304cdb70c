"""Clauses turned into their opposite, and who is speaking."""

import pytest

from reports.generation.guard import check_sentence
from reports.generation.polarity import turned_clause

from .conftest import talk

SESSION = talk(
    "p: My appetite is fine, and I like my work, but I do not see my friends any more since the move.",
    "d: Do you drink alcohol?",
    "p: No, I have a glass of wine at Christmas.",
    "d: Your affect is appropriate and your speech is fluent.",
    "d: We should try behavioural activation this week.",
    "d: You said the nights are the worst.",
    "d: Are you smoking at the moment?",
    "p: No, I stopped smoking in January.",
)


@pytest.mark.parametrize(
    "text",
    [
        "The appetite is not fine, and she likes her work.",
        "She sees her friends since the move.",
        "Affect is not appropriate and speech is fluent.",
    ],
)
def test_one_turned_clause_in_a_sentence_is_found(text: str) -> None:
    assert "negation" in {flag.kind for flag in check_sentence(text, (1, 4), SESSION).flags}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("The appetite is fine and she likes her work.", (1,)),
        ("She does not see her friends any more since the move.", (1,)),
        ("She has a glass of wine at Christmas.", (2, 3)),
        ("Affect is appropriate and speech is fluent.", (4,)),
        ("The patient is not smoking.", (7, 8)),
        ("She stopped smoking in January.", (7, 8)),
    ],
)
def test_a_sentence_with_the_polarity_of_its_source_is_not_flagged(text: str, evidence: tuple[int, ...]) -> None:
    assert check_sentence(text, evidence, SESSION).flags == ()


def test_a_clause_said_both_ways_is_not_turned() -> None:
    assert (
        turned_clause("I did not ice the knee.", ["I iced the knee at first but I did not ice the knee later."]) == ()
    )


def test_what_only_the_clinician_said_is_not_the_patients_report() -> None:
    [flag] = check_sentence("The patient reports behavioural activation this week.", (5,), SESSION).flags

    assert flag.kind == "speaker"


def test_a_clinician_may_repeat_what_the_patient_said() -> None:
    assert check_sentence("The patient reports that the nights are the worst.", (6,), SESSION).flags == ()


def test_what_only_the_patient_said_is_not_the_clinicians_advice() -> None:
    flags = check_sentence("The therapist encourages her to see her friends since the move.", (1,), SESSION).flags

    assert "speaker" in {flag.kind for flag in flags}
