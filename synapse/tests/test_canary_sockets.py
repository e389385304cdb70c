"""Every WebSocket, opened by whoever has nothing to do with it: no frame holds a word of a patient.

What each door answers in words of its own is asked beside it (`sessions_app/tests/sockets`,
`scheduling/tests/test_live_revision`); here the list of routes is walked, so that a new one has to be named.
"""

import asyncio
import inspect
import json
import logging

import pytest
from asgiref.sync import SyncToAsync
from channels.testing import WebsocketCommunicator
from daphne.server import Server
from django.db import connections
from django.test import Client

from scheduling.calendar import live_revision
from sessions_app import consumers, services
from sessions_app.capture import access as socket_access
from sessions_app.models import ConsultationSession
from synapse.asgi import application, sockets
from synapse.common import draining
from synapse.tests.api_clinic import furnish
from synapse.tests.console import console

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
MARK = "zzasha"
PATIENCE_SECONDS = 30
OURS, FOREIGN, NULL = b"http://localhost:8000", b"https://evil.example", b"null"
AUDIO, CALENDAR = "ws/sessions/<str:session_id>/audio/", "ws/calendar/"
# Who asks each route with what Origin, and the code it is closed with; None: refused in the handshake, `open`: the
# calendar, which tells numbers alone.
ANSWERS = {
    ("owner", OURS): {AUDIO: "open", CALENDAR: "open"},
    ("stranger", OURS): {AUDIO: 4404, CALENDAR: "open"},
    ("receptionist", OURS): {AUDIO: 4404, CALENDAR: "open"},
    ("admin", OURS): {AUDIO: 4403, CALENDAR: "open"},
    ("nobody", OURS): {AUDIO: 4401, CALENDAR: 4401},
    ("owner", FOREIGN): {AUDIO: None, CALENDAR: None},
    ("owner", NULL): {AUDIO: None, CALENDAR: None},
    ("owner", b""): {AUDIO: None, CALENDAR: None},
    ("nobody", NULL): {AUDIO: None, CALENDAR: None},
}
HELLO = {"type": "hello", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(live_revision, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(draining, "_draining", False)
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def log():
    with console() as written:
        yield written


@pytest.fixture
def held(asha):
    return furnish(asha, MARK)


@pytest.fixture
def cookies(asha, ben, rita, omar):
    people = {"owner": asha, "stranger": ben, "receptionist": rita, "admin": omar}
    found = {"nobody": ""}
    for role, user in people.items():
        client = Client()
        client.force_login(user)
        found[role] = client.cookies["sessionid"].value
    return found


def socket(route, held, cookie, origin=OURS):
    headers = [(b"origin", origin)] if origin else []
    headers += [(b"cookie", f"sessionid={cookie}".encode())] if cookie else []
    address = "/" + route.replace("<str:session_id>", str(held.ids["live"]))
    return WebsocketCommunicator(application, address, headers=headers)


async def heard(route, held, cookie, origin):
    """Open a route and say hello where that is a word; return how it ended and all that was sent."""
    opened, frames = socket(route, held, cookie, origin), []
    connected, _ = await opened.connect(timeout=PATIENCE_SECONDS)
    if not connected:
        return None, ""
    if route == AUDIO:
        await opened.send_to(text_data=json.dumps(HELLO))
    while True:
        output = await opened.receive_output(PATIENCE_SECONDS)
        frames.append(str(output))
        if output["type"] == "websocket.close":
            return output["code"], str(frames)
        frame = json.loads(output["text"])
        if frame.get("type") == "ready" or "revision" in frame:
            await opened.disconnect(timeout=PATIENCE_SECONDS)
            return "open", str(frames)


async def test_no_socket_tells_anybody_a_word_of_a_patient(held, cookies):
    routes = [str(route.pattern) for route in sockets.routes]
    wrong = []
    for (role, origin), wanted in ANSWERS.items():
        for route in routes:
            end, frames = await heard(route, held, cookies[role], origin)
            if end != wanted.get(route) or MARK in frames:
                wrong.append(f"{route} {role} {origin.decode()}: {end} {frames}")

    assert wrong == []
    # The last route takes whatever no other does, and refuses it.
    assert all(sorted([*wanted, ""]) == sorted(routes) for wanted in ANSWERS.values())


async def test_a_socket_that_breaks_says_nothing_of_what_it_held(held, cookies, monkeypatch, log):
    def fail(*args, **kwargs):
        session = ConsultationSession.objects.get(pk=held.ids["live"])
        raise RuntimeError(f"{session.patient} {MARK} {session.patient.last_name}")

    # In the middle of a recording: a frame is answered, and the check of who is there goes on.
    opened = socket(AUDIO, held, cookies["owner"])
    await opened.connect(timeout=PATIENCE_SECONDS)
    await opened.send_to(text_data=json.dumps(HELLO))
    frames = [await opened.receive_from(PATIENCE_SECONDS)]
    monkeypatch.setattr(services, "pause_session", fail)
    monkeypatch.setattr(socket_access, "look_again", fail)
    await opened.send_to(text_data=json.dumps({"type": "pause", "cid": "c1"}))
    while '"error"' not in frames[-1]:
        frames.append(await opened.receive_from(PATIENCE_SECONDS))
    await opened.disconnect(timeout=PATIENCE_SECONDS)

    # At the door, where the server writes down what comes out.
    monkeypatch.setattr(socket_access, "admit", fail)
    closed_out = socket(AUDIO, held, cookies["owner"])
    await closed_out.connect(timeout=PATIENCE_SECONDS)
    with pytest.raises(RuntimeError) as broken:
        await asyncio.wait_for(closed_out.future, PATIENCE_SECONDS)
    logging.getLogger("synapse").error(*as_daphne_does(broken.value), exc_info=broken.value)

    # In the loop that tells calendars of changes.
    monkeypatch.setattr(live_revision, "look", fail)
    calendar = socket(CALENDAR, held, cookies["owner"])
    await calendar.connect(timeout=PATIENCE_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "could not be read" not in log.getvalue():
            assert await calendar.receive_nothing(timeout=0.05)
    await calendar.disconnect(timeout=PATIENCE_SECONDS)

    assert MARK not in str(frames)
    assert "a frame raised RuntimeError" in log.getvalue()
    assert "Exception inside application: RuntimeError\n" in log.getvalue()
    assert MARK not in log.getvalue()


def as_daphne_does(error):
    """Return what `daphne.server.Server.application_checker` logs."""
    assert '"Exception inside application: %s"' in inspect.getsource(Server.application_checker)
    return "Exception inside application: %s", error
