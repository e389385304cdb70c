"""A signed-in client of one session's stream, through the whole ASGI application."""

import json
import time

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.testing import WebsocketCommunicator
from django.test import Client

from sessions_app import consumers
from sessions_app.capture import live
from sessions_app.routing import websocket_urlpatterns
from sessions_app.spool import store as spool
from sessions_app.tests.factories import tone

application = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
HELLO = {"type": "hello", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1}
PCM = tone(200)
PATIENCE_SECONDS = 30  # a frame that does not come at all is waited for so long


def cookie_of(user):
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def socket(path, cookie="", origin=b"http://localhost:8000"):
    headers = [(b"origin", origin)] if origin else []
    if cookie:
        headers.append((b"cookie", f"sessionid={cookie}".encode()))
    return WebsocketCommunicator(application, path, headers=headers)


class Recorder:
    """A signed-in client of one session's stream."""

    def __init__(self, user, session_id):
        self.user, self.session_id, self.frames = user, session_id, []

    async def __aenter__(self):
        self.cookie = await database_sync_to_async(cookie_of)(self.user)
        self.socket = socket(f"/ws/sessions/{self.session_id}/audio/", self.cookie)
        connected, _ = await self.socket.connect(timeout=PATIENCE_SECONDS)
        assert connected
        return self

    async def __aexit__(self, *error):
        await self.socket.disconnect(timeout=PATIENCE_SECONDS)

    async def send(self, **frame):
        await self.socket.send_to(text_data=json.dumps(frame))

    async def chunk(self, seq, t_ms=None, pcm=PCM):
        data = live.CHUNK_HEADER.pack(seq, seq * 200 if t_ms is None else t_ms) + pcm
        await self.socket.send_to(bytes_data=data)

    async def expect(self, kind, seconds=PATIENCE_SECONDS):
        """Return the next frame of a kind; others are kept in `frames`."""
        while True:
            output = await self.socket.receive_output(seconds)
            assert output["type"] == "websocket.send", output
            frame = json.loads(output["text"])
            self.frames.append(frame)
            if frame["type"] == kind:
                return frame

    async def closed(self, seconds=PATIENCE_SECONDS):
        """Return the code the server closes with; frames before are kept."""
        while True:
            output = await self.socket.receive_output(seconds)
            if output["type"] == "websocket.close":
                assert type(output["code"]) is int  # the server refuses an enum
                return output["code"]
            self.frames.append(json.loads(output["text"]))

    async def hello(self, **more):
        await self.send(**HELLO, **more)
        return await self.expect("ready")

    async def ack(self, seq):
        while (await self.expect("ack"))["seq"] < seq:
            pass


async def refusal(user, session_id, path="/ws/sessions/{}/audio/"):
    cookie = await database_sync_to_async(cookie_of)(user) if user else ""
    communicator = socket(path.format(session_id), cookie)
    connected, _ = await communicator.connect(timeout=PATIENCE_SECONDS)
    assert connected
    output = await communicator.receive_output(PATIENCE_SECONDS)
    assert output["type"] == "websocket.close"
    return output["code"]


async def silence(session):
    """Let the recorder's last frame lie sixteen seconds back."""
    import os

    past = time.time() - live.HEARD_WITHIN_SECONDS - 1
    os.utime(spool.default_store().folder(session.pk) / "chunks", (past, past))
    for consumer in consumers._recorders.values():
        consumer._heard_at -= live.HEARD_WITHIN_SECONDS + 1
