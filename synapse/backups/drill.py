"""The drill: bring the latest backup back somewhere else, in a process of its own, and look whether all of it is there."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.conf import settings
from django.db import connection

from synapse.backups import archive
from synapse.backups.errors import BackupError

SECONDS = 900  # the time a restore may take at most
KEYS = ("FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY")
# What a drill must not touch: the bucket, other services, people.
UNSET = ("AUDIO_BUCKET", "REDIS_URL", "EMAIL_URL", "SMS_BACKEND", "BACKUP_DIR")


def run_drill(source: Path) -> dict[str, Any]:
    """Restore the latest backup of a folder into a temporary installation and return what was found. Raises BackupError."""
    path = archive.find(source)
    with tempfile.TemporaryDirectory(prefix="synapse-drill-") as folder, _temporary_database(Path(folder)) as url:
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "restore", str(path.resolve()), "--json"],
            env=_environment(Path(folder), url),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    if done.returncode:
        raise BackupError(f"The drill failed: {_last_line(done.stderr)}")
    found: dict[str, Any] = json.loads(_last_line(done.stdout))
    return found


def _environment(folder: Path, url: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in UNSET}
    keys = {name: ",".join(getattr(settings, name)) for name in KEYS}
    return {
        **own,
        **keys,
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "synapse.settings",
        "SYNAPSE_DATA_DIR": str(folder),
        "SYNAPSE_MODE": "demo",
        "DATABASE_URL": url,
    }


@contextmanager
def _temporary_database(folder: Path) -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'synapse.sqlite3'}"
        return
    import psycopg
    from psycopg import sql

    stored = connection.settings_dict
    name = f"synapse_drill_{uuid4().hex[:12]}"
    parameters = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    wanted: dict[str, Any] = {key: stored[own] for key, own in parameters.items() if stored.get(own)}
    try:
        with psycopg.connect(dbname="postgres", autocommit=True, **wanted) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise BackupError(f"No database could be made for the drill ({type(error).__name__}).") from None
    try:
        login = quote(str(stored.get("USER") or ""), safe="")
        secret = f":{quote(str(stored['PASSWORD']), safe='')}" if stored.get("PASSWORD") else ""
        place = f"{quote(str(stored.get('HOST') or ''), safe='')}:{stored.get('PORT') or 5432}"
        yield f"postgres://{login}{secret}@{place}/{name}"
    finally:
        with psycopg.connect(dbname="postgres", autocommit=True, **wanted) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
