"""Documents laid out for a file that takes longer than one run: each is kept, encrypted, until the file is whole."""

import io
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from reports.printing.exports import Document
from synapse import storage
from synapse.records.exports.models import ExportPart, RecordExport

logger = logging.getLogger(__name__)

Make = Callable[[], Document]
# The queue ends a job at 120 s; what is left of the documents goes on in another one.
LONGEST_RUN = timedelta(seconds=70)


class TimeIsUp(Exception):
    """This run has laid out what it could; the next one goes on."""


class Shelf:
    """Gives a document that was laid out before, or lays it out and keeps it. Raises TimeIsUp."""

    def __init__(self, export: RecordExport, *, clock: Callable[[], datetime]) -> None:
        self._export = export
        self._key = bytes.fromhex(export.key)
        self._clock = clock
        self._until = clock() + LONGEST_RUN
        self._parts = {part.name: part for part in export.parts.all()}

    def __call__(self, name: str, make: Make) -> Document:
        part = self._parts.get(name)
        if part is not None:
            content = b"".join(storage.open_range(part.file_name, key=self._key))
            return Document(content, "application/pdf", part.path)
        if self._clock() > self._until:
            raise TimeIsUp
        document = make()
        stored = storage.new_name(".part")
        storage.put(stored, io.BytesIO(document.content), key=self._key)
        ExportPart.objects.create(export=self._export, name=name, path=document.file_name, file_name=stored)
        return document


def clear(export: RecordExport) -> None:
    """Delete what was kept for a file, once the caller's transaction is over."""
    transaction.on_commit(partial(remove_parts, export.pk), robust=True)


def remove_parts(export_id: UUID) -> int:
    """Remove the documents kept for a file; return how many a storage did not delete now."""
    left = 0
    for part in ExportPart.objects.filter(export=export_id):
        try:
            storage.delete(part.file_name)
        except storage.StorageError as error:
            logger.warning("a document of export %s is left for the sweep: %s", export_id, str(error))
            left += 1
        else:
            part.delete()
    return left
