"""Clients that mean no good: they flood, repeat themselves, read nothing, or knock without end."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import websockets
from websockets.exceptions import WebSocketException

from sessions_app.tests.live_site import LiveSite
from sessions_app.tests.protocol_client import HELLO

Attack = Callable[[Any], Awaitable[None]]


def start(site: LiveSite, recordings: Iterable[dict[str, str]]) -> "list[asyncio.Task[int]]":
    """Begin an attack on each of these live sessions, of every kind in turn."""
    kinds = itertools.cycle([flood_with_text, flood_with_repeats, read_nothing, knock])
    return [asyncio.create_task(_again(attack, site, one)) for attack, one in zip(kinds, recordings, strict=False)]


async def stop(tasks: "list[asyncio.Task[int]]") -> int:
    """End the attacks and return how often their clients came."""
    for task in tasks:
        task.cancel()
    return sum(await asyncio.gather(*tasks))


async def _again(attack: Attack, site: LiveSite, one: dict[str, str]) -> int:
    """Attack over and over, coming back whenever the server ends it."""
    count = 0
    url, cookie = site.socket_url(one["session"]), {"Cookie": f"sessionid={one['cookie']}"}
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            count += 1
            with contextlib.suppress(OSError, WebSocketException):
                async with websockets.connect(
                    url, origin=site.url, additional_headers=cookie, ping_interval=None, close_timeout=0.2
                ) as socket:
                    await attack(socket)
            await asyncio.sleep(0.05)
    return count


async def flood_with_text(socket: Any) -> None:
    await socket.send(json.dumps(HELLO))
    while True:
        await socket.send('{"type":"mark","cid":"same","kind":"moment","t_ms":0}')


async def flood_with_repeats(socket: Any) -> None:
    await socket.send(json.dumps(HELLO))
    while True:
        await socket.send(bytes(8) + bytes(60_000))


async def read_nothing(socket: Any) -> None:
    await socket.send(json.dumps(HELLO))
    socket.transport.pause_reading()
    while True:
        await socket.send('{"type":"mark","cid":"other","kind":"moment","t_ms":0}')
        await asyncio.sleep(0.01)


async def knock(socket: Any) -> None:
    await socket.send(json.dumps(HELLO))
    await socket.send(json.dumps(HELLO))
    await socket.wait_closed()
