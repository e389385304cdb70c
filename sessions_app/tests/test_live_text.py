"""Live words cross from the speech process to the page, whichever side starts first or ends."""

import asyncio
from uuid import uuid4

import pytest

from sessions_app.speech import live_text
from sessions_app.speech.live_text import SocketPublisher


@pytest.fixture
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.REDIS_URL = ""
    return tmp_path


@pytest.fixture
def publisher(folder):
    running = SocketPublisher(folder)
    yield running
    running.close()


def frame(number, text, *, final=False):
    return {"id": str(number), "text": text, "final": final}


async def take(session_id, count, heard=None):
    """Return the next frames of a session."""
    found = [] if heard is None else heard
    async for one in live_text.subscribe(session_id):
        found.append(one)
        if len(found) == count:
            break
    return found


async def until_heard(heard, count):
    while len(heard) < count:  # noqa: ASYNC110  the list is filled by the subscriber
        await asyncio.sleep(0.05)


def within(awaitable, seconds=10):
    return asyncio.wait_for(awaitable, seconds)


async def test_a_page_gets_the_words_of_its_session_alone(publisher):
    mine, other = uuid4(), uuid4()
    listening = asyncio.create_task(take(mine, 2))
    await asyncio.sleep(0.2)

    publisher.publish(other, frame(1, "not for this page"))
    publisher.publish(mine, frame(1, "I sleep"))
    publisher.publish(mine, frame(1, "I sleep badly", final=True))

    assert [one["text"] for one in await within(listening)] == ["I sleep", "I sleep badly"]


async def test_a_page_that_comes_later_gets_the_last_reading_of_each_segment(publisher):
    session = uuid4()
    publisher.publish(session, frame(1, "I"))
    publisher.publish(session, frame(1, "I sleep", final=True))
    publisher.publish(session, frame(2, "How"))

    heard = await within(take(session, 2))

    assert [(one["id"], one["text"]) for one in heard] == [("1", "I sleep"), ("2", "How")]


async def test_a_page_is_told_of_its_place_and_one_that_comes_later_gets_the_words_alone(publisher):
    session = uuid4()
    listening = asyncio.create_task(take(session, 2))
    await asyncio.sleep(0.2)

    publisher.publish(session, live_text.place(is_free=False, limit=6))
    publisher.publish(session, frame(1, "I sleep"))

    assert await within(listening) == [
        {"type": "live_text", "state": "waiting", "limit": 6},
        {"id": "1", "text": "I sleep", "final": False},
    ]
    assert await within(take(session, 1)) == [{"id": "1", "text": "I sleep", "final": False}]


async def test_a_recording_that_is_over_is_forgotten(publisher):
    session = uuid4()
    publisher.publish(session, frame(1, "old", final=True))
    publisher.forget(session)
    listening = asyncio.create_task(take(session, 1))
    await asyncio.sleep(0.2)

    publisher.publish(session, frame(2, "new"))

    assert [one["text"] for one in await within(listening)] == ["new"]


async def test_a_page_waits_for_a_speech_process_that_starts_later_and_outlives_its_restart(folder):
    session, heard = uuid4(), []
    listening = asyncio.create_task(take(session, 2, heard))
    await asyncio.sleep(0.2)

    for number, text in enumerate(["before", "after"], start=1):
        publisher = await asyncio.to_thread(SocketPublisher, folder)
        publisher.publish(session, frame(number, text))
        await within(until_heard(heard, number))
        await asyncio.to_thread(publisher.close)

    assert [one["text"] for one in await within(listening)] == ["before", "after"]


async def test_only_the_owner_may_open_the_socket_and_it_goes_with_the_process(folder):
    publisher = await asyncio.to_thread(SocketPublisher, folder)
    socket = folder / live_text.SOCKET_NAME

    assert socket.stat().st_mode & 0o777 == 0o600
    await asyncio.to_thread(publisher.close)
    assert not socket.exists()
    publisher.publish(uuid4(), frame(1, "nobody is there"))


async def test_a_folder_with_a_long_path_works_too(settings, tmp_path):
    settings.DATA_DIR = tmp_path / ("deep" * 30)
    settings.REDIS_URL = ""
    publisher = await asyncio.to_thread(SocketPublisher, settings.DATA_DIR)
    session = uuid4()
    publisher.publish(session, frame(1, "found"))

    heard = await within(take(session, 1))

    await asyncio.to_thread(publisher.close)
    assert heard[0]["text"] == "found"


async def test_a_page_that_does_not_read_is_cut_off_and_holds_nobody_up(publisher):
    session = uuid4()
    with live_text._address(publisher._folder) as address:
        _, writer = await asyncio.open_unix_connection(address)
    writer.write(f"{session}\n".encode())
    await asyncio.sleep(0.2)

    for number in range(400):
        publisher.publish(session, frame(number, "word " * 4_000, final=True))

    heard = await within(take(session, 1), 30)
    assert heard[0]["id"] == "0"
    writer.close()


async def test_words_cross_over_redis_when_it_is_configured(settings, redis_url):
    settings.REDIS_URL = redis_url
    publisher = live_text.open_publisher()
    session = uuid4()
    listening = asyncio.create_task(take(session, 1))
    await asyncio.sleep(0.5)

    await asyncio.to_thread(publisher.publish, session, frame(1, "over redis"))

    assert (await within(listening))[0]["text"] == "over redis"
    publisher.close()
