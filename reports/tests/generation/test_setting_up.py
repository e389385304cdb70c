"""Introductions, and whether one is heard and alone, are no history; a question that names nothing denies nothing."""

import pytest

from reports.generation.embedded import EmbeddedGenerator
from reports.generation.grammar import CLIENT
from reports.generation.guard import check_sentence
from reports.generation.medical_words import in_medical_words
from reports.generation.therapy_client import told
from reports.generation.therapy_talk import statements_of

from .conftest import request_for, talk

BEGUN = (
    "d: Hi. Can you hear me okay?",
    "p: Yes, I can hear you.",
    "d: And can anyone else hear us?",
    "p: No one else can hear.",
    "d: What is your full name?",
    "p: My name was Brian.",
    "u: I'm one of the doctors at Babylon. My name's Joe.",
    "p: Her name makes sense.",
)
TOLD = (
    "d: How is your sleep?",
    "p: I wake at four every morning and I cannot get back to sleep.",
    "d: Do you have any anything else?",
    "p: No.",
    "d: Do you feel like you are getting up in the mornings difficult?",
    "p: No.",
)


def lines_of(*lines: str, slug: str = "psychiatry_followup") -> str:
    draft = EmbeddedGenerator().generate(request_for(talk(*lines), slug))
    return "\n".join(line.text for line in (*draft.all_sentences(), *draft.unassigned) if not line.is_template)


@pytest.mark.parametrize("more", [(), ("d: How do you feel about your life?", "p: It is hard.") * 3])
def test_who_speaks_and_who_hears_is_no_history(more: tuple[str, ...]) -> None:
    text = lines_of(*BEGUN, *TOLD, *more).lower()

    assert "wakes at 4 every morning" in text
    for word in ("babylon", "joe", "brian", "name", "no one else", "hear", "anything else", "difficult"):
        assert word not in text


def test_a_voice_that_nobody_else_hears_is_history() -> None:
    text = lines_of(
        *TOLD, "d: Do you hear voices?", "p: Yes, a voice that no one else can hear. It says my name is cursed."
    )

    assert "no one else can hear" in text


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("d: Have you thought about ending your life?", "ending their life"),
        ("d: Do you ever feel suicidal?", "suicide"),
        ("d: Do you ever think of hurting yourself?", "self-harm"),
    ],
)
def test_what_was_asked_of_the_risk_is_named(question: str, name: str) -> None:

    segments = talk(question, "p: They come in the evening.")
    said = {segment.id: segment.text for segment in segments}
    [text] = [fact.text for fact in told(statements_of(segments), said, CLIENT)]

    assert text == f"Asked about {name}, the client said: “They come in the evening”."
    assert check_sentence(in_medical_words(text), (1, 2), segments).support == "supported"


def test_a_medical_note_names_a_patient_and_a_clinician() -> None:
    assert (
        in_medical_words("Therapist and the client will meet: “my client said so”.")
        == "The clinician and the patient will meet: “my client said so”."
    )
