"""A real server, killed and restarted while a recorder sends: what was acknowledged is there, byte for byte."""

import asyncio
import random

import pytest

from sessions_app.tests.factories import tone
from sessions_app.tests.live_site import LiveSite
from sessions_app.tests.protocol_client import ProtocolClient

pytestmark = pytest.mark.timeout(240)


COUNT = 5


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = LiveSite(tmp_path_factory.mktemp("site"))
    site.manage("migrate", "--verbosity", "0")
    site.start()
    yield site
    if site.process is not None:
        site.terminate()


@pytest.fixture(scope="module")
def recordings(site):
    return iter(site.new_recordings(*(f"doctor{number}" for number in range(COUNT))))


@pytest.fixture
def new_client(site, recordings):
    def make(seed=0, milliseconds=12_000, pace=0.02):
        made = next(recordings)
        pcm = tone(milliseconds, seed=seed)
        client = ProtocolClient(site.socket_url(made["session"]), made["cookie"], pcm, origin=site.url, pace=pace)
        client.session = made["session"]
        return client

    return make


async def until_acked(client, seq):
    while client.acked < seq:  # noqa: ASYNC110  the client is polled as the browser page polls
        await asyncio.sleep(0.005)


def run(client, *disturbances):
    async def both():
        recording = asyncio.create_task(client.run())
        for disturb in disturbances:
            await disturb()
        return await asyncio.wait_for(recording, 60)

    return asyncio.run(both())


def assert_nothing_lost(site, client):
    facts = site.facts(client.session)
    assert client.finished["sha256"] == client.sha256 == facts["sha256"] == facts["spool_sha256"]
    assert not facts["mismatch"]
    assert facts["gaps"] == []


def test_kill_minus_nine_in_the_middle_loses_nothing(site, new_client):
    client = new_client()

    async def kill():
        for at in sorted(random.Random(4).sample(range(5, 50), 2)):
            await until_acked(client, at)
            await asyncio.to_thread(site.kill)
            await asyncio.to_thread(site.start)

    run(client, kill)

    assert_nothing_lost(site, client)


def test_a_server_asked_to_end_says_come_back_and_loses_nothing(site, new_client):
    client = new_client()

    async def restart():
        await until_acked(client, 15)
        await asyncio.to_thread(site.terminate)
        await asyncio.to_thread(site.start)

    run(client, restart)

    assert client.closes[0] == 1012
    assert_nothing_lost(site, client)


def test_duplicates_reordering_and_losses_of_several_recorders_lose_nothing(site, new_client):
    clients = [new_client(seed=seed, milliseconds=6_000) for seed in range(3)]
    for client in clients:
        client.duplicate_share, client.reorder_share, client.drop_share = 0.2, 0.2, 0.1

    async def together():
        await asyncio.wait_for(asyncio.gather(*(client.run() for client in clients)), 60)

    asyncio.run(together())

    for client in clients:
        assert_nothing_lost(site, client)
