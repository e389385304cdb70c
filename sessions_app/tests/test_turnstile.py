"""How often one browser session may open sockets."""

import pytest

from sessions_app.capture import turnstile
from sessions_app.capture.turnstile import Turnstile


class Door:
    """The application behind, and what was sent instead of it."""

    def __init__(self):
        self.entered, self.sent = 0, []
        self.turnstile = Turnstile(self._application)

    async def _application(self, scope, receive, send):
        self.entered += 1

    async def knock(self, cookie):
        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            self.sent.append(message)

        scope = {"headers": [(b"cookie", cookie)], "client": ("127.0.0.1", 1)}
        await self.turnstile(scope, receive, send)


@pytest.fixture
def door(monkeypatch):
    monkeypatch.setattr(turnstile, "BURST", 3)
    monkeypatch.setattr(turnstile, "PER_SECOND", 0)
    return Door()


async def test_one_session_that_knocks_without_end_is_closed_with_1008_and_the_others_come_in(door):
    for _ in range(5):
        await door.knock(b"sessionid=one")
    await door.knock(b"sessionid=two")

    assert door.entered == 4
    assert door.sent == 2 * [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1008}]


async def test_only_so_many_sessions_are_remembered(door, monkeypatch):
    monkeypatch.setattr(turnstile, "MOST_REMEMBERED", 2)

    for name in (b"one", b"two", b"three", b"four"):
        await door.knock(name)

    assert len(door.turnstile._seen) == 2
