"""The loop: brings each fault about while a recorder sends to a real server, and compares what was kept with what was
captured."""

import asyncio
import contextlib
import hashlib
import random
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sessions_app.tests.faults.faulty_disk import NAME as DISK_FAULT
from sessions_app.tests.faults.line import Line
from sessions_app.tests.live_site import LiveSite
from sessions_app.tests.protocol_client import CHUNK_BYTES, ProtocolClient

RUNNER = ("-m", "sessions_app.tests.faults.faulty_disk")
LONGEST_SECONDS = 900
BYTES_PER_SECOND = 32_000


@dataclass(frozen=True)
class Length:
    """How much time the loop takes: `speed` is that of capturing against real time."""

    name: str
    speed: float
    kills: int


SHORT = Length("short", 10, 2)
LONG = Length("long", 1, 20)


@dataclass
class Scene:
    """Where a fault happens."""

    site: LiveSite
    line: Line
    length: Length
    session: str
    new_client: Callable[[], ProtocolClient]  # another device of the same doctor
    strangers: list[dict[str, str]]  # live sessions of other doctors, for hostile clients
    task: "asyncio.Task[Any] | None" = None  # the recorder at work
    facts: dict[str, Any] = field(default_factory=dict)  # what the fault measured

    def lose_recorder(self) -> None:
        """Let the recorder be gone without a word to the server."""
        assert self.task is not None
        self.line.go_deaf()
        self.task.cancel()

    @contextlib.contextmanager
    def disk(self, fault: str) -> Any:
        """Let the server's disk fail for a while."""
        path = self.site.folder / DISK_FAULT
        path.write_text(fault)
        try:
            yield
        finally:
            path.unlink()


