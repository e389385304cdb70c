"""One call to the service in a thread of its own: PCM goes in, results come out."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from sessions_app.stt.base import SAMPLE_RATE, SpeechError
from sessions_app.stt.google.results import Result

BYTES_PER_SECOND = SAMPLE_RATE * 2
# Version 2 documents 15 KB a message, version 1 25 KB; this is 0.4 s of sound.
FRAME_BYTES = 12_800

# What comes out of a stream: results, then the failure or None at the end.
Answer = Result | SpeechError | None
Reader = Callable[[Iterable[bytes]], Iterator[Result]]


class Stream:
    """Hand PCM to the service as it comes in; `sent_s` says how many seconds went in."""

    def __init__(self, read: Reader, pcm: bytes) -> None:
        self.sent_s = 0.0
        self.is_closed = False
        self._opened_at = time.monotonic()
        self._closed_at = 0.0
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._read = read
        self.send(pcm)
        threading.Thread(target=self._run, name="google-speech", daemon=True).start()

    @property
    def clock_age_s(self) -> float:
        return time.monotonic() - self._opened_at

    @property
    def age_s(self) -> float:
        """Return how old the service takes the stream to be: by the clock or by the sound it heard."""
        return max(self.clock_age_s, self.sent_s)

    @property
    def closed_for_s(self) -> float:
        return time.monotonic() - self._closed_at if self.is_closed else 0.0

    def send(self, pcm: bytes) -> None:
        for frame in frames_of(pcm):
            self._outgoing.put(frame)
        self.sent_s += len(pcm) / BYTES_PER_SECOND

    def close(self) -> None:
        """End the sound; the last results still come out."""
        if not self.is_closed:
            self.is_closed = True
            self._closed_at = time.monotonic()
            self._outgoing.put(None)

    def answers(self, *, wait_s: float = 0.0) -> Iterator[Answer]:
        """Yield what has come out by now; with `wait_s`, wait that long for the first."""
        try:
            yield self._incoming.get(timeout=wait_s) if wait_s else self._incoming.get_nowait()
            while True:
                yield self._incoming.get_nowait()
        except queue.Empty:
            return

    def _run(self) -> None:
        end: SpeechError | None = None
        try:
            for result in self._read(iter(self._outgoing.get, None)):
                self._incoming.put(result)
        except SpeechError as error:
            end = error
        finally:
            # The client's sending thread waits for sound until it is told that there is none.
            self._outgoing.put(None)
            self._incoming.put(end)


def frames_of(pcm: bytes) -> Iterator[bytes]:
    for first in range(0, len(pcm), FRAME_BYTES):
        yield pcm[first : first + FRAME_BYTES]
