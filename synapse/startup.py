"""What has to be true before a process serves, and what `make run` does to make it true."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from synapse.encryption.key_check import WrongKeyError, verify_keys

FINGERPRINT = ".fingerprint"
DUMP_SECONDS = 3600


def refuse_unsafe_start() -> None:
    """Raise CommandError, with a sentence that says what to do, when this process must not serve."""
    try:
        if pending_migrations():
            raise CommandError("The database is not up to date. Run `python manage.py migrate` first.")
        verify_keys()
        found = checks.run_checks(databases=["default"])
    except DatabaseError as error:
        raise CommandError(f"The database does not answer ({type(error).__name__}). Check DATABASE_URL.") from None
    except WrongKeyError as error:
        raise CommandError(str(error)) from None
    errors = [message for message in found if message.is_serious() and not message.is_silenced()]
    if errors:
        raise CommandError("\n".join(str(message) for message in errors))


def prepare(at: datetime) -> Iterator[str]:
    """Back up, migrate, collect static files and load the demo clinic where needed; yield what was done."""
    if pending_migrations():
        if has_data():
            yield f"Backed up the database to {back_up_database(at)}."
        call_command("migrate", interactive=False, verbosity=0)
        yield "Brought the database up to date."
    if collect_static():
        yield "Collected the static files."
    if settings.MODE == "demo" and not apps.get_model(settings.AUTH_USER_MODEL)._default_manager.exists():
        yield "Loading the demo clinic: its recordings go through the engines, which takes a while ..."
        load_demo_clinic()


def load_demo_clinic() -> None:
    """Load it in a process of its own, so that this one does not keep the engines in memory."""
    outcome = subprocess.run([sys.executable, str(settings.BASE_DIR / "manage.py"), "seed_demo"], check=False)
    if outcome.returncode:
        raise CommandError("The demo clinic could not be loaded; the lines above say why.")


def pending_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def has_data() -> bool:
    """Tell whether the database holds tables of an earlier start."""
    return "django_migrations" in connection.introspection.table_names()


def back_up_database(at: datetime) -> Path:
    """Copy the whole database into the data folder and return the file; raise CommandError when that fails."""
    folder = settings.DATA_DIR / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = f"before-migration-{at:%Y%m%d-%H%M%S}"
    if connection.vendor == "sqlite":
        path = folder / f"{stem}.sqlite3"
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as source:
            path.touch(mode=0o600)
            with closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
        return path
    return _dump_postgresql(folder / f"{stem}.dump")


def _dump_postgresql(path: Path) -> Path:
    tool = shutil.which("pg_dump")
    if tool is None:
        raise CommandError("Install pg_dump (package postgresql-client): a migration on existing data needs a backup.")
    database = connection.settings_dict
    environment = {
        "PGHOST": str(database.get("HOST") or ""),
        "PGPORT": str(database.get("PORT") or ""),
        "PGUSER": str(database.get("USER") or ""),
        "PGPASSWORD": str(database.get("PASSWORD") or ""),
        "PGDATABASE": str(database["NAME"]),
    }
    path.touch(mode=0o600)
    try:
        subprocess.run(
            [tool, "--format=custom", f"--file={path}"],
            env={name: value for name, value in environment.items() if value},
            check=True,
            capture_output=True,
            timeout=DUMP_SECONDS,
        )
    except (subprocess.SubprocessError, OSError):
        path.unlink(missing_ok=True)
        raise CommandError("The backup before the migration failed; nothing was changed. Check pg_dump.") from None
    return path


def collect_static() -> bool:
    """Collect the static files when one of them changed; tell whether that was needed."""
    root = Path(settings.STATIC_ROOT)
    marker = root / FINGERPRINT
    wanted = _static_fingerprint()
    if marker.is_file() and marker.read_text() == wanted:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=root.is_dir())
    marker.write_text(wanted)
    return True


def _static_fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{stat.st_mtime_ns}\0{stat.st_size}\n".encode())
    return digest.hexdigest()
