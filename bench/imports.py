"""How long a file of patients takes to look at and to take in.

Run as a part of `make bench`, or alone: `python -m bench.imports`. BENCH_ROWS is the size of the file (5,000).
"""

import json
import os
from collections.abc import Iterator
from time import perf_counter
from typing import Any

DOCTOR, DESK = "bench-doctor", "bench-desk"


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for the preview of an empty and a full register, and one for taking the rows in; in s."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from synapse.records import services
    from synapse.testing.plugin import make_user

    call_command("migrate", verbosity=0)
    rows = int(os.environ.get("BENCH_ROWS", "5000"))
    doctor, desk = make_user(DOCTOR, "doctor", "Bench", "Doctor"), make_user(DESK, "receptionist", "Bench", "Desk")
    where = f"{connection.vendor}, {rows:,} rows"

    began = perf_counter()
    staged = services.stage_import("patients", _file_of(rows), doctor=doctor, by=desk, at=timezone.now())
    yield _line(f"import: preview of new patients ({where})", perf_counter() - began, rows)

    # The tests' doorbell may run the job at once: the clock starts before it.
    began = perf_counter()
    services.start_import(staged, duplicates="skip", choices={}, by=desk, at=timezone.now())
    _run_jobs()
    yield _line(f"import: taking them in ({where})", perf_counter() - began, rows)

    began = perf_counter()
    services.stage_import("patients", _file_of(rows), doctor=doctor, by=desk, at=timezone.now())
    yield _line(f"import: preview when all are on file ({where})", perf_counter() - began, rows)


def _run_jobs() -> None:
    from synapse.common import jobs
    from synapse.common.models import Job
    from synapse.records import services

    while job := Job.objects.filter(kind=services.RUN, state=Job.State.QUEUED).first():
        jobs.run_job(str(job.pk))


def _file_of(rows: int) -> bytes:
    lines = ["First name,Last name,Date of birth,Mobile,E-mail"]
    for n in range(rows):
        born = f"{1940 + n % 70}-{n % 12 + 1:02}-{n % 28 + 1:02}"
        lines.append(f"Given{n},Family{n % 997},{born},0982{n:07},p{n}@example.org")
    return "\n".join(lines).encode()


def _line(what: str, seconds: float, rows: int) -> dict[str, Any]:
    return {
        "bench": what,
        "value": round(seconds, 2),
        "unit": "s",
        "ratio_to": {"ms a row": round(1000 * seconds / rows, 2)},
        "n": rows,
    }


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)
