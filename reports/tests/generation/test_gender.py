"""The patient's gender comes from what they call themself or are called, and from nothing else."""

import pytest

from reports.generation.gender import gender_said

from .conftest import talk


@pytest.mark.parametrize(
    ("line", "gender"),
    [
        ("p: I want to be a better dad.", "male"),
        ("p: As a single mom I have no time.", "female"),
        ("p: I am their mother.", "female"),
        ("p: My last period was in May.", "female"),
        ("d: You want to be a good father.", "male"),
        ("d: Thank you, ma'am.", "female"),
        ("d: She is a 52-year-old woman.", "female"),
        ("p: Yes sir, I will.", ""),
        ("p: My teacher is Mr Shah.", ""),
        ("p: My wife says I work too much.", ""),
        ("d: Hi Sarah, come in.", ""),
        ("o: I am his mother.", ""),
        ("p: I am a mother, and my boy calls me a good father.", "female"),
        ("p: I am a woman, and it feels as if I am a boy.", ""),
    ],
)
def test_only_what_is_said_of_the_patient_counts(line: str, gender: str) -> None:
    assert gender_said(talk(line)) == gender
