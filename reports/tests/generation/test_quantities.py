"""Numbers with what they count, doses with their drug, and what a speaker took back."""

import pytest

from reports.generation.guard import check_sentence
from reports.generation.quantities import doses_of, quantities_of, taken_back

from .conftest import talk

SESSION = talk(
    "d: Take the ibuprofen every 6 hours for two weeks, and ice it for 20 minutes 3 times a day.",
    "d: So sertraline goes up to 100 mg and quetiapine stays at 50 mg at night.",
    "p: I take Prozac, no, sorry, Lexapro, ten milligrams.",
    "d: The left knee is swollen, the right elbow is fine.",
    "p: I sleep four hours. My sister sleeps nine.",
    "d: I want you to return in a week.",
    "p: I drank 3 beers, I mean 2 beers, on Friday.",
)


@pytest.mark.parametrize(
    ("text", "evidence", "kind"),
    [
        ("Ibuprofen for 6 weeks.", (1,), "number"),
        ("Ice for 20 minutes 6 times a day.", (1,), "number"),
        ("Sertraline is raised to 50 mg.", (2,), "number"),
        ("The patient takes Prozac 10 mg.", (3,), "taken_back"),
        ("The right knee is swollen.", (4,), "side"),
        ("Return in 2 weeks.", (6,), "number"),
        ("The patient drank 3 beers on Friday.", (7,), "taken_back"),
    ],
)
def test_a_figure_said_of_something_else_is_not_supported(text: str, evidence: tuple[int, ...], kind: str) -> None:
    result = check_sentence(text, evidence, SESSION)

    assert result.support == "unsupported"
    assert kind in {flag.kind for flag in result.flags}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Ibuprofen every 6 hours for 2 weeks.", (1,)),
        ("Ice for 20 minutes three times a day.", (1,)),
        ("Sertraline is raised to 100 mg, quetiapine stays at 50 mg.", (2,)),
        ("The patient takes Lexapro 10 mg.", (3,)),
        ("The left knee is swollen.", (4,)),
        ("Sleeps 4 hours.", (5,)),
        ("Return in 1 week.", (6,)),
        ("The patient drank 2 beers on Friday.", (7,)),
    ],
)
def test_a_figure_as_it_was_said_is_supported(text: str, evidence: tuple[int, ...]) -> None:
    assert check_sentence(text, evidence, SESSION).flags == ()


def test_both_numbers_of_a_range_count_the_same() -> None:
    assert quantities_of("every 6 to 8 hours").counted["hour"] == {"6", "8"}


def test_words_for_numbers_count_only_when_they_were_spoken() -> None:
    assert quantities_of("twice a day", spoken=True).counted["time"] == {"2"}
    assert not quantities_of("twice a day").counted


def test_a_dose_belongs_to_the_drug_it_stands_at() -> None:
    assert doses_of("50 mg of sertraline, lithium 300 mg and 5 mg of olanzapine") == {
        "sertraline": {"50"},
        "lithium": {"300"},
        "olanzapine": {"5"},
    }


def test_a_drug_named_again_was_not_taken_back() -> None:
    assert taken_back("Prozac, no, Lexapro. Prozac made me sick.") == {}
    assert taken_back("I like Prozac. Lexapro is better.") == {}
