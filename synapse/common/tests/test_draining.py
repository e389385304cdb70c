import asyncio

import pytest

from synapse.common import draining


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(draining, "_registered", set())
    monkeypatch.setattr(draining, "_draining", False)


async def test_everything_registered_finishes_at_once():
    done = []

    def finisher(name: str):
        async def finish() -> None:
            await asyncio.sleep(0.05)
            done.append(name)

        return finish

    one, two, gone = finisher("one"), finisher("two"), finisher("gone")
    for finish in (one, two, gone):
        draining.register(finish)
    draining.unregister(gone)

    await asyncio.wait_for(draining.drain(120), 30)

    assert sorted(done) == ["one", "two"]
    assert draining.is_draining()


async def test_one_that_does_not_finish_holds_nobody_up_longer_than_allowed(caplog):
    async def never() -> None:
        await asyncio.Event().wait()

    draining.register(never)

    await asyncio.wait_for(draining.drain(0.05), 30)

    assert "1 of 1 live streams did not finish" in caplog.text


async def test_a_failing_one_does_not_stop_the_others():
    done = []

    async def fail() -> None:
        raise RuntimeError

    async def finish() -> None:
        await asyncio.sleep(0.01)
        done.append(True)

    draining.register(fail)
    draining.register(finish)

    await draining.drain(1)

    assert done == [True]
