"""Cutting words without punctuation into sentences."""

import pytest

from reports.generation.sentences import split_sentences


def test_a_word_repeated_thousands_of_times_is_cut_without_running_out_of_stack() -> None:
    words = ["sertraline"] * 6000

    sentences = split_sentences(" ".join(words))

    assert " ".join(sentences).lower().rstrip(".").split() == words


@pytest.mark.parametrize("count", [300, 301, 601, 5000])
def test_what_nobody_says_in_a_breath_is_read_in_pieces_and_no_word_is_lost(count: int) -> None:
    words = [f"word{place}" for place in range(count)]

    for use_model in (True, False):
        sentences = split_sentences(" ".join(words), use_model=use_model)

        assert " ".join(sentences).split() == words
        assert max(len(sentence.split()) for sentence in sentences) <= 300


def test_a_sentence_as_people_say_it_stays_whole() -> None:
    spoken = "I went there, " * 90 + "and that was it."

    assert split_sentences(spoken, use_model=False) == [spoken]
