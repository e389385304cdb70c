"""Spoken text to clean text."""

import pytest

from reports.generation.textnorm import clean
from sessions_app.transcripts.spoken_numbers import number_words_to_digits


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("um , i take , uh , fifteen milligrams of lisinopril", "i take 15 mg of lisinopril"),
        ("your blood pressure is one thirty two over eighty", "your blood pressure is 132/80"),
        ("i do n't i do n't have any chest pain", "i do not have any chest pain"),
        ("a 2 out of 6 systolic murmur", "a 2/6 systolic murmur"),
        ("he was born in nineteen ninety five", "he was born in 1995"),
        ("It's been twenty-five days", "It has been 25 days"),
        ("my diabetes is well controlled", "my diabetes is well controlled"),
        ("the right knee", "the right knee"),
        ("my p h q nine was twelve", "my PHQ-9 was 12"),
        ("five hundred and twenty milligrams", "520 mg"),
        ("no one told me", "no one told me"),
    ],
)
def test_speech_becomes_text(spoken: str, written: str) -> None:
    assert clean(spoken) == written


def test_numbers_that_are_no_single_number_stay_apart() -> None:
    assert number_words_to_digits("five six") == "5 6"


def test_a_filler_before_like_leaves_it_a_filler():
    assert clean("not exactly a pain but um like a pressure") == "not exactly a pain but a pressure"


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("I'd never put her in a home", "I would never put her in a home"),
        ("I'd never seen it", "I had never seen it"),
        ("I'd got the letter", "I had got the letter"),
        ("everybody's life hangs on it", "everybody's life hangs on it"),
        ("everybody's asleep", "everybody is asleep"),
        ("he's never said so", "he has never said so"),
        ("he's never home", "he is never home"),
    ],
)
def test_a_short_form_is_written_out_by_the_word_after_it(spoken: str, written: str) -> None:
    assert clean(spoken) == written
