"""What a change elsewhere does to an open stream: state, consent, rights, the lock."""

import asyncio
import json
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.utils import timezone

from sessions_app import consumers, services
from sessions_app.models import ConsultationSession
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from sessions_app.tests.factories import make_consent
from sessions_app.tests.sockets.recorder import (
    PATIENCE_SECONDS,
    Recorder,
    refusal,
    silence,
)
from synapse.accounts import browser_sessions
from synapse.accounts.roles import Role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_a_pause_made_elsewhere_is_told(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(services.pause_session)(session, by=asha, at=timezone.now())
        state = await recorder.expect("state")

    assert state["status"] == "paused"
    assert "cid" not in state


async def test_completing_elsewhere_ends_the_stream_with_what_was_acknowledged(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.ack(0)
        fresh = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
        at = timezone.now() + timedelta(seconds=5)
        await database_sync_to_async(services.complete_session)(fresh, by=asha, at=at)

        assert await recorder.closed() == 4410
    assert recorder.frames[-1]["status"] == "completed"
    gap = await database_sync_to_async(session.events.get)(kind="gap")
    assert gap.at_ms == 200
    assert gap.until_ms > 4_000


async def test_withdrawing_consent_stops_at_once_and_drops_what_came_after(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.ack(0)
        at = timezone.now()
        await asyncio.sleep(0.05)
        await recorder.chunk(1)
        await recorder.ack(1)
        await database_sync_to_async(session.patient.consents.update)(status="withdrawn", withdrawn_at=at)
        await database_sync_to_async(recordings.stop_recordings_of)(session.patient_id, by=asha, at=at)

        assert await recorder.closed() == 4403
    state = recorder.frames[-1]
    assert (state["type"], state["reason"]) == ("state", "consent_withdrawn")
    assert spool.default_store().timeline(session.pk).last_seq == 0
    assert await refusal(asha, session.pk) == 4403


async def test_consent_that_simply_ends_stops_the_recording_too(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(session.patient.consents.update)(expires_at=timezone.now())

        assert await recorder.closed() == 4403
    stored = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    assert not stored.with_recording
    assert stored.status == "in_progress"


async def test_recording_goes_on_after_consent_is_given_again(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()
        await first.chunk(0)
        await first.ack(0)
        at = timezone.now()
        await database_sync_to_async(session.patient.consents.update)(status="withdrawn", withdrawn_at=at)
        await database_sync_to_async(recordings.stop_recordings_of)(session.patient_id, by=asha, at=at)
        await first.closed()
    await database_sync_to_async(make_consent)(session.patient, by=asha)
    fresh = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    await database_sync_to_async(recordings.start_recording)(fresh, by=asha, at=timezone.now())
    await silence(session)
    async with Recorder(asha, session.pk) as second:
        ready = await second.hello()
        await second.chunk(1, t_ms=5_000)
        await second.ack(1)

    assert ready["next_seq"] == 1
    assert spool.default_store().timeline(session.pk).gaps == [(200, 5_000)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_active": False}, 4401),
        ({"password": "another"}, 4401),
        ({"role": Role.RECEPTIONIST}, 4403),
    ],
)
async def test_a_change_of_rights_closes_an_open_stream(session, asha, change, code):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(type(asha).objects.filter(pk=asha.pk).update)(**change)

        assert await recorder.closed() == code


async def test_signing_out_closes_an_open_stream(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(browser_sessions.end_all)(asha, by=asha)

        assert await recorder.closed() == 4401


LEFT_ALONE = [
    {"last_used_at": timedelta(minutes=15, seconds=1)},
    {"signed_in_at": timedelta(hours=12, seconds=1)},
    {"locked_at": timedelta(0)},
]


async def leave(user, since):
    at = timezone.now()
    values = {name: at - time for name, time in since.items()}
    await database_sync_to_async(user.browser_sessions.update)(**values)


@pytest.mark.parametrize("since", LEFT_ALONE)
async def test_a_locked_screen_stops_no_recording_and_is_told_no_words(session, asha, since, monkeypatch):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.05)
    words = asyncio.Queue()

    async def spoken(session_id):
        while True:
            yield await words.get()

    monkeypatch.setattr(consumers.live_text, "subscribe", spoken)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        words.put_nowait({"text": "said before"})
        await recorder.expect("segment")
        await leave(asha, since)
        await until(lambda: not any(one._is_screen_open for one in consumers._recorders.values()))
        words.put_nowait({"text": "said behind the cover"})
        await recorder.chunk(0)
        await recorder.ack(0)
        before = len(recorder.frames)
        await database_sync_to_async(locking_opens)(asha)
        await until(lambda: all(one._is_screen_open for one in consumers._recorders.values()))
        words.put_nowait({"text": "said after"})
        after = await recorder.expect("segment")

    assert "said behind the cover" not in json.dumps(recorder.frames[:before])
    assert after["text"] == "said after"
    row = await database_sync_to_async(asha.browser_sessions.get)()
    assert row.last_used_at <= timezone.now()


async def test_a_locked_screen_that_only_looks_on_is_closed(session, asha):
    async with Recorder(asha, session.pk) as onlooker:
        await leave(asha, {"locked_at": timedelta(0)})

        assert await onlooker.closed() == 4401


def locking_opens(user):
    now = timezone.now()
    user.browser_sessions.update(locked_at=None, last_used_at=now, signed_in_at=now)


async def until(is_so):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.02)
