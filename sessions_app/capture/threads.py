"""Threads of their own for what a live stream asks of disk and database.

A slow disk or a locked database must never hold up another stream, and channels has one thread for all consumers.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import close_old_connections

from synapse.audit.context import request_context

T = TypeVar("T")

_disk = ThreadPoolExecutor(max_workers=8, thread_name_prefix="spool")
_database = ThreadPoolExecutor(max_workers=4, thread_name_prefix="stream-database")


async def in_database(
    call: Callable[..., T], *args: Any, ip: str | None = None, sign_in_id: UUID | None = None, **kwargs: Any
) -> T:
    """Run database work in a thread; the audit rows it writes say that it came from `ip`, under which sign-in."""
    work = partial(_with_own_connection, partial(call, *args, **kwargs), ip, sign_in_id)
    return await asyncio.get_running_loop().run_in_executor(_database, work)


async def on_disk(call: Callable[..., T], *args: Any) -> T:
    """Run disk work in a thread; opening a spool asks the database for its key there."""
    work = partial(_with_own_connection, partial(call, *args))
    return await asyncio.get_running_loop().run_in_executor(_disk, work)


def _with_own_connection(call: Callable[[], T], ip: str | None = None, sign_in_id: UUID | None = None) -> T:
    close_old_connections()
    try:
        with request_context(ip, sign_in_id):
            return call()
    finally:
        close_old_connections()
