"""Clauses of speech, joined as writing joins them."""

import pytest

from reports.generation.clauses import joined_clauses, with_is
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.sentences import split_sentences

from .conftest import request_for, talk


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("His wife is on leave, she is with the baby now.", "His wife is on leave; she is with the baby now."),
        ("When she is tired, she goes to bed.", "When she is tired, she goes to bed."),
        ("In the past, when she was active, she had more energy.", "In the past, when she was active, she had more energy."),
        ("Her mood is low, and she cries.", "Her mood is low, and she cries."),
        ("He said: “It hurts, it burns.”", "He said: “It hurts, it burns.”"),
        ("Their drinking, the client cut down their drinking.", "the client cut down their drinking."),
        ("She has not, she felt a bit hot.", "She felt a bit hot."),
        ("The patient is Having pain.", "The patient is having pain."),
    ],
)  # fmt: skip
def test_two_sentences_in_one_breath_are_kept_apart(spoken: str, written: str) -> None:
    assert joined_clauses(spoken) == written


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("my wife's still on leave", "my wife is still on leave"),
        ("my wife's been ill", "my wife has been ill"),
        ("my wife's sister is ill", "my wife's sister is ill"),
        ("I was at my mom's in the evening", "I was at my mom's in the evening"),
    ],
)
def test_a_short_is_after_a_noun_is_written_out(said: str, meant: str) -> None:
    assert with_is(said) == meant


def test_a_place_stands_before_what_was_found_there_and_never_alone() -> None:
    session = talk(
        "d: How are you?",
        "p: I have had a cough since Monday.",
        "d: Let me take a look. On the lower extremities. No edema. With the heart exam today.",
    )
    told = [line.text for line in EmbeddedGenerator().generate(request_for(session)).all_sentences()]

    assert any(line.lower().endswith("lower extremities: no edema.") for line in told)
    assert not any(line.startswith(("On the lower extremities.", "With the heart")) for line in told)


def test_a_number_that_was_cut_into_words_is_one() -> None:
    assert split_sentences("she was diagnosed with a 4 . 4 centimeter nodule .") == [
        "she was diagnosed with a 4.4 centimeter nodule ."
    ]
