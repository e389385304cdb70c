"""Names heard as something else are put right as doubtful guesses, and none is made up."""

import pytest

from sessions_app.stt.base import Word
from sessions_app.stt.phonetics import likeness, sound_of
from sessions_app.stt.vocabulary import Vocabulary

_EVERYDAY = (
    "i take the of a my back is so next time be propane bus ambient let me and have snacks at night for in we will leave "
    "well trend you get on two months alive"
)
COMMON = frozenset(_EVERYDAY.split())


def heard(text, confidence=0.5):
    return [Word(place * 0.4, place * 0.4 + 0.3, word, confidence) for place, word in enumerate(text.split())]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(["Kavya Raghunathan", "Sertraline", "Okafor"], is_common=COMMON.__contains__)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("i take licksapro at night", "i take Lexapro at night"),
        ("be propane, at night", "bupropion, at night"),
        ("i take well be trend.", "i take Wellbutrin."),
        ("i take queshiapine and trasadone", "i take quetiapine and trazodone"),
        ("i have Klone's Pam", "i have clonazepam"),
        ("you and Rugunathan", "you and Raghunathan"),
        ("you and Mr Okefor", "you and Mr Okafor"),
    ],
)
def test_a_name_written_by_ear_is_recognised(vocabulary, said, shown):
    assert " ".join(word.text for word in vocabulary.corrected(heard(said))) == shown


def test_a_guess_is_doubtful_and_keeps_its_times_and_what_was_heard(vocabulary):
    words = vocabulary.corrected(heard("i take well-butron. now", confidence=0.98))

    assert words[2].text == "Wellbutrin."
    assert words[2].heard == "well-butron."
    assert (words[2].start, words[2].end) == (0.8, 1.1)
    assert words[2].confidence < 0.6
    assert not any(word.heard for word in (*words[:2], words[3]))


@pytest.mark.parametrize("confidence", [0.3, 0.9])
@pytest.mark.parametrize(
    "said",
    [
        "my back is so alive",
        "let me get you on the next time",
        "i have snacks at night",
        "we will leave in two months",
        "i take lithium and citalopram and escitalopram",
        "i take celecoxib",
    ],
)
def test_ordinary_words_and_names_that_are_right_stay(vocabulary, said, confidence):
    assert vocabulary.corrected(heard(said, confidence)) == heard(said, confidence)


def test_common_words_said_with_confidence_are_never_a_name(vocabulary):
    assert vocabulary.corrected(heard("be propane", 0.9)) == heard("be propane", 0.9)


def test_pieces_of_a_name_stand_together_in_one_sentence(vocabulary):
    apart = [Word(0, 0.3, "be", 0.3), Word(1.5, 2, "propane", 0.3)]
    sentences = heard("be. propane")

    assert vocabulary.corrected(apart) == apart
    assert vocabulary.corrected(sentences) == sentences


def test_a_common_word_of_the_clinic_is_no_name():
    vocabulary = Vocabulary(["the back"], is_common=COMMON.__contains__)

    assert vocabulary.corrected(heard("my bock", 0.3)) == heard("my bock", 0.3)


def test_likeness_goes_by_sound_and_not_by_spelling():
    assert likeness(sound_of("foe net"), sound_of("phonet"), at_least=0.9) == 1
    assert likeness(sound_of("zolpidem"), sound_of("salpitem"), at_least=0.7) > 0.8
    assert likeness(sound_of("zolpidem"), sound_of("lithium"), at_least=0.7) == 0
