"""A side the patient puts right is never told as the clinician first had it."""

import pytest

from reports.generation.embedded import EmbeddedGenerator
from reports.generation.findings import find_findings

from .conftest import request_for, talk


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Some left shoulder pain?", "It's not the left shoulder, it's the right."),
        ("I see you have come in with left shoulder pain.", "No, it's my right shoulder."),
        ("You come in with left shoulder pain, is that correct?", "It's not the left, it's the right shoulder."),
    ],
)
def test_a_complaint_stands_on_the_side_the_patient_names(asked: str, answer: str) -> None:
    segments = talk(
        "d: Hello.",
        f"d: {asked}",
        f"p: {answer}",
        "d: When did the pain start?",
        "p: Three weeks ago after a fall.",
        "d: On exam there is swelling of the right shoulder.",
    )
    draft = EmbeddedGenerator().generate(request_for(segments, "general"))
    lines = [line.text.lower() for line in (*draft.all_sentences(), *draft.unassigned)]
    lines += [finding.fact.text.lower() for finding in find_findings(segments)]

    assert "right shoulder pain." in lines
    assert not [line for line in lines if "left shoulder pain" in line and "right" not in line]
