"""What the audit chain costs: rows written a second, and the walk over all of them.

Run as a part of `make bench`, or alone: `python -m bench.audit`. BENCH_AUDIT_ROWS is the number of rows (2,000);
TEST_POSTGRES_URL, with a database name of its own, measures PostgreSQL instead of SQLite.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any


def run() -> Iterator[dict[str, Any]]:
    """Yield the rates of writing and verifying chained rows, the first against plain rows in transactions of their own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from synapse.audit import services
    from synapse.audit.models import Action
    from synapse.audit.verification import verify_chain
    from synapse.common.models import Counter

    call_command("migrate", verbosity=0)
    size = int(os.environ.get("BENCH_AUDIT_ROWS", "2000"))

    started = time.perf_counter()
    for number in range(size):
        with transaction.atomic():
            Counter.objects.create(series="bench", period=str(number))
    plain = size / (time.perf_counter() - started)

    started = time.perf_counter()
    for _ in range(size):
        with services.unit_of_work():
            services.record(Action.SYSTEM, by=None)
    chained = size / (time.perf_counter() - started)

    started = time.perf_counter()
    verdict = verify_chain()
    walked = size / (time.perf_counter() - started)
    if verdict.broken:
        raise SystemExit(f"the chain is broken at row {verdict.broken.seq}")

    yield {
        "bench": f"audit: chained rows written, {connection.vendor}",
        "value": round(chained),
        "unit": "rows/s",
        "ratio_to": {"a plain row in its own transaction": round(chained / plain, 2)},
        "n": size,
    }
    yield {
        "bench": f"audit: rows verified, {connection.vendor}",
        "value": round(walked),
        "unit": "rows/s",
        "ratio_to": {"1,000,000 rows in 30 s": round(walked / (1_000_000 / 30), 2)},
        "n": size,
    }


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)
