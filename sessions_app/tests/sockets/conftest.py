"""A session to record and a server that looks again quickly, for the tests of the WebSocket door."""

import pytest
from asgiref.sync import SyncToAsync
from django.db import connections

from sessions_app import consumers
from sessions_app.capture import recorder as capture
from sessions_app.tests.factories import make_session
from synapse.common import draining


@pytest.fixture
def session(asha):
    return make_session(asha)


@pytest.fixture(autouse=True)
def closed_connections():
    """The communicator keeps channels from closing connections; the thread it signs people in with is closed here."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(capture, "GROUP_SECONDS", 0.02)
    monkeypatch.setattr(draining, "_draining", False)
