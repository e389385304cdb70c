"""Doses and blood pressures in digits: the same value always, and left alone where two values are possible."""

import pytest

from sessions_app.stt.base import Segment, Word
from sessions_app.stt.numerals import in_digits, written


def spoken(text, confidence=0.9):
    return [Word(place, place + 0.5, word, confidence) for place, word in enumerate(text.split())]


def text_of(words):
    return " ".join(word.text for word in words)


@pytest.mark.parametrize(
    ("heard", "shown"),
    [
        ("take twenty five milligrams at night", "take 25 mg at night"),
        ("twenty-five milligrams.", "25 mg."),
        ("take 25 milligrams, please", "take 25 mg, please"),
        ("take 25mg daily", "take 25 mg daily"),
        ("sertraline fifty milligrams", "sertraline 50 mg"),
        ("sertraline one hundred milligrams", "sertraline 100 mg"),
        ("one hundred and fifty milligrams", "150 mg"),
        ("a hundred milligrams", "100 mg"),
        ("two hundred twenty five milligrams", "225 mg"),
        ("one fifty milligrams", "150 mg"),
        ("one twenty five milligrams", "125 mg"),
        ("three seventy five milligrams", "375 mg"),
        ("fifteen hundred milligrams", "1500 mg"),
        ("a thousand milligrams", "1000 mg"),
        ("one thousand two hundred milligrams", "1200 mg"),
        ("one milligram", "1 mg"),
        ("half a milligram", "0.5 mg"),
        ("two and a half milligrams", "2.5 mg"),
        ("zero point two five milligrams", "0.25 mg"),
        ("point five milligrams", "0.5 mg"),
        ("two point five milligrams", "2.5 mg"),
        ("point oh five milligrams", "0.05 mg"),
        (".5 milligrams", "0.5 mg"),
        ("1,200 milligrams", "1,200 mg"),
        ("seventy five micrograms", "75 mcg"),
        ("five milliliters", "5 mL"),
        ("ten units", "10 units"),
        ("five to ten milligrams", "5 to 10 mg"),
        ("ten or twenty milligrams", "10 or 20 mg"),
        ("two hundred or three hundred milligrams", "200 or 300 mg"),
        ("fifty percent better", "50% better"),
        ("100 percent.", "100%."),
        ("two twenty five milligram tablets", "two twenty five milligram tablets"),
        ("a twenty five milligram tablet", "a 25 mg tablet"),
        ("one twenty over eighty", "120/80"),
        ("it was one thirty eight over eighty five.", "it was 138/85."),
        ("one hundred and twenty over eighty", "120/80"),
        ("one oh five over seventy", "105/70"),
        ("one ten over seventy", "110/70"),
        ("120 over 80, which is fine", "120/80, which is fine"),
    ],
)
def test_doses_and_pressures_are_written_in_digits(heard, shown):
    assert text_of(written(spoken(heard))) == shown


@pytest.mark.parametrize(
    "heard",
    [
        "at half past three",
        "at three thirty in the afternoon",
        "call five five five one two three four",
        "on the twenty fifth of May nineteen ninety five",
        "she is twenty five years old",
        "twice a day for two weeks",
        "one fifty milligram tablet",
        "two fifty milligram tablets",
        "one or two hundred milligrams",
        "five ten milligrams",
        "twenty thirty milligrams",
        "one, fifty milligrams",
        "two twenty milligrams",
        "twenty, five milligrams",
        "it was eighty over one twenty",
        "twenty over eighty",
        "half of the milligrams",
        "some milligrams",
        "twenty or so milligrams",
        "over eighty percent-ish",
        "just over forty people",
    ],
)
def test_what_is_no_dose_or_can_mean_two_numbers_stays_as_heard(heard):
    assert written(spoken(heard)) == spoken(heard)


def test_a_number_keeps_its_times_and_what_was_spoken():
    dose = written(spoken("take twenty five milligrams"))[1:]

    assert dose == [Word(1, 2.5, "25", 0.9, spoken="twenty five"), Word(3, 3.5, "mg", 0.9, spoken="milligrams")]


def test_a_number_is_as_sure_as_its_least_sure_word():
    words = [Word(0, 1, "twenty", 0.9), Word(1, 2, "five", 0.4), Word(2, 3, "milligrams", 0.95)]

    assert written(words)[0].confidence == 0.4


@pytest.mark.parametrize(("heard", "is_doubtful"), [("fifteen", True), ("50", True), ("twenty", False)])
def test_fifteen_or_fifty_is_drawn_as_doubtful_unless_clearly_heard(heard, is_doubtful):
    assert (written(spoken(f"{heard} milligrams", 0.7))[0].confidence < 0.6) is is_doubtful
    assert written(spoken(f"{heard} milligrams", 0.9))[0].confidence == 0.9


def test_a_dose_written_right_already_is_not_touched():
    assert written(spoken("take 20 mg daily")) == spoken("take 20 mg daily")


def test_a_segment_says_what_its_words_say():
    segment = in_digits(Segment.of_words(1, spoken("take twenty five milligrams")))

    assert segment.text == "take 25 mg"
    assert [word.text for word in segment.words] == ["take", "25", "mg"]
