"""Run a management command with a disk that fails as a file in the data folder says: `slow SECONDS` or `full`.

python -m sessions_app.tests.faults.faulty_disk web
"""

import errno
import os
import time
from pathlib import Path

NAME = "disk-fault"


def install(folder: Path) -> None:
    """Let writes of the spool look at the file first; the database writes by itself and is not concerned."""
    sync, write = os.fsync, os.pwrite

    def fault() -> list[str]:
        try:
            return (folder / NAME).read_text().split()
        except FileNotFoundError:
            return []

    def faulty_sync(descriptor: int) -> None:
        if (found := fault())[:1] == ["slow"]:
            time.sleep(float(found[1]))
        sync(descriptor)

    def faulty_write(descriptor: int, data: bytes, offset: int) -> int:
        if fault() == ["full"]:
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data, offset)

    os.fsync, os.pwrite = faulty_sync, faulty_write  # type: ignore[assignment]


if __name__ == "__main__":
    from manage import main

    install(Path(os.environ["SYNAPSE_DATA_DIR"]))
    main()
