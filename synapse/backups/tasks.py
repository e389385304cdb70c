"""Jobs of backups."""

from pathlib import Path

from django.conf import settings
from django.utils import timezone

from synapse.backups import drill, schedule, services
from synapse.backups.errors import BackupError
from synapse.common import backup_state, jobs
from synapse.common.models import Job
from synapse.encryption.errors import KeyServiceUnavailable
from synapse.storage import StorageError


@jobs.task()
def make_backup(job: Job) -> None:
    """Make today's backup in BACKUP_DIR and remove those that are past their time."""
    at = timezone.now()
    try:
        made = services.make_backup(Path(settings.BACKUP_DIR), at=at)
    except (BackupError, StorageError, KeyServiceUnavailable, OSError):
        raise jobs.TransientJobError("backup_failed") from None
    backup_state.note("backup", backup_state.Event(at, made.path.name, made.bytes, round(made.seconds, 1)))
    services.remove_old(Path(settings.BACKUP_DIR), at=at)


@jobs.task()
def run_drill(job: Job) -> None:
    """Bring the latest backup back somewhere else and look whether all of it is there."""
    try:
        found = drill.run_drill(Path(settings.BACKUP_DIR))
    except BackupError:
        raise jobs.PermanentJobError("drill_failed") from None
    backup_state.note("drill", backup_state.Event(timezone.now(), found["name"], seconds=found["seconds"]))


@jobs.task()
def complain(job: Job) -> None:
    """End as failed work while the last backup is too old."""
    if schedule.is_too_old(timezone.now()):
        raise jobs.PermanentJobError("backup_too_old")
