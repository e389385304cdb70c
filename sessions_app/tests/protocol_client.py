"""A synthetic recorder that speaks the socket protocol as the browser does: it keeps what is not acknowledged."""

import asyncio
import hashlib
import json
import random
import ssl
import struct
import time
from typing import Any

import websockets
from websockets.exceptions import ConnectionClosed, WebSocketException

HELLO = {"type": "hello", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1}
CHUNK_MS = 200
CHUNK_BYTES = CHUNK_MS * 32
DEAF_SECONDS = 3.0  # owed an acknowledgement for so long, it takes the line for dead


class ProtocolClient:
    """Captures `pcm` in chunks, `speed` times as fast as it would be spoken, and goes on after every end of its line.

    A gap {seq: (ms, reason)} lets the recording clock run on before a chunk and tells why.
    """

    def __init__(
        self,
        url: str,
        cookie: str,
        pcm: bytes,
        *,
        origin: str,
        speed: float = 10.0,
        gaps: dict[int, tuple[int, str]] | None = None,
        cookie_name: str = "sessionid",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url, self.cookie, self.origin, self.speed = url, cookie, origin, speed
        self.chunks = [pcm[start : start + CHUNK_BYTES] for start in range(0, len(pcm), CHUNK_BYTES)]
        self.sha256 = hashlib.sha256(pcm).hexdigest()
        self.gaps = gaps or {}
        self.cookie_name, self.tls = cookie_name, tls
        self.token = ""
        self.acked = -1
        self.closes: list[int] = []
        self.errors: list[str] = []
        self.finished: dict[str, Any] | None = None
        self.ack_seconds: list[float] = []  # from the capture of a chunk to its acknowledgement
        self.fault = random.Random(0)
        self.duplicate_share = 0.0
        self.reorder_share = 0.0
        self.drop_share = 0.0
        self.broken: dict[int, bytes] = {}  # sent once instead of a chunk
        self.is_capturing = True
        self.started_at = time.monotonic()

    @property
    def captured(self) -> int:
        """How many chunks the microphone has given by now."""
        if not self.is_capturing:
            return self._captured_at_stop
        return min(len(self.chunks), int((time.monotonic() - self.started_at) * 1000 * self.speed / CHUNK_MS))

    def stop_capturing(self) -> None:
        self._captured_at_stop = self.captured
        self.is_capturing = False

    def captured_at(self, seq: int) -> float:
        return self.started_at + (seq + 1) * CHUNK_MS / 1000 / self.speed

    def clock_ms(self, seq: int) -> int:
        """Where a chunk begins on the recording clock."""
        return seq * CHUNK_MS + sum(lost for at, (lost, _) in self.gaps.items() if at <= seq)

    async def run(self) -> dict[str, Any]:
        """Bring everything over and return the `finished` frame."""
        self.started_at = time.monotonic()
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
        headers = {"Cookie": f"{self.cookie_name}={self.cookie}"}
        async with websockets.connect(
            self.url,
            origin=self.origin,
            additional_headers=headers,
            compression=None,
            ssl=self.tls,
            ping_interval=None,
            open_timeout=DEAF_SECONDS,
            close_timeout=0.2,
        ) as socket:
            hello = {**HELLO, "stream": self.token} if self.token else HELLO
            await socket.send(json.dumps(hello))
            while (ready := json.loads(await self._recv(socket)))["type"] != "ready":
                pass
            self.token = ready["stream"]
            # What was acknowledged must still be there.
            assert ready["next_seq"] > self.acked, (ready, self.acked)
            self.acked = ready["next_seq"] - 1
            self.asked: set[int] = set()
            sender = asyncio.create_task(self._send(socket, ready["next_seq"], ready["credit"]))
            try:
                while not self._hear(json.loads(await self._recv(socket))):
                    pass
            finally:
                sender.cancel()

    async def _recv(self, socket: Any) -> Any:
        while True:
            try:
                return await asyncio.wait_for(socket.recv(), DEAF_SECONDS)
            except TimeoutError:
                if self.acked < self.captured - 1 or self.captured == len(self.chunks):
                    raise OSError("the line is dead") from None

    def _hear(self, frame: dict[str, Any]) -> bool:
        if frame["type"] == "ack":
            now = time.monotonic()
            self.ack_seconds += [now - self.captured_at(seq) for seq in range(self.acked + 1, frame["seq"] + 1)]
            self.acked = frame["seq"]
        elif frame["type"] == "missing":
            self.asked.update(range(frame["from"], frame["to"] + 1))
        elif frame["type"] == "error":
            self.errors.append(frame["code"])
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
            if seq < self.captured and seq <= self.acked + credit:
                step = self.fault.random()
                if step < self.drop_share:
                    pass  # lost on the way: the server asks for it
                elif step < self.drop_share + self.reorder_share and seq < min(self.captured - 1, self.acked + credit):
                    await self._chunk(socket, seq + 1)
                    await self._chunk(socket, seq)
                    seq += 1
                else:
                    await self._chunk(socket, seq)
                if self.fault.random() < self.duplicate_share:
                    await self._chunk(socket, self.fault.randint(max(0, seq - 20), seq))
                seq += 1
            elif seq > last and not announced:
                announced = True
                await socket.send(json.dumps({"type": "finish", "last_seq": last, "sha256": self.sha256}))
            else:
                await asyncio.sleep(0.01)

    async def _chunk(self, socket: Any, seq: int) -> None:
        if seq in self.gaps:
            lost, reason = self.gaps[seq]
            to_ms = self.clock_ms(seq)
            frame = {"type": "gap", "cid": f"gap-{seq}", "from_ms": to_ms - lost, "to_ms": to_ms, "reason": reason}
            await socket.send(json.dumps(frame))
        whole = struct.pack(">II", seq, self.clock_ms(seq)) + self.chunks[seq]
        await socket.send(self.broken.pop(seq, whole))
