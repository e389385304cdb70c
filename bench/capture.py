"""How soon audio is acknowledged by a real server: alone, and beside clients that flood, repeat, read nothing and knock.

Five recordings at the pace of speech; the time counts from the end of a 200 ms chunk to its acknowledgement, that is
until it is encrypted on disk.
"""

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench._speech import figure

GOOD, HOSTILE = 5, 8
SECONDS = 20
TARGET_SECONDS = 1.0


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    from sessions_app.tests.live_site import LiveSite

    with tempfile.TemporaryDirectory() as folder:
        site = LiveSite(Path(folder))
        made = site.new_recordings(*(f"doctor{number}" for number in range(2 * GOOD + HOSTILE)))
        site.start()
        try:
            for name, hostile in (("alone", 0), (f"beside_{HOSTILE}_hostile", HOSTILE)):
                good, made = made[:GOOD], made[GOOD:]
                times = asyncio.run(_record(site, good, made[-hostile:] if hostile else []))
                quantiles = statistics.quantiles(times, n=20)
                for what, value in (("p50", quantiles[9]), ("p95", quantiles[-1])):
                    yield figure(f"capture.ack_{what}.{name}", value, "s", {"target": TARGET_SECONDS}, len(times))
        finally:
            site.kill()


async def _record(site: Any, good: list[dict[str, str]], hostile: list[dict[str, str]]) -> list[float]:
    from sessions_app.tests.protocol_client import ProtocolClient

    # In a process of its own: what attacking costs must not count as the server's time.
    attackers = multiprocessing.get_context("fork").Process(target=_attack, args=(site, hostile), daemon=True)
    attackers.start()
    clients = [
        ProtocolClient(
            site.socket_url(one["session"]), one["cookie"], bytes(32_000 * SECONDS), origin=site.url, speed=1
        )
        for one in good
    ]
    await asyncio.gather(*(client.run() for client in clients))
    attackers.kill()
    attackers.join()
    return [seconds for client in clients for seconds in client.ack_seconds]


def _attack(site: Any, hostile: list[dict[str, str]]) -> None:
    from sessions_app.tests.faults import hostile as attacks

    async def without_end() -> None:
        await asyncio.gather(*attacks.start(site, hostile))

    asyncio.run(without_end())


if __name__ == "__main__":
    for line in run():
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()