Disturb = Callable[[Scene, ProtocolClient], Awaitable[None]]
Prepare = Callable[[ProtocolClient], None]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong while `audio_s` seconds are captured, and what must be left of it afterwards."""

    name: str
    disturb: Disturb | None = None
    prepare: Prepare | None = None
    audio_s: int = 12
    speed: float | None = None  # instead of the length's own, in the short form
    is_alone: bool = False  # it hits every recording of the server
    is_altered: bool = False  # the sum cannot agree: the session must be marked and the audio kept
    left_for_ms: int = 0  # the recorder never comes back, and after so long the session is completed
    closes: frozenset[int] = frozenset()  # one of these ends the socket
    gaps: tuple[tuple[int, int, str], ...] = ()  # (from ms, to ms, why)


@dataclass
class Outcome:
    """One line of the report."""

    fault: str
    captured_bytes: int
    kept_bytes: int
    is_same: bool
    gaps: list[list[Any]]
    closes: dict[int, int]  # how often the socket ended with which code; 0 is no code
    seconds: float
    measured: dict[str, Any]
    problems: list[str]

    def as_line(self) -> dict[str, Any]:
        line = dict(vars(self))
        line.update(line.pop("measured"))
        return line


async def until_captured(client: ProtocolClient, share: float) -> None:
    """Wait until a share of the audio was captured."""
    while client.captured < share * len(client.chunks):  # noqa: ASYNC110  the client is polled as the page polls
        await asyncio.sleep(0.01)


async def until_acked(client: ProtocolClient, seq: int) -> None:
    while client.acked < seq and client.finished is None:  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def run(site: LiveSite, faults: Iterable[Fault], length: Length) -> list[Outcome]:
    """Bring the faults about, those of one line side by side, those of the whole server one after the other."""
    chosen = list(faults)
    made = iter(site.new_recordings(*(f"doctor{number}" for number in range(len(chosen) + 4))))
    strangers = [next(made) for _ in range(4)]
    done = asyncio.run(_all(site, [(fault, next(made)) for fault in chosen], strangers, length))
    facts = site.facts_of(*(recording["session"] for _, recording, *_ in done))
    return [
        _outcome(fault, client, facts[recording["session"]], seconds, measured)
        for fault, recording, client, seconds, measured in done
    ]


async def _all(
    site: LiveSite, pairs: list[tuple[Fault, dict[str, str]]], strangers: list[dict[str, str]], length: Length
) -> list[tuple[Fault, dict[str, str], ProtocolClient, float, dict[str, Any]]]:
    together = [pair for pair in pairs if not pair[0].is_alone]
    done = list(await asyncio.gather(*(_one(site, *pair, strangers, length) for pair in together)))
    done += [await _one(site, *pair, strangers, length) for pair in pairs if pair[0].is_alone]
    return done


async def _one(
    site: LiveSite, fault: Fault, recording: dict[str, str], strangers: list[dict[str, str]], length: Length
) -> tuple[Fault, dict[str, str], ProtocolClient, float, dict[str, Any]]:
    speed = length.speed if length is LONG else fault.speed or length.speed
    pcm = random.Random(fault.name).randbytes(fault.audio_s * BYTES_PER_SECOND)
    async with Line(site.port).open() as line:

        def new_client() -> ProtocolClient:
            url = f"ws://localhost:{line.port}/ws/sessions/{recording['session']}/audio/"
            return ProtocolClient(url, recording["cookie"], pcm, origin=site.url, speed=speed)

        client = new_client()
        if fault.prepare is not None:
            fault.prepare(client)
        scene = Scene(site, line, length, recording["session"], new_client, strangers)
        started = time.monotonic()
        async with _running(client) as scene.task:
            if fault.disturb is not None:
                await fault.disturb(scene, client)
            if not fault.left_for_ms and not scene.facts.get("replaced_by"):
                await asyncio.wait_for(scene.task, LONGEST_SECONDS)
        client = scene.facts.pop("replaced_by", client)
        return fault, recording, client, round(time.monotonic() - started, 1), scene.facts


@contextlib.asynccontextmanager
async def _running(client: ProtocolClient) -> AsyncIterator["asyncio.Task[dict[str, Any]]"]:
    task = asyncio.create_task(client.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _outcome(
    fault: Fault, client: ProtocolClient, facts: dict[str, Any], seconds: float, measured: dict[str, Any]
) -> Outcome:
    captured = b"".join(client.chunks[: client.captured])
    kept = facts["pcm_bytes"]
    same = facts["spool_sha256"] == hashlib.sha256(captured).hexdigest()
    problems = []
    expected = list(fault.gaps)
    if fault.left_for_ms:
        expected = [(facts["pcm_ms"], facts["pcm_ms"] + fault.left_for_ms, "away")]
        if (
            facts["spool_sha256"] != hashlib.sha256(captured[:kept]).hexdigest()
            or kept < (client.acked + 1) * CHUNK_BYTES
        ):
            problems.append("what was acknowledged is not what is stored")
        if facts["status"] != "completed":
            problems.append("the session was left open")
    elif fault.is_altered:
        if same or not facts["mismatch"] or kept != len(captured) or "sum_mismatch" not in client.errors:
            problems.append("altered audio was not marked and kept")
    elif not same or facts["sha256"] != client.sha256 or facts["mismatch"]:
        problems.append(f"{len(captured)} bytes were captured and {kept} kept, or their sums differ")
    named = [tuple(gap) for gap in facts["named"]]
    if len(named) != len(expected) or not all(map(_is_near, named, expected)):
        problems.append(f"the gaps are named {named} and not {expected}")
    if fault.closes and not fault.closes & set(client.closes):
        problems.append(f"the socket ended with {client.closes}")
    if client.ack_seconds:
        measured["ack_p95_s"] = round(statistics.quantiles(client.ack_seconds, n=20)[-1], 2)
    gaps = [list(gap) for gap in facts["named"]]
    closes = dict(Counter(client.closes))
    return Outcome(fault.name, len(captured), kept, same, gaps, closes, seconds, measured, problems)


def _is_near(found: tuple[int, int, str], expected: tuple[int, int, str]) -> bool:
    """Whether a gap is where it should be, to the second, and says why."""
    return all(abs(found[end] - expected[end]) < 1000 for end in (0, 1)) and found[2] == expected[2]
