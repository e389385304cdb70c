"""A session that is ended takes its sockets with it, in the server as it runs."""

import asyncio
import json
import time

import pytest
import websockets

from sessions_app.tests.protocol_client import HELLO

pytestmark = pytest.mark.timeout(400)  # the first start of an installation on a busy machine
PATIENCE_SECONDS = 60
END_ONE = """
from synapse.accounts import browser_sessions
import time
doctor = User.objects.get(username=NAME)
browser_sessions.end_all(doctor, by=doctor)
answer = time.time()
"""


def connect(url, site, cookie):
    headers = {"Cookie": f"sessionid={cookie}"}
    return websockets.connect(url, origin=site.url, additional_headers=headers)


async def close_of(socket):
    """Return with which code and when a socket was closed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed as end:
            return end.rcvd.code, time.time()


def test_a_recording_and_a_calendar_end_with_their_session_and_a_colleagues_go_on(site):
    one, other = site.new_recordings("asha", "ben")

    async def play():
        async with (
            connect(site.socket_url(one["session"]), site, one["cookie"]) as recorder,
            connect(f"ws://localhost:{site.port}/ws/calendar/", site, one["cookie"]) as calendar,
            connect(f"ws://localhost:{site.port}/ws/calendar/", site, other["cookie"]) as colleague,
        ):
            await recorder.send(json.dumps(HELLO))
            for socket in (recorder, calendar, colleague):
                await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)
            closes = asyncio.gather(close_of(recorder), close_of(calendar))
            ended_at = await asyncio.to_thread(site.run, END_ONE, NAME="asha")
            return ended_at, await closes, await colleague.ping() is not None

    ended_at, closes, colleague_goes_on = asyncio.run(play())

    assert [code for code, _ in closes] == [4401, 4401]
    seconds = max(at for _, at in closes) - ended_at
    assert seconds < 20, seconds  # on an idle machine two
    assert colleague_goes_on
