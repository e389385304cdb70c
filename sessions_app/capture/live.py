"""One live audio stream's rules in plain Python: what each frame means, what is answered, when it must end.

`LiveStream` is told what arrives and what became durable and returns the frames to send. It does no input or output
of its own, so every rule here is tested without a socket. The protocol is described for clients in
`sessions_app/PROTOCOL.md`.
"""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

Frame = dict[str, Any]

CREDIT = 64  # chunks beyond the last ack: 12.8 s at 200 ms, at most 4 MiB held in memory for a stream
LARGEST_FRAME = 64 * 1024
CHUNK_HEADER = struct.Struct(">II")
HEARD_WITHIN_SECONDS = 15.0
MARK_KINDS = frozenset({"moment", "risk", "medication", "action"})
GAP_REASONS = frozenset({"asleep", "away", "microphone"})
NEEDLESS_FRAMES = 200  # text and repeated chunks a person may send at once; each 4 KiB of them count as one
NEEDLESS_FRAMES_PER_SECOND = 20
LARGEST_SEQ = 2**32 - 1

_CID = re.compile(r"[\x21-\x7e]{1,60}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Close(IntEnum):
    """Why the server ends a socket."""

    POLICY = 1008
    RESTART = 1012
    BROKEN_FRAME = 4400
    NOT_SIGNED_IN = 4401
    NOT_ALLOWED = 4403
    NO_SESSION = 4404
    OTHER_RECORDER = 4409
    OVER = 4410


class StreamClosed(Exception):
    """The stream must end with this close code."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Spool(Protocol):
    """What a stream needs of `spool.SpoolWriter`."""

    @property
    def acked(self) -> int: ...
    @property
    def highest_seq(self) -> int: ...
    def append(self, seq: int, t_ms: int, pcm: bytes, *, arrived_ms: int) -> bool: ...
    def missing(self, up_to: int) -> list[tuple[int, int]]: ...


@dataclass(frozen=True)
class FinishedSpool:
    """Stands for the spool of a recording that finished before: nothing can be added."""

    acked: int

    @property
    def highest_seq(self) -> int:
        return self.acked

    def append(self, seq: int, t_ms: int, pcm: bytes, *, arrived_ms: int) -> bool:
        return False

    def missing(self, up_to: int) -> list[tuple[int, int]]:
        return []


@dataclass(frozen=True)
class Hello:
    """A client opens the stream, or goes on with the one whose token it holds."""

    stream: str


@dataclass(frozen=True)
class Control:
    """A pause, a resume or a mark; `cid` is the client's id of it."""

    kind: str
    cid: str
    t_ms: int | None = None


@dataclass(frozen=True)
class Gap:
    """Why a stretch of the recording clock (ms) has no sound, as the client knows it."""

    cid: str
    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True)
class Finish:
    """No more audio. `sha256` is None when this client did not hold all of it."""

    last_seq: int
    sha256: str | None


class Patience:
    """How much that brings nothing new is taken: a burst, refilled as time goes by."""

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst, self._per_second = burst, per_second
        self._left = burst
        self._at_ms = 0

    def spend(self, at_ms: int, cost: int = 1) -> None:
        """Take `cost` off at a time (ms since the epoch); raise StreamClosed(1008) when less is left.

        What is refused costs nothing, so that somebody who goes on trying still gets the share of the time.
        """
        refilled = max(0, at_ms - self._at_ms) * self._per_second / 1000
        self._left, self._at_ms = min(self._burst, self._left + refilled), at_ms
        if self._left < cost:
            raise StreamClosed(Close.POLICY, "too much that brings nothing new")
        self._left -= cost


def frame_patience() -> Patience:
    """Return what one person's sockets may send besides new audio."""
    return Patience(NEEDLESS_FRAMES, NEEDLESS_FRAMES_PER_SECOND)


def frame_cost(length: int) -> int:
    """Return what a frame of so many bytes takes of it."""
    return 1 + length // 4096


