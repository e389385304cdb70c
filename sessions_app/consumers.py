"""The WebSocket door of a recording: it checks who is there, stores, acknowledges and relays. Nothing else.

The rules of the protocol are in `live`, durability is in `spool`. Disk and database work run in threads of their own:
a slow disk or a locked database must never hold up another stream.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import close_old_connections
from django.utils import timezone

from sessions_app import live, live_text, recordings, services, socket_access, spool, transcripts, watchers
from sessions_app.live import Close, Control, Finish, FinishedSpool, Frame, Hello, LiveStream, StreamClosed
from sessions_app.models import ConsultationSession
from sessions_app.socket_access import Standing
from synapse.audit.context import request_context
from synapse.common import draining
from synapse.common.errors import DomainError

logger = logging.getLogger(__name__)
T = TypeVar("T")

GROUP_SECONDS = 0.15  # how long chunks wait for each other before one fsync; the protocol allows 250 ms
CHECK_SECONDS = 2.0
NOTE_AUDIO_SECONDS = 10.0
STORAGE_RETRY_SECONDS = 1.0
STORAGE_GIVE_UP_SECONDS = 15.0
TAKE_OVER_SECONDS = 3.0
LEAST_FREE_BYTES = 200 * 1024 * 1024

_disk = ThreadPoolExecutor(max_workers=8, thread_name_prefix="spool")
_database = ThreadPoolExecutor(max_workers=4, thread_name_prefix="stream-database")
_recorders: dict[UUID, "AudioConsumer"] = {}


def _with_own_connection(call: Callable[[], T], ip: str | None) -> T:
    """Run database work in a thread of ours: connections past their age go, audit rows know where it came from."""
    close_old_connections()
    try:
        with request_context(ip):
            return call()
    finally:
        close_old_connections()


async def _in_database(call: Callable[..., T], *args: Any, ip: str | None = None, **kwargs: Any) -> T:
    # Threads of their own: channels' one thread for all consumers would let one slow query hold up every stream.
    work = partial(_with_own_connection, partial(call, *args, **kwargs), ip)
    return await asyncio.get_running_loop().run_in_executor(_database, work)


async def _on_disk(call: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_disk, call, *args)


@dataclass(frozen=True)
class _Shown:
    """The state the client was last told."""

    status: str
    reason: str


class AudioConsumer(AsyncWebsocketConsumer):
    """One recorder's socket, or one that only watches (a client that never says hello)."""

    session_id: UUID
    _visitor: socket_access.Visitor
    _stream: LiveStream | None = None
    _writer: spool.SpoolWriter | None = None
    _finished: spool.Timeline | None = None
    _heard_at = 0.0
    _noted_at = 0.0
    _is_leaving = False

    # Opening and closing ---------------------------------------------------------------------------------------------
    async def connect(self) -> None:
        await self.accept()
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._flush = asyncio.Event()
        self._state_lock = asyncio.Lock()
        self._commit_lock = asyncio.Lock()
        self._store = spool.default_store()
        self._loop = asyncio.get_running_loop()
        if draining.is_draining():
            await self._close(Close.RESTART)
            return
        visitor = await _in_database(socket_access.identify, self.scope)
        if visitor is None:
            await self._close(Close.NOT_SIGNED_IN)
            return
        self._visitor = visitor
        try:
            standing = await _in_database(socket_access.admit, self._visitor, self._path_id(), at=timezone.now())
        except StreamClosed as refusal:
            await self._close(refusal.code)
            return
        self.session_id = standing.session.pk
        self._shown = _Shown(standing.session.status, standing.session.status_reason)
        draining.register(self._drain)
        watchers.watch(self.session_id, self._on_change)
        self._tasks = [asyncio.create_task(self._keep_checking()), asyncio.create_task(self._relay_text())]

    def _on_change(self) -> None:
        self._loop.call_soon_threadsafe(self._wake.set)

    async def disconnect(self, code: int) -> None:
        if not hasattr(self, "session_id"):
            return
        draining.unregister(self._drain)
        watchers.unwatch(self.session_id, self._on_change)
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await self._let_go()

    async def _drain(self) -> None:
        await self.leave(Close.RESTART)

    async def leave(self, code: Close) -> None:
        """Acknowledge what can be, give the spool back and close."""
        if self._is_leaving:
            return
        self._is_leaving = True
        with contextlib.suppress(spool.StorageFailed, spool.SpoolClosed):
            await self._commit()
        await self._let_go()
        await self._close(code)

    async def _close(self, code: int) -> None:
        # The client may have gone meanwhile; then there is nobody to tell. The server takes nothing but a plain int.
        with contextlib.suppress(Exception):
            await self.close(int(code))

    async def _let_go(self) -> None:
        """Close the spool, whatever was not committed being the client's to send again."""
        if _recorders.get(self.session_id) is self:
            del _recorders[self.session_id]
        async with self._commit_lock:
            writer, self._writer, self._stream = self._writer, None, None
            if writer is not None:
                with contextlib.suppress(spool.StorageFailed, spool.SpoolClosed):
                    await _on_disk(writer.commit)
                await _on_disk(writer.close)

    def _path_id(self) -> str:
        return str(self.scope["url_route"]["kwargs"]["session_id"])

    # What comes in ---------------------------------------------------------------------------------------------------
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._is_leaving or not hasattr(self, "session_id"):
            return
        self._heard_at = time.monotonic()
        try:
            if bytes_data is not None:
                await self._take_audio(bytes_data)
            else:
                await self._take_text(text_data or "")
        except StreamClosed as end:
            logger.info("stream %s closed with %s: %s", self.session_id, int(end.code), end)
            await self.leave(end.code)
        except Exception as error:  # noqa: BLE001  one bad frame must not lose the frames behind it
            logger.error("stream %s: a frame raised %s", self.session_id, type(error).__name__)
            await self._send(live.error_frame("internal", "This was not done. Try it again.", retryable=True))

    async def _take_text(self, raw: str) -> None:
        match live.parse_text(raw):
            case Hello() as hello:
                await self._greet(hello)
            case Control() as control:
                await self._change_state(control)
            case Finish() as finish:
                await self._finish(finish)

    async def _take_audio(self, data: bytes) -> None:
        if self._stream is None:
            raise StreamClosed(Close.BROKEN_FRAME, "audio before hello")
        for frame in self._stream.receive_audio(data, arrived_ms=time.time_ns() // 1_000_000):
            await self._send(frame)
        self._flush.set()
        if self._heard_at - self._noted_at > NOTE_AUDIO_SECONDS:
            self._noted_at = self._heard_at
            await _in_database(recordings.note_audio, self.session_id, at=timezone.now())

    # hello -----------------------------------------------------------------------------------------------------------
    async def _greet(self, hello: Hello) -> None:
        if self._stream is not None:
            raise StreamClosed(Close.BROKEN_FRAME, "a second hello")
        now = timezone.now()
        standing = await _in_database(socket_access.admit, self._visitor, str(self.session_id), at=now)
        session = standing.session
        if session.audio_sha256:
            await self._greet_finished(session, hello)
            return
        is_owner = recordings.holds_stream(session, hello.stream)
        if not is_owner and await self._is_somebody_recording(session):
            raise StreamClosed(Close.OTHER_RECORDER, "another recorder was heard")
        writer = await self._take_over()
        token = hello.stream
        if not is_owner:
            token = await _in_database(
                recordings.open_stream, session, by=self._visitor.user, at=now, ip=self._visitor.ip
            )
        self._writer = writer
        self._stream = LiveStream(writer, token=token)
        self._tasks.append(asyncio.create_task(self._keep_flushing()))
        await self._send(self._stream.ready(clock_ms=writer.clock_ms))
        if await _on_disk(self._store.free_bytes) < LEAST_FREE_BYTES:
            message = "The server's disk is nearly full. Tell your administrator."
            await self._send(live.error_frame("storage_low", message))

    async def _greet_finished(self, session: ConsultationSession, hello: Hello) -> None:
        """Let a client that missed `finished` ask for it again; no audio is taken."""
        self._finished = await _on_disk(self._store.timeline, self.session_id)
        self._stream = LiveStream(FinishedSpool(self._finished.last_seq), token=hello.stream)
        self._stream.shut()
        await self._send(self._stream.ready(clock_ms=self._finished.clock_ms))

    async def _is_somebody_recording(self, session: ConsultationSession) -> bool:
        """Whether another client of this recording was heard within 15 s, here or before a restart."""
        other = _recorders.get(self.session_id)
        if other is not None and time.monotonic() - other._heard_at < live.HEARD_WITHIN_SECONDS:
            return True
        if not session.stream_token_hash:
            return False
        written_at = await _on_disk(self._store.last_write_at, self.session_id)
        return written_at is not None and time.time() - written_at < live.HEARD_WITHIN_SECONDS

    async def _take_over(self) -> spool.SpoolWriter:
        """Send an earlier recorder of this process away and open the spool."""
        other, _recorders[self.session_id] = _recorders.get(self.session_id), self
        if other is not None and other is not self:
            await other.leave(Close.OTHER_RECORDER)
            _recorders[self.session_id] = self
        give_up_at = time.monotonic() + TAKE_OVER_SECONDS
        while True:
            try:
                return await _on_disk(self._store.writer, self.session_id)
            except spool.SpoolBusy:
                # Another process still holds it; its own check closes it within two seconds.
                if time.monotonic() > give_up_at:
                    raise StreamClosed(Close.OTHER_RECORDER, "another process records") from None
                await asyncio.sleep(0.2)
            except (spool.StorageFailed, spool.SpoolDamaged) as error:
                logger.error("stream %s: the spool does not open: %s", self.session_id, error)
                await self._fail("storage_failed")
                raise StreamClosed(Close.RESTART, "the spool does not open") from None

    # Acknowledging ---------------------------------------------------------------------------------------------------
    async def _keep_flushing(self) -> None:
        """Commit what came in, in groups; a refused write is tried again until the socket ends."""
        failing_since: float | None = None
        while self._writer is not None:
            await self._flush.wait()
            self._flush.clear()
            if self._writer.pending_count < live.CREDIT // 2:
                await asyncio.sleep(GROUP_SECONDS)
            try:
                await self._commit()
            except spool.SpoolClosed:
                self._wake.set()
            except spool.StorageFailed as error:
                if failing_since is None:
                    failing_since = time.monotonic()
                    await self._tell_storage_failed(error)
                elif time.monotonic() - failing_since > STORAGE_GIVE_UP_SECONDS:
                    await self._fail("storage_full" if error.is_full else "storage_failed")
                await asyncio.sleep(STORAGE_RETRY_SECONDS)
                self._flush.set()
            else:
                failing_since = None

    async def _tell_storage_failed(self, error: spool.StorageFailed) -> None:
        logger.error("stream %s: the spool refuses writes: %s", self.session_id, error)
        why = "The server's disk is full." if error.is_full else "The server cannot store audio."
        message = f"{why} Recording goes on in this browser and is sent when it works again."
        await self._send(live.error_frame("storage_failed", message, retryable=True))

    async def _commit(self) -> None:
        async with self._commit_lock:
            if self._writer is None or self._stream is None:
                return
            await _on_disk(self._writer.commit)
            for frame in self._stream.committed():
                await self._send(frame)
        await self._finish_when_complete()

    # finish ----------------------------------------------------------------------------------------------------------
    async def _finish(self, finish: Finish) -> None:
        if self._stream is None:
            raise StreamClosed(Close.BROKEN_FRAME, "finish before hello")
        if self._finished is not None:
            await self._send_finished(finish, self._finished)
            return
        for frame in self._stream.announce_finish(finish):
            await self._send(frame)
        self._flush.set()
        await self._finish_when_complete()

    async def _finish_when_complete(self) -> None:
        stream, writer = self._stream, self._writer
        if stream is None or writer is None or stream.is_shut:
            return
        finish = stream.finish
        if finish is None or not stream.is_complete:
            return
        stream.shut()
        session = await _in_database(ConsultationSession.objects.get, pk=self.session_id)
        is_mismatch = live.sums_differ(finish, writer.timeline.sha256)
        try:
            await _in_database(
                recordings.finish_stream,
                session,
                writer.timeline,
                is_mismatch=is_mismatch,
                by=self._visitor.user,
                at=timezone.now(),
                ip=self._visitor.ip,
            )
        except Exception:
            stream.reopen()  # the client did not hear `finished` and will ask again
            raise
        self._finished = writer.timeline
        await self._send_finished(finish, writer.timeline)

    async def _send_finished(self, finish: Finish, timeline: spool.Timeline) -> None:
        if live.sums_differ(finish, timeline.sha256):
            message = "The stored audio differs from what this browser recorded. It is kept and the session is marked."
            await self._send(live.error_frame("sum_mismatch", message))
        await self._send(
            live.finished_frame(last_seq=timeline.last_seq, sha256=timeline.sha256, duration_ms=timeline.clock_ms)
        )

    # Pause, resume, marks --------------------------------------------------------------------------------------------
    async def _change_state(self, control: Control) -> None:
        async with self._state_lock:
            session = await _in_database(ConsultationSession.objects.get, pk=self.session_id)
            by, at, clock_ms = self._visitor.user, timezone.now(), self._clock_ms()
            call: Callable[..., object]
            if control.kind == "pause":
                call = partial(services.pause_session, cid=control.cid, clock_ms=clock_ms)
            elif control.kind == "resume":
                call = partial(services.resume_session, cid=control.cid, clock_ms=clock_ms)
            else:
                place = clock_ms if control.t_ms is None else control.t_ms
                call = partial(services.add_mark, kind=control.kind, cid=control.cid, clock_ms=place)
            try:
                await _in_database(call, session, by=by, at=at, ip=self._visitor.ip)
            except DomainError as refusal:
                await self._send({**live.error_frame(refusal.code, refusal.message), "cid": control.cid})
                return
            await self._send_state(session, cid=control.cid)

    def _clock_ms(self) -> int:
        return self._writer.clock_ms if self._writer is not None else self._store.clock_ms(self.session_id)

    async def _send_state(self, session: ConsultationSession, *, cid: str | None = None, reason: str = "") -> None:
        reason = reason or session.status_reason
        self._shown = _Shown(session.status, reason)
        await self._send(
            live.state_frame(status=session.status, t_ms=self._clock_ms(), reason=reason, cid=cid),
        )

    # Watching ---------------------------------------------------------------------------------------------------------
    async def _keep_checking(self) -> None:
        """Read rights, consent and state from the database every two seconds, and at once after a hint."""
        while not self._is_leaving:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), CHECK_SECONDS)
            self._wake.clear()
            try:
                await self._check()
            except StreamClosed as end:
                logger.info("stream %s closed with %s: %s", self.session_id, int(end.code), end)
                await self.leave(end.code)
            except Exception as error:  # noqa: BLE001  a database that does not answer now is asked again
                logger.error("stream %s: the check raised %s", self.session_id, type(error).__name__)

    async def _check(self) -> None:
        async with self._state_lock:
            # Taken before the row is read: a stream opened meanwhile is newer than what the row says.
            stream = self._stream if self._writer is not None else None
            now = timezone.now()
            standing = await _in_database(socket_access.look_again, self._visitor, self.session_id, at=now)
            session = standing.session
            if stream is not None and session.is_live and not (standing.is_consented and session.with_recording):
                await self._stop_for_consent(standing, at=now)
            if self._shown != _Shown(session.status, session.status_reason):
                await self._send_state(session)
            if not session.is_live:
                raise StreamClosed(Close.OVER, "the session is over")
            if stream is not None and not recordings.holds_stream(session, stream.token):
                raise StreamClosed(Close.OTHER_RECORDER, "another recorder took over")

    async def _stop_for_consent(self, standing: Standing, *, at: datetime) -> None:
        """Say so, drop what came in after consent ended, and close."""
        session = standing.session
        if session.with_recording:
            reason, since = recordings.CONSENT_WITHDRAWN, standing.consent_ended_at or at
            await _in_database(recordings.stop_recording, session, reason=reason, by=None, at=since)
        await self._send_state(session, reason=session.status_reason or recordings.CONSENT_WITHDRAWN)
        async with self._commit_lock:
            if self._writer is not None and self._finished is None:
                since = session.stream_closed_at or at
                await _on_disk(self._writer.drop_after, round(since.timestamp() * 1000))
                await _in_database(transcripts.drop_live_after, session, self._writer.clock_ms)
        raise StreamClosed(Close.NOT_ALLOWED, "no live consent to record")

    async def _fail(self, reason: str) -> None:
        session = await _in_database(ConsultationSession.objects.get, pk=self.session_id)
        with contextlib.suppress(DomainError):
            await _in_database(services.fail_session, session, reason=reason, at=timezone.now())

    async def _relay_text(self) -> None:
        """Pass live words on to the page; without them the recording goes on."""
        async for segment in live_text.subscribe(self.session_id):
            await self._send({"type": "segment", **segment})

    async def _send(self, frame: Frame) -> None:
        # Frames to a client that has just gone are dropped; it asks again when it comes back.
        with contextlib.suppress(Exception):
            await self.send(text_data=json.dumps(frame))
