"""What of the backups has to stand before patients are entrusted to an installation."""

from django.conf import settings
from django.utils import timezone

from synapse.backups.schedule import DRILL_EVERY, is_too_old
from synapse.common import backup_state
from synapse.common.readiness import Check, Standing, State, done_when


def checks() -> list[Check]:
    return [
        Check("backup", "Backups are made", _backup),
        Check("drill", "A backup was brought back and checked", _drill),
    ]


def _backup() -> Standing:
    if not settings.BACKUP_DIR:
        return Standing(State.OPEN, "None is made.", "Set BACKUP_DIR to a folder on another disk or machine.")
    last = backup_state.last_backup()
    return done_when(
        last is not None and not is_too_old(timezone.now()),
        f"The last one is of {last.at:%d %B, %H:%M} UTC." if last else "",
        "The last one is too old." if last else "None was made yet.",
        "Start the worker, or run `manage.py backup DIR --keys-to FILE`, and look at the System page for why it failed.",
    )


def _drill() -> Standing:
    last = backup_state.last_drill()
    return done_when(
        last is not None and last.age(timezone.now()) <= 2 * DRILL_EVERY,
        f"The last drill passed on {last.at:%d %B}." if last else "",
        "The last drill is too long ago." if last else "No drill passed yet.",
        "It runs every week while BACKUP_DIR is set; `manage.py backup_drill DIR` runs it now.",
    )