def parse_text(raw: str) -> Hello | Control | Gap | Finish:
    """Read a text frame; raise StreamClosed(4400) when it is none of the protocol's."""
    if len(raw) > LARGEST_FRAME:
        raise _broken("a text frame is too long")
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        raise _broken("a text frame is not JSON") from None
    if not isinstance(frame, dict):
        raise _broken("a text frame is not an object")
    kind = frame.get("type")
    if kind == "hello":
        return _parse_hello(frame)
    if kind in ("pause", "resume", "mark"):
        return _parse_control(frame)
    if kind == "gap":
        return _parse_gap(frame)
    if kind == "finish":
        return _parse_finish(frame)
    raise _broken("a text frame has an unknown type")


class LiveStream:
    """The server's half of one recording, from `hello` to `finished`."""

    def __init__(self, spool: Spool, *, token: str, patience: Patience | None = None) -> None:
        self.token = token
        self._spool = spool
        self._patience = patience or frame_patience()
        self._reported: set[tuple[int, int]] = set()
        self._told_acked = spool.acked
        self._is_shut = False
        self.finish: Finish | None = None

    def ready(self, *, clock_ms: int) -> Frame:
        """Return the answer to `hello`."""
        self._told_acked = self._spool.acked
        return {
            "type": "ready",
            "next_seq": self._spool.acked + 1,
            "credit": CREDIT,
            "stream": self.token,
            "t_ms": clock_ms,
        }

    def receive_audio(self, data: bytes, *, arrived_ms: int) -> list[Frame]:
        """Take one binary frame and return the frames to send; `arrived_ms` is since the epoch.

        Raises StreamClosed on a broken or uncredited frame, and when too many carried nothing new.
        """
        if len(data) > LARGEST_FRAME:
            raise _broken("a chunk is larger than 64 KiB")
        if len(data) <= CHUNK_HEADER.size or (len(data) - CHUNK_HEADER.size) % 2:
            raise _broken("a chunk holds no whole samples")
        seq, t_ms = CHUNK_HEADER.unpack_from(data)
        if self._is_shut:
            self._patience.spend(arrived_ms, frame_cost(len(data)))
            return [error_frame("stream_finished", "The recording was finished. This audio was not taken.")]
        if seq > self._spool.acked + CREDIT:
            raise StreamClosed(Close.POLICY, "credit exceeded")
        if self.finish is not None and seq > self.finish.last_seq:
            return [error_frame("stream_finished", "This audio lies behind the announced end and was not taken.")]
        if not self._spool.append(seq, t_ms, data[CHUNK_HEADER.size :], arrived_ms=arrived_ms):
            self._patience.spend(arrived_ms, frame_cost(len(data)))
        return self._new_holes(seq)

    def committed(self) -> list[Frame]:
        """Return the acknowledgement due after the spool committed; none when nothing moved."""
        acked = self._spool.acked
        if acked <= self._told_acked:
            return []
        self._told_acked = acked
        self._reported = {hole for hole in self._reported if hole[1] > acked}
        return [{"type": "ack", "seq": acked}]

    def announce_finish(self, finish: Finish) -> list[Frame]:
        """Note the announced end and return what is still missing. Everything received must be committed first."""
        if finish.last_seq < self._spool.highest_seq:
            return [error_frame("bad_last_seq", "More chunks were received than the announced end says.")]
        self.finish = finish
        return self.still_missing()

    def still_missing(self) -> list[Frame]:
        """Return a `missing` frame for every hole up to the announced end, else up to the highest seq seen."""
        up_to = self.finish.last_seq if self.finish else self._spool.highest_seq
        holes = self._spool.missing(up_to)
        self._reported.update(holes)
        return [{"type": "missing", "from": first, "to": last} for first, last in holes]

    @property
    def is_complete(self) -> bool:
        """Whether every chunk up to the announced end is durable."""
        return self.finish is not None and self._spool.acked >= self.finish.last_seq

    @property
    def is_shut(self) -> bool:
        return self._is_shut

    def shut(self) -> None:
        """Take no audio any more."""
        self._is_shut = True

    def reopen(self) -> None:
        """Go back to before `shut`: what had to follow it failed."""
        self._is_shut = False

    def _new_holes(self, seq: int) -> list[Frame]:
        frames: list[Frame] = []
        for hole in self._spool.missing(seq):
            if not any(first <= hole[0] and hole[1] <= last for first, last in self._reported):
                self._reported.add(hole)
                frames.append({"type": "missing", "from": hole[0], "to": hole[1]})
        return frames


