"""Live words on their way from the speech process to the page: a Unix socket in the data folder, or Redis.

Either side may start first, end and come back. Nothing here is stored: finished segments are in the database, and a
page that was away gets the segments of the running recording again, under the same ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings

logger = logging.getLogger(__name__)

Frame = dict[str, Any]

SOCKET_NAME = "live-text.sock"
RECONNECT_SECONDS = 0.5
# What a page that comes back is shown at once; about half an hour of talk.
REMEMBERED = 400
# A page that reads slower than this is cut off and comes back for the remembered segments.
UNREAD_BYTES = 1_000_000
LONGEST_LINE = 1_000_000
_ADDRESS_LIMIT = 100


class Publisher(Protocol):
    """The speech process's end; `publish` and `forget` may be called from any thread."""

    def publish(self, session_id: UUID, frame: Frame) -> None: ...

    def forget(self, session_id: UUID) -> None:
        """Drop what is remembered of a recording that is over."""
        ...

    def close(self) -> None: ...


def open_publisher() -> Publisher:
    """Start handing out live words: over Redis when it is configured, else over the socket."""
    if settings.REDIS_URL:
        return RedisPublisher(settings.REDIS_URL)
    return SocketPublisher(settings.DATA_DIR)


def place(*, is_free: bool, limit: int) -> Frame:
    """Return the frame that says whether a recording gets live words, `limit` being how many do at once."""
    return {"type": "live_text", "state": "on" if is_free else "waiting", "limit": limit}


async def subscribe(session_id: UUID) -> AsyncIterator[Frame]:
    """Yield what is said to the page of one session: segments as they grow, and frames of `place`."""
    while True:
        try:
            lines = _from_redis(session_id) if settings.REDIS_URL else _from_socket(session_id)
            async for line in lines:
                yield json.loads(line)
        except (OSError, EOFError, ValueError) as error:
            # The speech process is not there, or has just gone: recording goes on without words.
            logger.debug("live words of %s are away: %s", session_id, type(error).__name__)
        await asyncio.sleep(RECONNECT_SECONDS)


class SocketPublisher:
    """Serve every page that asks, from a thread with a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._remembered: dict[UUID, deque[Frame]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._readers: dict[UUID, set[asyncio.StreamWriter]] = defaultdict(set)
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-text", daemon=True)
        self._thread.start()
        self._is_up.wait()

    def publish(self, session_id: UUID, frame: Frame) -> None:
        self._soon(self._hand_out, session_id, frame)

    def forget(self, session_id: UUID) -> None:
        self._soon(self._remembered.pop, session_id, None)

    def close(self) -> None:
        self._soon(self._loop.stop)
        self._thread.join(timeout=5)

    def _soon(self, call: Any, *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(call, *args)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._listen())
        self._is_up.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for writer in [writer for writers in self._readers.values() for writer in writers]:
                writer.transport.abort()
            self._loop.run_until_complete(asyncio.sleep(0))
            _unlink(self._folder)
            self._loop.close()

    async def _listen(self) -> asyncio.Server:
        self._folder.mkdir(parents=True, exist_ok=True)
        _unlink(self._folder)
        with _address(self._folder) as address:
            server = await asyncio.start_unix_server(self._serve, address, limit=LONGEST_LINE)
        (self._folder / SOCKET_NAME).chmod(0o600)
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):
            session_id = UUID((await reader.readline()).decode().strip())
            for frame in self._remembered.get(session_id, ()):
                writer.write(_line(frame))
            self._readers[session_id].add(writer)
            try:
                await reader.read()
            finally:
                self._readers[session_id].discard(writer)
                if not self._readers[session_id]:
                    del self._readers[session_id]
        writer.close()

    def _hand_out(self, session_id: UUID, frame: Frame) -> None:
        if "id" in frame:
            self._remember(session_id, frame)
        for writer in list(self._readers.get(session_id, ())):
            if writer.transport.get_write_buffer_size() > UNREAD_BYTES:
                writer.transport.abort()
            else:
                writer.write(_line(frame))

    def _remember(self, session_id: UUID, segment: Frame) -> None:
        remembered = self._remembered[session_id]
        if remembered and remembered[-1]["id"] == segment["id"]:
            remembered[-1] = segment
        else:
            remembered.append(segment)


async def _from_socket(session_id: UUID) -> AsyncIterator[bytes]:
    with _address(settings.DATA_DIR) as address:
        reader, writer = await asyncio.open_unix_connection(address, limit=LONGEST_LINE)
    try:
        writer.write(f"{session_id}\n".encode())
        await writer.drain()
        while line := await reader.readline():
            yield line
    finally:
        writer.close()


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Give the socket's address; a path too long for one goes by way of an open folder."""
    path = str(folder / SOCKET_NAME)
    if len(path.encode()) < _ADDRESS_LIMIT:
        yield path
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)


def _unlink(folder: Path) -> None:
    (folder / SOCKET_NAME).unlink(missing_ok=True)


def _line(frame: Frame) -> bytes:
    return json.dumps(frame).encode() + b"\n"


class RedisPublisher:
    """Hand words out through Redis, for web processes on other machines."""

    def __init__(self, url: str) -> None:
        import redis

        self._redis = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)

    def publish(self, session_id: UUID, frame: Frame) -> None:
        import redis

        try:
            self._redis.publish(_channel(session_id), _line(frame))
        except redis.RedisError as error:
            logger.warning("live words of %s are not handed out: %s", session_id, type(error).__name__)

    def forget(self, session_id: UUID) -> None:
        """Nothing is remembered: a page that comes back reads the stored segments."""

    def close(self) -> None:
        self._redis.close()


async def _from_redis(session_id: UUID) -> AsyncIterator[bytes]:
    import redis.asyncio
    from redis.exceptions import RedisError

    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    try:
        async with client.pubsub() as pubsub:
            await pubsub.subscribe(_channel(session_id))
            async for message in pubsub.listen():
                if message["type"] == "message":
                    yield message["data"]
    except RedisError as error:
        raise ConnectionError(type(error).__name__) from error
    finally:
        await client.aclose()


def _channel(session_id: UUID) -> str:
    return f"synapse:live-text:{session_id}"
