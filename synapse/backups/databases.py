"""The database as one file and back: SQLite by its online copy, PostgreSQL by pg_dump and pg_restore."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection, connections

from synapse.backups.errors import BackupError

TOOL_SECONDS = 3600


def dump(target: Path) -> None:
    """Write the database as it stands at one moment, while everybody goes on working. Raises BackupError."""
    if connection.vendor == "sqlite":
        with (
            closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        return
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={target}")


def load(source: Path) -> None:
    """Put a database in place of the one that is there. Raises BackupError."""
    connections.close_all()
    if connection.vendor == "sqlite":
        target = Path(connection.settings_dict["NAME"])
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for side in ("-wal", "-shm"):
            target.with_name(target.name + side).unlink(missing_ok=True)
        shutil.copyfile(source, fresh := target.with_name(f"{target.name}.restored"))
        fresh.chmod(0o600)
        fresh.replace(target)
        return
    name = str(connection.settings_dict["NAME"])
    _run("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", f"--dbname={name}", str(source))


def is_empty() -> bool:
    """Tell whether nobody works with this database yet."""
    tables = connection.introspection.table_names()
    if "accounts_user" not in tables:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM accounts_user)")
        return not cursor.fetchone()[0]


def environment(settings_dict: dict[str, Any]) -> dict[str, str]:
    """Return what PostgreSQL's own tools read, so that no password is seen in a list of processes."""
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    return {variable: str(settings_dict[name]) for variable, name in names.items() if settings_dict.get(name)}


def _run(tool: str, *arguments: str) -> None:
    path = shutil.which(tool)
    if path is None:
        raise BackupError(f"{tool} is missing. Install the package postgresql-client of the server's version.")
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    try:
        subprocess.run(
            [path, *arguments],
            env={**own, **environment(connection.settings_dict)},
            check=True,
            capture_output=True,
            timeout=TOOL_SECONDS,
        )
    except (subprocess.SubprocessError, OSError) as error:
        # What the tool says may quote a row: only which line of work failed is told.
        raise BackupError(f"{tool} failed ({type(error).__name__}). Run it by hand to see why.") from None
