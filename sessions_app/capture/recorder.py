"""One recorder's open recording: its chunks become durable in groups, are acknowledged, and are finished.

The rules of the protocol are in `live`, durability is in `spool`; this is the loop between the two.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone

from sessions_app import services
from sessions_app.capture import live
from sessions_app.capture.access import Visitor
from sessions_app.capture.live import Finish, Frame, LiveStream
from sessions_app.capture.threads import in_database, on_disk
from sessions_app.models import ConsultationSession
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from synapse.common.errors import DomainError

logger = logging.getLogger(__name__)

GROUP_SECONDS = 0.15  # how long chunks wait for each other before one fsync; the protocol allows 250 ms
NOTE_AUDIO_SECONDS = 10.0
STORAGE_RETRY_SECONDS = 1.0
STORAGE_GIVE_UP_SECONDS = 15.0

Send = Callable[[Frame], Awaitable[None]]


class Capture:
    """What a hello opened. `send` passes a frame to the client, `on_closed` is called when the spool was sealed."""

    def __init__(
        self,
        session_id: UUID,
        stream: LiveStream,
        writer: spool.SpoolWriter,
        *,
        visitor: Visitor,
        send: Send,
        on_closed: Callable[[], None],
    ) -> None:
        self.session_id = session_id
        self.stream = stream
        self._writer: spool.SpoolWriter | None = writer
        self._visitor = visitor
        self._send = send
        self._on_closed = on_closed
        self.has_heard = False  # any audio since the hello
        self._finished: spool.Timeline | None = None
        self._noted_at = 0.0
        self._flush = asyncio.Event()
        self._lock = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    @property
    def clock_ms(self) -> int:
        """End of the latest chunk on the recording clock; of the durable audio once the spool was given back."""
        return self._writer.clock_ms if self._writer is not None else recordings.clock_ms(self.session_id)

    async def take(self, data: bytes, *, heard_at: float) -> None:
        """Take one binary frame; `heard_at` is its time on the monotonic clock. Raises StreamClosed."""
        self.has_heard = True
        for frame in self.stream.receive_audio(data, arrived_ms=now_ms()):
            await self._send(frame)
        self._flush.set()
        if heard_at - self._noted_at > NOTE_AUDIO_SECONDS:
            self._noted_at = heard_at
            await in_database(recordings.note_audio, self.session_id, at=timezone.now())

    async def keep_flushing(self) -> None:
        """Commit what came in, in groups; a refused write is tried again until the recording is given back."""
        failing_since: float | None = None
        while True:
            await self._flush.wait()
            self._flush.clear()
            writer = self._writer
            if writer is None:
                return
            if writer.pending_count < live.CREDIT // 2:
                await asyncio.sleep(GROUP_SECONDS)
            try:
                await self.commit()
            except spool.SpoolClosed:
                self._on_closed()
            except spool.StorageFailed as error:
                if failing_since is None:
                    failing_since = time.monotonic()
                    await self._tell_storage_failed(error)
                elif time.monotonic() - failing_since > STORAGE_GIVE_UP_SECONDS:
                    await self._give_up("storage_full" if error.is_full else "storage_failed")
                await self._try_again()
            except Exception as error:  # noqa: BLE001  a database that does not answer now is asked again
                logger.error("stream %s: a commit raised %s", self.session_id, type(error).__name__)
                await self._try_again()
            else:
                failing_since = None

    async def _try_again(self) -> None:
        await asyncio.sleep(STORAGE_RETRY_SECONDS)
        self._flush.set()

    async def commit(self) -> None:
        """Make durable what was taken, acknowledge it, and finish when that was the last of it.

        Raises SpoolClosed and StorageFailed.
        """
        async with self._lock:
            if self._writer is None:
                return
            await on_disk(self._writer.commit)
            for frame in self.stream.committed():
                await self._send(frame)
        await self._finish_when_complete()

    async def finish(self, finish: Finish) -> None:
        """Note that no more audio comes; the answer goes out when every chunk is there."""
        if self._finished is not None:
            await send_finished(self._send, finish, self._finished)
            return
        for frame in self.stream.announce_finish(finish):
            await self._send(frame)
        self._flush.set()
        await self._finish_when_complete()

    async def drop_after(self, arrived_ms: int) -> int | None:
        """Forget the chunks that arrived later (ms since the epoch); return the clock's new end, None when finished."""
        async with self._lock:
            if self._writer is None or self._finished is not None:
                return None
            await on_disk(self._writer.drop_after, arrived_ms)
            return self._writer.clock_ms

    async def give_back(self) -> None:
        """Close the spool; whatever could not be committed is the client's to send again."""
        async with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                with contextlib.suppress(spool.StorageFailed, spool.SpoolClosed):
                    await on_disk(writer.commit)
                await on_disk(writer.close)
        self._flush.set()

    async def _finish_when_complete(self) -> None:
        writer, finish = self._writer, self.stream.finish
        if writer is None or self.stream.is_shut or finish is None or not self.stream.is_complete:
            return
        self.stream.shut()
        session = await in_database(ConsultationSession.objects.get, pk=self.session_id)
        is_mismatch = live.sums_differ(finish, writer.timeline.sha256)
        try:
            await in_database(
                recordings.finish_stream,
                session,
                writer.timeline,
                is_mismatch=is_mismatch,
                by=self._visitor.user,
                at=timezone.now(),
                **self._visitor.origin,
            )
        except Exception:
            self.stream.reopen()  # the client did not hear `finished` and will ask again
            raise
        self._finished = writer.timeline
        await send_finished(self._send, finish, writer.timeline)

    async def _give_up(self, reason: str) -> None:
        # The disk that refuses audio may refuse the database as well; then it is said when it works again.
        with contextlib.suppress(DatabaseError):
            await fail(self.session_id, reason)

    async def _tell_storage_failed(self, error: spool.StorageFailed) -> None:
        logger.error("stream %s: the spool refuses writes: %s", self.session_id, str(error))
        why = "The server's disk is full." if error.is_full else "The server cannot store audio."
        message = f"{why} Recording goes on in this browser and is sent when it works again."
        await self._send(live.error_frame("storage_failed", message, retryable=True))


