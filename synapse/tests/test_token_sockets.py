"""A program records over the WebSocket with a token: no Origin, no cookie, and gone when the token is."""

import json
from datetime import timedelta

import pytest
from asgiref.sync import SyncToAsync
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import connections
from django.test import Client
from django.utils import timezone

from sessions_app import consumers
from sessions_app.capture import live
from sessions_app.capture import recorder as capture
from sessions_app.tests.factories import make_session, tone
from synapse.accounts import people, services, tokens
from synapse.accounts.models import ApiToken
from synapse.accounts.roles import Role
from synapse.asgi import application
from synapse.common import draining

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

HELLO = {"type": "hello", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1}
PATIENCE_SECONDS = 30  # a frame that does not come at all is waited for so long
FOREIGN = (b"origin", b"https://evil.example")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(capture, "GROUP_SECONDS", 0.02)
    monkeypatch.setattr(draining, "_draining", False)
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def session(asha):
    return make_session(asha)


def make_token(user, *scopes, at=None):
    chosen = scopes or ("write", "clinical")
    return tokens.create_token(
        user, name="Dictaphone", scopes=chosen, lifetime=timedelta(hours=1), by=user, at=at or timezone.now()
    )


@pytest.fixture
def made(asha):
    return make_token(asha)


def open_socket(session, secret, *more, path="/ws/sessions/{}/audio/"):
    headers = [(b"authorization", f"Bearer {secret}".encode()), *more]
    return WebsocketCommunicator(application, path.format(session.pk), headers=headers)


async def expect(socket, kind):
    while True:
        output = await socket.receive_output(PATIENCE_SECONDS)
        assert output["type"] == "websocket.send", output
        frame = json.loads(output["text"])
        if frame["type"] == kind:
            return frame


async def close_code(socket):
    while (output := await socket.receive_output(PATIENCE_SECONDS))["type"] != "websocket.close":
        pass
    return output["code"]


async def refusal(socket):
    connected, _ = await socket.connect(timeout=PATIENCE_SECONDS)
    assert connected
    return await close_code(socket)


def cookie_of(user):
    client = Client()
    client.force_login(user)
    return (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())


@pytest.mark.parametrize("more", [[], [FOREIGN]], ids=["no origin", "foreign origin"])
async def test_a_program_records_wherever_it_comes_from(session, made, more):
    socket = open_socket(session, made.secret, *more)
    await socket.connect(timeout=PATIENCE_SECONDS)
    await socket.send_to(text_data=json.dumps(HELLO))
    await expect(socket, "ready")
    await socket.send_to(bytes_data=live.CHUNK_HEADER.pack(0, 0) + tone(200))

    assert (await expect(socket, "ack"))["seq"] == 0
    await socket.disconnect(timeout=PATIENCE_SECONDS)


async def test_cookies_beside_a_token_are_not_read(session, asha, ben, made):
    of_ben = await database_sync_to_async(cookie_of)(ben)
    of_asha = await database_sync_to_async(cookie_of)(asha)

    opened = open_socket(session, made.secret, of_ben)
    await opened.connect(timeout=PATIENCE_SECONDS)
    await opened.send_to(text_data=json.dumps(HELLO))
    await expect(opened, "ready")
    await opened.disconnect(timeout=PATIENCE_SECONDS)
    assert await refusal(open_socket(session, "syn_wrong", of_asha, (b"origin", b"http://localhost"))) == 4401


@pytest.mark.parametrize("secret", ["", "syn_" + "A" * 43, "two words"])
async def test_a_wrong_token_is_closed_with_4401(session, secret):
    assert await refusal(open_socket(session, secret)) == 4401


@pytest.mark.parametrize("scopes", [("write",), ("write", "billing"), ("read", "clinical")])
async def test_recording_takes_the_scopes_write_and_clinical(session, asha, scopes):
    made = await database_sync_to_async(make_token)(asha, *scopes)

    assert await refusal(open_socket(session, made.secret)) == 4403


async def test_a_token_reaches_no_further_than_its_owner(session, ben):
    made = await database_sync_to_async(make_token)(ben)

    assert await refusal(open_socket(session, made.secret)) == 4404


@pytest.mark.parametrize(
    ("origin", "in_production", "in_a_demo"),
    [
        (b"https://localhost:8443", True, True),
        (b"https://LOCALHOST:8443", True, True),
        (b"https://localhost:9000", False, True),
        (b"https://localhost", False, True),
        (b"http://localhost:8443", False, True),
        (b"https://127.0.0.1:8443", False, True),
        (b"https://evil.example", False, False),
        (b"null", False, False),
    ],
)
async def test_only_pages_of_this_very_site_open_a_browsers_socket(
    session, asha, settings, origin, in_production, in_a_demo
):
    cookie = await database_sync_to_async(cookie_of)(asha)
    headers = [cookie, (b"host", b"localhost:8443"), (b"origin", origin)]
    for settings.IS_PRODUCTION, is_own in ((True, in_production), (False, in_a_demo)):
        socket = WebsocketCommunicator(application, f"/ws/sessions/{session.pk}/audio/", headers=headers)

        connected, _ = await socket.connect(timeout=PATIENCE_SECONDS)

        assert connected is is_own
        await socket.disconnect(timeout=PATIENCE_SECONDS)


async def test_another_authorization_does_not_spare_the_origin_check(session):
    headers = [(b"authorization", b"Basic YTpi"), FOREIGN]

    connected, _ = await WebsocketCommunicator(
        application, f"/ws/sessions/{session.pk}/audio/", headers=headers
    ).connect(timeout=PATIENCE_SECONDS)

    assert not connected


async def test_a_token_opens_no_calendar(session, made):
    assert await refusal(open_socket(session, made.secret, path="/ws/calendar/")) == 4401


def revoke(asha, omar, token):
    tokens.revoke_token(token, by=asha, at=timezone.now())


def expire(asha, omar, token):
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())


def change_password(asha, omar, token):
    services.change_password(asha, "three unrelated words", by=asha, at=timezone.now())


def deactivate(asha, omar, token):
    people.deactivate_person(asha, by=omar, at=timezone.now())


def change_role(asha, omar, token):
    people.change_role(asha, Role.RECEPTIONIST, by=omar)


@pytest.mark.parametrize(
    ("end", "code"),
    [(revoke, 4401), (expire, 4401), (change_password, 4401), (deactivate, 4401), (change_role, 4403)],
)
async def test_an_open_socket_ends_with_what_let_it_in(session, asha, omar, made, end, code):
    socket = open_socket(session, made.secret)
    await socket.connect(timeout=PATIENCE_SECONDS)
    await socket.send_to(text_data=json.dumps(HELLO))
    await expect(socket, "ready")

    await database_sync_to_async(end)(asha, omar, made.token)

    assert await close_code(socket) == code


async def test_a_socket_at_an_address_that_is_none_is_refused_and_no_error():
    socket = WebsocketCommunicator(application, "/ws/nowhere/", headers=[(b"authorization", b"Bearer x")])

    assert (await socket.connect())[0] is False
