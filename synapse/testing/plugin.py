"""What every test has: the four people, a closed network, and a database that is copied and emptied quickly."""

# pytest loads this before Django is set up: models are imported where they are used.
from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test import Client, TransactionTestCase
from django.utils import timezone

from synapse.testing import databases, shapes

if TYPE_CHECKING:
    from datetime import datetime

    from synapse.accounts.models import User

pytest_plugins = ["synapse.testing.api", "synapse.testing.browser"]

PASSWORD = "correct horse battery staple"
LOCAL = {"127.0.0.1", "::1", "localhost", "0.0.0.0", ""}


DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_setup"}


# How many objects more there are before Python looks for cycles among the young: the default of 700 is for small heaps.
COLLECTED_AFTER = (50_000, 5, 5)


def pytest_configure(config: pytest.Config) -> None:
    """Note what each test asks the database when the run is told where."""
    gc.disable()  # what is imported and collected stays until the end
    _let_examples_take_their_time()
    if folder := os.environ.get(shapes.NOTED_IN):
        config.pluginmanager.register(shapes.Notes(Path(folder)))


def _let_examples_take_their_time() -> None:
    """Judge what examples show, not how quickly a busy machine makes them."""
    from hypothesis import HealthCheck, settings

    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what a test touches: `make test` runs the database's part again on PostgreSQL, Redis' part with Redis."""
    if (chosen := _chosen()) is not None:
        _keep(chosen, config, items)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & DATABASE_FIXTURES or item.get_closest_marker("django_db"):
            item.add_marker("database")
        if "redis_url" in fixtures:
            item.add_marker("redis")
        if "chromium" in fixtures:
            item.add_marker("browser")
        # A tab that crashes is no fault of the product. What passed only at its second try is named at the end of the run.
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    _put_longest_first(items)


@cache
def _chosen() -> frozenset[str] | None:
    """Return the tests this run is restricted to, or None for all."""
    chosen = os.environ.get(shapes.ONLY)
    return frozenset(Path(chosen).read_text().split("\n")) if chosen else None


@cache
def _chosen_files() -> frozenset[str]:
    return frozenset(test.partition("::")[0] for test in _chosen() or ())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of which no test is chosen."""
    if _chosen() is None or collection_path.suffix != ".py":
        return None
    return collection_path.relative_to(config.rootpath).as_posix() not in _chosen_files() or None


def _keep(chosen: frozenset[str], config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if item.nodeid not in chosen]
    items[:] = [item for item in items if item.nodeid in chosen]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Migrate the database that tests copy before the clock of the first test runs, and look for garbage from now on."""
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    gc.enable()
    runs = not session.config.option.collectonly
    if runs and any(item.get_closest_marker("database") for item in session.items):
        databases.prepare()


def _put_longest_first(items: list[pytest.Item]) -> None:
    """Order files so that none that plays in real time or drives a browser is left for the end of a parallel run."""
    ranks: dict[Path, int] = {}
    for item in items:
        waits = item.get_closest_marker("timeout") is not None
        rank = 0 if waits else 1 if item.get_closest_marker("browser") else 2
        ranks[item.path] = min(rank, ranks.get(item.path, rank))
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The address of a Redis server to test with: TEST_REDIS_URL, or the test is left out."""
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url and os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail("REQUIRE_SERVICES=1 asks for Redis: set TEST_REDIS_URL.")
    if not url:
        pytest.skip("TEST_REDIS_URL names no Redis server")
    return url


class NetworkBlocked(RuntimeError):
    """A test tried to leave this machine."""


@pytest.fixture(autouse=True, scope="session")
def closed_network() -> Iterator[None]:
    """Refuse every connection that does not stay on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex))
        yield


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise NetworkBlocked(f"a test tried to reach {address[0]}:{address[1]}")
        return connect(self, address)

    return guarded


@pytest.fixture(autouse=True, scope="session")
def test_databases() -> Iterator[None]:
    """Copy the test database instead of migrating it, and empty it quickly after a test that commits."""

    def teardown(self: TransactionTestCase) -> None:
        databases.empty(connections["default"])

    creation = connections["default"].creation
    with pytest.MonkeyPatch.context() as patch:
        create = databases.copy_of_the_prepared(creation._create_test_db, creation.connection)  # type: ignore[attr-defined]  # private, and the only place
        patch.setattr(creation, "_create_test_db", create)
        noting = databases.noting_what_ships(creation.create_test_db, creation.connection)
        patch.setattr(creation, "create_test_db", noting)
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


def make_user(username: str, role: str, first_name: str, last_name: str) -> User:
    """Make a person who can sign in with PASSWORD."""
    from synapse.accounts.models import User, UserProfile

    user = User.objects.create_user(
        username=username,
        email=f"{username}@clinic.example",
        password=PASSWORD,
        role=role,
        first_name=first_name,
        last_name=last_name,
    )
    UserProfile.objects.create(user=user)
    return user


@pytest.fixture
def asha(db: None) -> User:
    """The doctor who owns what the test makes."""
    return make_user("asha", "doctor", "Asha", "Rao")


@pytest.fixture
def ben(db: None) -> User:
    """A doctor who is a stranger to it."""
    return make_user("ben", "doctor", "Ben", "Okafor")


@pytest.fixture
def rita(db: None) -> User:
    """The receptionist."""
    return make_user("rita", "receptionist", "Rita", "Mehta")


@pytest.fixture
def omar(db: None) -> User:
    """The administrator."""
    return make_user("omar", "admin", "Omar", "Haddad")


@pytest.fixture
def signed_in(db: None) -> Callable[[User], Client]:
    """Return a client signed in as a person."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture(autouse=True)
def moment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the product's clock for tests that are marked with `happens_at`: their dates stay in the future for ever."""
    if marker := request.node.get_closest_marker("happens_at"):
        at = marker.args[0]
        monkeypatch.setattr(timezone, "now", lambda: at)


@pytest.fixture
def now() -> datetime:
    """The moment a test happens at."""
    return timezone.now()
