"""A synthetic recorder that speaks the socket protocol as the browser does: it keeps what is not acknowledged."""

import asyncio
import hashlib
import json
import random
import struct
from typing import Any

import websockets
from websockets.exceptions import ConnectionClosed, WebSocketException

HELLO = {"type": "hello", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1}
CHUNK_MS = 200
CHUNK_BYTES = CHUNK_MS * 32


class ProtocolClient:
    """Records `pcm` in chunks and sends it; goes on by itself whenever the connection ends."""

    def __init__(self, url: str, cookie: str, pcm: bytes, *, origin: str, pace: float = 0.0) -> None:
        self.url, self.cookie, self.origin, self.pace = url, cookie, origin, pace
        self.chunks = [pcm[start : start + CHUNK_BYTES] for start in range(0, len(pcm), CHUNK_BYTES)]
        self.sha256 = hashlib.sha256(pcm).hexdigest()
        self.token = ""
        self.acked = -1
        self.closes: list[int] = []
        self.acks_seen: list[int] = []
        self.finished: dict[str, Any] | None = None
        self.fault = random.Random(0)
        self.duplicate_share = 0.0
        self.reorder_share = 0.0
        self.drop_share = 0.0

    async def run(self) -> dict[str, Any]:
        """Bring everything over and return the `finished` frame."""
        while self.finished is None:
            try:
                await self._connection()
            except ConnectionClosed as end:
                self.closes.append(end.rcvd.code if end.rcvd else 1006)
            except (OSError, WebSocketException):
                self.closes.append(0)  # the server is not there, or died during the handshake
            await asyncio.sleep(0.1)
        return self.finished

    async def _connection(self) -> None:
        headers = {"Cookie": f"sessionid={self.cookie}"}
        async with websockets.connect(
            self.url, origin=self.origin, additional_headers=headers, compression=None, ping_interval=None
        ) as socket:
            hello = {**HELLO, "stream": self.token} if self.token else HELLO
            await socket.send(json.dumps(hello))
            while (ready := json.loads(await socket.recv()))["type"] != "ready":
                pass
            self.token = ready["stream"]
            # What was acknowledged must still be there.
            assert ready["next_seq"] > self.acked, (ready, self.acked)
            self.acked = ready["next_seq"] - 1
            self.asked: set[int] = set()
            sender = asyncio.create_task(self._send(socket, ready["next_seq"], ready["credit"]))
            try:
                async for raw in socket:
                    if self._hear(json.loads(raw)):
                        return
                # The loop ends quietly on a normal close; every other one raises.
            finally:
                sender.cancel()

    def _hear(self, frame: dict[str, Any]) -> bool:
        if frame["type"] == "ack":
            self.acked = frame["seq"]
            self.acks_seen.append(frame["seq"])
        elif frame["type"] == "missing":
            self.asked.update(range(frame["from"], frame["to"] + 1))
        elif frame["type"] == "finished":
            self.finished = frame
            return True
        return False

    async def _send(self, socket: Any, first: int, credit: int) -> None:
        seq, last, announced = first, len(self.chunks) - 1, False
        while True:
            for missing in sorted(self.asked):
                await self._chunk(socket, missing)
            self.asked.clear()
            if seq <= last and seq <= self.acked + credit:
                step = self.fault.random()
                if step < self.drop_share:
                    pass  # lost on the way: the server asks for it
                elif step < self.drop_share + self.reorder_share and seq < min(last, self.acked + credit):
                    await self._chunk(socket, seq + 1)
                    await self._chunk(socket, seq)
                    seq += 1
                else:
                    await self._chunk(socket, seq)
                if self.fault.random() < self.duplicate_share:
                    await self._chunk(socket, self.fault.randint(max(0, seq - 20), seq))
                seq += 1
                await asyncio.sleep(self.pace)
            elif seq > last and not announced:
                announced = True
                await socket.send(json.dumps({"type": "finish", "last_seq": last, "sha256": self.sha256}))
            else:
                await asyncio.sleep(0.01)

    async def _chunk(self, socket: Any, seq: int) -> None:
        await socket.send(struct.pack(">II", seq, seq * CHUNK_MS) + self.chunks[seq])
