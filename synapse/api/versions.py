"""`ETag` and `If-Match`: a client that names the version it read changes that one or none."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework.request import Request

from synapse.api.errors import PreconditionFailed
from synapse.audit.services import unit_of_work


def etag_of(row: Any, version: object) -> str:
    """Return the entity tag of a row's version, quoted."""
    text = f"{row._meta.label}\n{row.pk}\n{version}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


@contextmanager
def held(request: Request, row: Any, version_of: Any) -> Iterator[None]:
    """Let the block change a row only when it still is the version `If-Match` names; without the header, always.

    All writers queue behind one lock, so nobody else changes the row between this look and the end of the block.
    Raises PreconditionFailed.
    """
    wanted = request.headers.get("If-Match", "").strip()
    if not wanted:
        yield
        return
    with unit_of_work():
        stored = type(row)._base_manager.filter(pk=row.pk).first()
        tags = {tag.strip() for tag in wanted.split(",")}
        if stored is None or ("*" not in tags and etag_of(stored, version_of(stored)) not in tags):
            raise PreconditionFailed
        yield
