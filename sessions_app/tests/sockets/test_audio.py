"""Chunks, sums and frames that come through the WebSocket door."""

import hashlib

import pytest
from channels.db import database_sync_to_async

from sessions_app.capture import live
from sessions_app.capture import recorder as capture
from sessions_app.models import ConsultationSession
from sessions_app.spool import store as spool
from sessions_app.tests.sockets.recorder import (
    PCM,
    Recorder,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_audio_is_stored_acknowledged_and_finished_with_the_same_sum(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        ready = await recorder.hello()
        for seq in range(5):
            await recorder.chunk(seq)
        await recorder.ack(4)
        sha = hashlib.sha256(PCM * 5).hexdigest()
        await recorder.send(type="finish", last_seq=4, sha256=sha)
        finished = await recorder.expect("finished")

    assert ready["next_seq"] == 0
    assert ready["credit"] == live.CREDIT
    assert finished == {"type": "finished", "last_seq": 4, "sha256": sha, "duration_ms": 1000}
    stored = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    assert stored.audio_sha256 == sha
    assert stored.stream_closed_at is not None
    assert not stored.audio_sum_mismatch


async def test_a_missing_chunk_is_asked_for_and_then_all_is_there(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.chunk(2)
        missing = await recorder.expect("missing")
        await recorder.send(type="finish", last_seq=2, sha256=None)
        await recorder.chunk(1)
        finished = await recorder.expect("finished")

    assert (missing["from"], missing["to"]) == (1, 1)
    assert finished["last_seq"] == 2


async def test_sums_that_differ_are_said_and_marked_and_the_audio_kept(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.send(type="finish", last_seq=0, sha256="0" * 64)
        error = await recorder.expect("error")
        finished = await recorder.expect("finished")

    assert error["code"] == "sum_mismatch"
    assert finished["sha256"] == hashlib.sha256(PCM).hexdigest()
    stored = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    assert stored.audio_sum_mismatch
    assert spool.default_store().exists(session.pk)


async def test_after_finish_no_audio_is_taken_and_the_answer_can_be_had_again(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        token = (await recorder.hello())["stream"]
        await recorder.chunk(0)
        await recorder.send(type="finish", last_seq=0, sha256=None)
        await recorder.expect("finished")
        await recorder.chunk(1)
        refused = await recorder.expect("error")
    async with Recorder(asha, session.pk) as again:
        ready = await again.hello(stream=token)
        await again.send(type="finish", last_seq=0, sha256=None)
        finished = await again.expect("finished")

    assert refused["code"] == "stream_finished"
    assert ready["next_seq"] == 1
    assert finished["last_seq"] == 0
    assert spool.default_store().timeline(session.pk).last_seq == 0


async def test_a_cut_goes_on_from_the_last_ack(session, asha):
    async with Recorder(asha, session.pk) as first:
        token = (await first.hello())["stream"]
        for seq in range(3):
            await first.chunk(seq)
        await first.ack(2)
    async with Recorder(asha, session.pk) as second:
        ready = await second.hello(stream=token)
        await second.chunk(2)
        await second.chunk(3)
        await second.ack(3)

    assert ready["next_seq"] == 3
    assert ready["t_ms"] == 600
    assert spool.default_store().timeline(session.pk).sha256 == hashlib.sha256(PCM * 4).hexdigest()


async def test_audio_before_hello_is_a_broken_frame(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.chunk(0)

        assert await recorder.closed() == 4400


@pytest.mark.parametrize("text", ["no json", '{"type":"finish","last_seq":0,"sha256":null}', '{"type":"hello"}'])
async def test_broken_text_is_closed_with_4400(session, asha, text):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.socket.send_to(text_data=text)

        assert await recorder.closed() == 4400


async def test_an_oversized_chunk_is_closed_with_4400_and_the_others_stay(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.chunk(1, pcm=b"\0" * 66_000)

        assert await recorder.closed() == 4400
    assert spool.default_store().timeline(session.pk).last_seq == 0


async def test_more_than_the_credit_is_closed_with_1008(session, asha, monkeypatch):
    monkeypatch.setattr(capture, "GROUP_SECONDS", 5)
    monkeypatch.setattr(live, "CREDIT", 4)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(4)

        assert await recorder.closed() == 1008
