"""The data key of each author, wrapped under a key derived from AUDIO_KEY for this purpose alone."""

import logging
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from synapse.encryption import data_keys
from synapse.encryption.data_keys import WrappedKey
from synapse.encryption.errors import DecryptionError
from synapse.encryption.rotation import Outcome
from synapse.psychotherapy.models import AuthorKey

logger = logging.getLogger(__name__)

PURPOSE = b"psychotherapy notes master"


def key_of(author_id: UUID) -> bytes:
    """Return an author's data key. Raises DecryptionError when there is none, or no AUDIO_KEY opens it."""
    stored = AuthorKey.objects.filter(pk=author_id).first()
    if stored is None:
        raise DecryptionError("This author has no key for private notes.")
    return _opened(stored)


def key_to_write(author_id: UUID, *, at: datetime) -> bytes:
    """Return an author's data key, made with their first note, inside the caller's unit of work."""
    wrapped = data_keys.wrap(data_keys.new_key(), _masters())
    stored, _ = AuthorKey.objects.get_or_create(
        pk=author_id, defaults={"wrapped": wrapped.wrapped, "key_id": wrapped.key_id, "created_at": at}
    )
    return _opened(stored)


def rewrap() -> Outcome:
    """Wrap every key that an earlier AUDIO_KEY wraps by the active one; no note is written anew.

    There is a row an author, so all are read at once. A row is replaced only while it is still the one that was read.
    """
    outcome = Outcome(AuthorKey._meta.label)
    for stored in _stale():
        try:
            new = data_keys.wrap(_opened(stored), _masters())
        except DecryptionError:
            outcome.unreadable += 1
            logger.error("rotate_keys cannot open the key of private notes of %s", stored.pk)
            continue
        unchanged = AuthorKey.objects.filter(pk=stored.pk, wrapped=stored.wrapped, key_id=stored.key_id)
        outcome.rewritten += unchanged.update(wrapped=new.wrapped, key_id=new.key_id)
    return outcome


def count_under_former_keys() -> int:
    """Return how many authors' keys still need an earlier AUDIO_KEY."""
    return _stale().count()


def _masters() -> list[str]:
    """Return the wrapping keys: what opens a recording's key opens none of these."""
    return [data_keys.subkey(key.encode(), PURPOSE).hex() for key in settings.AUDIO_KEY]


def _opened(stored: AuthorKey) -> bytes:
    return data_keys.unwrap(WrappedKey(bytes(stored.wrapped), stored.key_id), _masters())


def _stale() -> QuerySet[AuthorKey]:
    return AuthorKey.objects.exclude(key_id=data_keys.master_id(_masters()[0]))
