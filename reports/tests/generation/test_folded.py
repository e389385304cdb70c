"""Patterns that look past capitals, and abbreviations that do not."""

from reports.generation.folded import Folded
from reports.generation.lexicon import HARM_TO_OTHERS, SELF_HARM


def test_capitals_do_not_matter_and_places_are_those_of_the_text():
    [match] = Folded(r"\bsertraline\b").finditer("Takes SERTRALINE.")

    assert match.span() == (6, 16)


def test_an_abbreviation_is_no_greeting():
    assert HARM_TO_OTHERS.search("Hi there, how are you?") is None
    assert SELF_HARM.search("Si, she said.") is None


def test_an_abbreviation_in_capitals_is_found():
    assert HARM_TO_OTHERS.search("Denies SI/HI.")
    assert SELF_HARM.search("Denies SI/HI.")


def test_what_is_found_in_any_letters_is_replaced():
    assert Folded(r"\byeah\b,? ").sub("", "Yeah, she sleeps, YEAH well.") == "she sleeps, well."


def test_a_text_without_a_match_stays_as_it_is():
    assert Folded(r"\byeah\b").sub("", "She Sleeps.") == "She Sleeps."
