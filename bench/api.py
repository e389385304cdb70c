"""How fast `/api/v1/` and the pages answer: a real server of one process, SQLite, 100,000 patients, over loopback.

Run as a part of `make bench`, or alone: `python -m bench.api`. BENCH_PATIENTS is the size of the register. Each figure
also stands beside what Django itself costs: an empty view, and fifty rows of plain text. Clients run on the same two
cores, so the figures are those of a busy machine.
"""

import http.client
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench._speech import figure

PATIENTS = int(os.environ.get("BENCH_PATIENTS", "100000"))
USERS = 20
SECONDS = 20
# The throttle lets one person ask 600 times a minute: a load needs many people.
PEOPLE = 120
WARM_UP = 3
SINGLE = 200
FEW = 10  # of a page far down, which costs more the further down it lies
LIMITS = {"list": 150, "search": 150, "pages": 250, "crud": 200, "login": 900}
LEAST_READS, LEAST_PAGES = 60, 40

FILL = """
from datetime import timedelta
from django.db import connection
from synapse.accounts import tokens
from synapse.accounts.scopes import scopes_of_role
from synapse.demo.bulk import add_patients
from scheduling.tests.factories import make_appointment
from patients.models import Patient

now = timezone.now()
doctor = make_user("doctor", "doctor", "Asha", "Rao")
add_patients(COUNT, doctor=doctor, at=now)
patients = list(Patient.objects.only("pk")[:200])
visits = [make_appointment(doctor, patient=patient) for patient in patients[:60]]
answer = {"tokens": [], "cookies": [], "patients": [str(p.pk) for p in patients], "visits": [str(v.pk) for v in visits]}
for number in range(PEOPLE):
    person = make_user(f"desk{number}", "receptionist", "Rita", "Mehta")
    made = tokens.create_token(person, name="bench", scopes=scopes_of_role(person.role), lifetime=timedelta(days=1), by=person, at=now)
    answer["tokens"].append(made.secret)
    if number < 40:
        client = Client()
        client.force_login(person)
        answer["cookies"].append(client.cookies["sessionid"].value)
columns = ", ".join(f"column_{n} text" for n in range(24))
with connection.cursor() as cursor:
    cursor.execute(f"CREATE TABLE bench_plain (id integer primary key, {columns})")
    cursor.executemany(
        f"INSERT INTO bench_plain ({', '.join(f'column_{n}' for n in range(24))}) VALUES ({', '.join(['%s'] * 24)})",
        [[f"some words {n}"] * 24 for n in range(100)],
    )
    cursor.execute("ANALYZE")
"""

Ask = Callable[[http.client.HTTPConnection], int]


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    from sessions_app.tests.live_site import LiveSite

    with tempfile.TemporaryDirectory() as folder:
        site = LiveSite(Path(folder))
        site.env["DJANGO_SETTINGS_MODULE"] = "bench._floor_settings"
        made = site.run(FILL, COUNT=PATIENTS, PEOPLE=PEOPLE)
        site.start()
        try:
            yield from _measure(site.port, made)
        finally:
            site.kill()


