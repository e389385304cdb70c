"""How long finding one patient among many takes, and whether one typo is forgiven.

Run as a part of `make bench`, or alone: `python -m bench.patients`. BENCH_PATIENTS is the size of the register
(100,000); TEST_POSTGRES_URL, with a database name of its own, measures PostgreSQL instead of SQLite.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any

LIMIT_MS = 100
QUERIES = 200
BATCH = 2000
SYLLABLES = [first + vowel for first in "bcdghjklmnprstvwyz" for vowel in "aeiou"]


def run() -> Iterator[dict[str, Any]]:
    """Yield one line per kind of query: 95th percentile in milliseconds, and the recall of one-typo names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    size = int(os.environ.get("BENCH_PATIENTS", "100000"))
    random.seed(7)
    people = _fill(size)
    where = f"{connection.vendor}, {size:,} patients"
    yield from _measure(people, where, size)


def _measure(people: list[dict[str, Any]], where: str, size: int) -> Iterator[dict[str, Any]]:
    from patients.finding.search import search_patients
    from synapse.accounts.models import User

    reception, doctor = User.objects.get(username="bench-desk"), User.objects.get(username="bench-doctor")
    sample = random.sample(people, QUERIES)
    kinds: dict[str, Callable[[dict[str, Any]], str]] = {
        "two letters": lambda one: one["first_name"][:2],
        "first three letters of the last name": lambda one: one["last_name"][:3],
        "first name": lambda one: one["first_name"],
        "full name": lambda one: f"{one['first_name']} {one['last_name']}",
        "first name and year": lambda one: f"{one['first_name']} {one['date_of_birth'].year}",
        "last name with one typo": lambda one: _with_typo(one["last_name"]),
        "begun phone": lambda one: f"+91 {one['phone_primary'][3:8]} {one['phone_primary'][8:10]}",
        "last four of the phone": lambda one: one["phone_primary"][-4:],
        "birth date in words": lambda one: f"{one['date_of_birth']:%-d %B %Y}",
        "patient number": lambda one: one["patient_id"],
    }
    for person, scope in ((reception, "all in scope"), (doctor, "1 in 50 in scope")):
        for kind, query_of in kinds.items():
            times = []
            for one in sample:
                started = time.perf_counter()
                search_patients(query_of(one), by=person, region="IN", today=date(2026, 1, 1))
                times.append((time.perf_counter() - started) * 1000)
            p95 = statistics.quantiles(times, n=20)[-1]
            yield {
                "bench": f"patient search, {kind}, {scope}, {where}",
                "value": round(p95, 2),
                "unit": "ms p95",
                "ratio_to": {f"limit of {LIMIT_MS} ms": round(p95 / LIMIT_MS, 3)},
                "n": len(times),
            }
    found = 0
    for one in sample:
        query = f"{_with_typo(one['last_name'])} {one['date_of_birth'].year}"
        hits = search_patients(query, by=reception, region="IN", today=date(2026, 1, 1), limit=size)
        found += any(hit.patient.patient_id == one["patient_id"] for hit in hits)
    yield {
        "bench": f"patient search, recall of one typo, {where}",
        "value": round(found / len(sample), 4),
        "unit": "share found",
        "ratio_to": {"target of 1.0": round(found / len(sample), 4)},
        "n": len(sample),
    }


def _fill(size: int) -> list[dict[str, Any]]:
    """Write synthetic patients with their tokens in bulk; every fiftieth is open to the doctor."""
    from django.db import connection, transaction
    from django.utils import timezone

    from patients.finding.indexing import set_hashes, tokens_of
    from patients.models import Patient, PatientAccess, PatientToken
    from synapse.accounts.models import User

    now = timezone.now()
    desk = User.objects.create(username="bench-desk", email="desk@bench.example", role="receptionist")
    doctor = User.objects.create(username="bench-doctor", email="doctor@bench.example", role="doctor")
    people = [_person(number, *_vocabulary()) for number in range(size)]
    numbered = iter(people)
    sql = f"INSERT INTO {connection.ops.quote_name(PatientToken._meta.db_table)} (token, patient_id) VALUES (%s, %s)"
    with transaction.atomic():
        while batch := list(islice(numbered, BATCH)):
            patients = [
                Patient(**one, created_by=desk, last_seen_at=now - timedelta(minutes=random.randrange(500_000)))
                for one in batch
            ]
            for patient in patients:
                set_hashes(patient)
            Patient.objects.bulk_create(patients)
            rows = sorted((token, patient.pk) for patient in patients for token in tokens_of(patient))
            adapt = PatientToken._meta.get_field("patient").target_field.get_db_prep_value
            with connection.cursor() as cursor:
                cursor.executemany(sql, [(token, adapt(pk, connection)) for token, pk in rows])
            PatientAccess.objects.bulk_create(
                PatientAccess(patient=patient, doctor=doctor, source="registered", granted_at=now, granted_by=doctor)
                for patient in patients[::50]
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return people


_words: list[tuple[list[str], list[str]]] = []


def _vocabulary() -> tuple[list[str], list[str]]:
    """Return 2,000 first and 30,000 last names, made once."""
    if not _words:
        first: set[str] = set()
        last: set[str] = set()
        while len(first) < 2000:
            first.add("".join(random.choices(SYLLABLES, k=random.randint(2, 3))).capitalize())
        while len(last) < 30_000:
            last.add("".join(random.choices(SYLLABLES, k=random.randint(2, 4))).capitalize())
        _words.append((sorted(first), sorted(last)))
    return _words[0]


def _person(number: int, first_names: list[str], last_names: list[str]) -> dict[str, Any]:
    # Names are not spread evenly: a few are common, most are rare.
    first = first_names[int(len(first_names) * random.random() ** 3)]
    last = last_names[int(len(last_names) * random.random() ** 3)]
    return {
        "patient_id": f"PAT-2025{number:04d}",
        "first_name": first,
        "last_name": last,
        "date_of_birth": date(1930, 1, 1) + timedelta(days=random.randrange(33_000)),
        "phone_primary": f"+91{random.randrange(6_000_000_000, 9_999_999_999)}",
        "email": f"{first}.{last}.{number}@mail.example".lower(),
    }


def _with_typo(word: str) -> str:
    at = random.randrange(1, len(word))
    letter = random.choice("aeiounrst")
    return random.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
        )
    )


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)
