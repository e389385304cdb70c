"""What every test has: the four people, a closed network, and triggers lifted only while a test database is emptied."""

# pytest loads this before Django is set up: models are imported where they are used.
from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test import Client, TransactionTestCase
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime

    from synapse.accounts.models import User

pytest_plugins = ["synapse.testing.browser"]

PASSWORD = "correct horse battery staple"
LOCAL = {"127.0.0.1", "::1", "localhost", "0.0.0.0", ""}


DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_setup"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a test touches: `make test` runs the database's part again on PostgreSQL, Redis' part with Redis."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & DATABASE_FIXTURES or item.get_closest_marker("django_db"):
            item.add_marker("database")
        if "redis_url" in fixtures:
            item.add_marker("redis")
        if "chromium" in fixtures:
            item.add_marker("browser")


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
def triggers_lifted_for_flush() -> Iterator[None]:
    """Let a TransactionTestCase empty append-only tables; nothing else ever lifts the triggers."""
    from synapse.common import triggers

    teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # private, and the only place

    def teardown_with_lifted_triggers(self: TransactionTestCase) -> None:
        with triggers.lifted(connections["default"]):
            teardown(self)
        load_default_fees()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown_with_lifted_triggers)
        yield


def load_default_fees() -> None:
    """Put the fee schedule back that a migration loaded and an emptied database has lost."""
    from importlib import import_module

    from django.apps import apps

    fees = apps.get_model("billing", "FeeScheduleItem")
    if not fees.objects.exists():
        import_module("billing.migrations.0002_fee_schedule").add_items(apps, None)


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


@pytest.fixture
def now() -> datetime:
    """The moment a test happens at."""
    return timezone.now()
