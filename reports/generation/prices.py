"""What an answer cost, from a table of list prices with its date and source."""

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parent / "prices.json"
_BUILD = re.compile(r"-\d{3}$")  # gemini-3.8-flash-002 is billed as gemini-3.8-flash
_MILLION = Decimal(1_000_000)


def cost_usd(model: str, tokens: Mapping[str, int], *, is_cloud: bool, on: date) -> str | None:
    """Return the list price of an answer in US dollars; 0 for one made on the clinic's own machines, None if unknown.

    Cached input is priced as any other, so that the figure is never too low.
    """
    if not is_cloud:
        return "0"
    name = model.removeprefix("models/")
    prices = _models().get(name) or _models().get(_BUILD.sub("", name), [])
    valid = [price for price in prices if date.fromisoformat(price["from"]) <= on]
    if not valid or not tokens:
        return None
    price = max(valid, key=lambda one: str(one["from"]))
    written = tokens.get("answer", 0) + tokens.get("thinking", 0)
    cost = (tokens.get("prompt", 0) * Decimal(price["input"]) + written * Decimal(price["output"])) / _MILLION
    return str(cost.quantize(Decimal("0.000001"), ROUND_HALF_UP))


def with_cost(model: str, tokens: Mapping[str, int], *, is_cloud: bool, on: date) -> dict[str, int | str | None]:
    """Return token counts with `cost_usd` beside them."""
    return {**tokens, "cost_usd": cost_usd(model, tokens, is_cloud=is_cloud, on=on)}


def add_usage(
    first: Mapping[str, int | str | None], second: Mapping[str, int | str | None]
) -> dict[str, int | str | None]:
    """Return two usages as one; a cost that is unknown in either makes the sum unknown."""
    total: dict[str, int | str | None] = {}
    for name in sorted((first.keys() | second.keys()) - {"cost_usd"}):
        total[name] = int(first.get(name) or 0) + int(second.get(name) or 0)
    costs = [usage["cost_usd"] for usage in (first, second) if "cost_usd" in usage]
    if costs:
        known = [Decimal(cost) for cost in costs if isinstance(cost, str)]
        total["cost_usd"] = str(sum(known, Decimal(0))) if len(known) == len(costs) else None
    return total


@lru_cache(maxsize=1)
def _models() -> dict[str, list[dict[str, Any]]]:
    table = json.loads(_TABLE.read_text(encoding="utf-8"))
    return dict(table["models"])
