"""What the audit chain costs: rows written a second, and the walk over all of them.

Run as a part of `make bench`, or alone: `python -m bench.audit`. BENCH_AUDIT_ROWS is the number of rows written one by
one (2,000), BENCH_AUDIT_WALK the number walked (100,000; the product's promise is 1,000,000 in 30 s). TEST_POSTGRES_URL,
with a database name of its own, measures PostgreSQL instead of SQLite.
"""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

GOAL_ROWS, GOAL_SECONDS = 1_000_000, 30
PATIENTS = 5_000
BATCH = 5_000


def run() -> Iterator[dict[str, Any]]:
    """Yield the rates of writing and verifying chained rows, each beside what the same costs without a chain."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    yield _written(int(os.environ.get("BENCH_AUDIT_ROWS", "2000")))
    yield _walked(int(os.environ.get("BENCH_AUDIT_WALK", "100000")))


def _written(size: int) -> dict[str, Any]:
    from django.db import connection, transaction

    from synapse.audit import services
    from synapse.audit.models import Action
    from synapse.common.models import Counter

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
    return {
        "bench": f"audit: chained rows written, {connection.vendor}",
        "value": round(chained),
        "unit": "rows/s",
        "ratio_to": {"a plain row in its own transaction": round(chained / plain, 2)},
        "n": size,
    }


def _walked(size: int) -> dict[str, Any]:
    from django.db import connection

    from synapse.audit.rows import read_pages
    from synapse.audit.verification import verify_chain

    fill(size)
    started = time.perf_counter()
    read = sum(len(page.rows) for page in read_pages(10 * size))
    floor = time.perf_counter() - started

    started, worked = time.perf_counter(), time.process_time()
    verdict = verify_chain()
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    if verdict.broken:
        raise SystemExit(f"the chain is broken at row {verdict.broken.seq}: {verdict.broken.reason}")
    return {
        "bench": f"audit: the whole chain verified, {connection.vendor}",
        "value": round(seconds, 2),
        "unit": "s",
        "ratio_to": {
            "reading the rows alone": round(seconds / floor, 2),
            "1,000,000 rows in 30 s": round(seconds / verdict.events / (GOAL_SECONDS / GOAL_ROWS), 2),
            "its own processor time": round(seconds / worked, 2),
        },
        "n": read,
    }


def fill(size: int) -> None:
    """Append rows as a year of a clinic would: nine in ten about one patient, every tenth a list of three."""
    from django.db import connection, transaction

    from synapse.audit import chain
    from synapse.audit.models import Action, AuditEvent, AuditSubject, ChainHead
    from synapse.common import triggers

    head = ChainHead.objects.get()
    people = [UUID(int=number) for number in range(1, 21)]
    actions = (*[Action.READ] * 7, Action.UPDATE, Action.SEARCH, Action.DENY)
    began = datetime(2026, 1, 1, tzinfo=UTC)

    def event(seq: int) -> tuple[AuditEvent, list[UUID]]:
        is_list = seq % 10 == 0
        shown = [UUID(int=1000 + (seq * 7 + turn) % PATIENTS) for turn in range(3)] if is_list else []
        made = AuditEvent(
            seq=seq,
            id=UUID(int=seq),
            at=began + timedelta(seconds=30 * seq, microseconds=seq),
            action=actions[seq % 10],
            outcome="denied" if seq % 10 == 9 else "allowed",
            actor_id=people[seq % 20],
            actor_label=f"person{seq % 20}",
            target_type="patients.Patient",
            target_id=str(UUID(int=1000 + seq % PATIENTS)),
            target_label=f"PAT-2026{seq % PATIENTS:04}",
            patient_id=None if is_list else UUID(int=1000 + seq % PATIENTS),
            detail={"fields": ["phone_primary"]} if seq % 10 == 7 else {},
            subjects_digest=chain.subjects_digest(shown),
            ip=f"10.0.0.{seq % 20}",
            request_id=UUID(int=seq),
            sign_in_id=UUID(int=10_000 + seq % 400),
            key_id=chain.active_key_id(),
            previous_mac=head.mac,
        )
        made.mac = chain.event_mac(made) or ""
        head.seq, head.mac, head.key_id = made.seq, made.mac, made.key_id
        return made, shown

    for numbers in _batches(head.seq + 1, size):
        made = [event(seq) for seq in numbers]
        tables = {AuditEvent._meta.db_table, AuditSubject._meta.db_table}
        # They ask for each row whether it pushes another out, which is not what is measured here.
        with transaction.atomic(), triggers.lifted(connection, tables):
            AuditEvent.objects.bulk_create(each for each, _ in made)
            AuditSubject.objects.bulk_create(
                AuditSubject(event_seq=each.seq, patient_id=patient) for each, shown in made for patient in shown
            )
            head.seal = chain.head_seal(head) or ""
            head.save()


def _batches(first: int, size: int) -> Iterator[range]:
    for start in range(first, first + size, BATCH):
        yield range(start, min(start + BATCH, first + size))


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)
