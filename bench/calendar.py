"""How long the calendar's pages take with many appointments, and what of it is the database, the names, the template.

Run as a part of `make bench`, or alone: `python -m bench.calendar`. BENCH_APPOINTMENTS is how many there are (10,000);
400 of them stand in one week of eight doctors. TEST_POSTGRES_URL, with a database name of its own, measures PostgreSQL.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

LIMIT_MS = 300
DOCTORS = 8
IN_VIEW = 400
MONDAY = date(2030, 3, 4)
ROUNDS = 15
VIEWS = ("day", "week", "doctors", "month", "agenda")


def run() -> Iterator[dict[str, Any]]:
    """Yield one line per view: the median of the whole answer in milliseconds, with its parts and its queries."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    size = int(os.environ.get("BENCH_APPOINTMENTS", "10000"))
    desk = _fill(size)
    client = Client()
    client.force_login(desk)
    where = f"{connection.vendor}, {size:,} appointments, {IN_VIEW} in the week"
    for view in VIEWS:
        yield _measure(client, f"/calendar/?day={MONDAY}&view={view}", f"calendar, {view}, {where}", {})
    again = {"HTTP_HX_REQUEST": "true"}
    yield _measure(client, f"/calendar/?day={MONDAY}&view=week", f"calendar, week drawn again, {where}", again)
    yield _measure(client, "/calendar/revision/", f"calendar, revision, {where}", {})


def _measure(client: Any, address: str, name: str, headers: dict[str, str]) -> dict[str, Any]:
    from django.db import connection

    client.get(address, **headers)
    totals, parts, worked, queries = [], [], [], 0
    for _ in range(ROUNDS):
        clock = _Clock()
        started, cpu = time.perf_counter(), time.process_time()
        with clock.watching(connection):
            response = client.get(address, **headers)
        totals.append((time.perf_counter() - started) * 1000)
        worked.append((time.process_time() - cpu) * 1000)
        assert response.status_code in {200, 204}
        parts.append((clock.sql * 1000, clock.decrypting * 1000, clock.rendering * 1000))
        queries = clock.queries
    sql, decrypting, rendering = (round(statistics.median(column), 1) for column in zip(*parts, strict=True))
    value = statistics.median(totals)
    return {
        "bench": name,
        "value": round(value, 1),
        "unit": "ms median",
        "ratio_to": {f"limit of {LIMIT_MS} ms": round(value / LIMIT_MS, 3)},
        "n": ROUNDS,
        "slowest": round(max(totals), 1),
        "processor time": round(statistics.median(worked), 1),
        "parts": {"sql": sql, "decrypting": decrypting, "rendering, decrypting aside": rendering, "queries": queries},
    }


class _Clock:
    """Adds up what an answer spends in SQL, in decryption and in its template."""

    def __init__(self) -> None:
        self.sql = self.decrypting = self.rendering = 0.0
        self.queries = 0

    def watching(self, connection: Any) -> Any:
        from contextlib import ExitStack
        from unittest import mock

        from django.template.base import Template

        from synapse.encryption import crypto

        decrypt, render = crypto.decrypt, Template.render

        def timed_decrypt(*args: Any, **kwargs: Any) -> str:
            started = time.perf_counter()
            try:
                return decrypt(*args, **kwargs)
            finally:
                self.decrypting += time.perf_counter() - started

        depth = [0]

        def timed_render(*args: Any, **kwargs: Any) -> Any:
            depth[0] += 1
            started, before = time.perf_counter(), self.decrypting
            try:
                return render(*args, **kwargs)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    self.rendering += time.perf_counter() - started - (self.decrypting - before)

        def timed_query(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            started = time.perf_counter()
            try:
                return execute(sql, params, many, context)
            finally:
                self.sql += time.perf_counter() - started
                self.queries += 1

        stack = ExitStack()
        stack.enter_context(mock.patch.object(crypto, "decrypt", timed_decrypt))
        stack.enter_context(mock.patch.object(Template, "render", timed_render))
        stack.enter_context(connection.execute_wrapper(timed_query))
        return stack


def _fill(size: int) -> Any:
    """Write doctors, patients and their visits in bulk: IN_VIEW in one week, the others around it."""
    from django.db import connection, transaction
    from django.utils import timezone

    from patients.models import Patient
    from scheduling.models import Appointment, Room
    from synapse.accounts.models import User

    random.seed(11)
    desk = User.objects.create(username="bench-desk", email="desk@bench.example", role="receptionist")
    doctors = [
        User.objects.create(username=f"doctor{number}", email=f"d{number}@bench.example", role="doctor")
        for number in range(DOCTORS)
    ]
    with transaction.atomic():
        patients = [
            Patient(
                patient_id=f"PAT-2030{number:04d}",
                first_name=random.choice(("Kavya", "Tomás", "Leila", "Ravi")),
                last_name=f"Person{number}",
                date_of_birth=date(1980, 1, 1),
                phone_primary="+919820055012",
                created_by=desk,
            )
            for number in range(max(size // 5, IN_VIEW))
        ]
        Patient.objects.bulk_create(patients, batch_size=500)
        rooms = [Room.objects.create(name=f"Room {number}") for number in range(1, DOCTORS + 1)]
        Appointment.objects.bulk_create(
            [
                Appointment(
                    patient=patients[number % len(patients)],
                    doctor=doctor,
                    room=rooms[doctors.index(doctor)],
                    booked_by=desk,
                    scheduled_at=start,
                    ends_at=start + timedelta(minutes=30),
                    duration_minutes=30,
                    timezone="Asia/Kolkata",
                    status=("scheduled", "confirmed")[number % 2],
                    chief_complaint="Cannot sleep",
                    confirmed_at=timezone.now() if number % 2 else None,
                )
                for number, (doctor, start) in enumerate(_places(size, doctors))
            ],
            batch_size=500,
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return desk


def _places(size: int, doctors: list[Any]) -> Iterator[tuple[Any, datetime]]:
    """Yield doctor and time of each visit: ten a day and doctor in the week in view, the others up to the size."""
    week = [MONDAY + timedelta(days=number) for number in range(5)]
    others = [MONDAY + timedelta(days=7 * number) for number in range(1, 60)]
    days = [*week, *(monday + timedelta(days=number) for monday in others for number in range(5))]
    count = 0
    for day in days:
        for doctor in doctors:
            for slot in range(10 if day in week else 9):
                if count == size:
                    return
                count += 1
                yield doctor, datetime(day.year, day.month, day.day, 3, 30, tzinfo=UTC) + timedelta(minutes=45 * slot)


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)
