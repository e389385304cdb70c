"""What files that must outlive a power cut need: their folder on disk, one writer at a time, and a full disk known."""

import errno
import fcntl
import os
from pathlib import Path


class Locked(Exception):
    """Another writer holds the lock."""


def is_disk_full(error: OSError) -> bool:
    """Tell whether a write failed because there is no room for it."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def sync_folder(folder: Path) -> None:
    """Make durable which files a folder holds. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_line(target: Path, line: str) -> None:
    """Add a line to a file that only grows; one that was cut off by a crash does not swallow it. Raises OSError."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        size = os.fstat(descriptor).st_size
        begin = b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""
        file.write(begin + line.encode() + b"\n")
        file.flush()
        os.fsync(descriptor)
    sync_folder(target.parent)


def take_lock(path: Path) -> int:
    """Return the descriptor of a lock file, held until it is closed; other processes are kept out too. Raises Locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Locked from None
    return descriptor
