"""The notes of the engine read well, and the measure of it finds what does not."""

import pytest

from reports.generation.base import GenerationRequest
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.grammar import person_for, you_to_third
from reports.generation.readability import defects_of, readability, talk_defects_of
from reports.generation.rewrite import parted
from reports.generation.units import make_units
from reports.templating.structure import parse_structure

from .conftest import request_for, talk


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        ("If his symptoms do not improve.", "fragment"),
        ("Not that she has noticed.", "fragment"),
        ("She takes it because.", "fragment"),
        ("Pain in the knee.", "no verb"),
        ("She said my head hurts.", "first person"),
        ("Does she sleep well?", "question"),
        ("It is yeah the main concern.", "chatter"),
        (f"She {'walks and ' * 21}rests.", "run-on"),
    ],
)
def test_a_defect_is_found(text: str, defect: str) -> None:
    assert defect in defects_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "The patient said: “I do not want to be here any more.”",
        "If his pain gets worse, he will come back.",
        "I recommended physical therapy.",
        "Everything else is okay.",
    ],
)
def test_a_good_sentence_has_no_defect(text: str) -> None:
    assert defects_of(text) == []


def test_what_follows_an_item_on_its_line_may_be_as_terse_and_a_repetition_is_counted() -> None:
    shares = readability([("Heart: regular.", "item"), ("No edema.", "prose"), ("No edema.", "prose")])

    assert shares["no verb"] == 0
    assert shares["duplicate"] == pytest.approx(1 / 3)


def test_a_follow_up_reads_without_a_defect(followup: tuple) -> None:
    draft = EmbeddedGenerator().generate(request_for(followup, "psychiatry_followup"))

    assert readability((line.text, line.layout) for line in draft.all_sentences())["clean"] >= 0.95


def test_a_section_does_not_begin_with_a_pronoun_for_the_patient(followup: tuple) -> None:
    for slug in ("psychiatry_followup", "soap", "birp"):
        for section in EmbeddedGenerator().generate(request_for(followup, slug)).sections:
            for part in (section, *section.subsections):
                assert not part.sentences or not part.sentences[0].text.startswith(("She ", "He "))


def test_somebody_else_is_never_called_the_patient() -> None:
    segments = talk(
        "d: What did the doctor at the clinic say?",
        "p: She said that my kidneys are inflamed and she gave me ibuprofen for the pain.",
    )
    structure = parse_structure({"sections": [{"id": "history", "title": "History"}]})

    draft = EmbeddedGenerator().generate(GenerationRequest(structure, segments))

    assert not any("The patient said" in line.text for line in draft.all_sentences())


def test_a_long_sentence_is_cut_where_a_clause_has_its_own_subject() -> None:
    whole = (
        "She was walking to the bus in the rain on a Monday morning in the spring, and she slipped on the wet leaves "
        "near the station, and then she fell on her left hand."
    )

    parts = parted(whole)

    assert len(parts) > 1
    assert all(part[0].isupper() and part.endswith(".") for part in parts)
    assert all(len(part.split()) < 27 for part in parts)


def test_a_person_who_is_acted_on_is_an_object() -> None:
    told = you_to_third("I want to continue you on your current dose and set you up for therapy", person_for("male"))

    assert told == "I want to continue him on his current dose and set him up for therapy"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("it's I'm so tired all day", "I am so tired all day"),
        ("i you have an ulcer on your foot", "you have an ulcer on your foot"),
    ],
)
def test_a_statement_begun_again_with_another_subject_loses_its_beginning(said: str, meant: str) -> None:
    [unit] = make_units(talk(f"p: {said}"))

    assert unit.text == meant


def test_unpunctuated_speech_ends_a_sentence_before_the_next_examined_region() -> None:
    said = (
        "on your heart exam i do hear a two out of six systolic murmur on your lung exam your lungs are clear to "
        "auscultation bilaterally on your abdominal exam there is no tenderness"
    )

    pieces = [unit.text for unit in make_units(talk(f"d: {said}"))]

    assert [piece for piece in pieces if piece.startswith("on your")][:3] == [
        "on your heart exam i do hear a 2/6 systolic murmur",
        "on your lung exam your lungs are clear to auscultation bilaterally",
        "on your abdominal exam there is no tenderness",
    ]


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("Um, sometimes I don't want to be here anymore.", "“Sometimes I don't want to be here anymore.”"),
        ("The voices tell me that I'm worthless.", "“The voices tell me that I'm worthless.”"),
        ("My brother tried to kill himself last year.", "“My brother tried to kill himself last year.”"),
    ],
)
def test_what_a_patient_says_of_harm_or_voices_stands_in_their_own_words(said: str, quote: str) -> None:
    draft = EmbeddedGenerator().generate(
        request_for(talk("d: How have you been?", f"p: {said}"), "psychiatry_followup")
    )

    assert any(quote in line.text for line in draft.all_sentences())


def test_a_denial_of_self_harm_is_told_and_what_follows_it_is_quoted() -> None:
    segments = talk("d: Any thoughts of hurting yourself?", "p: No, I'd never do that to my kids.")

    texts = [line.text for line in EmbeddedGenerator().generate(request_for(segments, "soap")).all_sentences()]

    assert any("denies any thoughts of hurting herself" in text for text in texts)
    assert any("“No, I'd never do that to my kids.”" in text for text in texts)


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        ("Client likes they walk to the lake.", "talk left in it"),
        ("Agreed: that is a kind neighbour.", "points back"),
        ("Client does not know.", "says nothing"),
        ("Someone who has seen the lake.", "cannot stand alone"),
    ],
)
def test_a_defect_of_retold_talk_is_found(text: str, defect: str) -> None:
    assert talk_defects_of(text) == [defect]


def test_a_quote_and_what_the_therapist_did_are_not_judged_as_talk() -> None:
    assert talk_defects_of("Client said: “That was the week I moved.”") == []
    assert talk_defects_of("Therapist used open questions and reflections.") == []
    assert "says nothing" not in readability([("Client does not know.", "prose")])
