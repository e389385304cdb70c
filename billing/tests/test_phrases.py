"""Every language says everything, with the same places to fill in."""

from datetime import date
from string import Formatter

import pytest

from billing.models import Method
from billing.phrases import LANGUAGES, words_for
from billing.phrases.en import ENGLISH


def places(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_a_language_has_every_phrase_with_its_places(code):
    words = LANGUAGES[code]

    for field in ("subjects", "leads", "sms", "page", "labels"):
        theirs, ours = getattr(words, field), getattr(ENGLISH, field)
        assert theirs.keys() == ours.keys()
        assert {key: places(text) for key, text in theirs.items()} == {key: places(text) for key, text in ours.items()}
    for field in ("open_here", "attached", "quote", "until", "questions", "hello"):
        assert places(getattr(words, field)) == places(getattr(ENGLISH, field))


@pytest.mark.parametrize(
    ("code", "full", "short"),
    [
        ("en", "2 March 2026", "2 Mar 2026"),
        ("de", "2. März 2026", "02.03.2026"),
        ("fr", "2 mars 2026", "02/03/2026"),
        ("es", "2 de marzo de 2026", "02/03/2026"),
        ("hi", "2 मार्च 2026", "02/03/2026"),
    ],
)
def test_dates_are_written_as_the_language_does(code, full, short):
    day, words = date(2026, 3, 2), LANGUAGES[code]

    assert (words.day(day), words.day_in(day, 2025), words.short_day(day)) == (full, full, short)
    assert "2026" not in words.day_in(day, 2026)


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_every_method_of_payment_has_its_label(code):
    assert set(Method.values) <= LANGUAGES[code].labels.keys()


@pytest.mark.parametrize(
    ("code", "written"),
    [("en", "A, B and C"), ("de", "A, B und C"), ("fr", "A, B et C"), ("es", "A, B y C"), ("hi", "A, B और C")],
)
def test_several_things_are_joined_in_the_language(code, written):
    assert [LANGUAGES[code].joined(things) for things in (["A"], ["A", "B", "C"])] == ["A", written]


def test_the_language_follows_the_chart_then_the_clinic():
    assert [words_for(*pair).code for pair in (("हिन्दी", "en-US"), ("", "de-DE"), ("Tamil", "fr"), ("", "xx"))] == [
        "hi",
        "de",
        "fr",
        "en",
    ]