def _measure(port: int, made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    tokens = itertools.cycle(made["tokens"])
    patients, visits = itertools.cycle(made["patients"]), itertools.cycle(made["visits"])
    lock = threading.Lock()

    def api(method: str, path: str, body: dict[str, Any] | None = None) -> Ask:
        def ask(connection: http.client.HTTPConnection) -> int:
            with lock:
                headers = {"Authorization": f"Bearer {next(tokens)}", "Content-Type": "application/json"}
            return _send(connection, method, path, headers, json.dumps(body) if body else None)

        return ask

    def page(path: str, cookie: str) -> Ask:
        return lambda connection: _send(connection, "GET", path, {"Cookie": f"sessionid={cookie}"})

    def floor(path: str) -> Ask:
        return lambda connection: _send(connection, "GET", path, {})

    empty = _times(port, floor("/floor/empty/"))
    plain = _times(port, floor("/floor/plain/"))
    floors = {"empty view": _p95(empty), "50 plain rows": _p95(plain)}
    for name, times in (("empty_view", empty), ("plain_rows", plain)):
        yield figure(f"api.floor.{name}.p95", _p95(times), "ms", {}, len(times))
    singles = {
        "list_50": (api("GET", "/api/v1/patients/?page_size=50"), LIMITS["list"]),
        "list_50_sparse": (api("GET", "/api/v1/patients/?page_size=50&fields=last_name"), LIMITS["list"]),
        "list_50_deep": (api("GET", f"/api/v1/patients/?page_size=50&page={PATIENTS // 60}"), LIMITS["list"]),
        "search": (api("POST", "/api/v1/patients/search/", {"query": "Kavya"}), LIMITS["search"]),
        "detail": (api("GET", f"/api/v1/patients/{next(patients)}/"), LIMITS["list"]),
        "appointments": (api("GET", "/api/v1/appointments/?page_size=50"), LIMITS["list"]),
    }
    for name, (ask, limit) in singles.items():
        times = _times(port, ask, FEW if name == "list_50_deep" else SINGLE)
        ratios = {f"limit of {limit} ms": _p95(times) / limit, **{f: _p95(times) / at for f, at in floors.items()}}
        yield figure(f"api.{name}.p95", _p95(times), "ms", ratios, len(times))

    def reads() -> Iterator[Ask]:
        while True:
            yield api("GET", f"/api/v1/patients/{next(patients)}/")
            yield api("GET", "/api/v1/patients/?page_size=10")
            yield api("GET", f"/api/v1/appointments/{next(visits)}/")
            yield api("GET", "/api/v1/appointments/?page_size=10")
            yield api("GET", f"/api/v1/patients/{next(patients)}/consents/")

    def crud() -> Iterator[Ask]:
        for number, ask in enumerate(reads()):
            yield ask
            if number % 4 == 3:
                yield api("PATCH", f"/api/v1/patients/{next(patients)}/", {"occupation": f"Trade {number}"})

    def pages() -> Iterator[Ask]:
        for cookie in itertools.cycle(made["cookies"]):
            for path in ("/patients/", f"/patients/{next(patients)}/", "/calendar/", "/bills/"):
                yield page(path, cookie)

    def sign_ins() -> Iterator[Ask]:
        for number in itertools.cycle(range(PEOPLE)):
            body = {"username": f"desk{number}", "password": "correct horse battery staple"}
            yield lambda connection, body=body: _send(
                connection, "POST", "/api/v1/auth/token/", {"Content-Type": "application/json"}, json.dumps(body)
            )

    yield from _load("api.read_mix", port, reads(), SECONDS, 4, per_second=LEAST_READS, limit=LIMITS["list"])
    yield from _load("api.crud_80_20", port, crud(), SECONDS, 4, limit=LIMITS["crud"])
    yield from _load("pages.20_users", port, pages(), SECONDS, USERS, per_second=LEAST_PAGES, limit=LIMITS["pages"])
    yield from _load("api.sign_in", port, itertools.islice(sign_ins(), 10), SECONDS, 1, limit=LIMITS["login"])


def _load(
    name: str,
    port: int,
    asks: Iterator[Ask],
    seconds: float,
    clients: int,
    *,
    limit: float,
    per_second: float | None = None,
) -> Iterator[dict[str, Any]]:
    """Let clients ask as fast as they are answered; yield requests a second, p50, p95, p99 and refusals."""
    lock, times, statuses = threading.Lock(), [], []
    until = time.monotonic() + seconds

    def client(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until:
            with lock:
                ask = next(asks, None)
            if ask is None:
                return
            started = time.perf_counter()
            status = ask(connection)
            took = (time.perf_counter() - started) * 1000
            with lock:
                times.append(took)
                statuses.append(status)

    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    rate = len(times) / (time.monotonic() - began)
    yield figure(f"{name}.rate", rate, "requests/s", {"target": rate / per_second} if per_second else {}, len(times))
    cuts = statistics.quantiles(times, n=100)
    for what, value in (("p50", cuts[49]), ("p95", cuts[94]), ("p99", cuts[98])):
        ratios = {f"limit of {limit} ms": value / limit} if what == "p95" else {}
        yield figure(f"{name}.{what}", value, "ms", ratios, len(times))
    yield figure(f"{name}.failed", sum(status >= 400 for status in statuses), "answers", {}, len(statuses))


def _times(port: int, ask: Ask, asked: int = SINGLE) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    times = []
    for number in range(asked + WARM_UP):
        started = time.perf_counter()
        status = ask(connection)
        assert status == 200, status
        if number >= WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
    return times


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _send(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> int:
    connection.request(method, path, body=body, headers={"Host": f"localhost:{connection.port}", **headers})
    response = connection.getresponse()
    response.read()
    return response.status


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)
