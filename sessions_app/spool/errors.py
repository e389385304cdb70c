"""What can go wrong with a recording's spool."""

import errno

from synapse.common.durable_files import is_disk_full


class SpoolClosed(Exception):
    """The recording has ended; what is not durable yet stays out."""


class SpoolBusy(Exception):
    """Another writer holds this session's spool."""


class StorageFailed(Exception):
    """The disk refused a write; nothing of it was acknowledged, and `SpoolWriter.commit` may be called again."""

    def __init__(self, error: OSError) -> None:
        super().__init__(errno.errorcode.get(error.errno or 0, "EIO"))
        self.is_full = is_disk_full(error)


class SpoolDamaged(Exception):
    """The recording cannot be read: no key fits, or bytes that were durable are no records any more."""


class KeyDestroyed(SpoolDamaged):
    """The recording was deleted: its data key is destroyed, so no copy of it can be read."""

    def __init__(self) -> None:
        super().__init__("the recording was deleted and its key destroyed")
