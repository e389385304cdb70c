"""What is told beside the sound: pauses, marks, gaps, and how much of it."""

import asyncio

import pytest
from channels.db import database_sync_to_async

from sessions_app import consumers
from sessions_app.capture import access as socket_access
from sessions_app.capture import live
from sessions_app.tests.sockets.recorder import (
    Recorder,
    refusal,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_pause_and_resume_are_recorded_once_and_answered(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.send(type="pause", cid="c1")
        paused = await recorder.expect("state")
        await recorder.send(type="pause", cid="c1")
        again = await recorder.expect("state")
        await recorder.send(type="resume", cid="c2")
        resumed = await recorder.expect("state")

    assert paused == {"type": "state", "cid": "c1", "status": "paused", "t_ms": 200, "reason": None}
    assert again["status"] == "paused"
    assert resumed["status"] == "in_progress"
    kinds = await database_sync_to_async(list)(session.events.order_by("at").values_list("kind", flat=True))
    assert kinds == ["pause", "resume"]


async def test_a_mark_is_stored_at_its_place(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        for _ in range(2):
            await recorder.send(type="mark", cid="m1", kind="risk", t_ms=1234)
            state = await recorder.expect("state")

    assert state["cid"] == "m1"
    events = await database_sync_to_async(list)(session.events.values_list("kind", "at_ms"))
    assert events == [("risk", 1234)]


async def test_why_a_stretch_has_no_sound_is_stored_and_cut_to_what_is_missing(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.send(type="gap", cid="g1", from_ms=150, to_ms=4_000, reason="asleep")
        await recorder.chunk(1, t_ms=3_000)
        await recorder.send(type="finish", last_seq=1, sha256=None)
        await recorder.expect("finished")

    events = await database_sync_to_async(list)(session.events.values_list("kind", "at_ms", "until_ms", "reason"))
    assert events == [("gap", 200, 3_000, "asleep")]


async def test_a_flood_of_text_is_closed_with_1008(session, asha, monkeypatch):
    monkeypatch.setattr(live, "NEEDLESS_FRAMES", 5)
    monkeypatch.setattr(live, "NEEDLESS_FRAMES_PER_SECOND", 0)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        for place in range(8):
            await recorder.send(type="mark", cid=f"m{place}", kind="moment", t_ms=place)

        assert await recorder.closed() == 1008


async def test_one_person_may_not_open_sockets_without_end(session, asha, monkeypatch):
    monkeypatch.setattr(consumers, "MOST_SOCKETS", 2)
    async with Recorder(asha, session.pk) as first, Recorder(asha, session.pk) as second:
        await first.hello()
        await second.send(type="mark", cid="m1", kind="moment", t_ms=0)
        await second.expect("state")
        assert await refusal(asha, session.pk) == 1008
        await first.chunk(0)
        await first.ack(0)
    async with Recorder(asha, session.pk) as later:
        await later.send(type="pause", cid="c1")
        await later.expect("state")


async def test_a_socket_that_is_still_being_let_in_counts_too(session, asha, monkeypatch):
    monkeypatch.setattr(consumers, "MOST_SOCKETS", 1)
    admit, loop, others = socket_access.admit, asyncio.get_running_loop(), []

    def admit_late(*args, **kwargs):
        monkeypatch.setattr(socket_access, "admit", admit)
        others.append(asyncio.run_coroutine_threadsafe(refusal(asha, session.pk), loop).result(10))
        return admit(*args, **kwargs)

    monkeypatch.setattr(socket_access, "admit", admit_late)
    async with Recorder(asha, session.pk) as first:
        await first.hello()

    assert others == [1008]


async def test_a_refused_change_is_an_error_and_the_stream_lives(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.send(type="resume", cid="c1")
        error = await recorder.expect("error")
        await recorder.chunk(0)
        await recorder.ack(0)

    assert error["code"] == "invalid_transition"
    assert error["cid"] == "c1"
