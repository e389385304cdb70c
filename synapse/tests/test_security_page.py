"""The page that says which test shows which requirement names tests there are."""

import re
from functools import cache

from synapse.testing import prepared

PAGE = prepared.PROJECT / "synapse" / "SECURITY.md"
REQUIREMENTS = 45


@cache
def functions_of(path: str) -> frozenset[str]:
    return frozenset(re.findall(r"^(?:async )?def (test_\w+)", (prepared.PROJECT / path).read_text(), re.MULTILINE))


def rows() -> dict[int, list[str]]:
    """Return the tests named for each requirement by its number."""
    found = {}
    for line in PAGE.read_text().splitlines():
        if number := re.match(r"\| (\d+) \|", line):
            found[int(number[1])] = re.findall(r"`([\w/]+\.py::test_\w+)`", line)
    return found


def test_every_requirement_has_a_test():
    assert [number for number, tests in rows().items() if tests] == list(range(1, REQUIREMENTS + 1))


def test_every_test_it_names_is_there():
    named = {name for tests in rows().values() for name in tests}

    gone = {name for name in named if not exists(*name.split("::"))}

    assert gone == set()


def exists(path: str, test: str) -> bool:
    return (prepared.PROJECT / path).is_file() and test in functions_of(path)
