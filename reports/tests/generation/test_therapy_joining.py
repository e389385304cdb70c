"""Neighbouring statements are told in one sentence only where nothing can be read wrong."""

import pytest

from reports.generation.facts import Fact
from reports.generation.therapy_joining import joined


def fact(text: str, index: int, segment: int = 1) -> Fact:
    return Fact(text, (segment,), 0.7, "hpi", index)


def test_two_short_statements_of_one_person_become_one_with_the_evidence_of_both() -> None:
    [one] = joined([fact("He bakes bread on Sundays.", 3, 1), fact("He sings in a choir.", 4, 2)])

    assert one.text == "He bakes bread on Sundays and sings in a choir."
    assert one.evidence == (1, 2)


def test_a_fourth_statement_begins_a_new_sentence() -> None:
    texts = [one.text for one in joined([fact(f"He bakes {number} loaves.", number) for number in (1, 2, 3, 4)])]

    assert texts == ["He bakes 1 loaves, bakes 2 loaves and bakes 3 loaves.", "He bakes 4 loaves."]


def test_what_is_denied_ends_its_sentence() -> None:
    said = [fact("He bakes bread.", 1), fact("He does not sing.", 2), fact("He paints the fence.", 3)]

    assert [one.text for one in joined(said)] == ["He bakes bread and does not sing.", "He paints the fence."]


@pytest.mark.parametrize(
    "second",
    [
        fact("She sings in a choir.", 4),
        fact("He sings in a choir.", 7),
        fact("He thinks the choir is loud.", 4),
        fact("He sings because it helps.", 4),
    ],
)
def test_what_may_be_read_wrong_stays_apart(second: Fact) -> None:
    first = fact("He bakes bread on Sundays.", 3)

    assert joined([first, second]) == [first, second]
