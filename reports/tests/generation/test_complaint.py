"""Why the patient came, as it stands at the head of a report."""

import pytest

from reports.generation.complaint import chief_complaint
from reports.generation.units import make_units

from .conftest import talk


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("It's not the right knee, it's the left knee.", "Left knee pain."),
        ("No, it's not my right knee.", "Knee pain."),
        ("It is the right knee, not the left one.", "Right knee pain."),
    ],
)
def test_a_side_the_patient_puts_right_is_the_side_of_the_complaint(answer: str, text: str) -> None:
    visit = talk("d: I understand you've come in with some right knee pain. What is going on?", f"p: {answer}")

    complaint = chief_complaint(make_units(visit))

    assert complaint is not None
    assert complaint.text == text
    assert complaint.evidence == ((1, 2) if text != "Right knee pain." else (1,))
