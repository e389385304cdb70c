"""The code tables an installation starts with: numbers, and words of our own for them.

Diagnoses are a selection for mental health from ICD-10-CM in its 2026 edition (October 2025); where WHO's ICD-10 (2019)
has the same number, it means the same. Codes that only WHO's edition bills say so in their words. Procedures are CPT
2026 and HCPCS level II numbers, with those that were given up and what took their place. Places of service are the
whole list of CMS.

Minutes are those a session must have reached. Psychotherapy, crisis, testing and advice codes follow CPT's rule that a
unit of time is attained once its midpoint has passed (16 of 30, 38 of 45, 53 of 60); visits to a physician (99202 to
99215) need their whole time since 2024.
"""

import csv
from pathlib import Path
from typing import Any

from billing.codes.words import search_words

FOLDER = Path(__file__).parent / "tables"
SYSTEMS = ("icd10", "cpt", "modifier", "place")
SHIPPED, RETIRED = 0, 2  # of `Code.Rank`; a migration has no such class


def rows(system: str) -> list[dict[str, str]]:
    """Return the rows of a shipped table as they are written."""
    with (FOLDER / f"{system}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def install(code_model: Any, alias: str) -> int:
    """Put the shipped codes that are missing into the tables and return how many; what is there stays."""
    made = [code_model(**_values(system, row)) for system in SYSTEMS for row in rows(system)]
    before: int = code_model.objects.using(alias).count()
    code_model.objects.using(alias).bulk_create(made, batch_size=500, ignore_conflicts=True)
    return int(code_model.objects.using(alias).count()) - before


def _values(system: str, row: dict[str, str]) -> dict[str, Any]:
    retired_in = _number(row.get("retired_in"))
    return {
        "system": system,
        "code": row["code"],
        "words": row["words"],
        "minimum_minutes": _number(row.get("minimum_minutes")),
        "maximum_minutes": _number(row.get("maximum_minutes")),
        "is_retired": retired_in is not None,
        "retired_in": retired_in,
        "replaced_by": row.get("replaced_by") or "",
        "rank": SHIPPED if retired_in is None else RETIRED,
        "search_words": search_words(row["code"], row["words"]),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text else None
