"""The WebSocket door of a recording: it checks who is there, passes frames on and relays. Nothing else.

The rules of the protocol are in `live`, making audio durable and acknowledging it is `capture`.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

from sessions_app import services, watchers
from sessions_app.capture import access as socket_access
from sessions_app.capture import live
from sessions_app.capture import recorder as capture
from sessions_app.capture.access import Standing
from sessions_app.capture.live import Close, Control, Finish, Frame, Gap, Hello, LiveStream, StreamClosed
from sessions_app.capture.recorder import Capture, FinishedCapture, now_ms
from sessions_app.capture.threads import in_database, on_disk
from sessions_app.models import ConsultationSession
from sessions_app.recordings import gaps
from sessions_app.recordings import services as recordings
from sessions_app.speech import live_text
from sessions_app.spool import store as spool
from sessions_app.transcripts import services as transcripts
from synapse.common import draining
from synapse.common.errors import DomainError

logger = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
TAKE_OVER_SECONDS = 3.0
LEAST_FREE_BYTES = 200 * 1024 * 1024
MOST_SOCKETS = 12  # of one person in this process: a few tabs, and half-open ones that are not noticed yet

_recorders: dict[UUID, "AudioConsumer"] = {}
_sockets: Counter[UUID] = Counter()
_patience: dict[UUID, live.Patience] = {}  # of each person, so that coming back brings no new burst


@dataclass(frozen=True)
class _Shown:
    """The state the client was last told."""

    status: str
    reason: str


class AudioConsumer(AsyncWebsocketConsumer):
    """One recorder's socket, or one that only watches (a client that never says hello)."""

    session_id: UUID
    _visitor: socket_access.Visitor
    _capture: Capture | FinishedCapture | None = None
    _heard_at = 0.0
    _is_leaving = False
    _is_screen_open = False

    async def connect(self) -> None:
        await self.accept()
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._state_lock = asyncio.Lock()
        self._store = spool.default_store()
        self._loop = asyncio.get_running_loop()
        if draining.is_draining():
            await self._close(Close.RESTART)
            return
        visitor = await in_database(socket_access.identify_recorder, self.scope, at=timezone.now())
        if visitor is None:
            await self._close(Close.NOT_SIGNED_IN)
            return
        if _sockets[visitor.user.pk] >= MOST_SOCKETS:
            logger.warning("user %s has %s sockets open, one more is refused", visitor.user.pk, MOST_SOCKETS)
            await self._close(Close.POLICY)
            return
        _sockets[visitor.user.pk] += 1  # before anything is waited for: others are let in meanwhile
        self._visitor = visitor
        self._patience = _patience.setdefault(visitor.user.pk, live.frame_patience())
        try:
            standing = await in_database(socket_access.admit, self._visitor, self._path_id(), at=timezone.now())
        except BaseException as error:
            _sockets[visitor.user.pk] -= 1
            if not isinstance(error, StreamClosed):
                raise
            await self._close(error.code)
            return
        self.session_id = standing.session.pk
        self._shown = _Shown(standing.session.status, standing.session.status_reason)
        self._is_screen_open = standing.is_screen_open
        draining.register(self._drain)
        watchers.watch(self.session_id, self._on_change)
        self._tasks = [asyncio.create_task(self._keep_checking()), asyncio.create_task(self._relay_text())]

    def _on_change(self) -> None:
        self._loop.call_soon_threadsafe(self._wake.set)

    async def disconnect(self, code: int) -> None:
        if not hasattr(self, "session_id"):
            return
        _sockets[self._visitor.user.pk] -= 1
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
        if self._capture is not None:
            with contextlib.suppress(spool.StorageFailed, spool.SpoolClosed):
                await self._capture.commit()
        await self._let_go()
        await self._close(code)

    async def _close(self, code: int) -> None:
        # The client may have gone meanwhile; then there is nobody to tell. The server takes nothing but a plain int.
        with contextlib.suppress(Exception):
            await self.close(int(code))

    async def _let_go(self) -> None:
        """Give the spool back, whatever was not committed being the client's to send again."""
        if _recorders.get(self.session_id) is self:
            del _recorders[self.session_id]
        captured, self._capture = self._capture, None
        if captured is not None:
            await captured.give_back()

    def _path_id(self) -> str:
        return str(self.scope["url_route"]["kwargs"]["session_id"])

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
            logger.info("stream %s closed with %s: %s", self.session_id, int(end.code), str(end))
            await self.leave(end.code)
        except Exception as error:  # noqa: BLE001  one bad frame must not lose the frames behind it
            logger.error("stream %s: a frame raised %s", self.session_id, type(error).__name__)
            await self._send(live.error_frame("internal", "This was not done. Try it again.", retryable=True))

    async def _take_text(self, raw: str) -> None:
        self._patience.spend(now_ms(), live.frame_cost(len(raw)))
        match live.parse_text(raw):
            case Hello() as hello:
                await self._greet(hello)
            case Control() as control:
                await self._change_state(control)
            case Gap() as gap:
                await self._note_gap(gap)
            case Finish() as finish:
                await self._the_capture("finish").finish(finish)

    async def _take_audio(self, data: bytes) -> None:
        await self._the_capture("audio").take(data, heard_at=self._heard_at)

    def _the_capture(self, what: str) -> Capture | FinishedCapture:
        if self._capture is None:
            raise StreamClosed(Close.BROKEN_FRAME, f"{what} before hello")
        return self._capture

    async def _greet(self, hello: Hello) -> None:
        if self._capture is not None:
            raise StreamClosed(Close.BROKEN_FRAME, "a second hello")
        now = timezone.now()
        standing = await in_database(socket_access.admit, self._visitor, str(self.session_id), at=now)
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
            token = await in_database(
                recordings.open_stream, session, by=self._visitor.user, at=now, **self._visitor.origin
            )
        stream = LiveStream(writer, token=token, patience=self._patience)
        self._capture = opened = Capture(
            self.session_id, stream, writer, visitor=self._visitor, send=self._send, on_closed=self._wake.set
        )
        self._tasks.append(asyncio.create_task(opened.keep_flushing()))
        await self._send(stream.ready(clock_ms=writer.clock_ms))
        if await on_disk(self._store.free_bytes) < LEAST_FREE_BYTES:
            message = "The server's disk is nearly full. Tell your administrator."
            await self._send(live.error_frame("storage_low", message))

    async def _greet_finished(self, session: ConsultationSession, hello: Hello) -> None:
        """Let a client that missed `finished` ask for it again; no audio is taken."""
        timeline = await on_disk(self._store.timeline, self.session_id)
        self._capture = FinishedCapture(timeline, token=hello.stream, send=self._send)
        await self._send(self._capture.stream.ready(clock_ms=timeline.clock_ms))

    async def _is_somebody_recording(self, session: ConsultationSession) -> bool:
        """Whether another client of this recording was heard within 15 s, here or before a restart."""
        other = _recorders.get(self.session_id)
        if other is not None and time.monotonic() - other._heard_at < live.HEARD_WITHIN_SECONDS:
            return not self._is_first_try_of_ours(other)
        if not session.stream_token_hash:
            return False
        written_at = await on_disk(self._store.last_write_at, self.session_id)
        return written_at is not None and time.time() - written_at < live.HEARD_WITHIN_SECONDS

    def _is_first_try_of_ours(self, other: "AudioConsumer") -> bool:
        """Whether the other socket is this browser's own, cut before it heard the `ready` that names its stream."""
        has_heard = other._capture is not None and other._capture.has_heard
        return not has_heard and other._visitor.session_id == self._visitor.session_id

    async def _take_over(self) -> spool.SpoolWriter:
        """Send an earlier recorder of this process away and open the spool."""
        other, _recorders[self.session_id] = _recorders.get(self.session_id), self
        if other is not None and other is not self:
            await other.leave(Close.OTHER_RECORDER)
            _recorders[self.session_id] = self
        give_up_at = time.monotonic() + TAKE_OVER_SECONDS
        while True:
            try:
                return await on_disk(self._store.writer, self.session_id)
            except spool.SpoolBusy:
                # Another process still holds it; its own check closes it within two seconds.
                if time.monotonic() > give_up_at:
                    raise StreamClosed(Close.OTHER_RECORDER, "another process records") from None
                await asyncio.sleep(0.2)
            except (spool.StorageFailed, spool.SpoolDamaged) as error:
                logger.error("stream %s: the spool does not open: %s", self.session_id, str(error))
                await capture.fail(self.session_id, "storage_failed")
                raise StreamClosed(Close.RESTART, "the spool does not open") from None

    async def _change_state(self, control: Control) -> None:
        async with self._state_lock:
            session = await in_database(ConsultationSession.objects.get, pk=self.session_id)
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
                await in_database(call, session, by=by, at=at, **self._visitor.origin)
            except DomainError as refusal:
                await self._send({**live.error_frame(refusal.code, refusal.message), "cid": control.cid})
                return
            await self._send_state(session, cid=control.cid)

    async def _note_gap(self, gap: Gap) -> None:
        async with self._state_lock:
            session = await in_database(ConsultationSession.objects.get, pk=self.session_id)
            call = partial(gaps.tell_gap, start_ms=gap.from_ms, end_ms=gap.to_ms, reason=gap.reason, cid=gap.cid)
            try:
                await in_database(call, session, by=self._visitor.user, at=timezone.now(), **self._visitor.origin)
            except DomainError as refusal:
                await self._send({**live.error_frame(refusal.code, refusal.message), "cid": gap.cid})
                return
            await self._send_state(session, cid=gap.cid)

    def _clock_ms(self) -> int:
        return self._capture.clock_ms if self._capture is not None else self._store.clock_ms(self.session_id)

    async def _send_state(self, session: ConsultationSession, *, cid: str | None = None, reason: str = "") -> None:
        reason = reason or session.status_reason
        self._shown = _Shown(session.status, reason)
        await self._send(
            live.state_frame(status=session.status, t_ms=self._clock_ms(), reason=reason, cid=cid),
        )

    async def _keep_checking(self) -> None:
        """Read rights, consent and state from the database every two seconds, and at once after a hint."""
        while not self._is_leaving:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), CHECK_SECONDS)
            self._wake.clear()
            try:
                await self._check()
            except StreamClosed as end:
                logger.info("stream %s closed with %s: %s", self.session_id, int(end.code), str(end))
                await self.leave(end.code)
            except Exception as error:  # noqa: BLE001  a database that does not answer now is asked again
                logger.error("stream %s: the check raised %s", self.session_id, type(error).__name__)

    async def _check(self) -> None:
        async with self._state_lock:
            # Taken before the row is read: a stream opened meanwhile is newer than what the row says.
            stream = self._capture.stream if self._capture is not None and self._capture.is_open else None
            now = timezone.now()
            standing = await in_database(socket_access.look_again, self._visitor, self.session_id, at=now)
            session = standing.session
            self._is_screen_open = standing.is_screen_open
            if self._capture is None and not standing.is_screen_open:
                raise StreamClosed(Close.NOT_SIGNED_IN, "nothing is recorded, and the screen is locked")
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
            await in_database(recordings.stop_recording, session, reason=reason, by=None, at=since)
        await self._send_state(session, reason=session.status_reason or recordings.CONSENT_WITHDRAWN)
        if self._capture is not None:
            since = session.stream_closed_at or at
            clock_ms = await self._capture.drop_after(round(since.timestamp() * 1000))
            if clock_ms is not None:
                await in_database(transcripts.drop_live_after, session, clock_ms)
        raise StreamClosed(Close.NOT_ALLOWED, "no live consent to record")

    async def _relay_text(self) -> None:
        """Pass live words on to the page; without them, and while the screen is locked, the recording goes on."""
        async for frame in live_text.subscribe(self.session_id):
            if self._is_screen_open:
                await self._send({"type": "segment", **frame})

    async def _send(self, frame: Frame) -> None:
        # Frames to a client that has just gone are dropped; it asks again when it comes back.
        with contextlib.suppress(Exception):
            await self.send(text_data=json.dumps(frame))
