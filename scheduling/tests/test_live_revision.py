"""The calendar's WebSocket: who may listen, what is said, and that it ends when its person has gone."""

import asyncio
import json
from datetime import timedelta

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scheduling import consumers
from scheduling.calendar import live_revision
from scheduling.changes import calendar_revision
from scheduling.routing import websocket_urlpatterns
from scheduling.tests.factories import make_appointment
from sessions_app.capture import access as socket_access
from synapse.accounts import browser_sessions
from synapse.accounts.models import ClinicSettings, User

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 30  # a message that does not come at all is waited for so long

application = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(live_revision, "LOOK_SECONDS", 0.02)


def cookie_of(user):
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def socket(cookie="", origin=b"http://localhost:8000"):
    headers = [(b"origin", origin), (b"cookie", f"sessionid={cookie}".encode())]
    return WebsocketCommunicator(application, "/ws/calendar/", headers=headers)


async def open_for(user):
    opened = socket(await database_sync_to_async(cookie_of)(user))
    connected, _ = await opened.connect(timeout=PATIENCE_SECONDS)
    assert connected
    return opened


async def close_code_of(opened):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            message = await opened.receive_output(timeout=PATIENCE_SECONDS)
            if message["type"] == "websocket.close":
                return message["code"]


async def heard_by(opened):
    return json.loads(await opened.receive_from(timeout=PATIENCE_SECONDS))


async def test_an_open_calendar_is_told_the_revision_now_and_after_each_change_and_nothing_else(rita, asha):
    opened = await open_for(rita)
    first = await heard_by(opened)

    await database_sync_to_async(make_appointment)(asha)
    second = await heard_by(opened)

    assert first == {"revision": first["revision"]}
    assert second == {"revision": await database_sync_to_async(calendar_revision)()}
    assert second["revision"] > first["revision"]
    assert await opened.receive_nothing(timeout=0.2)
    await opened.disconnect(timeout=PATIENCE_SECONDS)


async def test_all_open_calendars_share_one_look(rita, asha, monkeypatch):
    asked = []
    original = live_revision.look

    def counted(visitors, *, at):
        asked.append(len(visitors))
        return original(visitors, at=at)

    monkeypatch.setattr(live_revision, "look", counted)
    both = [await open_for(rita), await open_for(asha)]
    for opened in both:
        await heard_by(opened)
    await asyncio.sleep(0.2)

    assert 2 in asked
    assert len(live_revision._watch) == 1
    for opened in both:
        await opened.disconnect(timeout=PATIENCE_SECONDS)
    assert not live_revision._watch
    assert not +consumers._sockets


def test_a_look_takes_four_queries_however_many_listen(rita, asha, omar, db):
    visitors = [visitor_of(user) for user in (rita, asha, omar)]
    ClinicSettings.load()  # made on first use

    def count(some):
        with CaptureQueriesContext(connection) as queries:
            live_revision.look(some, at=timezone.now())
        return len(queries)

    assert count(visitors[:1]) == count(visitors) == 4


def visitor_of(user):
    cookie = cookie_of(user)
    session = Session.objects.get(session_key=cookie)
    scope = {"user": user, "session": session.get_session_store_class()(cookie), "headers": []}
    return socket_access.identify(scope)


async def test_nobody_signed_in_is_closed_with_4401():
    opened = socket("nothing")
    await opened.connect(timeout=PATIENCE_SECONDS)

    assert await close_code_of(opened) == 4401


async def test_a_foreign_page_is_refused_at_the_handshake(rita):
    opened = socket(await database_sync_to_async(cookie_of)(rita), origin=b"https://elsewhere.example")

    connected, _ = await opened.connect(timeout=PATIENCE_SECONDS)

    assert not connected


def deactivate(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


def end_sessions(user):
    browser_sessions.end_all(user, by=user)


def lock_screen(user):
    user.browser_sessions.update(locked_at=timezone.now())


def leave_alone(user):
    user.browser_sessions.update(last_used_at=timezone.now() - timedelta(minutes=15, seconds=1))


def stay_for_twelve_hours(user):
    user.browser_sessions.update(signed_in_at=timezone.now() - timedelta(hours=12, seconds=1))


def change_password(user):
    user.set_password("another horse battery staple")
    user.save(update_fields=["password"])


@pytest.mark.parametrize(
    "leave", [deactivate, end_sessions, change_password, lock_screen, leave_alone, stay_for_twelve_hours]
)
async def test_the_socket_ends_when_its_person_may_no_longer_see_a_calendar(rita, leave):
    opened = await open_for(rita)
    await heard_by(opened)

    await database_sync_to_async(leave)(rita)

    assert await close_code_of(opened) == 4401
    assert not live_revision._listeners
    await opened.disconnect(timeout=PATIENCE_SECONDS)


async def test_what_a_client_says_ends_the_socket(rita):
    opened = await open_for(rita)

    await opened.send_to(text_data="hello")

    assert await close_code_of(opened) == 4400
    await opened.disconnect(timeout=PATIENCE_SECONDS)


async def test_one_person_opens_only_so_many(rita, monkeypatch):
    monkeypatch.setattr(consumers, "MOST_SOCKETS", 1)
    first = await open_for(rita)
    await heard_by(first)

    second = await open_for(rita)

    assert await close_code_of(second) == 1008
    await first.disconnect(timeout=PATIENCE_SECONDS)
