"""Copies of the audit chain's seals in the bucket: one object a seal, never overwritten, beyond this machine's reach."""

import hashlib
import io

from django.conf import settings

from synapse import storage
from synapse.audit.seals import KeeperOutOfReach, SealsDiffer

# An environment may hold only the bucket's name and keys: a seal's object is found again by its number alone.
_PLACE = b"synapse audit seal\0"


class BucketKeeper:
    """Keep each seal as an object of the configured bucket; without a bucket there are no copies."""

    def keep(self, number: int, line: str) -> None:
        """Store a seal under its number. Raises SealsDiffer when another one lies there."""
        if not settings.AUDIO_BUCKET:
            return
        try:
            storage.put(_name(number), io.BytesIO(line.encode()), key=_key(), once=True)
        except storage.StoredFileExists:
            if self.find(number) != line:
                raise SealsDiffer(f"Another seal was kept as number {number}.") from None

    def find(self, number: int) -> str | None:
        """Return the seal kept under a number. Raises KeeperOutOfReach."""
        if not settings.AUDIO_BUCKET:
            return None
        try:
            return b"".join(storage.open_range(_name(number), key=_key())).decode()
        except storage.StoredFileMissing:
            return None
        except storage.StorageError as error:
            raise KeeperOutOfReach(str(error)) from None


def _name(number: int) -> str:
    name = hashlib.sha256(_PLACE + settings.AUDIT_KEY[-1].encode() + str(number).encode()).hexdigest()[:32]
    return f"{name[:2]}/{name}.seal"


def _key() -> bytes:
    """A seal holds no patient data; the key only fits it into the store's format. The oldest key stays when keys rotate."""
    return hashlib.sha256(_PLACE + b"key\0" + settings.AUDIT_KEY[-1].encode()).digest()
