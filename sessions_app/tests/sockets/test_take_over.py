"""Which recorder holds a stream when there are several, or the same one comes back."""

import pytest

from sessions_app.tests.sockets.recorder import HELLO, PATIENCE_SECONDS, Recorder, silence, socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_a_second_recorder_is_refused_while_the_first_is_heard(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()
        await first.chunk(0)
        await first.ack(0)
        async with Recorder(asha, session.pk) as second:
            await second.send(**HELLO)

            assert await second.closed() == 4409
        await first.chunk(1)
        await first.ack(1)


async def test_a_browser_that_did_not_hear_ready_says_hello_again(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.send(**HELLO)
        await first.expect("ready")  # the client was cut before this reached it
        second = Recorder(asha, session.pk)
        second.socket = socket(f"/ws/sessions/{session.pk}/audio/", first.cookie)
        await second.socket.connect(timeout=PATIENCE_SECONDS)
        await second.hello()

        assert await first.closed() == 4409
        await second.chunk(0)
        await second.ack(0)
        async with Recorder(asha, session.pk) as third:
            await third.send(**HELLO)
            assert await third.closed() == 4409
        await second.socket.disconnect(timeout=PATIENCE_SECONDS)


async def test_a_browser_that_was_cut_before_it_heard_ready_comes_back_at_once(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()  # the client never learns its token, and sends nothing
    async with Recorder(asha, session.pk) as second:
        assert (await second.hello())["next_seq"] == 0
        await second.chunk(0)
        await second.ack(0)


async def test_the_streams_own_token_takes_over_at_once(session, asha):
    async with Recorder(asha, session.pk) as first:
        token = (await first.hello())["stream"]
        await first.chunk(0)
        await first.ack(0)
        async with Recorder(asha, session.pk) as second:
            ready = await second.hello(stream=token)

            assert await first.closed() == 4409
            await second.chunk(1)
            await second.ack(1)

    assert ready["next_seq"] == 1


async def test_a_silent_recorder_is_replaced_after_fifteen_seconds(session, asha):
    async with Recorder(asha, session.pk) as first:
        old_token = (await first.hello())["stream"]
        await first.chunk(0)
        await first.ack(0)
        await silence(session)
        async with Recorder(asha, session.pk) as second:
            token = (await second.hello())["stream"]

            assert await first.closed() == 4409
            async with Recorder(asha, session.pk) as third:
                await third.send(**HELLO, stream=old_token)
                assert await third.closed() == 4409

    assert token != old_token


async def test_a_stranger_token_is_refused_after_a_restart_while_audio_is_fresh(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()
        await first.chunk(0)
        await first.ack(0)
    async with Recorder(asha, session.pk) as second:
        await second.send(**HELLO, stream="guess")

        assert await second.closed() == 4409