def finished_frame(*, last_seq: int, sha256: str, duration_ms: int) -> Frame:
    return {"type": "finished", "last_seq": last_seq, "sha256": sha256, "duration_ms": duration_ms}


def state_frame(*, status: str, t_ms: int, reason: str | None, cid: str | None = None) -> Frame:
    frame: Frame = {"type": "state", "status": status, "t_ms": t_ms, "reason": reason or None}
    if cid is not None:
        frame["cid"] = cid
    return frame


def error_frame(code: str, message: str, *, retryable: bool = False) -> Frame:
    return {"type": "error", "code": code, "message": message, "retryable": retryable}


def sums_differ(finish: Finish, sha256: str) -> bool:
    """Whether the client held all audio and its sum is another one than the server's."""
    return finish.sha256 is not None and finish.sha256 != sha256


def _parse_hello(frame: Mapping[str, Any]) -> Hello:
    offered = (frame.get("encoding"), frame.get("sample_rate"), frame.get("channels"))
    if offered != ("pcm_s16le", 16_000, 1):
        raise _broken("the audio is not 16 kHz mono pcm_s16le")
    stream = frame.get("stream") or ""
    if not isinstance(stream, str) or len(stream) > 200 or not stream.isascii():
        raise _broken("the stream token is not a short text")
    return Hello(stream)


def _parse_control(frame: Mapping[str, Any]) -> Control:
    cid = _parse_cid(frame)
    if frame["type"] != "mark":
        return Control(frame["type"], cid)
    kind = frame.get("kind")
    if not isinstance(kind, str) or kind not in MARK_KINDS:
        raise _broken("a mark has an unknown kind")
    return Control(kind, cid, _whole_number(frame.get("t_ms"), "t_ms", least=0, most=LARGEST_SEQ))


def _parse_gap(frame: Mapping[str, Any]) -> Gap:
    reason = frame.get("reason")
    if not isinstance(reason, str) or reason not in GAP_REASONS:
        raise _broken("a gap has an unknown reason")
    from_ms = _whole_number(frame.get("from_ms"), "from_ms", least=0, most=LARGEST_SEQ - 1)
    to_ms = _whole_number(frame.get("to_ms"), "to_ms", least=from_ms + 1, most=LARGEST_SEQ)
    return Gap(_parse_cid(frame), from_ms, to_ms, reason)


def _parse_cid(frame: Mapping[str, Any]) -> str:
    cid = frame.get("cid")
    # Ids beginning with "s:" are the server's own.
    if not isinstance(cid, str) or not _CID.fullmatch(cid) or cid.startswith("s:"):
        raise _broken("cid is not 1 to 60 printable characters")
    return cid


def _parse_finish(frame: Mapping[str, Any]) -> Finish:
    last_seq = _whole_number(frame.get("last_seq"), "last_seq", least=-1, most=LARGEST_SEQ)
    sha256 = frame.get("sha256")
    if sha256 is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256.lower())):
        raise _broken("sha256 is not 64 hexadecimal digits")
    return Finish(last_seq, sha256.lower() if sha256 else None)


def _whole_number(value: Any, name: str, *, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _broken(f"{name} is out of range")
    return value


def _broken(reason: str) -> StreamClosed:
    return StreamClosed(Close.BROKEN_FRAME, reason)
