"""A stream while disk, server or database fail."""

import asyncio

import pytest
from django.db import OperationalError

from sessions_app import services
from sessions_app.capture import recorder as capture
from sessions_app.recordings import services as recordings
from sessions_app.tests.sockets.recorder import (
    Recorder,
    refusal,
)
from synapse.common import draining

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_a_database_that_fails_at_the_end_is_asked_again(session, asha, monkeypatch):
    monkeypatch.setattr(capture, "STORAGE_RETRY_SECONDS", 0.05)
    real, calls = recordings.finish_stream, []

    def fails_once(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("locked")
        return real(*args, **kwargs)

    monkeypatch.setattr(recordings, "finish_stream", fails_once)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.send(type="finish", last_seq=0, sha256=None)
        await recorder.chunk(0)

        assert (await recorder.expect("finished"))["last_seq"] == 0


async def test_a_full_disk_is_said_nothing_is_acknowledged_and_then_it_goes_on(session, asha, monkeypatch):
    monkeypatch.setattr(capture, "STORAGE_RETRY_SECONDS", 0.05)
    import errno
    import os

    real = os.pwrite
    broken = True

    def full(descriptor, data, offset):
        if broken:
            raise OSError(errno.ENOSPC, "full")
        return real(descriptor, data, offset)

    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        monkeypatch.setattr(os, "pwrite", full)
        await recorder.chunk(0)
        error = await recorder.expect("error")
        told = [frame["type"] for frame in recorder.frames]
        broken = False
        await recorder.ack(0)

    assert error["code"] == "storage_failed"
    assert error["retryable"]
    assert "ack" not in told


async def test_storage_that_stays_broken_puts_the_session_into_error(session, asha, monkeypatch):
    import errno
    import os

    monkeypatch.setattr(capture, "STORAGE_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(capture, "STORAGE_GIVE_UP_SECONDS", 0.1)

    def broken(descriptor, data, offset):
        raise OSError(errno.EIO, "broken")

    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        monkeypatch.setattr(os, "pwrite", broken)
        await recorder.chunk(0)
        state = await recorder.expect("state")
        monkeypatch.undo()
        await recorder.ack(0)

    assert (state["status"], state["reason"]) == ("error", "storage_failed")


async def test_draining_acknowledges_and_says_come_back(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        # Long enough for the frame to be received on a busy machine, shorter than the 250 ms after which it is synced anyway.
        await asyncio.sleep(0.1)
        await draining.drain(5)

        assert await recorder.closed() == 1012
    assert {"type": "ack", "seq": 0} in recorder.frames
    assert await refusal(asha, session.pk) == 1012


async def test_a_frame_that_raises_is_answered_and_the_next_one_is_stored(session, asha, monkeypatch):
    def explode(*args, **kwargs):
        raise RuntimeError("unexpected")

    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        monkeypatch.setattr(services, "pause_session", explode)
        await recorder.send(type="pause", cid="c1")
        error = await recorder.expect("error")
        await recorder.chunk(0)
        await recorder.ack(0)

    assert error["code"] == "internal"
