"""What a second web process needs Redis for: hints that cross process borders."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from channels.layers import channel_layers
from django.test import override_settings

ROOT = Path(__file__).resolve().parents[2]


def configured(redis_url: str) -> dict[str, object]:
    """Return the channel layers an installation with this REDIS_URL has."""
    said = subprocess.run(
        [sys.executable, "-c", "import json; from synapse import settings; print(json.dumps(settings.CHANNEL_LAYERS))"],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(said.stdout)


def test_a_hint_reaches_another_process_also_after_a_long_silence(redis_url):
    layers = configured(redis_url)
    sender = f"""
import asyncio, time
from channels_redis.core import RedisChannelLayer
time.sleep(6)
layer = RedisChannelLayer(hosts=[{redis_url!r}])
asyncio.run(layer.group_send("synapse-test", {{"type": "session.changed", "version": 7}}))
"""

    async def listen() -> dict[str, object]:
        layer = channel_layers.make_backend("default")
        channel = await layer.new_channel()
        await layer.group_add("synapse-test", channel)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", sender)
        try:
            return await asyncio.wait_for(layer.receive(channel), 40)
        finally:
            await process.wait()
            await layer.group_discard("synapse-test", channel)
            await layer.close_pools()

    with override_settings(CHANNEL_LAYERS=layers):
        assert asyncio.run(listen()) == {"type": "session.changed", "version": 7}