class FinishedCapture:
    """A recording that was finished before: a client that missed `finished` may ask for it again; no audio is taken."""

    is_open = False
    has_heard = True

    def __init__(self, timeline: spool.Timeline, *, token: str, send: Send) -> None:
        self.stream = LiveStream(live.FinishedSpool(timeline.last_seq), token=token)
        self.stream.shut()
        self.clock_ms = timeline.clock_ms
        self._timeline = timeline
        self._send = send

    async def take(self, data: bytes, *, heard_at: float) -> None:
        """Answer that the audio was not taken. Raises StreamClosed."""
        for frame in self.stream.receive_audio(data, arrived_ms=now_ms()):
            await self._send(frame)

    async def finish(self, finish: Finish) -> None:
        """Answer with the stored facts."""
        await send_finished(self._send, finish, self._timeline)

    async def commit(self) -> None:
        """Nothing was taken."""

    async def drop_after(self, arrived_ms: int) -> int | None:
        """A finished recording keeps what it has."""
        return None

    async def give_back(self) -> None:
        """No spool is held."""


def now_ms() -> int:
    """Return the time in ms since the epoch."""
    return time.time_ns() // 1_000_000


async def send_finished(send: Send, finish: Finish, timeline: spool.Timeline) -> None:
    """Say what is stored, and first that it differs when the client's sum is another one."""
    if live.sums_differ(finish, timeline.sha256):
        message = "The stored audio differs from what this browser recorded. It is kept and the session is marked."
        await send(live.error_frame("sum_mismatch", message))
    await send(live.finished_frame(last_seq=timeline.last_seq, sha256=timeline.sha256, duration_ms=timeline.clock_ms))


async def fail(session_id: UUID, reason: str) -> None:
    """Put a session into `error`; one that ended meanwhile stays as it is."""
    session = await in_database(ConsultationSession.objects.get, pk=session_id)
    with contextlib.suppress(DomainError):
        await in_database(services.fail_session, session, reason=reason, at=timezone.now())
