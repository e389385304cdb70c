"""Where a new stream goes on behind words that were settled before."""

import pytest

from sessions_app.stt.base import Word
from sessions_app.stt.google.seam import repeated, repeated_texts


def words(text, *, start=0.0, each=0.4):
    return [Word(start + each * place, start + each * (place + 1), one, 0.9) for place, one in enumerate(text.split())]


SETTLED = words("I take eight hundred milligrams at night.", start=8.0)  # ends at 10.8 s


@pytest.mark.parametrize(
    ("told", "count"),
    [
        (words("milligrams at night. And then", start=9.6), 3),
        (words("~grams at night. And then", start=9.6), 3),
        (words("Milligrams, at night, and then", start=9.6), 3),
        (words("milligrams at night. And then", start=9.45), 3),  # the second stream times them a little earlier
        (words("melee grams that knight and then", start=9.2), 4),  # not one word in common: by time alone
        (words("And then I sleep", start=10.8), 0),
        (words("night. It is", start=11.2), 0),  # the same word again, after the settled one
        ([], 0),
    ],
)
def test_words_that_both_streams_say_are_counted_once(told, count):
    assert repeated(told, SETTLED) == count


def test_a_word_said_twice_on_purpose_is_no_repetition():
    settled = words("I am very very", start=8.0)

    assert repeated(words("very very tired", start=9.2), settled) == 1
    assert repeated(words("very very very tired", start=8.8), settled) == 2


def test_nothing_settled_means_that_all_is_new():
    assert repeated(SETTLED, []) == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [("at night and then", 2), ("milligrams at night", 3), ("and then", 0), ("", 0), ("knight and night", 3)],
)
def test_a_text_without_times_is_compared_word_by_word(text, count):
    assert repeated_texts(text.split(), [word.text for word in SETTLED]) == count
