"""Orders to a scribe or computer and what is said for the record stay out of the note."""

import pytest

from reports.generation.dictation import without_dictation
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.findings import find_findings

from .conftest import request_for, talk


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Okay, hey dragon, bring up the lumbar films.", ""),
        ("In the impression, please summarize the course so far, and let us list what is left to rule out.", ""),
        ("Please add the following to the results.", ""),
        ("Under plan, write naproxen 500 mg twice a day.", "naproxen 500 mg twice a day."),
        ("Next is Ruth Field, date of birth is 4/5/1971, she has asthma.", "she has asthma."),
        ("Ruth Field. Date of birth, April 5, 1971. She has asthma.", "She has asthma."),
        ("The next patient is Ruth Field.", ""),
        ("Today I'm seeing Ruth Field.", ""),
    ],
)
def test_only_what_was_found_or_planned_is_kept_of_dictation(said: str, told: str) -> None:
    [segment] = without_dictation(talk(f"d: {said}"))

    assert segment.text == told


@pytest.mark.parametrize(
    "said",
    [
        "Hey dragon, order an echocardiogram.",
        "Please list your medications for me.",
        "What is your date of birth?",
        "Next is physical therapy.",
        "The next one is diabetes.",
        "The patient is in pain today.",
        "For your plan, we will add sertraline.",
        "My birthday is on Monday.",
    ],
)
def test_what_is_said_to_the_patient_stays(said: str) -> None:
    segments = talk(f"d: {said}")

    assert without_dictation(segments) is segments


def test_a_patients_birth_date_is_left_out() -> None:
    [segment] = without_dictation(talk("p: My date of birth is the ninth of May, nineteen eighty."))

    assert segment.text == ""


@pytest.mark.parametrize("slug", ["general", "psychiatry_followup", "soap"])
def test_no_part_of_a_note_or_of_what_it_lacks_holds_an_order_or_an_identity(slug: str) -> None:
    segments = talk(
        "d: Next is Ruth Field, date of birth April 5, 1971.",
        "d: Hey dragon, bring up the shoulder films.",
        "d: How is the shoulder?",
        "p: The shoulder pain is worse at night.",
        "d: On exam there is tenderness of the left shoulder.",
        "d: In the assessment, please summarize her history briefly, and let us list the diagnoses.",
        "d: Under plan, put naproxen 500 mg twice a day.",
    )
    draft = EmbeddedGenerator().generate(request_for(segments, slug))
    texts = [line.text for line in (*draft.all_sentences(), *draft.unassigned)]
    texts += [finding.fact.text for finding in find_findings(segments)]

    for word in ("Ruth", "ruth", "1971", "dragon", "films", "summarize", "list", "put"):
        assert not [text for text in texts if word in text.split()]
    assert any("naproxen 500 mg" in text.lower() for text in texts)
