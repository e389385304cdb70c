"""What has to be true before a process serves, and what `make run` does to make it true."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from synapse.common import triggers
from synapse.encryption.key_check import WrongKeyError, verify_keys

FINGERPRINT = ".fingerprint"
# Stands in the data folder while the demo clinic is loaded, and names the database: that one has served nobody yet, and
# there is nothing else to lose in it.
HALF_LOADED = ".demo-half-loaded"


def refuse_unsafe_start() -> None:
    """Raise CommandError, with a sentence that says what to do, when this process must not serve."""
    if _is_half_loaded():
        raise CommandError("The demo clinic was loaded in part only. `make run` loads it again from the start.")
    try:
        if pending_migrations():
            raise CommandError("The database is not up to date. Run `python manage.py migrate` first.")
        verify_keys()
        found = checks.run_checks(databases=["default"])
    except DatabaseError as error:
        raise CommandError(f"The database does not answer ({type(error).__name__}). Check DATABASE_URL.") from None
    except WrongKeyError as error:
        raise CommandError(str(error)) from None
    errors = [
        message
        for message in found
        if (message.is_serious() or message.id == triggers.MISSING) and not message.is_silenced()
    ]
    if errors:
        raise CommandError("\n".join(str(message) for message in errors))


def prepare(at: datetime) -> Iterator[str]:
    """Back up, migrate, collect static files and load the demo clinic where needed; yield what was done."""
    if _is_half_loaded():
        empty_database()
        yield "The demo clinic was loaded in part only, because a start was interrupted. It begins anew."
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
    if make_certificate(at):
        yield "Made the clinic's certificate for PDFs."


def make_certificate(at: datetime) -> bool:
    """Make the certificate that signs PDFs once the clinic has its name and supplies none; tell whether that was done.

    A clinic without a name gets it with its first signed PDF.
    """
    from synapse.accounts.models import ClinicSettings
    from synapse.documents import certificates

    clinic = ClinicSettings.load()
    if settings.PDF_CERTIFICATE or certificates.is_made() or clinic.name == ClinicSettings().name:
        return False
    certificates.signing_identity(clinic=clinic.name, at=at)
    return True


def _half_loaded() -> Path:
    return Path(settings.DATA_DIR) / HALF_LOADED


def _is_half_loaded() -> bool:
    mark = _half_loaded()
    return mark.exists() and mark.read_text() == str(connection.settings_dict["NAME"])


def forget_half_loaded() -> None:
    """Take the mark away once the database is another one, as after a backup was brought back into its place."""
    _half_loaded().unlink(missing_ok=True)


def empty_database() -> None:
    """Delete the database file of a demo that was loaded in part. Raises CommandError where the database is no file."""
    if connection.vendor != "sqlite":
        raise CommandError(
            "The demo clinic was loaded in part only, because a start was interrupted. Make the database that "
            f"DATABASE_URL names anew, delete {_half_loaded()}, then run make run again."
        )
    connection.close()
    for ending in ("", "-wal", "-shm"):
        Path(f"{connection.settings_dict['NAME']}{ending}").unlink(missing_ok=True)
    forget_half_loaded()


def load_demo_clinic() -> None:
    """Load it in a process of its own, so that this one does not keep the engines in memory."""
    _half_loaded().write_text(str(connection.settings_dict["NAME"]))
    outcome = subprocess.run([sys.executable, str(settings.BASE_DIR / "manage.py"), "seed_demo"], check=False)
    if outcome.returncode:
        raise CommandError("The demo clinic could not be loaded; the lines above say why.")
    forget_half_loaded()


def pending_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def has_data() -> bool:
    """Tell whether the database holds tables of an earlier start."""
    return "django_migrations" in connection.introspection.table_names()


def back_up_database(at: datetime) -> Path:
    """Back the whole database up into the data folder, encrypted; raise CommandError when that fails."""
    folder = settings.DATA_DIR / "backups"
    # By its command: this module is below the application, backups are above it.
    return Path(call_command("backup", folder, "--before-migration", at=at, stdout=StringIO()))


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
