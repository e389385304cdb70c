"""A line between a recorder and the server that can be cut and that can go deaf."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Line:
    """Forwards TCP from a port of its own to the server's."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._deaf: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._is_down = False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Line"]:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._drop()
            await asyncio.gather(*filter(None, self._tasks), return_exceptions=True)

    async def cut(self, seconds: float) -> None:
        """Break every connection and take none for a while."""
        self._is_down = True
        self._drop()
        await asyncio.sleep(seconds)
        self._is_down = False

    def go_deaf(self) -> None:
        """Let the present connections stand, and pass nothing on: neither side hears of it."""
        self._deaf = set(self._writers)

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        self._tasks.add(asyncio.current_task())
        self._writers |= {writer, server_writer}
        await asyncio.gather(self._pass(reader, server_writer), self._pass(server_reader, writer))
        self._writers -= {writer, server_writer}
        for end in (writer, server_writer):
            end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                if writer not in self._deaf:
                    writer.write(data)
                    await writer.drain()
        if writer not in self._deaf:
            writer.close()
