"""Going down without losing audio: live sockets finish what they have taken before the server stops.

The web process runs on one event loop; a consumer registers what it has to finish, `web` calls all of it once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

Finish = Callable[[], Awaitable[object]]

_registered: set[Finish] = set()
_draining = False


def register(finish: Finish) -> None:
    """Have `finish` called when the server goes down: write and acknowledge what was taken, close with 1012."""
    _registered.add(finish)


def unregister(finish: Finish) -> None:
    _registered.discard(finish)


def is_draining() -> bool:
    """Tell whether the server goes down; a new stream is then refused with 1012."""
    return _draining


async def drain(seconds: float) -> None:
    """Call everything registered, all at once, and wait at most `seconds` for it."""
    global _draining
    _draining = True
    running = [asyncio.ensure_future(finish()) for finish in list(_registered)]
    if not running:
        return
    finished, unfinished = await asyncio.wait(running, timeout=seconds)
    for task in finished:
        if error := task.exception():
            logger.error("a live stream failed while going down: %s", type(error).__name__)
    if unfinished:
        logger.warning("%s of %s live streams did not finish in time", len(unfinished), len(running))
