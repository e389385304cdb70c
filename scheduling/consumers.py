"""The WebSocket door of the calendar: it says which revision the calendar has, and nothing of a visit or a patient."""

import contextlib
import json
from collections import Counter
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer

from scheduling.calendar import live_revision
from scheduling.calendar.live_revision import Listener
from sessions_app.capture import access as socket_access
from sessions_app.capture.live import Close
from sessions_app.capture.threads import in_database
from synapse.accounts.roles import Permission
from synapse.common import draining

MOST_SOCKETS = 20  # of one person in this process: tabs, and half-open ones that are not noticed yet

_sockets: Counter[UUID] = Counter()


class CalendarConsumer(AsyncWebsocketConsumer):
    """One open calendar. The client sends nothing."""

    _listener: Listener | None = None

    async def connect(self) -> None:
        await self.accept()
        if draining.is_draining():
            await self._close(Close.RESTART)
            return
        visitor = await in_database(socket_access.identify, self.scope)
        if visitor is None:
            await self._close(Close.NOT_SIGNED_IN)
        elif not visitor.user.may(Permission.VIEW_CALENDAR):
            await self._close(Close.NOT_ALLOWED)
        elif _sockets[visitor.user.pk] >= MOST_SOCKETS:
            await self._close(Close.POLICY)
        else:
            _sockets[visitor.user.pk] += 1
            self._listener = Listener(visitor, self._tell, self._end)
            draining.register(self._drain)
            live_revision.listen(self._listener)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self._close(Close.BROKEN_FRAME)

    async def disconnect(self, code: int) -> None:
        if self._listener is None:
            return
        live_revision.leave(self._listener)
        draining.unregister(self._drain)
        _sockets[self._listener.visitor.user.pk] -= 1
        self._listener = None

    async def _tell(self, revision: int) -> None:
        with contextlib.suppress(Exception):  # gone meanwhile: there is nobody to tell
            await self.send(json.dumps({"revision": revision}))

    async def _end(self) -> None:
        await self._close(Close.NOT_SIGNED_IN)

    async def _drain(self) -> None:
        await self._close(Close.RESTART)

    async def _close(self, code: int) -> None:
        # The client may have gone meanwhile. The server takes nothing but a plain int.
        with contextlib.suppress(Exception):
            await self.close(int(code))
