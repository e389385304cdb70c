"""The daily backup and the weekly drill, while `BACKUP_DIR` names a folder; what fails is told as failed work."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from synapse.accounts.models import ClinicSettings
from synapse.common import backup_state, jobs

# The backup is one; a job needs the id of what it is about.
BACKUPS = UUID("b0000000-d000-4000-8000-000000000001")
BACKUP_EVERY, DRILL_EVERY = timedelta(days=1), timedelta(days=7)


def look_after_backups(at: datetime) -> None:
    """Ask for the backup and the drill that are due, and complain once a day about an old backup."""
    if not settings.BACKUP_DIR:
        return
    today = ClinicSettings.load().date_of(at)
    backup, drill = backup_state.last_backup(), backup_state.last_drill()
    with transaction.atomic():
        if backup is None or backup.age(at) >= BACKUP_EVERY:
            jobs.enqueue("synapse.backups.tasks.make_backup", BACKUPS, key=f"backup {today}")
        if backup is not None and (drill is None or drill.age(at) >= DRILL_EVERY):
            jobs.enqueue("synapse.backups.tasks.run_drill", BACKUPS, key=f"backup drill {today}")
        if is_too_old(at):
            jobs.enqueue("synapse.backups.tasks.complain", BACKUPS, key=f"backup too old {today}")


def is_too_old(at: datetime) -> bool:
    """Tell whether the last backup is older than the clinic wants; where none was ever made, that is not yet known."""
    backup = backup_state.last_backup()
    return backup is not None and backup.age(at) > timedelta(hours=ClinicSettings.load().backup_warn_hours)
