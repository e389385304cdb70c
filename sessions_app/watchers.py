"""Wake whoever watches a session in this process when its row has changed.

A hint only, and only inside one process: watchers read the row again, and read it every two seconds anyway, so a
change made by another process shows a little later.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from uuid import UUID

_watchers: dict[UUID, set[Callable[[], None]]] = defaultdict(set)
_lock = threading.Lock()


def watch(session_id: UUID, wake: Callable[[], None]) -> None:
    """Call `wake` after each change; it may be called from any thread."""
    with _lock:
        _watchers[session_id].add(wake)


def unwatch(session_id: UUID, wake: Callable[[], None]) -> None:
    with _lock:
        _watchers[session_id].discard(wake)
        if not _watchers[session_id]:
            del _watchers[session_id]


def session_changed(session_id: UUID) -> None:
    with _lock:
        watchers = list(_watchers.get(session_id, ()))
    for wake in watchers:
        wake()
