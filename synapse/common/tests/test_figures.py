import pytest

from synapse.common.figures import read_whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("42", 42), ("007", 7), ("٤٢", 42), ("999999999", 999_999_999)])
def test_digits_are_a_number(text, number):
    assert read_whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.5", "1_0", " 1", "²", "①", "9" * 10, "9" * 5_000])
def test_anything_else_is_none(text):
    assert read_whole_number(text) is None
