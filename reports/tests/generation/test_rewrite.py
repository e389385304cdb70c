"""Speech told in the third person, and short answers read with their question."""

import re

import pytest

from reports.generation.facts import extract_facts
from reports.generation.grammar import UNNAMED, patient_to_third, person_for, third_person, you_to_third
from reports.generation.rewrite import explained, finish, rewrite, strip_lead
from reports.generation.units import make_units

from .conftest import talk

SHE = person_for("female")


def answered(question: str, answer: str) -> list[str]:
    *_, unit = make_units(talk(f"d: {question}", f"p: {answer}"))
    return rewrite(unit, "hpi", SHE)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "I cannot sleep and I feel like my heart is racing",
            "she cannot sleep and she feels like her heart is racing",
        ),
        ("my brother told me I worry too much", "her brother told her she worries too much"),
        ("I am hurting myself", "she is hurting herself"),
        ("we have two kids", "they have two kids"),
    ],
)
def test_the_patients_words_are_told_in_the_third_person(said: str, told: str) -> None:
    assert patient_to_third(said, SHE) == told


def test_without_a_known_gender_the_patient_is_named_once_and_then_they() -> None:
    told = patient_to_third("I am tired because I wake up early and I have no rest", UNNAMED)

    assert told == "the patient is tired because they wake up early and they have no rest"


def test_words_to_the_patient_are_told_about_them() -> None:
    assert you_to_third("you have been well and I want you to take your pills", SHE) == (
        "she has been well and I want her to take her pills"
    )


@pytest.mark.parametrize(
    ("verb", "third"), [("worry", "worries"), ("watch", "watches"), ("felt", "felt"), ("can", "can")]
)
def test_verbs_take_the_ending_of_the_third_person(verb: str, third: str) -> None:
    assert third_person(verb) == third


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        ("Any chest pain or shortness of breath?", "No.", "The patient denies any chest pain or shortness of breath."),
        (
            "Have you had any thoughts of hurting yourself?",
            "No.",
            "The patient denies any thoughts of hurting herself.",
        ),
        ("Are you still taking the sertraline?", "No.", "She is no longer taking the sertraline."),
        (
            "Are you still taking the sertraline?",
            "Yes, 50 milligrams every morning.",
            "She is still taking the sertraline, 50 mg every morning.",
        ),
        ("Do you sleep well?", "No.", "She does not sleep well."),
        ("Have you ever tried to kill yourself?", "No, never.", "She has never tried to kill herself."),
        ("Do you feel hopeless?", "Yes.", "The patient reports feeling hopeless."),
        ("How long has this been going on?", "about three weeks", "Duration: about 3 weeks."),
        ("How is your appetite?", "pretty bad", "Appetite: pretty bad."),
        ("So no fevers?", "Right.", "The patient denies any fevers."),
    ],
)
def test_a_short_answer_is_read_with_its_question(question: str, answer: str, sentence: str) -> None:
    assert answered(question, answer)[0].lower() == sentence.lower()


def test_a_yes_to_a_question_put_in_the_negative_says_nothing_certain() -> None:
    assert answered("So no fevers?", "Yes.") == []


def test_a_yes_to_either_or_says_nothing_certain() -> None:
    assert answered("Do you have nausea or vomiting?", "Yes.") == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Are you still taking prazosin?", "Yes, 2 mg at bedtime. No dizziness."),
        ("Do you still smoke?", "Yes, ten a day. No cough."),
        ("Are you taking it every day?", "No side effects."),
    ],
)
def test_the_absence_of_something_else_is_no_answer_to_the_question(question: str, answer: str) -> None:
    *_, unit = make_units(talk(f"d: {question}", f"p: {answer}"))

    told = " ".join(rewrite(unit, "medication", SHE))

    assert not re.search(r"no longer|\bnot\b|reports", told), told


def test_denies_is_never_written_without_a_question() -> None:
    units = make_units(talk("p: I feel low and I cannot sleep at night.", "p: There is no pain in my chest."))

    texts = [fact.text for fact in extract_facts(units, SHE)]

    assert texts
    assert not any("enies" in text for text in texts)


def test_a_no_that_negates_what_follows_is_kept() -> None:
    assert strip_lead("no chest pain") == "no chest pain"
    assert strip_lead("so, no, i feel fine") == "i feel fine"


def test_a_sentence_is_capitalised_ended_and_loses_its_dangling_words() -> None:
    assert finish("she had an mri on monday and") == "She had an MRI on Monday."


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("it scares you that you went numb", "it scares him that he went numb"),
        ("she helps more than you thought", "she helps more than he thought"),
        ("it was something you did together", "it was something he did together"),
    ],
)
def test_you_is_subject_or_object_as_it_was_said(said: str, told: str) -> None:
    assert you_to_third(said, person_for("male")) == told


def test_an_article_is_no_name_that_keeps_its_capital() -> None:
    [unit] = make_units(talk("d: A brain on five hours of sleep will forget half of it."))

    assert explained(unit, UNNAMED) == [
        "The clinician explained that a brain on 5 hours of sleep will forget half of it."
    ]
