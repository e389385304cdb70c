"""Bring a file into a session as the page's script does."""

import hashlib

from django.utils import timezone

from sessions_app.tests.speech_jobs import run_jobs
from sessions_app.uploads import services as uploads
from sessions_app.uploads import store as upload_store


def begin(session, content, **fields):
    head = hashlib.sha256(content[: 64 * 1024]).hexdigest()
    wanted = {"source": "upload", "total_bytes": len(content), "head_sha256": head, "by": session.doctor}
    return uploads.open_upload(session, **{**wanted, "at": timezone.now(), **fields})


def send(upload, content, *, start=0, end=None, size=64 * 1024, at=None):
    end = len(content) if end is None else end
    for offset in range(start, end, size):
        part = content[offset : min(offset + size, end)]
        uploads.store_part(upload, offset=offset, part=part, by=upload.created_by, at=at or timezone.now())


def finish(upload, content=None, at=None):
    sha256 = hashlib.sha256(content).hexdigest() if content else ""
    return uploads.finish_upload(upload, sha256=sha256, by=upload.created_by, at=at or timezone.now())


def bring(session, content, **fields):
    """Send a whole file and read it; return the upload."""
    upload = begin(session, content, **fields)
    send(upload, content)
    finish(upload, content)
    run_jobs()
    upload.refresh_from_db()
    session.refresh_from_db()
    return upload


def parts_of(upload):
    return upload_store.default_store().folder(upload.pk)
