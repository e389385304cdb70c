"""The faults of the loop."""

import asyncio
import random
import struct
import time
from functools import partial

from sessions_app.tests.faults import hostile
from sessions_app.tests.faults.loop import Fault, Scene, until_acked, until_captured
from sessions_app.tests.protocol_client import ProtocolClient

LEFT_FOR_HOURS = 13
ABANDON = """
import os
from datetime import timedelta
from sessions_app import tasks
from sessions_app.spool import store as spool
from sessions_app.models import ConsultationSession
left_at = timezone.now() - timedelta(hours=HOURS)
ConsultationSession.objects.filter(pk=ID).update(started_at=left_at, stream_opened_at=left_at, last_audio_at=left_at)
os.utime(spool.default_store().folder(ID) / "chunks", (left_at.timestamp(),) * 2)
tasks.complete_abandoned(timezone.now())
"""


async def cut(scene: Scene, client: ProtocolClient, *, seconds: float) -> None:
    await until_captured(client, 0.02)
    await scene.line.cut(seconds / client.speed)


async def go_half_open(scene: Scene, client: ProtocolClient) -> None:
    await until_captured(client, 0.3)
    scene.line.go_deaf()


async def vanish(scene: Scene, client: ProtocolClient) -> None:
    """The device is gone without a word; another one wants to go on and does not hold the stream."""
    await until_captured(client, 0.5)
    scene.lose_recorder()
    vanished_at = time.monotonic()
    other = scene.new_client()
    task = asyncio.create_task(other.run())
    while not other.token:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    scene.facts["admitted_after_s"] = round(time.monotonic() - vanished_at, 1)
    await task
    scene.facts["replaced_by"] = other


async def never_return(scene: Scene, client: ProtocolClient) -> None:
    await until_acked(client, 25)
    client.stop_capturing()
    # After hours nothing is on its way any more: what was captured has arrived before the sweep comes.
    await until_acked(client, client.captured - 1)
    scene.lose_recorder()
    await asyncio.to_thread(partial(scene.site.run, ABANDON, ID=scene.session, HOURS=LEFT_FOR_HOURS))


def share(client: ProtocolClient, **shares: float) -> None:
    for name, value in shares.items():
        setattr(client, name, value)


def break_frames(client: ProtocolClient, *, frames: dict[int, bytes]) -> None:
    client.broken = dict(frames)


def flip_a_bit(client: ProtocolClient) -> None:
    pcm = bytearray(client.chunks[10])
    pcm[100] ^= 1
    client.broken = {10: struct.pack(">II", 10, client.clock_ms(10)) + bytes(pcm)}


def sleep_for_half_a_minute(client: ProtocolClient) -> None:
    client.gaps = {20: (30_000, "asleep"), 40: (2_500, "microphone")}


async def kill(scene: Scene, client: ProtocolClient) -> None:
    chance = random.Random(4)
    scene.facts["kills"] = 0
    while scene.facts["kills"] < scene.length.kills and client.finished is None:
        await until_acked(client, client.acked + chance.randint(1, 10))
        await asyncio.sleep(chance.random() * 0.3)
        await asyncio.to_thread(scene.site.kill)
        await asyncio.to_thread(scene.site.start)
        scene.facts["kills"] += 1


async def deploy(scene: Scene, client: ProtocolClient) -> None:
    await until_captured(client, 0.3)
    await asyncio.to_thread(scene.site.terminate)
    await asyncio.to_thread(scene.site.start)


async def fail_disk(scene: Scene, client: ProtocolClient, *, fault: str) -> None:
    await until_captured(client, 0.2)
    with scene.disk(fault):
        await asyncio.sleep(2)


async def suffer_hostile_neighbours(scene: Scene, client: ProtocolClient) -> None:
    tasks = hostile.start(scene.site, scene.strangers)
    await until_acked(client, len(client.chunks) - 1)
    scene.facts["attacks"] = await hostile.stop(tasks)


FAULTS = [
    Fault("cut_1_s", partial(cut, seconds=1)),
    Fault("cut_30_s", partial(cut, seconds=30), audio_s=35, speed=15),
    Fault("cut_300_s", partial(cut, seconds=300), audio_s=310, speed=100),
    Fault("half_open", go_half_open),
    Fault("vanished_device", vanish),
    Fault("duplicate_frames", prepare=partial(share, duplicate_share=0.3)),
    Fault("reordered_frames", prepare=partial(share, reorder_share=0.3)),
    Fault("missing_frames", prepare=partial(share, drop_share=0.2)),
    Fault("all_at_once", prepare=partial(share, duplicate_share=0.2, reorder_share=0.2, drop_share=0.1)),
    Fault(
        "corrupt_frames",
        prepare=partial(break_frames, frames={10: bytes(9), 20: b"", 30: b"\xff" * 7}),
        closes=frozenset({4400}),
    ),
    Fault("altered_audio", prepare=flip_a_bit, is_altered=True),
    Fault(
        "oversize_frame",
        prepare=partial(break_frames, frames={10: bytes(70_000)}),
        closes=frozenset({1006, 1009, 4400}),
    ),
    Fault(
        "beyond_the_credit",
        prepare=partial(break_frames, frames={10: struct.pack(">II", 5_000, 0) + bytes(6_400)}),
        closes=frozenset({1008}),
    ),
    Fault(
        "asleep_and_another_microphone",
        prepare=sleep_for_half_a_minute,
        gaps=((4_000, 34_000, "asleep"), (38_000, 40_500, "microphone")),
    ),
    Fault("never_returns", never_return, audio_s=600, left_for_ms=LEFT_FOR_HOURS * 3_600_000),
    Fault("killed_server", kill, is_alone=True, audio_s=200, speed=20),
    Fault("deploy", deploy, is_alone=True, closes=frozenset({1012})),
    Fault("slow_disk", partial(fail_disk, fault="slow 0.7"), is_alone=True, audio_s=30),
    Fault("full_disk", partial(fail_disk, fault="full"), is_alone=True, audio_s=30),
    Fault("hostile_neighbours", suffer_hostile_neighbours, is_alone=True, audio_s=30),
]
