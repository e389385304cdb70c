"""Which tests have to run again on PostgreSQL: those that between them ask it everything the suite asks a database.

While the suite runs on SQLite each test's statements are noted as shapes, without numbers and lists, together with how
they ended (a constraint that refused is another shape). On PostgreSQL every shape then runs in two tests, and what
commits, or is about PostgreSQL by name, runs whole; a rule of a service that sends the database nothing new does not run
a second time. Every test there: `TEST_POSTGRES_URL=… pytest -m database`.
"""

from __future__ import annotations

import heapq
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

NOTED_IN, ONLY = "TEST_SHAPES_DIR", "TEST_ONLY_FILE"
RUNS_OF_A_SHAPE = 2
SECONDS_OF_ANY_TEST = 0.02  # what pytest itself takes for one
ELSEWHERE = ("browser", "redis")  # tests that run on SQLite only
_LIST = re.compile(r"\((?:%s|NULL)(?:, (?:%s|NULL))*\)(?:, \((?:%s|NULL)(?:, (?:%s|NULL))*\))*")
_NUMBER = re.compile(r"\b\d+\b")
_OF_TRANSACTIONS = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN")


@cache
def shape_of(sql: str) -> str:
    """Return a short name of a statement whose lists and numbers may differ, or "" for one that asks nothing."""
    if sql.startswith(_OF_TRANSACTIONS):
        return ""
    return blake2b(_NUMBER.sub("0", _LIST.sub("(%s)", sql)).encode(), digest_size=6).hexdigest()


class Notes:
    """A pytest plugin that writes down the shapes of each database test of this process."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / f"{os.getpid()}.jsonl").open("w")
        self._shapes: set[str] = set()

    def note(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        try:
            result = execute(sql, params, many, context)
        except Exception as error:
            self._shapes.add(f"{shape_of(sql)} {type(error).__name__}")
            raise
        self._shapes.add(shape_of(sql))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if not item.get_closest_marker("database") or any(map(item.get_closest_marker, ELSEWHERE)):
            return (yield)
        from django.db import connection

        self._shapes.clear()
        began = time.process_time()
        with connection.execute_wrapper(self.note):
            result = yield
        seconds = time.process_time() - began
        must = commits(item) or "postgres" in _text_of(item.path)
        self._file.write(json.dumps([item.nodeid, must, sorted(self._shapes - {""}), seconds]) + "\n")
        self._file.flush()
        return result


def commits(item: pytest.Item) -> bool:
    """Whether a test leaves its rows to the database, as a request does."""
    marker = item.get_closest_marker("django_db")
    return "transactional_db" in getattr(item, "fixturenames", ()) or bool(marker and marker.kwargs.get("transaction"))


@cache
def _text_of(path: Path) -> str:
    return path.read_text().lower()


def write_choice(folder: Path, target: Path) -> None:
    """Write the tests to run again, one a line, from what the processes of a run noted."""
    must: set[str] = set()
    shapes_of: dict[str, list[str]] = {}
    seconds: dict[str, float] = {}
    for path in folder.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            test, is_needed, shapes_of[test], seconds[test] = json.loads(line)
            must |= {test} if is_needed else set()
    chosen = choose(shapes_of, must=must, seconds=seconds)
    target.write_text("\n".join(sorted(chosen)) + "\n")


def choose(
    shapes_of: Mapping[str, Iterable[str]], *, must: Iterable[str], seconds: Mapping[str, float] | None = None
) -> set[str]:
    """Return `must` and other tests, so that each shape runs RUNS_OF_A_SHAPE times or as often as it is there.

    Each step takes the test that adds most for its time; what a test adds only sinks, so its old figure is an upper
    bound.
    """
    wanted = {test: set(shapes) for test, shapes in shapes_of.items()}
    missing = Counter({shape: RUNS_OF_A_SHAPE for shapes in wanted.values() for shape in shapes})
    chosen: set[str] = set()

    def worth(test: str) -> float:
        gain = sum(missing[shape] > 0 for shape in wanted[test])
        return gain / (SECONDS_OF_ANY_TEST + (seconds or {}).get(test, 0.0))

    def take(test: str) -> None:
        chosen.add(test)
        missing.subtract(wanted[test])

    for test in must:
        take(test)
    queue = [(-worth(test), test) for test in wanted if test not in chosen]
    heapq.heapify(queue)
    while queue:
        bound, test = heapq.heappop(queue)
        if (now := worth(test)) == 0:
            continue
        if now < -bound:
            heapq.heappush(queue, (-now, test))
        else:
            take(test)
    return chosen
