"""What an answer cost."""

from datetime import date

import pytest

from reports.generation.prices import add_usage, cost_usd, with_cost

TOKENS = {"prompt": 1_000_000, "answer": 60_000, "thinking": 40_000, "total": 1_100_000}
AUTUMN = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("model", "on", "cost"),
    [
        ("gemini-3.8-flash", AUTUMN, "1.125000"),
        ("gemini-3.8-flash-002", AUTUMN, "1.125000"),
        ("models/gemini-3.8-flash", AUTUMN, "1.125000"),
        ("gemini-3.8-flash", date(2027, 1, 1), "2.250000"),
        ("gemini-2.5-flash", AUTUMN, "0.550000"),
        ("gemini-3.8-flash", date(2026, 1, 1), None),
        ("gemini-3.8-flash-lite", AUTUMN, None),
        ("somebodys-model", AUTUMN, None),
    ],
)
def test_a_price_is_that_of_the_model_on_the_day_and_unknown_otherwise(model: str, on: date, cost: str | None) -> None:
    assert cost_usd(model, TOKENS, is_cloud=True, on=on) == cost


def test_what_the_clinics_own_machine_writes_costs_nothing() -> None:
    assert with_cost("llama3.2", {"total": 5}, is_cloud=False, on=AUTUMN) == {"total": 5, "cost_usd": "0"}


def test_without_counts_a_cloud_answer_has_no_price() -> None:
    assert with_cost("gemini-3.8-flash", {}, is_cloud=True, on=AUTUMN) == {"cost_usd": None}


def test_usages_are_added_and_an_unknown_cost_stays_unknown() -> None:
    first, second = {"prompt": 1, "cost_usd": "0.000001"}, {"prompt": 2, "answer": 3, "cost_usd": "0.1"}

    assert add_usage(first, second) == {"answer": 3, "prompt": 3, "cost_usd": "0.100001"}
    assert add_usage(first, {"cost_usd": None})["cost_usd"] is None
    assert add_usage({}, second) == second
