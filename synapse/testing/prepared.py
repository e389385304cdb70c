"""A migrated, empty installation and its database, made once for the code and copied by whoever tests with one.

Migrating takes longer than most of what is tested afterwards, and every process of a run wants it. Knows no Django:
the settings of the tests take their keys from here.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[2]
# Known keys, so that a failing test shows the same values twice; they protect nothing.
KEYS = {
    name: urlsafe_b64encode(hashlib.sha256(f"test {name}".encode()).digest()).decode()
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY")
}
DATABASE_FILE = "synapse.sqlite3"
OLD_SECONDS = 24 * 3600  # what was prepared longer ago belongs to code of yesterday
# The comment of a prepared PostgreSQL database is one of these words and the second it was made.
UNFINISHED, READY = "unfinished", "ready"
# What a migrated database is made of. Triggers, permissions and shipped templates are not: every `migrate` brings them
# up to date, also that of a copy, so a change of the code leaves the slow part as it is.
DECIDES_THE_DATABASE = (
    "*/migrations/*.py",
    "synapse/*/migrations/*.py",
    "billing/codes/tables/*",
    "billing/codes/shipped.py",
    "billing/codes/words.py",
    "synapse/encryption/*.py",
    "synapse/settings.py",
    "synapse/testing/prepared.py",
    "requirements*.txt",
)


@cache
def database() -> Path:
    """Return the file of a migrated SQLite database."""
    with _locked(_fingerprint_of_the_database()) as folder:
        if not (folder / "migrated").exists():
            shutil.rmtree(folder / "data", ignore_errors=True)
            _manage(folder / "data", "migrate", "--verbosity", "0")
            (folder / "migrated").touch()
    return folder / "data" / DATABASE_FILE


@cache
def installation_with_files() -> Path:
    """Return a data folder with a migrated SQLite database and the static files."""
    made = database()
    with _locked(_fingerprint()) as folder:
        data = folder / "data"
        if not (folder / "collected").exists():
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir()
            _copy(made, data / DATABASE_FILE)
            _manage(data, "migrate", "--verbosity", "0")
            _manage(data, "collectstatic", "--noinput", "--verbosity", "0")
            (folder / "collected").touch()
    return data


def copy_database(target: Path) -> None:
    """Write a copy of the migrated SQLite database to a file, whoever else reads the prepared one meanwhile."""
    _copy(database(), target)


def copy_installation(folder: Path) -> None:
    """Copy the prepared folder with its static files.

    The database is copied as one: its side files come and go with each reader, under the copier's hands.
    """
    data = installation_with_files()
    shutil.copytree(data, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(f"{DATABASE_FILE}*"))
    _copy(data / DATABASE_FILE, folder / DATABASE_FILE)


def _copy(made: Path, target: Path) -> None:
    with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def postgres_database(url: str) -> str:
    """Return the name of a migrated database on the server of a `postgres://` URL, to be used as a template."""
    import psycopg
    from psycopg import sql

    parts = urlsplit(url)
    server = parts._replace(scheme="postgresql", path=parts.path.rstrip("/") or "/postgres").geturl()
    own = f"synapse_prepared_{os.getuid()}_"
    fingerprint = _fingerprint_of_the_database()
    name = own + fingerprint
    database = sql.Identifier(name)
    query = (
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE starts_with(datname::text, %s)"
    )
    with _locked(fingerprint) as folder, psycopg.connect(server, autocommit=True) as connection:
        found: dict[str, str | None] = dict(connection.execute(query, [own]).fetchall())
        for other, comment in found.items():
            if other != name and comment and time.time() - float(comment.split()[1]) > OLD_SECONDS:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(other)))
        if not (found.get(name) or UNFINISHED).startswith(READY):
            say = "COMMENT ON DATABASE {} IS {}"
            now = int(time.time())
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
            connection.execute(sql.SQL(say).format(database, f"{UNFINISHED} {now}"))
            _manage(
                folder / "postgres",
                "migrate",
                "--verbosity",
                "0",
                DATABASE_URL=parts._replace(path=f"/{name}").geturl(),
            )
            connection.execute(sql.SQL(say).format(database, f"{READY} {now}"))
    return name


@contextmanager
def _locked(fingerprint: str) -> Iterator[Path]:
    """Hold the folder of a fingerprint alone, and throw away those of yesterday."""
    folder = Path(tempfile.gettempdir()) / f"synapse-prepared-{os.getuid()}-{fingerprint}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for other in folder.parent.glob(f"synapse-prepared-{os.getuid()}-*"):
        # Another run may throw the same one away at this moment.
        with suppress(FileNotFoundError):
            if other != folder and time.time() - other.stat().st_mtime > OLD_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _manage(data: Path, *arguments: str, **environment: str) -> None:
    """Run a management command in a process of its own, as an installation in a data folder."""
    data.mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    own = {"SYNAPSE_DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "synapse.settings"}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**inherited, **KEYS, **own, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])


@cache
def _fingerprint() -> str:
    """Return a hash of what the product is made of, by name, size and time of change."""
    parts = []
    for folder, inner, files in os.walk(PROJECT):
        is_root = Path(folder) == PROJECT
        inner[:] = sorted(
            name
            for name in inner
            if name not in {"tests", "__pycache__"} and not (is_root and (name.startswith(".") or name == "var"))
        )
        for name in sorted(files):
            facts = (path := Path(folder, name)).stat()
            parts.append(f"{path} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _fingerprint_of_the_database() -> str:
    """Return a hash of what decides the migrated database, by content: another copy of the code finds the same one."""
    found = hashlib.sha256()
    for path in sorted(path for pattern in DECIDES_THE_DATABASE for path in PROJECT.glob(pattern)):
        if path.is_file():
            found.update(f"{path.relative_to(PROJECT)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]
